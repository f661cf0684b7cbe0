// Bridges that start together, and what one of them costs the server: counted requests, one of everything.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { fakeBrowser, startBridge } from '../support/bridge.mjs';
import { startFake } from '../support/fake_server.mjs';
import { sleep, tempDir, until } from '../support/programs.mjs';

const follow = ['--browser', 'curl -sL -o /dev/null'];
const several = (fake, count, stateDir, args = follow) => Array.from({ length: count }, () => startBridge(fake.mcp, { stateDir, args }));
const ask = (bridges, id) => { for (const bridge of bridges) bridge.send({ jsonrpc: '2.0', id, method: 'tools/list' }); };
const count = (fake) => Object.fromEntries(['/register', '/authorize', '/token'].map((one) => [one, fake.requests(one).length]));
const stopAll = async (bridges, fake) => {
  for (const bridge of bridges) await bridge.stop();
  await fake.stop();
};

// A server whose refresh tokens are good for one use; a second use revokes all, as it must (RFC 9700, 4.14.2).
function rotating({ lifetime = 600 } = {}) {
  const state = { reused: false, current: undefined, number: 0, hold: undefined };
  const change = {
    token: (form, fake) => {
      if (form.grant_type === 'refresh_token') {
        if (state.hold?.()) return { hang: true };
        if (form.refresh_token !== state.current) {
          state.reused = true;
          fake.accepted.clear();
          return { status: 400, json: { error: 'invalid_grant' } };
        }
      }
      const number = ++state.number;
      state.current = `refresh-token-${number}`;
      fake.accepted = new Set([`access-token-${number}`]);
      return { json: { access_token: `access-token-${number}`, token_type: 'Bearer', expires_in: lifetime, refresh_token: state.current, scope: 'mcp' } };
    },
  };
  return { state, change };
}
async function signedIn(fake, stateDir, args = follow) {
  const bridge = startBridge(fake.mcp, { stateDir, args });
  assert.ok((await bridge.call('tools/list')).result, bridge.stderr());
  await bridge.stop();
}

describe('five at once', () => {
  test('one browser, one registration, one token, and a call for each', async () => {
    const browser = fakeBrowser();
    const fake = await startFake();
    const bridges = several(fake, 5, tempDir(), ['--browser', browser.command]);
    for (const bridge of bridges) await bridge.initialize();
    ask(bridges, 'x');
    const [url] = await until(() => browser.urls().length && browser.urls(), 'the browser');
    await sleep(500);
    await fetch(url);
    for (const bridge of bridges) assert.ok((await bridge.reply('x')).result, bridge.stderr());
    assert.equal(browser.urls().length, 1);
    assert.deepEqual(count(fake), { '/register': 1, '/authorize': 1, '/token': 1 });
    await stopAll(bridges, fake);
  });

  test('one refresh when the token is revoked under all of them, with tokens that rotate', async () => {
    const { state, change } = rotating();
    const fake = await startFake(change);
    const bridges = several(fake, 5, tempDir());
    ask(bridges, 0);
    for (const bridge of bridges) assert.ok((await bridge.reply(0)).result, bridge.stderr());
    fake.accepted.clear();
    ask(bridges, 1);
    for (const bridge of bridges) assert.ok((await bridge.reply(1)).result, bridge.stderr());
    assert.equal(state.reused, false);
    assert.deepEqual(count(fake), { '/register': 1, '/authorize': 1, '/token': 2 });
    await stopAll(bridges, fake);
  });

  test('one refresh when they start with a token that has expired', async () => {
    const { state, change } = rotating({ lifetime: 1 });
    const fake = await startFake(change);
    const stateDir = tempDir();
    await signedIn(fake, stateDir);
    await sleep(1100);
    const before = fake.requests('/token').length;
    const bridges = several(fake, 5, stateDir);
    ask(bridges, 'x');
    for (const bridge of bridges) assert.ok((await bridge.reply('x')).result, bridge.stderr());
    assert.equal(state.reused, false);
    assert.ok(fake.requests('/token').length - before <= 2, `${fake.requests('/token').length - before} refreshes`);
    assert.equal(fake.requests('/authorize').length, 1);
    await stopAll(bridges, fake);
  });

  test('the one that refreshes is killed: the next takes over at once', async () => {
    let held = true;
    const { state, change } = rotating();
    state.hold = () => held;
    const fake = await startFake(change);
    const bridges = several(fake, 5, tempDir());
    ask(bridges, 0);
    for (const bridge of bridges) assert.ok((await bridge.reply(0)).result, bridge.stderr());
    fake.accepted.clear();
    ask(bridges, 1);
    await until(() => fake.requests('/token').length === 2, 'the refresh');
    await sleep(200);
    assert.equal(fake.requests('/token').length, 2, 'only one asks');
    held = false;
    const lock = readFileSync('/proc/locks', 'utf8').split('\n').map((line) => line.split(/\s+/)).filter((fields) => fields[1] === 'FLOCK').map((fields) => Number(fields[4]));
    const holder = bridges.find((bridge) => lock.includes(bridge.child.pid));
    assert.ok(holder, 'the one with the lock');
    holder.child.kill('SIGKILL');
    const killed = Date.now();
    const others = bridges.filter((bridge) => bridge !== holder);
    for (const bridge of others) assert.ok((await bridge.reply(1, 5000)).result, bridge.stderr());
    assert.ok(Date.now() - killed < 3000, `${Date.now() - killed} ms`);
    assert.equal(state.reused, false);
    assert.equal(fake.requests('/authorize').length, 1, 'nobody had to sign in');
    await stopAll(others, fake);
  });

  test('killed one after the other at any moment, they leave a store that works', async () => {
    const { change } = rotating();
    const fake = await startFake(change);
    const stateDir = tempDir();
    for (let round = 0; round < 12; round++) {
      const bridge = startBridge(fake.mcp, { stateDir, args: follow });
      bridge.send({ jsonrpc: '2.0', id: 1, method: 'tools/list' });
      await sleep(round * 12);
      bridge.child.kill('SIGKILL');
      await bridge.exited;
    }
    await signedIn(fake, stateDir);
    await fake.stop();
  });
});

describe('with a stored token', () => {
  async function initializedWith(stateDir, fake, args = []) {
    fake.seen.length = 0;
    const bridge = startBridge(fake.mcp, { stateDir, args: ['--no-browser', ...args] });
    assert.ok((await bridge.initialize()).result, bridge.stderr());
    await sleep(300);
    return bridge;
  }
  test('initialize costs one HTTP request on one connection', async () => {
    const fake = await startFake();
    const stateDir = tempDir();
    await signedIn(fake, stateDir);
    for (let start = 0; start < 3; start++) {
      const before = fake.connections;
      const bridge = await initializedWith(stateDir, fake);
      assert.deepEqual(fake.seen.map((one) => `${one.method} ${one.path}`), ['POST /mcp']);
      assert.equal(JSON.parse(fake.seen[0].body).method, 'initialize');
      assert.match(fake.seen[0].headers.authorization, /^Bearer /);
      assert.equal(fake.connections - before, 1);
      await bridge.stop();
    }
    await fake.stop();
  });
  test('initialize costs two when the token must be refreshed first', async () => {
    const { change } = rotating({ lifetime: 1 });
    const fake = await startFake(change);
    const stateDir = tempDir();
    await signedIn(fake, stateDir);
    await sleep(1100);
    const bridge = await initializedWith(stateDir, fake);
    const asked = fake.seen.map((one) => one.path);
    assert.equal(asked.filter((one) => one === '/mcp').length, 1, asked.join(' '));
    assert.equal(asked.filter((one) => one === '/token').length, 1, asked.join(' '));
    await bridge.stop();
    await fake.stop();
  });
  test('a call costs one more, a ping too: it is never answered here', async () => {
    const fake = await startFake();
    const stateDir = tempDir();
    await signedIn(fake, stateDir);
    const bridge = await initializedWith(stateDir, fake);
    const connections = fake.connections;
    for (const method of ['ping', 'tools/list', 'ping']) assert.deepEqual((await bridge.call(method)).result, { echo: method });
    assert.equal(fake.seen.length, 4);
    assert.equal(fake.connections, connections, 'on the same connection');
    await bridge.stop();
    await fake.stop();
  });
  test('after a sleep in which the token expired: a refresh, no browser', async () => {
    const browser = fakeBrowser();
    const { change } = rotating();
    const fake = await startFake(change);
    const stateDir = tempDir();
    await signedIn(fake, stateDir);
    const bridge = startBridge(fake.mcp, { stateDir, args: ['--browser', browser.command] });
    await bridge.initialize();
    bridge.child.kill('SIGSTOP');
    fake.accepted.clear();
    await sleep(300);
    bridge.child.kill('SIGCONT');
    assert.ok((await bridge.call('tools/list')).result);
    assert.deepEqual(browser.urls(), []);
    await bridge.stop();
    await fake.stop();
  });
});

test('a login that timed out may be tried again, and then works', async () => {
  const browser = fakeBrowser();
  const fake = await startFake();
  const bridge = startBridge(fake.mcp, { args: ['--browser', browser.command, '--login-timeout', '1s'] });
  const [first, second] = await Promise.all([bridge.call('tools/list'), bridge.call('ping')]);
  assert.ok(first.error && second.error);
  assert.equal(browser.urls().length, 1, 'one tab for both');
  const again = bridge.call('tools/list');
  const url = await until(() => browser.urls()[1], 'the second tab');
  await fetch(url);
  assert.ok((await again).result, bridge.stderr());
  assert.equal(browser.urls().length, 2);
  await bridge.stop();
  await fake.stop();
});
