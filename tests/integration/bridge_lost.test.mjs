// Servers that lose their sessions again and again: no reconnects at full speed, no sign-in that nobody asked for,
// and the client's own calls go through all the while.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeBrowser, startBridge } from '../support/bridge.mjs';
import { startFake } from '../support/fake_server.mjs';
import { sleep, until } from '../support/programs.mjs';

// Opens every session that is asked for, with a stream that stays until drop(). What a subscription gets after the
// first session, `again(message, fake)` says.
async function startForgetful(again, options) {
  let sessions = 0;
  let stream;
  const fake = await startFake({
    ...options,
    mcp: (incoming, body, server) => {
      const session = incoming.headers['mcp-session-id'];
      if (incoming.method === 'DELETE') return { status: 204 };
      if (session !== undefined && session !== `s-${sessions}`) return { status: 404 };
      if (incoming.method === 'GET') {
        return { raw: (outgoing) => {
          outgoing.writeHead(200, { 'Content-Type': 'text/event-stream' });
          outgoing.write('retry: 10\n\n');
          stream = outgoing;
        } };
      }
      const message = JSON.parse(body);
      if (message.id === undefined) return { status: 202 };
      if (!message.method) return { status: 401 };
      if (message.method === 'initialize') {
        sessions++;
        return { headers: { 'Mcp-Session-Id': `s-${sessions}` }, json: { jsonrpc: '2.0', id: message.id, result: { protocolVersion: '2025-11-25', capabilities: { resources: { subscribe: true } }, serverInfo: { name: 'fake', version: '1' } } } };
      }
      const other = message.method === 'resources/subscribe' && sessions > 1 ? again(message, server) : undefined;
      return other ?? { json: { jsonrpc: '2.0', id: message.id, result: {} } };
    },
  });
  const methods = (name) => fake.seen.filter((one) => one.method === 'POST' && JSON.parse(one.body || '{}').method === name).length;
  return { ...fake, methods, sessions: () => sessions, hasStream: () => stream !== undefined, say: (message) => stream.write(`data: ${JSON.stringify(message)}\n\n`), forget: () => { sessions++; const lost = stream; stream = undefined; lost.end(); } };
}

async function openAndSubscribe(server, { args = [], subscriptions = 1 } = {}) {
  const bridge = startBridge(server.mcp, { args });
  await bridge.initialize();
  bridge.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
  await until(server.hasStream, 'the stream');
  const ids = Array.from({ length: subscriptions }, (_, at) => `sub-${at}`);
  for (const id of ids) bridge.send({ jsonrpc: '2.0', id, method: 'resources/subscribe', params: { uri: `test://${id}` } });
  for (const id of ids) assert.ok((await bridge.reply(id)).result);
  return bridge;
}

test('a server that does not know the new session either is not asked for one after the other', async () => {
  const server = await startForgetful(() => ({ status: 404 }));
  const bridge = await openAndSubscribe(server, { args: ['--no-browser'] });
  server.forget();
  await until(() => server.methods('resources/subscribe') > 1, 'the subscription again');
  await sleep(1500);
  assert.ok(server.methods('initialize') < 8, `${server.methods('initialize')} sessions`);
  assert.ok((await bridge.call('tools/list')).result);
  assert.equal((await bridge.stop()).code, 0);
  await server.stop();
});

test('one that drops every session at once, stream and all, is asked ever more rarely', async () => {
  let dropping = false;
  const server = await startForgetful(() => { dropping = true; server.forget(); return { status: 404 }; });
  const bridge = await openAndSubscribe(server, { args: ['--no-browser'] });
  server.forget();
  await until(() => dropping, 'the subscription again');
  await sleep(2000);
  assert.ok(server.methods('initialize') < 8, `${server.methods('initialize')} sessions`);
  assert.equal((await bridge.stop()).code, 0);
  await server.stop();
});

test('a subscription that is said again opens no sign-in', async () => {
  const browser = fakeBrowser();
  const server = await startForgetful((message, fake) => ({ status: 401, headers: { 'WWW-Authenticate': `Bearer resource_metadata="${fake.url}/.well-known/oauth-protected-resource/mcp", scope="mcp"` } }));
  const bridge = await openAndSubscribe(server, { args: ['--browser', browser.command] });
  server.forget();
  await until(() => server.methods('resources/subscribe') > 1, 'the subscription again');
  assert.ok((await bridge.call('tools/list')).result);
  await sleep(500);
  assert.deepEqual(browser.urls(), []);
  assert.ok(!bridge.stderr().includes('Open this URL'));
  assert.equal((await bridge.stop()).code, 0);
  await server.stop();
});

test('subscriptions that get no answer the second time hold up neither calls nor the end', async () => {
  const server = await startForgetful(() => ({ hang: true }));
  const bridge = await openAndSubscribe(server, { args: ['--no-browser', '--eof-wait', '20s'], subscriptions: 100 });
  server.forget();
  await until(() => server.methods('resources/subscribe') > 100, 'the subscriptions again');
  assert.ok((await bridge.call('tools/list', undefined, 5000)).result);
  const began = Date.now();
  assert.equal((await bridge.stop()).code, 0);
  assert.ok(Date.now() - began < 5000, `${Date.now() - began} ms`);
  await server.stop();
});

test('all subscriptions come back, also beside one that is refused', async () => {
  const again = new Set();
  const server = await startForgetful((message) => {
    again.add(message.params.uri);
    return message.params.uri === 'test://sub-7' ? { status: 400, json: { jsonrpc: '2.0', id: message.id, error: { code: -32602, message: 'gone' } } } : undefined;
  });
  const bridge = await openAndSubscribe(server, { args: ['--no-browser'], subscriptions: 50 });
  server.forget();
  await until(() => again.size === 50, 'the subscriptions again');
  await sleep(200);
  assert.equal(server.methods('resources/subscribe'), 100);
  assert.equal((await bridge.stop()).code, 0);
  await server.stop();
});

test('nor does the answer to what a server asks by itself', async () => {
  const browser = fakeBrowser();
  const server = await startForgetful();
  const bridge = await openAndSubscribe(server, { args: ['--browser', browser.command] });
  server.say({ jsonrpc: '2.0', id: 'whim', method: 'ping' });
  await until(() => bridge.messages().some((one) => one.method === 'ping'), 'the question');
  bridge.send({ jsonrpc: '2.0', id: 'whim', result: {} });
  await until(() => server.seen.some((one) => one.body.includes('"whim"')), 'the answer');
  assert.ok((await bridge.call('tools/list')).result);
  await sleep(500);
  assert.deepEqual(browser.urls(), []);
  assert.equal((await bridge.stop()).code, 0);
  await server.stop();
});
