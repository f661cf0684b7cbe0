// Servers that only speak the old HTTP+SSE transport (2024-11-05), and the order in which transports are tried.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { z } from 'zod';
import { startBridge } from '../support/bridge.mjs';
import { startFake } from '../support/fake_server.mjs';
import { startOldServer, startRawServer } from '../support/old_server.mjs';
import { freePort } from '../support/ports.mjs';
import { bridgePath, cleanEnv, runToEnd, sleep, tempDir, until } from '../support/programs.mjs';

const open = async (url, options) => {
  const bridge = startBridge(url, { ...options, args: ['--no-browser', ...(options?.args ?? [])] });
  const reply = await bridge.initialize();
  bridge.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
  return { bridge, reply };
};
const openWithBrowser = async (url) => {
  const bridge = startBridge(url, { args: ['--browser', 'curl -sL -o /dev/null'] });
  const reply = await bridge.initialize();
  bridge.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
  return { bridge, reply };
};
const openFake = (change) => startFake({ mcp: (incoming, body, fake) => { fake.accepted.add(undefined); return change?.(incoming, body, fake); } });

describe('the official SDK\'s old server', () => {
  let server;
  let bridge;
  let reply;
  before(async () => {
    server = await startOldServer({
      build: (mcp) => {
        mcp.registerTool('ask', { description: 'Asks the client.' }, async () => {
          const { roots } = await mcp.server.listRoots();
          return { content: [{ type: 'text', text: `roots: ${roots.map((root) => root.uri).join()}` }] };
        });
        mcp.registerTool('slow', { description: 'Takes its time.', inputSchema: { ms: z.number() } }, async ({ ms }, { sendNotification, signal }) => {
          await sendNotification({ method: 'notifications/message', params: { level: 'info', data: 'begun' } });
          await sleep(ms);
          return { content: [{ type: 'text', text: signal.aborted ? 'aborted' : 'done' }] };
        });
      },
    });
    bridge = startBridge(server.mcp, { args: ['--no-browser'] });
    bridge.send({ jsonrpc: '2.0', id: 'i', method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: { roots: {} }, clientInfo: { name: 'test', version: '1' } } });
    reply = await bridge.reply('i');
    bridge.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
  });
  after(async () => {
    await bridge.stop();
    await server.stop();
  });

  test('is reached by the fall-back: POST refused, GET, endpoint', () => {
    assert.equal(reply.result.serverInfo.name, 'old');
    assert.deepEqual(server.seen.slice(0, 3).map((one) => `${one.method} ${one.path}`), ['POST /sse', 'GET /sse', 'POST /messages']);
  });

  test('answers calls, each by its id', async () => {
    for (const id of ['a', 'b', 'c']) bridge.send({ jsonrpc: '2.0', id, method: id === 'b' ? 'tools/list' : 'ping' });
    assert.deepEqual((await bridge.reply('a')).result, {});
    assert.ok((await bridge.reply('b')).result.tools.some((tool) => tool.name === 'echo'));
    assert.deepEqual((await bridge.reply('c')).result, {});
    assert.equal(server.streams(), 1);
  });

  test('asks the client something in the middle of a call', async () => {
    bridge.send({ jsonrpc: '2.0', id: 'ask', method: 'tools/call', params: { name: 'ask', arguments: {} } });
    const request = await until(() => bridge.messages().find((message) => message.method === 'roots/list'), 'the server\'s request');
    bridge.send({ jsonrpc: '2.0', id: request.id, result: { roots: [{ uri: 'file:///home' }] } });
    assert.match((await bridge.reply('ask')).result.content[0].text, /file:\/\/\/home/);
  });

  test('its notifications come through', async () => {
    bridge.send({ jsonrpc: '2.0', id: 'note', method: 'tools/call', params: { name: 'slow', arguments: { ms: 10 } } });
    await bridge.reply('note');
    assert.ok(bridge.messages().some((message) => message.method === 'notifications/message'));
  });

  test('a cancelled call gets no reply, and the cancellation reaches the server', async () => {
    bridge.send({ jsonrpc: '2.0', id: 'cancelled', method: 'tools/call', params: { name: 'slow', arguments: { ms: 400 } } });
    await sleep(100);
    const posts = server.posts();
    bridge.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'cancelled' } });
    await until(() => server.posts() > posts, 'the cancellation');
    await sleep(600);
    assert.ok(!bridge.messages().some((message) => message.id === 'cancelled'));
  });

  test('a call of which the fate is unknown is answered with an error and not repeated', async () => {
    bridge.send({ jsonrpc: '2.0', id: 'cut', method: 'tools/call', params: { name: 'slow', arguments: { ms: 5000 } } });
    await sleep(150);
    const posts = server.posts();
    server.drop();
    assert.match((await bridge.reply('cut')).error.message, /stream of events|broke off/);
    assert.equal(server.posts(), posts);
  });

  test('the next call opens a new session, unseen by the client', async () => {
    const initializations = bridge.messages().filter((message) => message.id === 'i').length;
    bridge.send({ jsonrpc: '2.0', id: 'again', method: 'tools/call', params: { name: 'echo', arguments: {} } });
    assert.equal((await bridge.reply('again')).result.content[0].text, 'again');
    assert.equal(bridge.messages().filter((message) => message.id === 'i').length, initializations);
  });
});

for (const refusal of [400, 405]) {
  test(`a POST that is answered with ${refusal} leads to the old transport, too`, async () => {
    const server = await startOldServer({ refusal });
    const { bridge, reply } = await open(server.mcp);
    assert.equal(reply.result.serverInfo.name, 'old');
    await bridge.stop();
    await server.stop();
  });
}

test('the next start remembers the transport, and a server that has moved on is found all the same', async () => {
  const stateDir = tempDir();
  const port = await freePort();
  let server = await startOldServer({ port });
  const requests = () => server.seen.slice(0, 2).map((one) => one.method).join(' ');
  for (const expected of ['POST GET', 'GET POST']) {
    server.seen.length = 0;
    const { bridge, reply } = await open(server.mcp, { stateDir });
    assert.equal(reply.result.serverInfo.name, 'old');
    assert.equal(requests(), expected);
    await bridge.stop();
  }
  const status = await runToEnd(bridgePath, ['status', '--state-dir', stateDir, server.mcp], { env: cleanEnv({ HOME: tempDir() }) });
  assert.match(status.stdout, /HTTP\+SSE/);
  await server.stop();
  const { mcp } = server;
  server = await startFake({ port, other: (url, body, fake) => {
    if (url.pathname !== '/sse') return undefined;
    const message = body ? JSON.parse(body) : {};
    return message.method === 'initialize' ? { json: { jsonrpc: '2.0', id: message.id, result: { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: { name: 'fake', version: '1' } } } } : { status: message.method ? 202 : 405 };
  } });
  for (const expected of ['GET POST', 'POST']) {
    server.seen.length = 0;
    const { bridge, reply } = await open(mcp, { stateDir });
    assert.equal(reply.result?.serverInfo.name, 'fake', JSON.stringify(reply));
    assert.ok(requests().startsWith(expected), requests());
    await bridge.stop();
  }
  await server.stop();
});

test('a modern client reaches an old server', async () => {
  const server = await startOldServer();
  const bridge = startBridge(server.mcp, { args: ['--no-browser'] });
  bridge.send({ jsonrpc: '2.0', id: 'd', method: 'server/discover', params: { _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientInfo': { name: 't', version: '1' }, 'io.modelcontextprotocol/clientCapabilities': {} } } });
  assert.ok((await bridge.reply('d')).result?.supportedVersions, bridge.stderr());
  await bridge.stop();
  await server.stop();
});

test('a server that has moved on is found, too, where a GET gets a stream that ends at once', async () => {
  const stateDir = tempDir();
  const port = await freePort();
  const old = await startOldServer({ port });
  await (await open(old.mcp, { stateDir })).bridge.stop();
  await old.stop();
  const server = await startFake({ port, other: (url, body) => {
    if (!body) return { raw: (outgoing) => outgoing.writeHead(200, { 'Content-Type': 'text/event-stream' }).end() };
    const message = JSON.parse(body);
    return message.method === 'initialize' ? { json: { jsonrpc: '2.0', id: message.id, result: { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: { name: 'fake', version: '1' } } } } : { status: 202 };
  } });
  const { bridge, reply } = await open(old.mcp, { stateDir });
  assert.equal(reply.result?.serverInfo.name, 'fake', JSON.stringify(reply));
  await bridge.stop();
  await server.stop();
});

test('a stream that is lost is opened anew, though the client says nothing', async () => {
  const server = await startOldServer();
  const { bridge } = await open(server.mcp);
  await until(() => server.streams() === 1, 'the stream');
  await sleep(300);
  server.drop();
  await until(() => server.streams() === 0, 'its end');
  await until(() => server.streams() === 1, 'the next one');
  assert.equal(bridge.messages().length, 1);
  await bridge.stop();
  await server.stop();
});

test('the end of stdin closes the stream at once', async () => {
  const server = await startOldServer();
  const { bridge } = await open(server.mcp);
  await until(() => server.streams() === 1, 'the stream');
  const began = Date.now();
  assert.equal((await bridge.stop()).code, 0);
  assert.ok(Date.now() - began < 1000, `${Date.now() - began} ms`);
  await until(() => server.streams() === 0, 'the stream\'s end', 2000);
  await server.stop();
});

describe('the order of --transport', () => {
  test('sse-first and sse-only begin with the GET', async () => {
    for (const order of ['sse-first', 'sse-only']) {
      const server = await startOldServer();
      const { bridge, reply } = await open(server.mcp, { args: ['--transport', order] });
      assert.equal(reply.result.serverInfo.name, 'old', order);
      assert.equal(server.seen[0].method, 'GET', order);
      await bridge.stop();
      await server.stop();
    }
  });
  test('sse-first goes on with Streamable HTTP where there is no stream', async () => {
    const fake = await openFake();
    const { bridge, reply } = await open(fake.mcp, { args: ['--transport', 'sse-first'] });
    assert.equal(reply.result.serverInfo.name, 'fake');
    assert.deepEqual(fake.seen.slice(0, 2).map((one) => one.method), ['GET', 'POST']);
    await bridge.stop();
    await fake.stop();
  });
  test('sse-only says so where there is no stream', async () => {
    const fake = await openFake();
    const { bridge, reply } = await open(fake.mcp, { args: ['--transport', 'sse-only'] });
    assert.match(reply.error.message, /405/);
    assert.equal(fake.requests('/mcp', 'POST').length, 0);
    await bridge.stop();
    await fake.stop();
  });
  test('http-only does not try the old transport', async () => {
    const server = await startOldServer();
    const { bridge, reply } = await open(server.mcp, { args: ['--transport', 'http-only'] });
    assert.match(reply.error.message, /404/);
    assert.ok(!server.seen.some((one) => one.method === 'GET'));
    await bridge.stop();
    await server.stop();
  });
  test('a server that speaks Streamable HTTP sees no GET before its session is open', async () => {
    const fake = await openFake();
    const { bridge } = await open(fake.mcp);
    assert.deepEqual(fake.seen.slice(0, 1).map((one) => one.method), ['POST']);
    await bridge.stop();
    await fake.stop();
  });
});

describe('a fall-back that leads nowhere', () => {
  test('a JSON-RPC error that no modern server sends is told when there is no stream either', async () => {
    const fake = await openFake((incoming) => (incoming.method === 'POST'
      ? { status: 400, json: { jsonrpc: '2.0', id: null, error: { code: -32000, message: 'Bad Request: no session' } } } : undefined));
    const { bridge, reply } = await open(fake.mcp);
    assert.equal(reply.error.code, -32000);
    assert.match(reply.error.message, /no session/);
    assert.ok(fake.requests('/mcp', 'GET').length >= 1);
    await bridge.stop();
    await fake.stop();
  });
  test('a modern JSON-RPC error is passed on without a GET', async () => {
    const fake = await openFake((incoming, body) => (incoming.method === 'POST'
      ? { status: 400, json: { jsonrpc: '2.0', id: JSON.parse(body).id, error: { code: -32021, message: 'missing capability' } } } : undefined));
    const { bridge, reply } = await open(fake.mcp);
    assert.ok(reply.error);
    assert.equal(fake.requests('/mcp', 'GET').length, 0);
    await bridge.stop();
    await fake.stop();
  });
  test('a stream that names no endpoint ends with the first answer, in time', async () => {
    const server = await startRawServer({ stream: (outgoing) => outgoing.write(': hello\n\n') });
    const began = Date.now();
    const { bridge, reply } = await open(server.mcp, { args: ['--connect-timeout', '1s'] });
    assert.match(reply.error.message, /405/);
    assert.ok(Date.now() - began < 5000);
    await bridge.stop();
    await server.stop();
  });
  test('an endpoint of another origin gets no message', async () => {
    const thief = await startRawServer();
    for (const endpoint of [`${thief.url}/messages`, `//127.0.0.1:${thief.port}/messages`, 'http://user:pw@127.0.0.1/messages', 'file:///etc/passwd', 'javascript:alert(1)']) {
      const server = await startRawServer({ stream: (outgoing) => outgoing.write(`event: endpoint\ndata: ${endpoint}\n\n`) });
      const { bridge, reply } = await open(server.mcp, { args: ['--transport', 'sse-only'] });
      assert.match(reply.error.message, /own origin/, endpoint);
      await bridge.stop();
      await server.stop();
    }
    assert.equal(thief.seen.length, 0);
    await thief.stop();
  });
});

describe('an old server that misbehaves', () => {
  test('relative and absolute endpoints of its own origin are understood', async () => {
    for (const endpoint of ['messages', './messages', '/a/../messages', 'ABSOLUTE']) {
      const server = await startRawServer({ stream: (outgoing) => outgoing.write(`event: endpoint\ndata: ${endpoint.replace('ABSOLUTE', `${server.url}/messages`)}\n\n`) });
      const { bridge, reply } = await open(server.mcp);
      assert.equal(reply.result?.serverInfo.name, 'raw', endpoint);
      await bridge.stop();
      await server.stop();
    }
  });
  test('an answer that overtakes the 202 counts, once', async () => {
    const server = await startRawServer({
      post: (message, send, outgoing) => {
        if (message.method !== 'tools/list') return false;
        send({ jsonrpc: '2.0', id: message.id, result: { tools: [] } });
        send({ jsonrpc: '2.0', id: message.id, result: { tools: ['twice'] } });
        setTimeout(() => outgoing.writeHead(202).end(), 100);
        return true;
      },
    });
    const { bridge } = await open(server.mcp);
    bridge.send({ jsonrpc: '2.0', id: 't', method: 'tools/list' });
    assert.deepEqual((await bridge.reply('t')).result, { tools: [] });
    bridge.send({ jsonrpc: '2.0', id: 'p', method: 'ping' });
    await bridge.reply('p');
    assert.equal(bridge.messages().filter((message) => message.id === 't').length, 1);
    await bridge.stop();
    await server.stop();
  });
  test('a session that it has forgotten (404) is opened anew', async () => {
    const server = await startRawServer({
      post: (message, send, outgoing, number) => {
        if (number > 1 || message.method !== 'tools/call') return false;
        outgoing.writeHead(404).end();
        return true;
      },
    });
    const { bridge } = await open(server.mcp);
    bridge.send({ jsonrpc: '2.0', id: 't', method: 'tools/call', params: { name: 'x' } });
    assert.equal((await bridge.reply('t')).result.echo, 'tools/call');
    await bridge.stop();
    await server.stop();
  });
  test('away for three seconds: a call waits for it', async () => {
    const port = await freePort();
    let server = await startRawServer({ port });
    const { bridge } = await open(server.mcp);
    bridge.send({ jsonrpc: '2.0', id: 'first', method: 'ping' });
    await bridge.reply('first');
    await server.stop();
    bridge.send({ jsonrpc: '2.0', id: 't', method: 'tools/call', params: { name: 'x' } });
    await sleep(2500);
    server = await startRawServer({ port });
    assert.equal((await bridge.reply('t')).result.echo, 'tools/call');
    await bridge.stop();
    await server.stop();
  });
  test('silence ends at --request-timeout', async () => {
    const server = await startRawServer({ post: (message, send, outgoing) => message.method === 'tools/call' && (outgoing.writeHead(202).end(), true) });
    const { bridge } = await open(server.mcp, { args: ['--request-timeout', '1s'] });
    bridge.send({ jsonrpc: '2.0', id: 't', method: 'tools/call', params: { name: 'x' } });
    assert.match((await bridge.reply('t', 5000)).error.message, /in time/);
    bridge.send({ jsonrpc: '2.0', id: 'p', method: 'ping' });
    assert.ok((await bridge.reply('p')).result);
    await bridge.stop();
    await server.stop();
  });
  test('what it says before the client listens is not lost', async () => {
    const server = await startRawServer({
      post: (message, send) => {
        if (message.method === 'initialize') setTimeout(() => send({ jsonrpc: '2.0', id: 'early', method: 'ping' }), 30);
        return false;
      },
    });
    const bridge = startBridge(server.mcp, { args: ['--no-browser'] });
    await bridge.initialize();
    await sleep(200);
    bridge.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
    await until(() => bridge.messages().some((message) => message.id === 'early'), 'the early request');
    await bridge.stop();
    await server.stop();
  });
  test('an access token that the stream asks for is got by a login', async () => {
    let server;
    const fake = await startFake({ resource: (document) => ({ ...document, resource: server.mcp }) });
    server = await startRawServer({
      get: (incoming, outgoing) => {
        if (incoming.headers.authorization) return false;
        outgoing.writeHead(401, { 'WWW-Authenticate': `Bearer resource_metadata="${fake.url}/.well-known/oauth-protected-resource/mcp", scope="mcp"` }).end();
        return true;
      },
    });
    const { bridge, reply } = await openWithBrowser(server.mcp);
    assert.ok(reply.result);
    bridge.send({ jsonrpc: '2.0', id: 't', method: 'tools/call', params: { name: 'x' } });
    assert.equal((await bridge.reply('t')).result.echo, 'tools/call');
    for (const post of server.seen.filter((one) => one.path.startsWith('/messages'))) assert.equal(post.headers.authorization, 'Bearer token-1');
    await bridge.stop();
    await fake.stop();
    await server.stop();
  });
});

test('check and login find an old server, too', async () => {
  const server = await startOldServer();
  for (const command of ['check', 'login']) {
    const end = await runToEnd(bridgePath, [command, '--state-dir', tempDir(), server.mcp], { env: cleanEnv({ HOME: tempDir() }), input: '' });
    assert.equal(end.code, 0, end.stdout + end.stderr);
  }
  await server.stop();
});
