// Connections outlive their replies, also those that are event streams, as long as nobody waits for a worker.
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, describe, test } from 'node:test';
import { openRaw, request } from '../support/http.mjs';
import { legacy, modernRequest } from '../support/mcp.mjs';
import { fixturePath, startGatehouse } from '../support/programs.mjs';

const args = ['--plugin', fixturePath];
const accept = 'application/json, text/event-stream';
let server;
before(async () => { server = await startGatehouse({ auth: 'none', args }); });
after(() => server.stop());

// The bytes of a POST to /mcp.
function bytesOf(to, { headers, body }, { version = '1.1', more = {} } = {}) {
  const text = JSON.stringify(body);
  const all = { Host: new URL(to.url).host, Accept: accept, 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text), ...headers, ...more };
  return `POST /mcp HTTP/${version}\r\n${Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${text}`;
}
const events = (count, ms = 0) => modernRequest(undefined, 'tools/call', { name: 'test_many_events', arguments: { count, ms } }, { meta: { progressToken: 1 } });
const ping = () => modernRequest(undefined, 'tools/list');
const bodyOf = (text) => text.slice(text.indexOf('\r\n\r\n') + 4);

// What chunks hold, and what is behind the last of them. Undefined `rest`: it has not come.
function dechunk(text) {
  let at = 0;
  const chunks = [];
  for (;;) {
    const line = /^([0-9a-f]+)\r\n/.exec(text.slice(at, at + 20));
    const size = line && Number.parseInt(line[1], 16);
    if (!line || text.length < at + line[0].length + size + 2) return { chunks };
    at += line[0].length;
    assert.equal(text.slice(at + size, at + size + 2), '\r\n', 'a chunk ends with CR LF');
    if (size === 0) return { chunks, rest: text.slice(at + 2) };
    chunks.push(text.slice(at, at + size));
    at += size + 2;
  }
}

async function dial(to = server) {
  const raw = openRaw(to.port);
  await raw.connected;
  return raw;
}

describe('behind a reply that is a stream', () => {
  test('the next request is answered on the same connection', async () => {
    const raw = await dial();
    let seen = 0;
    for (let round = 0; round < 3; round++) {
      raw.send(bytesOf(server, events(3)));
      await raw.read((text) => text.endsWith('\r\n0\r\n\r\n'));
      const reply = raw.text().slice(seen);
      assert.match(reply, /^HTTP\/1\.1 200 OK\r\n/);
      assert.match(reply, /\r\nConnection: keep-alive\r\n/);
      assert.match(reply, /\r\nTransfer-Encoding: chunked\r\n/);
      const { chunks, rest } = dechunk(bodyOf(reply));
      assert.equal(rest, '');
      const messages = chunks.join('').split('\n\n').filter(Boolean).map((event) => JSON.parse(event.slice('data: '.length)));
      assert.deepEqual(messages.map(({ method }) => method), [...Array(3).fill('notifications/progress'), undefined]);
      assert.match(messages.at(-1).result.content[0].text, /That was all/);
      seen = raw.text().length;
      raw.send(bytesOf(server, ping()));
      await raw.read((text) => text.slice(seen).includes('"tools"'));
      assert.match(raw.text().slice(seen), /\r\nContent-Length: /);
      seen = raw.text().length;
    }
    assert.ok(!raw.isClosed());
    raw.close();
  });

  test('a request that was sent ahead is answered', async () => {
    const raw = await dial();
    raw.send(bytesOf(server, events(2, 20)) + bytesOf(server, events(1)) + bytesOf(server, ping(), { more: { Connection: 'close' } }));
    const first = dechunk(bodyOf(await raw.read()));
    const second = dechunk(bodyOf(first.rest));
    assert.match(second.rest, /^HTTP\/1\.1 200 OK\r\n[^]*"tools"/);
    assert.ok(raw.isClosed());
  });

  test('a session goes on', async () => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const sockets = new Set();
    agent.on('free', (socket) => sockets.add(socket));
    const session = await legacy(server);
    const call = (id, name, extra = {}) => request(server.mcp, { method: 'POST', agent, headers: { Accept: accept, ...session.headers },
      body: { jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: {}, ...extra } } });
    for (let id = 1; id <= 3; id++) {
      const reply = await call(id, 'test_tool_with_progress', { _meta: { progressToken: id } });
      assert.equal(reply.headers['transfer-encoding'], 'chunked');
      assert.match(reply.text, /notifications\/progress/);
      assert.equal((await call(id + 10, 'test_simple_text')).status, 200);
    }
    assert.equal(sockets.size, 1, 'all on one connection');
    agent.destroy();
  });
});

describe('a stream ends with its connection', () => {
  for (const [what, how] of Object.entries({
    'for HTTP/1.0': { version: '1.0' },
    'for HTTP/1.0 that would keep it': { version: '1.0', more: { Connection: 'keep-alive' } },
    'for who wants it closed': { more: { Connection: 'close' } },
  })) {
    test(what, async () => {
      const raw = await dial();
      raw.send(bytesOf(server, events(2), how));
      const reply = await raw.read();
      assert.ok(raw.isClosed());
      assert.match(reply, /\r\nConnection: close\r\n/);
      assert.doesNotMatch(reply, /Transfer-Encoding/i);
      assert.match(bodyOf(reply), /^data: \{[^]*\}\n\n$/);
      assert.match(reply, /That was all/);
    });
  }
});

describe('the last chunk', () => {
  const listen = () => modernRequest(undefined, 'subscriptions/listen', { notifications: { toolsListChanged: true } }, { id: 'mine' });

  test('is sent when a server that stops lets its streams end', async () => {
    const mine = await startGatehouse({ auth: 'none', args });
    const session = await legacy(mine);
    const listening = await dial(mine);
    const standalone = await dial(mine);
    const call = await dial(mine);
    listening.send(bytesOf(mine, listen()));
    standalone.send(`GET /mcp HTTP/1.1\r\nHost: ${new URL(mine.url).host}\r\nAccept: text/event-stream\r\n${Object.entries(session.headers).map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`);
    call.send(bytesOf(mine, events(10, 50)));
    await Promise.all([listening, standalone, call].map((raw) => raw.read((text) => bodyOf(text).length > 10)));
    await mine.stop();
    for (const raw of [listening, standalone, call]) assert.equal(dechunk(bodyOf(await raw.read())).rest, '', raw.text());
    assert.match(call.text(), /That was all/);
    assert.match(listening.text(), /"id":"mine","result"/);
  });

  test('is not sent when it has no time for that', async () => {
    const mine = await startGatehouse({ auth: 'none', args: [...args, '--drain-timeout', '200ms'] });
    const raw = await dial(mine);
    raw.send(bytesOf(mine, events(40, 50)));
    await raw.read((text) => text.includes('notifications/progress'));
    await mine.stop();
    const { chunks, rest } = dechunk(bodyOf(await raw.read()));
    assert.ok(chunks.length > 0);
    assert.equal(rest, undefined);
    assert.doesNotMatch(raw.text(), /That was all/);
  });

  test('is not sent by a server that dies', async () => {
    const mine = await startGatehouse({ auth: 'none', args });
    const raw = await dial(mine);
    raw.send(bytesOf(mine, listen()));
    await raw.read((text) => bodyOf(text).length > 10);
    mine.kill('SIGKILL');
    const { chunks, rest } = dechunk(bodyOf(await raw.read()));
    assert.equal(chunks.length, 1);
    assert.equal(rest, undefined);
  });
});

test('as many connections as there are workers are kept, and who comes besides gets a turn', async () => {
  const small = await startGatehouse({ auth: 'none', args: ['--workers', '8'], keepLog: false });
  const probe = `GET /healthz HTTP/1.1\r\nHost: ${new URL(small.url).host}\r\n\r\n`;
  const replies = (raw) => raw.text().match(/HTTP\/1\.1 200 OK\r\n/g)?.length ?? 0;
  // Each sends all its requests at once: who leaves a worker waiting is cut when all of them are taken.
  const open = (connections, count) => Array.from({ length: connections }, () => { const raw = openRaw(small.port); raw.send(probe.repeat(count)); return raw; });
  const kept = open(8, 5);
  await Promise.all(kept.map((raw) => raw.read(() => replies(raw) === 5)));
  for (const raw of kept) {
    assert.equal(replies(raw), 5);
    assert.doesNotMatch(raw.text(), /Connection: close/);
    raw.close();
  }
  const busy = open(8, 3000);
  const others = open(4, 1);
  await Promise.all(others.map((raw) => raw.read(() => replies(raw) === 1)));
  assert.ok(others.every((raw) => replies(raw) === 1), 'they are answered');
  await Promise.all(busy.map((raw) => raw.read(() => replies(raw) === 3000)));
  assert.ok(busy.some((raw) => raw.isClosed() && replies(raw) < 3000), 'some were closed for them');
  [...busy, ...others].forEach((raw) => raw.close());
  await small.stop();
});
