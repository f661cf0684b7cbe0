// The end of the input, SIGTERM and SIGINT at any moment: gone within a second, every open request answered
// once, no port left, no session left, and nothing that a second try would stumble over.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import net from 'node:net';
import { describe, test } from 'node:test';
import { fakeBrowser, startBridge } from '../support/bridge.mjs';
import { startFake } from '../support/fake_server.mjs';
import { sanitized, sleep, tempDir, until } from '../support/programs.mjs';

const ways = {
  'the end of the input': (bridge) => bridge.closeStdin(),
  SIGTERM: (bridge) => bridge.child.kill('SIGTERM'),
  SIGINT: (bridge) => bridge.child.kill('SIGINT'),
};
const limit = sanitized ? 4000 : 1000;
const hang = { hang: true };
const isOpen = (port) => new Promise((resolve) => {
  const socket = net.connect(port, '127.0.0.1', () => { socket.destroy(); resolve(true); });
  socket.on('error', () => resolve(false));
});

// A server with sessions and no login: what it does not answer, it keeps.
const session = (more = () => undefined) => ({
  mcp: (incoming, body) => {
    if (incoming.method === 'DELETE') return { status: 204 };
    if (incoming.method === 'GET') return more(incoming) ?? { status: 405 };
    const message = JSON.parse(body);
    const special = more(incoming, message);
    if (special) return special;
    if (message.id === undefined) return { status: 202 };
    const result = message.method === 'initialize' ? { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: { name: 'fake', version: '1' } } : {};
    return { headers: { 'Mcp-Session-Id': 'session-1' }, json: { jsonrpc: '2.0', id: message.id, result } };
  },
});
const begin = async (bridge) => {
  await bridge.initialize();
  bridge.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
};
const stream = (outgoing) => { outgoing.writeHead(200, { 'Content-Type': 'text/event-stream' }); outgoing.write(': open\n\n'); };
// It takes signals as they come from then on; before, they end it as they end any program.
const expectsSignals = (bridge) => {
  const [, blocked] = /SigBlk:\s+([0-9a-f]+)/.exec(readFileSync(`/proc/${bridge.child.pid}/status`, 'utf8'));
  return (BigInt(`0x${blocked}`) & (1n << 14n)) !== 0n;
};
const asked = (path, method) => (fake) => fake.requests(path, method).length > 0;

// Each: how the server behaves (`hold`: a path that it does not answer), what the client does first, the calls
// that it leaves open, when the moment has come, and whether there is a session then.
const moments = {
  'doing nothing at all': { ready: (fake, browser, bridge) => expectsSignals(bridge) },
  'asking for the resource\'s metadata': { hold: '/.well-known/oauth-protected-resource/mcp', asks: true },
  'asking for the server\'s metadata': { hold: '/.well-known/oauth-authorization-server', asks: true },
  registration: { hold: '/register', asks: true },
  'the login in the browser': { asks: true, browser: true, ready: (fake, browser) => browser.urls().length > 0 },
  'the token exchange': { hold: '/token', asks: true, follow: true },
  'the first request': { change: session((incoming, message) => (message ? hang : undefined)), asks: true, ready: asked('/mcp', 'POST') },
  initialize: { change: session((incoming, message) => (message?.method === 'initialize' ? hang : undefined)), start: (bridge) => bridge.send({ jsonrpc: '2.0', id: 'open', method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } } }), ready: asked('/mcp', 'POST') },
  'being idle in a session': { change: session(), start: begin, session: true, ready: (fake) => fake.seen.some((one) => one.body.includes('notifications/initialized')) },
  'a call': { change: session((incoming, message) => (message?.method === 'tools/call' ? hang : undefined)), start: begin, asks: 'tools/call', session: true, ready: (fake) => fake.seen.some((one) => one.body.includes('tools/call')) },
  '50 calls': { change: session((incoming, message) => (message?.method === 'tools/call' ? hang : undefined)), start: begin, asks: 'tools/call', count: 50, session: true, ready: (fake) => fake.seen.filter((one) => one.body.includes('tools/call')).length >= 30 },
  'the stream of a call': { change: session((incoming, message) => (message?.method === 'tools/call' ? { raw: stream } : undefined)), start: begin, asks: 'tools/call', session: true, ready: (fake) => fake.seen.some((one) => one.body.includes('tools/call')) },
  'the server\'s own stream': { change: session((incoming) => (incoming.method === 'GET' ? { raw: stream } : undefined)), start: begin, session: true, ready: asked('/mcp', 'GET') },
  'a server that is not there': { gone: true, asks: 'tools/call', ready: () => sleep(300).then(() => true) },
};

for (const [moment, { change = {}, hold, asks, browser: wantsBrowser, follow, start = () => {}, count = 1, session: hasSession, gone, ready = asked(hold) }] of Object.entries(moments)) {
  describe(`during ${moment}`, { concurrency: 3 }, () => {
    for (const [way, end] of Object.entries(ways)) {
      test(way, async () => {
        const fake = await startFake({ before: (url) => (url.pathname === hold ? hang : undefined), ...change });
        if (gone) await fake.stop();
        const browser = fakeBrowser();
        const args = follow ? ['--browser', 'curl -sL -o /dev/null'] : wantsBrowser ? ['--browser', browser.command] : ['--no-browser'];
        const bridge = startBridge(fake.mcp, { args });
        await start(bridge);
        const ids = asks ? Array.from({ length: count }, (_, at) => `open-${at}`) : [];
        for (const id of ids) bridge.send({ jsonrpc: '2.0', id, method: typeof asks === 'string' ? asks : 'tools/list', params: { name: 'x' } });
        await until(() => ready(fake, browser, bridge), `the moment; ${bridge.stderr()}`);
        const began = Date.now();
        let took;
        bridge.child.once('exit', () => { took = Date.now() - began; });
        end(bridge);
        const how = await bridge.exited;
        assert.ok(took < limit, `${took} ms`);
        assert.deepEqual(how, { code: 0, signal: null }, bridge.stderr());
        for (const id of ids) {
          const replies = bridge.messages().filter((one) => one.id === id);
          assert.equal(replies.length, 1, `replies to ${id}`);
          assert.ok(replies[0].error?.message.length > 10, JSON.stringify(replies[0]));
        }
        const port = /redirect_uri=http%3A%2F%2F127\.0\.0\.1%3A(\d+)/.exec(bridge.stderr())?.[1];
        if (wantsBrowser) assert.ok(port);
        if (port) assert.equal(await isOpen(port), false, 'the port is free again');
        if (hasSession) assert.deepEqual(fake.requests('/mcp', 'DELETE').map((one) => one.headers['mcp-session-id']), ['session-1']);
        assert.deepEqual(readdirSync(bridge.stateDir).filter((name) => /tmp/i.test(name)), [], 'no half-written file');
        if (!gone) await fake.stop();
      });
    }
  });
}

for (const ms of [0, 2, 5, 10, 20, 40]) {
  test(`SIGTERM ${ms} ms after the start`, async () => {
    const fake = await startFake(session());
    const bridge = startBridge(fake.mcp);
    await sleep(ms);
    const began = Date.now();
    bridge.child.kill('SIGTERM');
    const { code, signal } = await bridge.exited;
    assert.ok(Date.now() - began < limit);
    assert.ok(code === 0 || signal === 'SIGTERM', `${code} ${signal}`);
    await fake.stop();
  });
}

test('a second signal while the first is obeyed does no harm', async () => {
  const fake = await startFake(session((incoming, message) => (message?.method === 'tools/call' ? hang : undefined)));
  const bridge = startBridge(fake.mcp);
  await begin(bridge);
  bridge.send({ jsonrpc: '2.0', id: 'open', method: 'tools/call', params: { name: 'x' } });
  await until(() => fake.seen.some((one) => one.body.includes('tools/call')), 'the call');
  bridge.child.kill('SIGTERM');
  bridge.child.kill('SIGINT');
  const { code } = await bridge.exited;
  assert.equal(code, 0);
  assert.equal(bridge.messages().filter((one) => one.id === 'open').length, 1);
  await fake.stop();
});

test('what was interrupted works the next time', async () => {
  let silent = true;
  const fake = await startFake({ token: () => (silent ? hang : undefined) });
  const stateDir = tempDir();
  const args = ['--browser', 'curl -sL -o /dev/null'];
  const first = startBridge(fake.mcp, { args, stateDir });
  first.send({ jsonrpc: '2.0', id: 1, method: 'tools/list' });
  await until(asked('/token').bind(undefined, fake), 'the token request');
  first.child.kill('SIGTERM');
  await first.exited;
  silent = false;
  const second = startBridge(fake.mcp, { args, stateDir });
  assert.ok((await second.call('tools/list')).result, second.stderr());
  await second.stop();
  await fake.stop();
});
