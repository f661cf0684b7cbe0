// What the machine below does to the server: a full disk, a store that may not be written, no descriptors, a clock
// that jumps, and the end while it is busy.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
import { cpuMs, descriptors } from '../support/beside.mjs';
import { fakeClock, noClock } from '../support/clock.mjs';
import { get, openRaw, parseResponse, request } from '../support/http.mjs';
import { legacy, modern, modernRequest } from '../support/mcp.mjs';
import { authorizeUrl, newPkce, refreshFields, signIn, tokenRequest } from '../support/oauth.mjs';
import { freePort } from '../support/ports.mjs';
import { cleanEnv, gatehousePath, sanitized, sleep, start, startGatehouse, tempDir, until } from '../support/programs.mjs';

const has = (command) => spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0;
const noPrlimit = has('prlimit') ? false : 'needs prlimit(1), of util-linux';
const redirectUri = 'http://127.0.0.1:39999/callback';
const registration = (n) => ({ client_name: `client ${n} ${'x'.repeat(180)}`, redirect_uris: [redirectUri] });
const storeOf = (stateHome) => path.join(stateHome, 'gatehouse/dev.db');

describe('a disk that is full', { skip: noPrlimit }, () => {
  test('what is kept already goes on, what is new is told to try again, and nothing that was promised is lost', async () => {
    const stateHome = tempDir();
    const listen = `127.0.0.1:${await freePort()}`;
    const first = await startGatehouse({ stateHome, listen, args: ['--max-clients', '100000'] });
    const before = await signIn(first);
    await first.stop();
    const room = Math.max(...readdirSync(path.dirname(storeOf(stateHome))).map((name) => statSync(path.join(path.dirname(storeOf(stateHome)), name)).size)) + 256 * 1024;
    const server = await startGatehouse({ stateHome, listen, args: ['--max-clients', '100000'], through: ['prlimit', `--fsize=${room}`] });
    const promised = [];
    const outcomes = {};
    for (let n = 0; n < 4000 && !(outcomes[503] >= 20); n++) {
      const reply = await request(`${server.url}/register`, { method: 'POST', body: registration(n) });
      outcomes[reply.status] = (outcomes[reply.status] ?? 0) + 1;
      assert.ok([201, 503].includes(reply.status), `${reply.status} ${reply.text}`);
      if (reply.status === 201) promised.push(reply.json());
      else assert.ok(reply.json().error, 'in JSON');
    }
    assert.ok(outcomes[201] > 0 && outcomes[503] >= 20, JSON.stringify(outcomes));
    assert.equal((await get(`${server.url}/healthz`)).status, 200);
    assert.equal((await modern(server, before.tokens.access_token, 'tools/list')).status, 200, 'who has a token is served');
    const refreshed = await tokenRequest(server, refreshFields(before));
    assert.ok([200, 503].includes(refreshed.status), `${refreshed.status} ${refreshed.text}`);
    assert.match(server.stderr(), /store/i, 'the log says what is wrong');
    await server.stop();

    const after = await startGatehouse({ stateHome, listen });
    for (const client of [promised[0], promised.at(-1)]) assert.equal((await signIn(after, { client })).tokenReply.status, 200);
    const chain = refreshed.status === 200 ? refreshed.json().refresh_token : before.tokens.refresh_token;
    assert.equal((await tokenRequest(after, refreshFields(before, chain))).status, 200);
    await after.stop();
    const database = new DatabaseSync(storeOf(stateHome), { readOnly: true });
    assert.equal(Object.values(database.prepare('PRAGMA integrity_check').get())[0], 'ok');
    database.close();
  });
});

describe('a store that cannot be written any more', { skip: noPrlimit }, () => {
  test('says so, keeps serving who is signed in, changes nothing, and recovers by itself', async () => {
    const server = await startGatehouse();
    const before = await signIn(server);
    const session = await legacy(server, before.tokens.access_token);
    // No file of this process grows or is written: as on a file system that became read-only after an error.
    const writable = (yes) => assert.equal(spawnSync('prlimit', ['--pid', `${server.pid}`, `--fsize=${yes ? 'unlimited' : '0'}:unlimited`]).status, 0);
    const later = (reply) => {
      assert.equal(reply.status, 503, reply.text);
      assert.ok(Number(reply.headers['retry-after']) > 0, JSON.stringify(reply.headers));
      return reply;
    };
    assert.equal((await get(`${server.url}/readyz`)).status, 200);
    writable(false);
    assert.ok(later(await request(`${server.url}/register`, { method: 'POST', body: registration(1) })).json().error);
    assert.equal(later(await tokenRequest(server, refreshFields(before))).json().error, 'temporarily_unavailable');
    const sent = await get(authorizeUrl(server, { clientId: before.client.client_id, redirectUri, challenge: newPkce().challenge }));
    assert.match(sent.headers.location ?? '', /[?&]error=temporarily_unavailable&/, `${sent.status} ${sent.text}`);
    await until(async () => (await get(`${server.url}/readyz`)).status !== 200, 'it to notice'); // an answer is good for a second
    assert.match(later(await get(`${server.url}/readyz`)).json().error_description, /store cannot be written: .*(disk|read)/i);
    assert.equal((await get(`${server.url}/healthz`)).status, 200);
    assert.equal((await modern(server, before.tokens.access_token, 'tools/call', { name: 'sayHello', arguments: { name: 'Ada' } })).status, 200, 'who has a token is served');
    assert.ok((await session.call('tools/list')).message.result, 'the session goes on');
    writable(true);
    await until(async () => (await get(`${server.url}/readyz`)).status === 200, 'it to be ready again');
    const refreshed = await tokenRequest(server, refreshFields(before));
    assert.equal(refreshed.status, 200, refreshed.text);
    assert.equal((await modern(server, refreshed.json().access_token, 'tools/list')).status, 200);
    assert.equal((await signIn(server)).tokenReply.status, 200);
    await server.stop();
  });
});

describe('a store that may not be written', () => {
  // Root may write everything, so then somebody else runs it.
  const nobody = process.getuid() === 0 ? { uid: 65534, gid: 65534 } : {};
  const canRun = spawnSync(gatehousePath, ['--version'], nobody).status === 0;
  test('is told at the start, with the path', { skip: canRun ? false : 'another user cannot run the program here' }, async () => {
    const stateHome = tempDir();
    await (await startGatehouse({ stateHome })).stop();
    const folder = path.dirname(storeOf(stateHome));
    const own = nobody.uid ? (file) => chownSync(file, nobody.uid, nobody.gid) : () => {};
    for (const name of readdirSync(folder)) { own(path.join(folder, name)); chmodSync(path.join(folder, name), 0o400); }
    own(folder);
    own(stateHome);
    chmodSync(stateHome, 0o755);
    chmodSync(folder, 0o500);
    const run = spawnSync(gatehousePath, ['--listen', '127.0.0.1:0'], { ...nobody, env: cleanEnv({ HOME: stateHome, XDG_STATE_HOME: stateHome }), encoding: 'utf8', timeout: 15_000 });
    chmodSync(folder, 0o700);
    assert.ok(run.status > 0, `${run.status} ${run.signal}\n${run.stderr}`);
    assert.ok(run.stderr.includes(storeOf(stateHome)) && /read.?only|cannot be written|may not/i.test(run.stderr), run.stderr);
  });
});

describe('no descriptors left', { skip: noPrlimit }, () => {
  test('whoever is connected is served, the processor is not burnt, and it goes on afterwards', async () => {
    const server = await startGatehouse({ args: ['--workers', '16'] });
    const { tokens } = await signIn(server);
    const raw = openRaw(server.port);
    await raw.connected;
    const ask = async () => {
      const had = raw.text().length;
      raw.send(`GET /healthz HTTP/1.1\r\nHost: ${new URL(server.url).host}\r\n\r\n`);
      return parseResponse((await raw.read((text) => parseResponse(text.slice(had)) !== undefined, 5000)).slice(had));
    };
    assert.equal((await ask()).status, 200);
    const limit = (n) => assert.equal(spawnSync('prlimit', ['--pid', `${server.pid}`, `--nofile=${n}:`]).status, 0);
    const open = descriptors(server.pid);
    limit(open);
    const waiting = Array.from({ length: 20 }, () => openRaw(server.port));
    await Promise.all(waiting.map((one) => one.connected.catch(() => {})));
    for (let i = 0; i < 5; i++) assert.equal((await ask())?.status, 200, 'on a connection that there is');
    await sleep(300);
    const used = cpuMs(server.pid);
    await sleep(1000);
    const burnt = cpuMs(server.pid) - used;
    limit(1000);
    waiting.forEach((one) => one.close());
    raw.close();
    await until(async () => (await modern(server, tokens.access_token, 'tools/list').catch(() => ({}))).status === 200, 'calls to be served again');
    await server.stop();
    assert.ok(burnt < 500, `${burnt} ms of a second`);
  });
  test('too few from the start: told what to raise', async () => {
    const run = spawnSync('prlimit', ['--nofile=200:200', gatehousePath, '--listen', '127.0.0.1:0', '--store', 'memory'], { env: cleanEnv({ HOME: tempDir() }), encoding: 'utf8', timeout: 15_000 });
    assert.ok(run.status > 0);
    assert.match(run.stderr, /ulimit -n|LimitNOFILE/);
  });
});

describe('a clock that jumps', { skip: noClock }, () => {
  const HOUR = 3600;
  async function withClock() {
    const { env, move } = fakeClock();
    const server = await startGatehouse({ env });
    return { server, move };
  }
  for (const [what, seconds] of [['an hour ahead', HOUR], ['an hour back', -HOUR], ['a day back', -24 * HOUR]]) {
    test(`${what}: tokens are refreshed, sessions and sign-ins go on`, async () => {
      const { server, move } = await withClock();
      const session = await signIn(server);
      const mcp = await legacy(server, session.tokens.access_token);
      move(seconds);
      await sleep(1500); // the housekeeping has seen it
      const old = await modern(server, session.tokens.access_token, 'tools/list');
      assert.ok([200, 401].includes(old.status), `${old.status}`);
      if (seconds > 0) assert.equal(old.status, 401, 'it has expired');
      const refreshed = await tokenRequest(server, refreshFields(session));
      assert.equal(refreshed.status, 200, refreshed.text);
      const token = refreshed.json().access_token;
      assert.equal((await modern(server, token, 'tools/list')).status, 200);
      const ping = await request(server.mcp, { method: 'POST', body: { jsonrpc: '2.0', id: 1, method: 'ping' }, headers: { ...mcp.headers, Authorization: `Bearer ${token}`, Accept: 'application/json, text/event-stream' } });
      assert.equal(ping.status, 200, 'the session is there');
      assert.equal((await signIn(server)).tokenReply.status, 200);
      move(0);
      const back = await tokenRequest(server, refreshFields(session, refreshed.json().refresh_token));
      assert.equal(back.status, 200, back.text);
      assert.equal((await modern(server, back.json().access_token, 'tools/list')).status, 200);
      await server.stop();
    });
  }
  test('forty days ahead: every sign-in has ended, and a new one works', async () => {
    const { server, move } = await withClock();
    const session = await signIn(server);
    move(40 * 24 * HOUR);
    assert.equal((await modern(server, session.tokens.access_token, 'tools/list')).status, 401);
    assert.ok([400, 401].includes((await tokenRequest(server, refreshFields(session))).status));
    const fresh = await signIn(server);
    assert.equal((await modern(server, fresh.tokens.access_token, 'tools/list')).status, 200);
    await server.stop();
  });
});

describe('SIGTERM', () => {
  test('while it rests: it is gone at once', async () => {
    const server = await startGatehouse();
    assert.equal((await get(`${server.url}/healthz`)).status, 200);
    const began = Date.now();
    await server.stop();
    assert.ok(Date.now() - began < (sanitized ? 8000 : 1500), `${Date.now() - began} ms`);
  });
  test('under load: each request that it took is answered, and it ends within the time for that', async () => {
    const server = await startGatehouse({ args: ['--workers', '32', '--drain-timeout', '8s'], keepLog: false });
    const { tokens } = await signIn(server);
    const { headers, body } = modernRequest(tokens.access_token, 'tools/call', { name: 'sayHello', arguments: { name: 'Ada' } });
    const payload = JSON.stringify(body);
    const bytes = `POST /mcp HTTP/1.1\r\nHost: ${new URL(server.url).host}\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n${Object.entries(headers).map((pair) => `${pair.join(': ')}\r\n`).join('')}Content-Length: ${payload.length}\r\n\r\n${payload}`;
    const lost = [];
    const counts = {};
    let stopped = false;
    // A request counts as taken when it was sent on a connection that the server kept open after a reply, or that it
    // accepted; a refused connection, or one closed before anything was sent on it, is none.
    const client = async () => {
      while (!stopped) {
        const raw = openRaw(server.port);
        try { await raw.connected; } catch { if (!server.alive()) return; await sleep(10); continue; }
        for (let kept = true; kept;) {
          if (raw.isClosed()) break;
          const had = raw.text().length;
          raw.send(bytes);
          const text = (await raw.read((all) => parseResponse(all.slice(had)) !== undefined, 10_000)).slice(had);
          const reply = parseResponse(text);
          if (!reply) { lost.push({ first: had === 0, text }); break; }
          counts[reply.status] = (counts[reply.status] ?? 0) + 1;
          kept = reply.headers.connection !== 'close';
        }
        raw.close();
      }
    };
    const clients = Array.from({ length: 24 }, client);
    await sleep(700);
    const began = Date.now();
    server.kill('SIGTERM');
    const how = await server.exited;
    const took = Date.now() - began;
    stopped = true;
    await Promise.all(clients);
    assert.deepEqual(how, { code: 0, signal: null });
    assert.ok(took < 8000, `${took} ms`);
    assert.ok(counts[200] > 50, JSON.stringify(counts));
    assert.deepEqual(Object.keys(counts).filter((status) => !['200', '503'].includes(status)), [], JSON.stringify(counts));
    // Half a reply is never left behind, and no connection that was accepted for its first request goes without one.
    assert.deepEqual(lost.filter((one) => one.text !== ''), []);
    assert.ok(lost.filter((one) => one.first).length === 0, `${lost.length} had no reply, of ${JSON.stringify(counts)}`);
  });
  test('a second one ends it at once', async () => {
    const server = await startGatehouse({ args: ['--drain-timeout', '60s', '--body-timeout', '60s'] });
    const raw = openRaw(server.port);
    await raw.connected;
    raw.send(`POST /token HTTP/1.1\r\nHost: ${new URL(server.url).host}\r\nContent-Length: 10\r\n\r\nabc`);
    await sleep(200);
    server.kill('SIGTERM');
    await sleep(500);
    assert.ok(server.alive(), 'it waits for the request');
    server.kill('SIGTERM');
    const how = await server.exited;
    assert.equal(how.signal, 'SIGTERM');
    raw.close();
  });
});
