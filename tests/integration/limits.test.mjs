// Limits that options set: what is over one is refused in a way that says so, and everybody else goes on.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { exchangeRaw, get, request } from '../support/http.mjs';
import { initializeBody, legacy, modern, modernRequest, post } from '../support/mcp.mjs';
import { signIn } from '../support/oauth.mjs';
import { fixturePath, startGatehouse, until } from '../support/programs.mjs';
import { bearer, openStream } from '../support/sse.mjs';

const grace = { answers: { name: 'Grace', email: 'g@example.com' } };
const tokenOf = async (server, options) => (await signIn(server, options)).tokens.access_token;

async function withServer(options, run) {
  const server = await startGatehouse(options);
  await run(server);
  await server.stop();
}

function assertTooMany(reply) {
  assert.equal(reply.status, 429, reply.text);
  assert.ok(Number(reply.headers['retry-after']) >= 1);
  const { error, error_description: description } = reply.json();
  assert.equal(error, 'too_many_requests');
  assert.match(description, /\w+ .*\.$/);
}

describe('requests per minute', () => {
  test('of one address; probes are answered all the same', () => withServer({ auth: 'none', args: ['--requests-per-minute', '10'] }, async (server) => {
    for (let i = 0; i < 10; i++) assert.equal((await get(server.url)).status, 200);
    assertTooMany(await get(server.url));
    const posted = await post(server, undefined, initializeBody());
    assertTooMany(posted);
    assert.equal(posted.headers.connection, 'close', 'its body was not read');
    for (let i = 0; i < 20; i++) assert.equal((await get(`${server.url}/healthz`)).status, 200);
    await until(() => /WARN: refused requests of the address 127.0.0.1.*--requests-per-minute.*--trusted-proxy/.test(server.stderr()), 'the log to say so');
    assert.equal((await get(server.url, { 'X-Forwarded-For': '203.0.113.7' })).status, 429, 'anybody may write a header');
  }));

  test('a page that may call reads that there were too many', () => withServer({ auth: 'none', args: ['--requests-per-minute', '3', '--allow-origin', 'https://page.example'] }, async (server) => {
    const origin = { Origin: 'https://page.example' };
    for (let i = 0; i < 3; i++) assert.equal((await get(server.url)).status, 200);
    const preflight = await request(server.mcp, { method: 'OPTIONS', headers: { ...origin, 'Access-Control-Request-Method': 'POST' } });
    assert.equal(preflight.status, 204, 'without it the page could not ask');
    const refused = await post(server, undefined, initializeBody(), origin);
    assertTooMany(refused);
    assert.equal(refused.headers['access-control-allow-origin'], origin.Origin);
    assert.match(refused.headers['access-control-expose-headers'], /Retry-After/);
    const foreign = await post(server, undefined, initializeBody(), { Origin: 'https://other.example' });
    assertTooMany(foreign);
    assert.equal(foreign.headers['access-control-allow-origin'], undefined);
  }));

  test('of a proxy on this machine that nobody named: the log says what to do, once', () => withServer({ auth: 'none' }, async (server) => {
    for (const name of ['X-Forwarded-For', 'Forwarded', 'X-Forwarded-For']) assert.equal((await get(server.url, { [name]: '203.0.113.7' })).status, 200);
    const said = () => server.stderr().match(/WARN: .*proxy at 127\.0\.0\.1 that is not trusted.*--trusted-proxy 127\.0\.0\.1/g) ?? [];
    await until(() => said().length > 0, 'the log to say so');
    await get(server.url, { Forwarded: 'for=203.0.113.8' });
    assert.equal(said().length, 1);
  }));

  test('of each client behind a proxy that is trusted', () => withServer({ auth: 'none', args: ['--requests-per-minute', '5', '--trusted-proxy', '127.0.0.1'] }, async (server) => {
    const from = (address) => get(server.url, { 'X-Forwarded-For': address });
    for (let i = 0; i < 5; i++) assert.equal((await from('203.0.113.7')).status, 200);
    assertTooMany(await from('203.0.113.7'));
    assertTooMany(await from('198.51.100.1, 203.0.113.7'));
    for (let i = 0; i < 5; i++) assert.equal((await from(`2001:db8::${i}`)).status, 200);
    assertTooMany(await from('2001:db8::9'));
    assert.equal((await from('203.0.113.8')).status, 200);
    assert.doesNotMatch(server.stderr(), /not trusted/);
  }));

  test('of one user, through whatever clients', () => withServer({ args: ['--requests-per-minute-user', '6'] }, async (server) => {
    const tokens = [await tokenOf(server), await tokenOf(server)];
    for (let i = 0; i < 6; i++) assert.equal((await modern(server, tokens[i % 2], 'tools/list')).status, 200);
    for (const token of tokens) assertTooMany(await modern(server, token, 'tools/list'));
    assert.equal((await get(server.url)).status, 200);
    assert.equal((await modern(server, await tokenOf(server, grace), 'tools/list')).status, 200);
  }));
});

describe('streams', () => {
  test('in all, and of one user', () => withServer({ args: ['--max-streams', '3', '--max-streams-user', '2', '--plugin', fixturePath] }, async (server) => {
    const [ada, other] = [await tokenOf(server), await tokenOf(server, grace)];
    const listen = (token) => openStream(server.mcp, { method: 'POST', ...modernRequest(token, 'subscriptions/listen', { notifications: { toolsListChanged: true } }) });
    const mine = [await listen(ada), await listen(ada)];
    assert.deepEqual(mine.map(({ status }) => status), [200, 200]);
    const session = await legacy(server, ada);
    for (const refused of [await listen(ada), await openStream(server.mcp, { headers: { ...session.headers, ...bearer(ada) } })]) {
      await refused.end;
      assertTooMany(refused);
    }
    assert.equal((await modern(server, ada, 'tools/call', { name: 'whoami' })).status, 200);
    const theirs = await listen(other);
    assert.equal(theirs.status, 200);
    const full = await listen(other);
    assert.equal(full.status, 503);
    assert.ok(full.headers['retry-after']);
    mine[0].cut();
    const third = await tokenOf(server, { answers: { name: 'Eve', email: 'e@example.com' } });
    const asks = (token, wanted, what) => until(async () => {
      const again = await listen(token);
      if (again.status === 200) return wanted.test('200');
      await again.end;
      return wanted.test(again.text());
    }, what);
    await asks(ada, /Others have most of the event streams/, 'the last to be for somebody else');
    await asks(third, /^200$/, 'room for another');
  }));

  test('what they ask for is small', () => withServer({ auth: 'none' }, async (server) => {
    const uris = Array.from({ length: 900 }, (_, i) => `test://${i}/${'x'.repeat(300)}`);
    const reply = await modern(server, undefined, 'subscriptions/listen', { notifications: { resourceSubscriptions: uris } });
    assert.equal(reply.status, 413, reply.text);
  }));
});

test('sessions of one user: the one idle longest makes room', () => withServer({ args: ['--max-sessions-user', '2'] }, async (server) => {
  const token = await tokenOf(server);
  const theirs = await legacy(server, await tokenOf(server, grace));
  const sessions = [await legacy(server, token), await legacy(server, token), await legacy(server, token)];
  assert.deepEqual(await Promise.all(sessions.map(async (session) => (await session.call('ping')).status)), [404, 200, 200]);
  assert.equal((await theirs.call('ping')).status, 200);
}));

test('calls of one user under way', () => withServer({ args: ['--max-calls-user', '2', '--plugin', fixturePath] }, async (server) => {
  const [ada, other] = [await tokenOf(server), await tokenOf(server, grace)];
  const hang = (token) => openStream(server.mcp, { method: 'POST', ...modernRequest(token, 'tools/call', { name: 'test_cancellation', arguments: { ms: 60_000 } }, { meta: { progressToken: 1 } }) });
  const mine = [await hang(ada), await hang(ada)];
  for (const each of mine) await each.wait((event) => event.message, 'progress');
  const refused = await modern(server, ada, 'tools/call', { name: 'test_cancellation', arguments: { ms: 0 } });
  assert.equal(refused.status, 429);
  assert.ok(Number(refused.headers['retry-after']) >= 1);
  assert.match(refused.message.error.message, /as one user may/);
  assert.equal((await modern(server, other, 'tools/call', { name: 'test_cancellation', arguments: { ms: 0 } })).status, 200);
  assert.equal((await modern(server, ada, 'tools/list')).status, 200);
  for (const each of mine) each.cut();
  await until(async () => (await modern(server, ada, 'tools/call', { name: 'test_cancellation', arguments: { ms: 0 } })).status === 200, 'room for another');
}));

describe('messages', () => {
  const ping = (server, session, params) => post(server, undefined, { jsonrpc: '2.0', id: 1, method: 'ping', params }, session.headers);
  const nested = (depth) => JSON.parse('[' .repeat(depth) + ']'.repeat(depth));

  test('as large as --max-body, beyond the default as well', () => withServer({ auth: 'none', args: ['--max-body', '8m'] }, async (server) => {
    const session = await legacy(server, undefined);
    const large = await ping(server, session, { pad: 'x'.repeat(6 * 1024 * 1024) });
    assert.equal(large.status, 200, large.text.slice(0, 500));
    assert.deepEqual(large.message.result, {});
    assert.equal((await ping(server, session, { pad: 'x'.repeat(9 * 1024 * 1024) })).status, 413);
  }));

  test('small, flat and short where that is asked for', () => withServer({ auth: 'none', args: ['--max-body', '64k', '--max-depth', '10', '--max-members', '1000'] }, async (server) => {
    const session = await legacy(server, undefined);
    const refused = async (params, status) => assert.equal((await ping(server, session, params)).status, status);
    assert.equal((await ping(server, session, { pad: nested(8) })).status, 200);
    await refused({ pad: nested(9) }, 400);
    assert.equal((await ping(server, session, { pad: Array(900).fill(1) })).status, 200);
    await refused({ pad: Array(1100).fill(1) }, 400);
    await refused({ pad: 'x'.repeat(70_000) }, 413);
    const tool = await post(server, undefined, { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'whoami', arguments: { pad: nested(12) } } }, session.headers);
    assert.equal(tool.status, 400);
  }));

  test('deep and with many members by default', () => withServer({ auth: 'none' }, async (server) => {
    const session = await legacy(server, undefined);
    assert.equal((await ping(server, session, { pad: nested(60) })).status, 200);
    assert.equal((await ping(server, session, { pad: nested(70) })).status, 400);
    assert.equal((await ping(server, session, { pad: Array(90_000).fill(1) })).status, 200);
    assert.equal((await ping(server, session, { pad: Array(110_000).fill(1) })).status, 400);
  }));

  test('with heads as large as --max-head', async () => {
    const ask = (server, length) => request(`${server.url}/healthz`, { headers: { 'X-Pad': 'x'.repeat(length) } });
    for (const [args, fine, over] of [[[], 15_000, 17_000], [['--max-head', '8k'], 7000, 9000], [['--max-head', '64k'], 60_000, 70_000]]) {
      await withServer({ auth: 'none', args }, async (server) => {
        assert.equal((await ask(server, fine)).status, 200, `${args} ${fine}`);
        assert.ok([400, 431].includes((await ask(server, over)).status), `${args} ${over}`);
        assert.equal((await ask(server, fine)).status, 200, 'the next request is fine');
      });
    }
  });
});

test('connections beyond --max-connections wait for their turn', () => withServer({ auth: 'none', args: ['--workers', '4', '--max-connections', '5'] }, async (server) => {
  const replies = await Promise.all(Array.from({ length: 60 }, () => get(`${server.url}/healthz`)));
  assert.ok(replies.every(({ status }) => status === 200));
}));
