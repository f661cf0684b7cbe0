// Bytes that no decent client sends: the right 4xx with a JSON body, and the next request is served.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { clientBeside } from '../support/beside.mjs';
import { exchangeRaw, get, hasWholeResponse, openRaw, parseResponse, request } from '../support/http.mjs';
import { modern, post } from '../support/mcp.mjs';
import { signIn } from '../support/oauth.mjs';
import { startGatehouse } from '../support/programs.mjs';

let server;
let token;
let beside;
before(async () => {
  server = await startGatehouse();
  token = (await signIn(server)).tokens.access_token;
  beside = await clientBeside(server);
});
afterEach(async () => {
  assert.equal((await get(`${server.url}/healthz`)).status, 200, 'the next request is served');
});
after(() => server.stop());

const host = () => new URL(server.url).host;
const head = (line, ...headers) => `${[line, ...headers].join('\r\n')}\r\n\r\n`;
async function refused(bytes, statuses, { json = true } = {}) {
  const reply = await exchangeRaw(server.port, bytes);
  assert.ok(reply, 'there is a reply');
  assert.ok([statuses].flat().includes(reply.status), `${reply.status} ${reply.body}`);
  if (json) assert.ok(JSON.parse(reply.body), 'in JSON');
  return reply;
}

describe('framing', () => {
  const body = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
  test('two different lengths', () => refused(head('POST /mcp HTTP/1.1', `Host: ${host()}`, `Content-Length: ${body.length}`, 'Content-Length: 5') + body, 400));
  test('the same length twice', () => refused(head('POST /mcp HTTP/1.1', `Host: ${host()}`, 'Content-Length: 5', 'Content-Length: 5') + 'hello', 400));
  test('a length and chunks', async () => {
    const smuggled = head('GET /healthz HTTP/1.1', `Host: ${host()}`);
    const raw = openRaw(server.port);
    await raw.connected;
    raw.send(`${head('POST /mcp HTTP/1.1', `Host: ${host()}`, 'Content-Length: 4', 'Transfer-Encoding: chunked')}0\r\n\r\n${smuggled}`);
    const text = await raw.read(() => false, 3000);
    raw.close();
    const first = parseResponse(text);
    assert.equal(first.status, 400);
    assert.equal(parseResponse(first.rest), undefined, 'what follows is not taken for a second request');
  });
  for (const length of ['40abc', '-1', '+5', '0x10', '', '99999999999999999999', '5, 5', '5 5']) {
    test(`a length of ${JSON.stringify(length)}`, () => refused(head('POST /mcp HTTP/1.1', `Host: ${host()}`, `Content-Length: ${length}`) + body, [400, 413]));
  }
  for (const encoding of ['gzip', 'identity', 'chunked, chunked', 'xchunked', 'chunked;q=1', 'gzip, chunked']) {
    test(`Transfer-Encoding: ${encoding}`, () => refused(`${head('POST /mcp HTTP/1.1', `Host: ${host()}`, `Transfer-Encoding: ${encoding}`)}0\r\n\r\n`, [400, 501]));
  }
  test('broken chunks', async () => {
    for (const chunks of ['zz\r\nhello\r\n0\r\n\r\n', '5\r\nhelloXX0\r\n\r\n', 'ffffffffffffffff\r\nhello', '-5\r\nhello\r\n0\r\n\r\n']) {
      const reply = await exchangeRaw(server.port, head('POST /token HTTP/1.1', `Host: ${host()}`, 'Transfer-Encoding: chunked', 'Content-Type: application/x-www-form-urlencoded') + chunks, { ms: 8000 });
      if (reply) assert.ok(reply.status >= 400 && reply.status < 500, `${JSON.stringify(chunks)}: ${reply.status}`);
    }
  });
  test('whole chunks are a body', async () => {
    const text = 'grant_type=nonsense';
    const reply = await exchangeRaw(server.port, `${head('POST /token HTTP/1.1', `Host: ${host()}`, 'Transfer-Encoding: chunked', 'Content-Type: application/x-www-form-urlencoded')}5\r\n${text.slice(0, 5)}\r\n${(text.length - 5).toString(16)}\r\n${text.slice(5)}\r\n0\r\n\r\n`);
    assert.ok([400, 401].includes(reply.status));
    assert.ok(JSON.parse(reply.body).error);
  });
  test('pipelined requests are answered in order', async () => {
    const raw = openRaw(server.port);
    await raw.connected;
    raw.send(head('GET /healthz HTTP/1.1', `Host: ${host()}`) + head('GET /none HTTP/1.1', `Host: ${host()}`));
    const text = await raw.read((all) => { const one = parseResponse(all); return one && hasWholeResponse(one.rest); }, 5000);
    raw.close();
    const first = parseResponse(text);
    assert.equal(first.status, 200);
    assert.equal(parseResponse(first.rest)?.status, 404);
  });
  test('Expect: 100-continue is answered', async () => {
    const raw = openRaw(server.port);
    await raw.connected;
    raw.send(head('POST /token HTTP/1.1', `Host: ${host()}`, 'Content-Length: 3', 'Content-Type: application/x-www-form-urlencoded', 'Expect: 100-continue'));
    assert.match(await raw.read((text) => text.includes('100 Continue'), 3000), /^HTTP\/1\.1 100 Continue\r\n\r\n/);
    raw.send('a=b');
    const reply = parseResponse(await raw.read(hasWholeResponse, 5000));
    raw.close();
    assert.ok([400, 401].includes(reply.status));
  });
});

describe('request lines and headers', () => {
  test('no Host', () => refused('GET /healthz HTTP/1.1\r\n\r\n', 400));
  test('two Hosts', () => refused(head('GET /healthz HTTP/1.1', `Host: ${host()}`, 'Host: evil.example'), 400));
  test('a foreign Host', async () => {
    for (const name of ['evil.example', `evil.example:${server.port}`, 'localhost.evil.example', `localhost:1`, '', 'a b', '[::']) {
      const reply = await refused(head('GET / HTTP/1.1', `Host: ${name}`), [400, 403, 421]);
      assert.doesNotMatch(reply.body, /evil\.example\/mcp/, 'no URL is built from a header');
    }
  });
  test('a foreign Host leads to no document', async () => {
    const reply = await refused(head('GET /.well-known/oauth-protected-resource HTTP/1.1', 'Host: evil.example'), [400, 403, 421]);
    assert.doesNotMatch(reply.body, /"resource"/);
  });
  test('another loopback name on the right port: 421 with the right URL', async () => {
    const name = new URL(server.url).hostname === 'localhost' ? '127.0.0.1' : 'localhost';
    const reply = await refused(head('POST /mcp HTTP/1.1', `Host: ${name}:${server.port}`, 'Content-Length: 0'), 421);
    assert.ok(reply.body.includes(server.mcp), reply.body);
  });
  test('forwarded headers change nothing', async () => {
    const reply = await request(server.mcp, { method: 'POST', body: {}, headers: { 'X-Forwarded-Host': 'evil.example', 'X-Forwarded-Proto': 'https', Forwarded: 'host=evil.example', 'X-Forwarded-For': '203.0.113.9' } });
    assert.equal(reply.status, 401);
    assert.doesNotMatch(JSON.stringify(reply.headers) + reply.text, /evil\.example/);
    assert.doesNotMatch(server.stderr(), /203\.0\.113\.9/);
  });
  test('a foreign Origin: 403', async () => {
    for (const origin of ['https://evil.example', 'null', 'http://localhost', `http://localhost.evil.example:${server.port}`, 'garbage']) {
      const reply = await post(server, token, { jsonrpc: '2.0', id: 1, method: 'ping' }, { Origin: origin });
      assert.equal(reply.status, 403, origin);
      assert.ok(reply.json());
      assert.equal(reply.headers['access-control-allow-origin'], undefined);
    }
  });
  test('obsolete folding, bare line feeds, a space before the colon', async () => {
    await refused(`GET /healthz HTTP/1.1\r\nHost: ${host()}\r\nX: a\r\n b\r\n\r\n`, 400);
    await refused(`GET /healthz HTTP/1.1\r\nHost: ${host()}\r\nX : a\r\n\r\n`, 400);
    const lf = await exchangeRaw(server.port, `GET /healthz HTTP/1.1\nHost: ${host()}\n\n`, { ms: 8000 });
    if (lf) assert.equal(lf.status, 400);
  });
  test('too many headers', () => refused(head('GET /healthz HTTP/1.1', `Host: ${host()}`, ...Array.from({ length: 200 }, (_, i) => `X-${i}: 1`)), [400, 431]));
  test('a huge header', async () => {
    const reply = await exchangeRaw(server.port, head('GET /healthz HTTP/1.1', `Host: ${host()}`, `X: ${'a'.repeat(200_000)}`));
    if (reply) assert.ok([400, 413, 431].includes(reply.status), String(reply.status));
  });
  test('a huge path', async () => {
    const reply = await exchangeRaw(server.port, head(`GET /${'a'.repeat(12_000)} HTTP/1.1`, `Host: ${host()}`));
    assert.ok([400, 404, 414, 431].includes(reply.status), String(reply.status));
  });
  test('odd request lines', async () => {
    for (const line of ['GET', 'GET /', 'GET / HTTP/9.9', 'GET / HTTP/1.1 x', ' GET / HTTP/1.1', 'G\u0001T / HTTP/1.1', '\u0000\u0001\u0002', 'GET http://evil.example/ HTTP/1.1', 'CONNECT evil.example:443 HTTP/1.1', 'OPTIONS * HTTP/1.1', 'TRACE / HTTP/1.1', 'get / HTTP/1.1']) {
      const reply = await exchangeRaw(server.port, head(line, `Host: ${host()}`), { ms: 8000 });
      if (reply) assert.ok((reply.status >= 400 && reply.status < 600 && reply.status !== 500) || (line.startsWith('OPTIONS') && reply.status < 300), `${JSON.stringify(line)}: ${reply.status}`);
    }
  });
  test('paths that try to leave', async () => {
    for (const path of ['/../etc/passwd', '/%2e%2e/etc/passwd', '/mcp/../healthz', '/mcp%00', '/healthz%2f', '/mcp;x=1', '/%', '/%zz', '/healthz/']) {
      const reply = await exchangeRaw(server.port, head(`GET ${path} HTTP/1.1`, `Host: ${host()}`));
      assert.ok([400, 401, 404].includes(reply.status), `${path}: ${reply.status}`);
      assert.doesNotMatch(reply.body, /root:/);
    }
  });
  test('a TLS client gets no crash', async () => {
    const hello = Buffer.from('16030100c8010000c40303', 'hex');
    await exchangeRaw(server.port, Buffer.concat([hello, Buffer.alloc(190, 7), Buffer.from('\r\n\r\n')]), { ms: 3000 });
  });
  test('half a request, then nothing: closed without a crash', async () => {
    for (const bytes of ['', 'G', 'GET / HT', 'GET / HTTP/1.1\r\n', `POST /mcp HTTP/1.1\r\nHost: ${host()}\r\nContent-Length: 100\r\n\r\nabc`]) {
      const raw = openRaw(server.port);
      await raw.connected;
      raw.send(bytes);
      raw.socket.end();
      await raw.read(() => false, 500);
      raw.close();
    }
  });
});

describe('bodies', () => {
  const rpc = (body, headers) => post(server, token, body, { 'MCP-Protocol-Version': '2025-11-25', ...headers });
  for (const [what, body] of Object.entries({
    nothing: '', 'half an object': '{"jsonrpc":"2.0"', text: 'hello', 'two values': '{} {}', 'a leading zero': '{"jsonrpc":"2.0","id":01,"method":"ping"}',
    'a control character': '{"jsonrpc":"2.0","id":"\u0001","method":"ping"}', 'a byte order mark': '\ufeff{"jsonrpc":"2.0","id":1,"method":"ping"}',
    'a NUL escape': '{"jsonrpc":"2.0","id":1,"method":"pi\\u0000ng"}', 'a lone surrogate': '{"jsonrpc":"2.0","id":1,"method":"\\ud800"}',
    'deep nesting': `{"jsonrpc":"2.0","id":1,"method":"ping","params":${'['.repeat(20_000)}${']'.repeat(20_000)}}`,
    'deep objects': `${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`, 'a huge number': '{"jsonrpc":"2.0","id":1e400,"method":"ping"}',
    'many members': `{${Array.from({ length: 200_000 }, (_, i) => `"a${i}":1`).join()}}`,
  })) {
    test(`${what}: 400 with a JSON-RPC error`, async () => {
      const reply = await rpc(body);
      assert.ok([400, 413].includes(reply.status), `${reply.status} ${reply.text.slice(0, 200)}`);
      if (reply.status === 400) assert.ok([-32700, -32600].includes(reply.message.error.code), reply.text);
      else assert.ok(reply.json());
    });
  }
  test('invalid UTF-8', async () => {
    const reply = await request(server.mcp, { method: 'POST', headers: { Authorization: `Bearer ${token}`, Accept: 'application/json, text/event-stream', 'Content-Type': 'application/json' }, body: Buffer.from('7b226a736f6e727063223a22322e30222c226964223a22fffe222c226d6574686f64223a2270696e67227d', 'hex') });
    assert.equal(reply.status, 400);
    assert.equal(reply.json().error.code, -32700);
  });
  for (const [what, body] of Object.entries({
    'a number': '5', null: 'null', 'an empty object': '{}', 'no jsonrpc': '{"id":1,"method":"ping"}', 'jsonrpc 1.0': '{"jsonrpc":"1.0","id":1,"method":"ping"}',
    'a method that is a number': '{"jsonrpc":"2.0","id":1,"method":5}', 'an id that is an object': '{"jsonrpc":"2.0","id":{},"method":"ping"}', 'an id of null': '{"jsonrpc":"2.0","id":null,"method":"ping"}',
    'an empty batch': '[]', 'params that are a string': '{"jsonrpc":"2.0","id":1,"method":"ping","params":"x"}',
  })) {
    test(`${what}: 400, -32600`, async () => {
      const reply = await rpc(body);
      assert.equal(reply.status, 400, reply.text);
      assert.ok([-32600, -32602].includes(reply.message.error.code), reply.text);
    });
  }
  test('too large: 413, before it is read', async () => {
    const reply = await refused(head('POST /mcp HTTP/1.1', `Host: ${host()}`, `Authorization: Bearer ${token}`, 'Content-Type: application/json', `Content-Length: ${1 << 30}`), 413);
    assert.equal(reply.headers.connection, 'close');
  });
  test('too large in chunks: 413', async () => {
    const raw = openRaw(server.port);
    await raw.connected;
    raw.send(head('POST /mcp HTTP/1.1', `Host: ${host()}`, `Authorization: Bearer ${token}`, 'Content-Type: application/json', 'Transfer-Encoding: chunked'));
    const chunk = `100000\r\n${'a'.repeat(0x100000)}\r\n`;
    for (let i = 0; i < 64 && !raw.isClosed() && !hasWholeResponse(raw.text()); i++) {
      raw.send(chunk);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const reply = parseResponse(await raw.read(hasWholeResponse, 10_000));
    raw.close();
    if (reply) assert.equal(reply.status, 413);
    else assert.ok(raw.isClosed());
  });
  test('the wrong media type: 415', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonx']) {
      const reply = await rpc('{"jsonrpc":"2.0","id":1,"method":"ping"}', { 'Content-Type': type });
      assert.equal(reply.status, 415, type);
      assert.ok(reply.json());
    }
  });
  test('an Accept that excludes JSON and streams: 406', async () => {
    const reply = await rpc('{"jsonrpc":"2.0","id":1,"method":"ping"}', { Accept: 'text/html' });
    assert.equal(reply.status, 406, reply.text);
  });
});

describe('CORS', () => {
  test('the own origin is allowed, with the headers that scripts need', async () => {
    const reply = await request(server.mcp, { method: 'OPTIONS', headers: { Origin: server.url, 'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'authorization,content-type,mcp-session-id' } });
    assert.ok([200, 204].includes(reply.status));
    assert.equal(reply.headers['access-control-allow-origin'], server.url);
    assert.match(reply.headers['access-control-allow-headers'], /authorization/i);
    const call = await post(server, undefined, {}, { Origin: server.url });
    assert.equal(call.status, 401);
    assert.match(call.headers['access-control-expose-headers'], /WWW-Authenticate/i);
    assert.match(call.headers['access-control-expose-headers'], /Mcp-Session-Id/i);
    assert.match(call.headers.vary ?? '', /Origin/i);
  });
  test('a foreign origin is not', async () => {
    const reply = await request(server.mcp, { method: 'OPTIONS', headers: { Origin: 'https://evil.example', 'Access-Control-Request-Method': 'POST' } });
    assert.equal(reply.headers['access-control-allow-origin'], undefined);
  });
  test('--allow-origin adds one', async () => {
    const open = await startGatehouse({ args: ['--allow-origin', 'https://app.example'] });
    const reply = await request(open.mcp, { method: 'OPTIONS', headers: { Origin: 'https://app.example', 'Access-Control-Request-Method': 'POST' } });
    assert.equal(reply.headers['access-control-allow-origin'], 'https://app.example');
    assert.equal((await post(open, undefined, {}, { Origin: 'https://app.example' })).status, 401);
    await open.stop();
  });
});

test('after all that, a call works', async () => {
  assert.equal((await modern(server, token, 'tools/call', { name: 'whoami', arguments: {} })).status, 200);
});

test('all that time a client beside was served', (t) => beside.end(t));
