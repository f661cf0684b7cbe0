// Attacks on the bridge: a server that floods, lies or never ends, and a client that goes away at the worst moment.
import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';
import { startBridge } from '../support/bridge.mjs';
import { readBody } from '../support/http.mjs';
import { sleep, until } from '../support/programs.mjs';

// `answer(request, response, message)` has the connection to itself.
async function startServer(answer) {
  const seen = [];
  const server = http.createServer(async (request, response) => {
    const body = await readBody(request);
    const message = body ? JSON.parse(body) : undefined;
    seen.push({ method: request.method, message });
    response.on('error', () => {});
    await answer(request, response, message);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    seen,
    mcp: `http://127.0.0.1:${server.address().port}/mcp`,
    stop: () => new Promise((resolve) => { server.closeAllConnections(); server.close(resolve); }),
  };
}
const json = (response, message) => response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(message));
const stream = (response) => response.writeHead(200, { 'Content-Type': 'text/event-stream' });
const event = (message) => `data: ${JSON.stringify(message)}\n\n`;
const initialized = (response, message) => {
  if (message.id === undefined) response.writeHead(202).end();
  else json(response, { jsonrpc: '2.0', id: message.id, result: { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: { name: 'x', version: '1' } } });
};

test('"retry: 0" does not make it ask at full speed', async () => {
  const server = await startServer((request, response, message) => {
    if (request.method === 'GET') stream(response).end(`retry: 0\n${event({ jsonrpc: '2.0', method: 'notifications/x' })}`);
    else initialized(response, message);
  });
  const bridge = startBridge(server.mcp);
  await bridge.initialize();
  bridge.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
  await until(() => server.seen.some((one) => one.method === 'GET'), 'the stream');
  await sleep(1500);
  const asked = server.seen.filter((one) => one.method === 'GET').length;
  assert.ok(asked >= 3 && asked <= 20, `${asked} times in 1.5 s`);
  assert.equal((await bridge.stop()).code, 0);
  await server.stop();
});

test('a flood that is faster than the client is slowed down, and all of it arrives', async () => {
  const many = 5000;
  const server = await startServer(async (request, response, message) => {
    stream(response);
    const text = event({ jsonrpc: '2.0', method: 'notifications/message', params: { text: 'y'.repeat(1000) } });
    for (let i = 0; i < many / 100; i++) if (!response.write(text.repeat(100))) await new Promise((resolve) => response.once('drain', resolve));
    response.end(event({ jsonrpc: '2.0', id: message.id, result: {} }));
  });
  const bridge = startBridge(server.mcp, { args: ['--max-message', '64k'] });
  bridge.child.stdout.pause();
  bridge.send({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'x' } });
  await sleep(1000);
  assert.equal(bridge.ended(), undefined, bridge.stderr());
  bridge.child.stdout.resume();
  await until(() => bridge.stdout().endsWith('"result":{}}\n'), 'the answer', 30_000);
  assert.equal(bridge.lines().length, many + 1);
  assert.equal((await bridge.stop()).code, 0);
  await server.stop();
});

test('answers that nobody asked for are left out, and do not fill the log', async () => {
  const server = await startServer((request, response, message) => {
    stream(response);
    for (const id of ['1', 2, '1e0']) response.write(event({ jsonrpc: '2.0', id, result: {} }).repeat(1000));
    response.end(event({ jsonrpc: '2.0', id: message.id, result: { ok: true } }).repeat(3) + event({ nonsense: true }).repeat(1000));
  });
  const bridge = startBridge(server.mcp);
  assert.deepEqual((await bridge.call('tools/call', { name: 'x' })).result, { ok: true });
  assert.equal((await bridge.stop()).code, 0);
  assert.equal(bridge.lines().length, 1);
  const told = bridge.stderr().split('\n').filter((line) => line.includes('Dropped')).length;
  assert.ok(told >= 1 && told <= 10, `${told} lines`);
  await server.stop();
});

test('what a server calls itself cannot drive the terminal', async () => {
  const server = await startServer((request, response) => {
    response.socket.end('HTTP/1.1 200 OK\r\nContent-Type: text/\x1b[31m\xc2\x9b31m\xe2\x80\xae\r\nContent-Length: 1\r\n\r\nx');
  });
  const bridge = startBridge(server.mcp);
  const { error } = await bridge.call('tools/call', { name: 'x' });
  assert.match(error.message, /instead of JSON|not valid HTTP/);
  await bridge.stop();
  // eslint-disable-next-line no-control-regex
  assert.doesNotMatch(bridge.stdout() + bridge.stderr(), /[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u202e]/);
  await server.stop();
});

for (const calls of [10, 5000]) {
  test(`a client that dies with ${calls} calls open leaves no orphan`, async () => {
    const server = await startServer(() => {});
    const bridge = startBridge(server.mcp);
    for (let id = 1; id <= calls; id++) bridge.send({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'x' } });
    await until(() => server.seen.length >= 10, 'the calls');
    await sleep(300);
    bridge.child.stdin.destroy();
    bridge.child.stdout.destroy();
    bridge.child.stderr.destroy();
    await until(() => bridge.child.exitCode !== null || bridge.child.signalCode !== null, 'its end', 3000);
    await server.stop();
  });
}

test('SIGTERM ends it within a second while the client reads nothing and the server never ends', async () => {
  const server = await startServer(async (request, response) => {
    stream(response);
    const text = event({ jsonrpc: '2.0', method: 'notifications/message', params: { text: 'y'.repeat(1000) } }).repeat(100);
    const closed = new Promise((resolve) => { response.once('close', resolve); });
    while (!response.destroyed) if (!response.write(text)) await Promise.race([closed, new Promise((resolve) => { response.once('drain', resolve); })]);
  });
  const bridge = startBridge(server.mcp);
  bridge.child.stdout.pause();
  bridge.send({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'x' } });
  await sleep(1500);
  assert.equal(bridge.ended(), undefined);
  const began = Date.now();
  let took;
  bridge.child.once('exit', () => { took = Date.now() - began; });
  bridge.child.kill('SIGTERM');
  await until(() => took !== undefined, 'its end', 5000);
  assert.ok(took < 1000, `${took} ms`);
  assert.equal(bridge.child.exitCode, 0);
  bridge.child.stdout.resume();
  await bridge.stop();
  await server.stop();
});
