// Attacks on the server's HTTP side: requests hidden in others, many slow peers, made-up addresses, a stop under load.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { clientBeside } from '../support/beside.mjs';
import { get, openRaw, parseResponse } from '../support/http.mjs';
import { sleep, startGatehouse } from '../support/programs.mjs';

const head = (server, line, ...headers) => `${[line, `Host: ${new URL(server.url).host}`, ...headers].join('\r\n')}\r\n\r\n`;
const responses = (text) => {
  const found = [];
  for (let one = parseResponse(text); one; one = parseResponse(one.rest)) found.push(one);
  return found;
};
// Everything that comes within `ms`, or until the server closes.
async function exchange(server, bytes, ms = 1500) {
  const raw = openRaw(server.port);
  await raw.connected;
  raw.send(bytes);
  const text = await raw.read(() => false, ms);
  raw.close();
  return responses(text);
}

describe('a second request in the body of the first', () => {
  let server;
  let beside;
  before(async () => {
    server = await startGatehouse();
    beside = await clientBeside(server);
  });
  after(() => server.stop());
  const smuggled = () => head(server, 'GET /smuggled HTTP/1.1');
  const form = 'Content-Type: application/x-www-form-urlencoded';

  test('is not executed however the chunks are bent', async () => {
    const begin = head(server, 'POST /token HTTP/1.1', form, 'Transfer-Encoding: chunked');
    for (const chunks of ['3;x="\r\n0\r\n\r\n',
      '0x3\r\na=b\r\n0\r\n\r\n', '+3\r\na=b\r\n0\r\n\r\n', ' 3\r\na=b\r\n0\r\n\r\n', '-1\r\na=b\r\n0\r\n\r\n', '3\na=b\n0\n\n', '\r\na=b\r\n0\r\n\r\n', '3\r\na=bXX0\r\n\r\n', '3\r\na=b\r\n0\r\nXX']) {
      const got = await exchange(server, begin + chunks + smuggled());
      assert.deepEqual(got.map((one) => one.status), [400], JSON.stringify(chunks));
    }
  });

  // civetweb 1.15 knows neither trailers nor extensions, 1.16 both: a head right after the last chunk is a trailer.
  test('is the next request, or is not read, after a trailer or an extension', async () => {
    const begin = head(server, 'POST /token HTTP/1.1', form, 'Transfer-Encoding: chunked');
    for (const chunks of ['3\r\na=b\r\n0\r\nX-Trailer: y\r\n\r\n', `3\r\na=b\r\n0\r\n${smuggled()}`, '3;x=y\r\na=b\r\n0\r\n\r\n']) {
      const [first, ...rest] = (await exchange(server, begin + chunks + smuggled())).map((one) => one.status);
      assert.equal(first, 400, JSON.stringify(chunks));
      assert.ok(rest.length === 0 || (rest.length === 1 && rest[0] === 404), JSON.stringify([chunks, rest]));
    }
  });

  test('is not executed when the body was refused', async () => {
    const long = smuggled().repeat(2000);
    for (const [path, status] of [['/mcp', 401], ['/token', 413]]) {
      const got = await exchange(server, head(server, `POST ${path} HTTP/1.1`, form, `Content-Length: ${long.length + 1}`) + long);
      assert.deepEqual(got.map((one) => one.status), [status]);
    }
  });

  test('is a body when the method is not one that has bodies', async () => {
    const got = await exchange(server, head(server, 'GET /healthz HTTP/1.1', `Content-Length: ${smuggled().length}`) + smuggled(), 700);
    assert.deepEqual(got.map((one) => one.status), [200]);
  });

  test('all that time a client beside was served', (t) => beside.end(t));
});

test('slow peers that outnumber the workers go, and the next request is served', async () => {
  const server = await startGatehouse({ args: ['--workers', '8', '--request-timeout', '300ms', '--body-timeout', '300ms'] });
  const slow = [];
  for (let i = 0; i < 60; i++) {
    const raw = openRaw(server.port);
    await raw.connected;
    raw.send(i % 2 ? 'GET /healthz HTTP/1.1\r\n' : head(server, 'POST /token HTTP/1.1', 'Content-Length: 1000'));
    slow.push(raw);
  }
  const drip = setInterval(() => slow.forEach((raw) => raw.isClosed() || raw.send('x')), 50);
  try {
    assert.equal((await get(`${server.url}/healthz`)).status, 200);
  } finally {
    clearInterval(drip);
    slow.forEach((raw) => raw.close());
  }
  await server.stop();
});

describe('X-Forwarded-For', () => {
  const seen = async (args, lines) => {
    const server = await startGatehouse({ args });
    await exchange(server, head(server, 'GET /healthz HTTP/1.1', 'Connection: close', ...lines.map((line) => `X-Forwarded-For: ${line}`)));
    await server.stop();
    return /RemoteAddr: (\S+)/.exec(server.stderr())[1];
  };
  test('is not believed without --trusted-proxy', async () => assert.match(await seen([], ['203.0.113.9']), /^127\.0\.0\.1:\d+$/));
  test('is believed from a trusted proxy', async () => assert.equal(await seen(['--trusted-proxy', '127.0.0.1'], ['203.0.113.9']), '203.0.113.9'));
  test('that the client made up is not believed below the line that the proxy added', async () =>
    assert.equal(await seen(['--trusted-proxy', '127.0.0.1'], ['198.51.100.1', '203.0.113.9']), '203.0.113.9'));
  test('may come in several lines from several proxies', async () =>
    assert.equal(await seen(['--trusted-proxy', '127.0.0.1', '--trusted-proxy', '10.0.0.0/8'], ['198.51.100.1', '203.0.113.9, 10.1.1.1', '10.2.2.2']), '203.0.113.9'));
});

test('SIGTERM under load: whatever was accepted has its answer', async () => {
  const server = await startGatehouse({ args: ['--workers', '4'] });
  const open = async (bytes) => {
    const raw = openRaw(server.port);
    await raw.connected;
    raw.send(bytes);
    return raw;
  };
  const busy = [];
  const queued = [];
  const idle = await open(head(server, 'GET /healthz HTTP/1.1'));
  await idle.read((text) => responses(text).length === 1);
  for (let i = 0; i < 3; i++) busy.push(await open(`${head(server, 'POST /token HTTP/1.1', 'Content-Length: 10')}hello`));
  await sleep(100);
  for (let i = 0; i < 40; i++) queued.push(await open(head(server, i % 2 ? 'GET /mcp HTTP/1.1' : 'GET /healthz HTTP/1.1')));
  server.kill('SIGTERM');
  await sleep(150);
  for (const raw of busy) raw.send('hello');
  for (const raw of [...busy, ...queued]) {
    const [reply] = responses(await raw.read(() => false, 5000));
    assert.ok(reply, 'every request has a reply');
    assert.ok([200, 401, 415, 503].includes(reply.status), `${reply.status}`);
  }
  assert.deepEqual(await server.exited, { code: 0, signal: null });
  await server.stop();
});

test('nothing of a request can forge a line of the log', async () => {
  const server = await startGatehouse();
  for (const path of ['/a\x1b[31m', '/a|b | Status: 200', '/\xc2\x9b31m', '/%0a2026/01/01 forged', `/${'x'.repeat(9000)}`]) {
    await exchange(server, Buffer.from(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`, 'latin1'), 500);
  }
  await server.stop();
  for (const line of server.stderr().split('\n').filter(Boolean)) {
    assert.match(line, /^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d /);
    assert.doesNotMatch(line, /[\x00-\x1f\x7f-\x9f]/);
    assert.ok(Buffer.byteLength(line) < 4096);
  }
});
