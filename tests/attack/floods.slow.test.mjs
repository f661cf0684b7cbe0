// Floods: very many heads, guesses, registrations, sign-ins, sessions, streams and calls, from people without a token
// and from one with.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { besideAttack, cpuMs } from '../support/beside.mjs';
import { crowd } from '../support/crowd.mjs';
import { exchangeRaw, get, postForm, request } from '../support/http.mjs';
import { initializeBody, legacy, modern, post } from '../support/mcp.mjs';
import { authorizeUrl, newPkce, register, signIn, tokenRequest } from '../support/oauth.mjs';
import { fixturePath, sanitized, startGatehouse } from '../support/programs.mjs';

const scale = (n) => (sanitized ? Math.ceil(n / 10) : n);
const redirectUri = 'http://127.0.0.1:39999/callback';
let server;
before(async () => { server = await startGatehouse({ args: ['--plugin', fixturePath, '--max-sessions', '2000'], keepLog: false }); });
after(() => server.stop());

// `work(i)` for each i below `count`, `wide` at a time; -> how often each outcome came.
async function flood(count, wide, work) {
  const outcomes = {};
  let next = 0;
  await Promise.all(Array.from({ length: wide }, async () => {
    while (next < count) {
      const outcome = await work(next++).catch((error) => error.code ?? error.message);
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    }
  }));
  return outcomes;
}
const only = (outcomes, allowed) => assert.deepEqual(Object.keys(outcomes).filter((one) => !allowed.includes(one)), [], JSON.stringify(outcomes));
const head = (...headers) => `GET /healthz HTTP/1.1\r\nHost: ${new URL(server.url).host}\r\n${headers.join('\r\n')}\r\n\r\n`;

describe('heads', () => {
  const shapes = {
    'of many headers': [() => head(...Array.from({ length: 50 }, (_, i) => `X-${i}: ${'a'.repeat(200)}`)), ['200']],
    'of too many headers': [() => head(...Array.from({ length: 1000 }, (_, i) => `X-${i}: 1`)), ['400', '431']],
    'that are a little too large': [() => head(`X: ${'a'.repeat(20_000)}`), ['431']],
    'that are far too large': [() => head(`X: ${'a'.repeat(500_000)}`), ['400', '431', 'undefined', 'ECONNRESET', 'EPIPE']],
    'with a name that is too long': [() => head(`${'X'.repeat(30_000)}: 1`), ['400', '431']],
    'with a target that is too long': [() => `GET /${'a'.repeat(30_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, ['400', '404', '414', '421', '431']],
  };
  for (const [what, [make, allowed]] of Object.entries(shapes)) {
    test(what, (t) => besideAttack(t, server, async () => {
      const bytes = make();
      only(await flood(scale(200), 10, async () => String((await exchangeRaw(server.port, bytes, { ms: 5000 }))?.status)), allowed);
    }));
  }
  test('that never end, from many', (t) => besideAttack(t, server, () => crowd(server.port, { size: scale(100), ms: 1000, act: (socket) => {
    socket.write('GET / HTTP/1.1\r\n');
    const more = () => { if (!socket.destroyed && socket.write(`X: ${'a'.repeat(16_000)}\r\n`.repeat(16))) setTimeout(more, 20); };
    socket.on('drain', more);
    more();
  } })));
});

describe('people without a token', () => {
  test('bad tokens, each another', (t) => besideAttack(t, server, async () => {
    const token = (i) => `${Buffer.from(JSON.stringify({ alg: 'ES256', kid: `k${i}` })).toString('base64url')}.${Buffer.from(JSON.stringify({ sub: i })).toString('base64url')}.${'A'.repeat(86)}`;
    only(await flood(scale(1500), 20, async (i) => String((await modern(server, token(i), 'tools/list')).status)), ['401']);
  }));
  test('guesses of codes, refresh tokens and clients', (t) => besideAttack(t, server, async () => {
    const client = await register(server, redirectUri);
    only(await flood(scale(1500), 20, async (i) => {
      const client_id = i % 3 ? client.client_id : `c${i}`;
      const reply = await tokenRequest(server, i % 2 ? { grant_type: 'refresh_token', refresh_token: `r${i}`, client_id }
        : { grant_type: 'authorization_code', code: `c${i}`, redirect_uri: redirectUri, client_id, code_verifier: 'x'.repeat(43) });
      return String(reply.status);
    }), ['400', '401', '429']);
  }));
  test('registrations', async (t) => {
    const small = await startGatehouse({ args: ['--max-clients', '300'], keepLog: false });
    await besideAttack(t, small, async () => {
      const body = { client_name: 'x'.repeat(100), redirect_uris: Array.from({ length: 5 }, (_, i) => `https://client.example/${i}/${'y'.repeat(200)}`) };
      const outcomes = await flood(scale(1500), 20, async () => {
        const reply = await request(`${small.url}/register`, { method: 'POST', body });
        if (reply.status !== 201) assert.ok(Number(reply.headers['retry-after']) > 0, 'says when to come back');
        return String(reply.status);
      });
      only(outcomes, ['201', '429', '503']);
      assert.ok(outcomes[201] <= 300, JSON.stringify(outcomes));
    });
    await small.stop();
  });
  test('sign-ins that begin and go no further', (t) => besideAttack(t, server, async () => {
    const client = await register(server, redirectUri);
    only(await flood(scale(1500), 20, async () => String((await get(authorizeUrl(server, { clientId: client.client_id, redirectUri, challenge: newPkce().challenge }))).status)), ['200', '303', '429', '503']);
  }));
  test('forms of many fields, and of one field many times', (t) => besideAttack(t, server, async () => {
    const many = new URLSearchParams(Array.from({ length: 6000 }, (_, i) => [`f${i}`, '1'])).toString();
    const same = 'client_id=x&'.repeat(5000);
    const percent = '%25'.repeat(20_000);
    only(await flood(scale(600), 10, async (i) => String((await postForm(`${server.url}/token`, [many, same, percent][i % 3])).status)), ['400', '401', '413']);
  }));
});

describe('one user', () => {
  let token;
  before(async () => { token = (await signIn(server, { answers: { name: 'Mallory', email: 'm@example.com' } })).tokens.access_token; });
  test('sessions', (t) => besideAttack(t, server, async () => {
    only(await flood(scale(2000), 10, async () => String((await post(server, token, initializeBody())).status)), ['200', '429', '503']);
    const session = await legacy(server, token);
    assert.equal((await session.call('ping')).status, 200, 'the newest works');
  }));
  test('calls that take long', (t) => besideAttack(t, server, async () => {
    only(await flood(scale(250), 125, async (i) => String((await modern(server, token, 'tools/call', { name: 'test_cancellation', arguments: { ms: 300, label: `${i}` } })).status)), ['200', '429', '503']);
  }));
  test('listens that come and go', (t) => besideAttack(t, server, () => crowd(server.port, { size: scale(100), ms: 1500, act: (socket) => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'subscriptions/listen', params: { notifications: { toolsListChanged: true }, _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientInfo': { name: 'm', version: '1' }, 'io.modelcontextprotocol/clientCapabilities': {} } } });
    socket.write(`POST /mcp HTTP/1.1\r\nHost: ${new URL(server.url).host}\r\nAuthorization: Bearer ${token}\r\nAccept: application/json, text/event-stream\r\nContent-Type: application/json\r\nMCP-Protocol-Version: 2026-07-28\r\nMcp-Method: subscriptions/listen\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    setTimeout(() => socket.destroy(), 50);
  } })));
});

test('when it is over, the server rests', async () => {
  await new Promise((resolve) => { setTimeout(resolve, 1500); });
  const used = cpuMs(server.pid);
  await new Promise((resolve) => { setTimeout(resolve, 1000); });
  assert.ok(cpuMs(server.pid) - used < 500, `${cpuMs(server.pid) - used} ms of the processor in a second without requests`);
});
