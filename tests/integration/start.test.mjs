// Starting and stopping the server: options, refusals, names for the same machine, the log.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { describe, test } from 'node:test';
import { get, postForm, request } from '../support/http.mjs';
import { modern } from '../support/mcp.mjs';
import { refreshFields, register, signIn, tokenRequest, walk, authorizeUrl, newPkce } from '../support/oauth.mjs';
import { cleanEnv, gatehousePath, optionsOfHelp, optionsOfManual, root, runToEnd, sanitized, sleep, startGatehouse, tempDir } from '../support/programs.mjs';

const gatehouse = (args, env = {}) => {
  const home = tempDir();
  return runToEnd(gatehousePath, args, { env: cleanEnv({ HOME: home, XDG_STATE_HOME: home, ...env }) });
};
async function refusedToStart(args, pattern, env) {
  const end = await gatehouse(args, env);
  assert.ok(end.code > 0 && end.signal === null, `${args.join(' ')}: ${JSON.stringify(end)}`);
  assert.match(end.stderr, pattern);
  return end;
}

describe('options', () => {
  test('--help shows every option of the table, --version the version', async () => {
    const help = await gatehouse(['--help']);
    assert.equal(help.code, 0);
    for (const name of ['--listen', '--public-url', '--auth', '--store', '--log-format', '--config', '--print-config', '--dev-password-file', '--allow-origin', '--trusted-proxy', '--workers']) assert.ok(help.stdout.includes(name), name);
    for (const line of help.stdout.split('\n')) assert.ok(line.length <= 100, line);
    assert.match((await gatehouse(['--version'])).stdout, /\d+\.\d+\.\d+/);
  });
  test('the man page has every option', async () => {
    const manual = optionsOfManual(readFileSync(path.join(root, 'server/gatehouse.1'), 'utf8'));
    const options = optionsOfHelp((await gatehouse(['--help'])).stdout);
    assert.ok(options.length > 10);
    for (const option of options) assert.ok(manual.includes(option), option);
  });
  test('an unknown option is refused with the nearest right one', () => refusedToStart(['--lisen', 'localhost:0'], /--listen/));
  test('a port that there is not is refused with the range', () => refusedToStart(['--auth', 'dev', '--listen', 'localhost:99999'], /no port 99999: ports go from 1 to 65535/));
  test('a wrong value is refused with the right ones', async () => {
    await refusedToStart(['--log-format', 'jsn'], /json/);
    await refusedToStart(['--auth', 'devel'], /dev/);
    await refusedToStart(['--auth', 'dev', '--workers', 'many'], /workers/);
    await refusedToStart(['--auth', 'dev', '--listen', 'localhost:99999'], /listen|port/i);
  });
  test('an unknown environment variable of ours is refused', () => refusedToStart(['--auth', 'dev'], /GATEHOUSE_LISTEN/, { GATEHOUSE_LISTN: 'localhost:0' }));
  test('file < environment < command line', async () => {
    const file = path.join(tempDir(), 'config.json');
    writeFileSync(file, JSON.stringify({ 'log-format': 'json', 'log-level': 'warn', workers: 11 }));
    const show = async (args, env) => JSON.parse((await gatehouse(['--config', file, '--print-config', ...args], env)).stdout);
    assert.equal((await show([], {}))['log-format'], 'json');
    assert.equal((await show([], { GATEHOUSE_LOG_FORMAT: 'text' }))['log-format'], 'text');
    assert.equal((await show(['--log-format', 'json'], { GATEHOUSE_LOG_FORMAT: 'text' }))['log-format'], 'json');
    assert.equal(Number((await show([]))['workers']), 11);
  });
  test('an unknown member of the file is refused with the nearest right one', async () => {
    const file = path.join(tempDir(), 'config.json');
    writeFileSync(file, '{"log-fromat": "json"}');
    await refusedToStart(['--config', file], /log-format/);
    writeFileSync(file, '{"log-format": ');
    await refusedToStart(['--config', file], /JSON|config/i);
  });
  test('--print-config masks secrets', async () => {
    const file = path.join(tempDir(), 'password');
    writeFileSync(file, 'correct horse battery staple\n', { mode: 0o600 });
    const { stdout, code } = await gatehouse(['--auth', 'dev', '--dev-password-file', file, '--print-config']);
    assert.equal(code, 0);
    assert.ok(JSON.parse(stdout));
    assert.ok(!stdout.includes('battery'));
  });
});

describe('dev mode stays on this machine', () => {
  for (const listen of ['0.0.0.0:0', '[::]:0', '192.0.2.1:0', 'example.com:0', ':8080', '*:8080']) {
    test(`--listen ${listen} is refused with the reason`, () => refusedToStart(['--auth', 'dev', '--listen', listen], /loopback|this machine|localhost|listen/i));
  }
  for (const url of ['https://mcp.example.com', 'http://192.0.2.1:8080', 'http://localhost.example.com:8080']) {
    test(`--public-url ${url} is refused with the reason`, () => refusedToStart(['--auth', 'dev', '--listen', '127.0.0.1:0', '--public-url', url], /loopback|localhost/i));
  }
  test('the banner says that anyone on this machine can be anyone', async () => {
    const server = await startGatehouse();
    assert.match(server.stderr(), /anyone/i);
    await server.stop();
  });
  test('localhost is held on IPv4 and, where it exists, on IPv6', async () => {
    const server = await startGatehouse({ listen: 'localhost:0' });
    const hold = (host) => new Promise((resolve) => {
      const other = net.createServer();
      other.on('error', (error) => resolve(error.code));
      other.listen({ port: server.port, host, exclusive: true }, () => other.close(() => resolve('free')));
    });
    assert.equal(await hold('127.0.0.1'), 'EADDRINUSE');
    const six = await hold('::1');
    assert.ok(['EADDRINUSE', 'EADDRNOTAVAIL', 'EAFNOSUPPORT'].includes(six), `[::1] is ${six}`);
    await server.stop();
  });
});

describe('--dev-password-file', () => {
  test('the right password signs in, a wrong one does not, and it is never logged', async () => {
    const file = path.join(tempDir(), 'password');
    writeFileSync(file, 'correct horse battery staple\n', { mode: 0o600 });
    const server = await startGatehouse({ args: ['--dev-password-file', file] });
    const answers = { name: 'Ada Lovelace', email: 'ada@example.com', password: 'correct horse battery staple' };
    const session = await signIn(server, { answers });
    assert.equal((await modern(server, session.tokens.access_token, 'tools/list')).status, 200);
    const { challenge } = newPkce();
    const url = authorizeUrl(server, { clientId: session.client.client_id, redirectUri: session.redirectUri, challenge });
    const wrong = await walk(url, session.redirectUri, { answers: { ...answers, password: 'wrong' } }).catch((error) => ({ reply: {}, error }));
    assert.ok(!wrong.redirect, 'a wrong password does not sign in');
    assert.ok(!server.stderr().includes('battery'));
    await server.stop();
  });
  test('a missing or empty file is refused at start', async () => {
    await refusedToStart(['--auth', 'dev', '--listen', '127.0.0.1:0', '--dev-password-file', '/nonexistent/file'], /password/);
    const file = path.join(tempDir(), 'password');
    writeFileSync(file, '', { mode: 0o600 });
    await refusedToStart(['--auth', 'dev', '--listen', '127.0.0.1:0', '--dev-password-file', file], /password|empty/);
  });
});

describe('running', () => {
  test('a port that is taken: told in one sentence', async () => {
    const server = await startGatehouse();
    await refusedToStart(['--auth', 'dev', '--listen', `127.0.0.1:${server.port}`], new RegExp(`${server.port}`));
    await server.stop();
  });
  test('SIGTERM and SIGINT end it cleanly', async () => {
    for (const signal of ['SIGTERM', 'SIGINT']) {
      const server = await startGatehouse();
      await get(`${server.url}/healthz`);
      const began = Date.now();
      server.kill(signal);
      assert.equal((await server.exited).code, 0, signal);
      assert.ok(Date.now() - began < 8000);
      await server.stop();
    }
  });
  test('nothing but the log on stderr, nothing on stdout', async () => {
    const server = await startGatehouse();
    await get(`${server.url}/healthz`);
    await server.stop();
    assert.equal(server.stdout(), '');
  });
  test('--log-format json: every line is an object', async () => {
    const server = await startGatehouse({ args: ['--log-format', 'json'] });
    await get(`${server.url}/none?code=secret-code`);
    await server.stop();
    const lines = server.stderr().trim().split('\n').map((line) => JSON.parse(line));
    assert.ok(lines.length >= 3);
    assert.ok(lines.some((line) => JSON.stringify(line).includes('/none')));
    assert.ok(!server.stderr().includes('secret-code'));
  });
  test('hostile bytes do not break the log', async () => {
    const server = await startGatehouse();
    await request(`${server.url}/a%0d%0a2026/01/01%1b[31m`, {});
    await request(server.mcp, { method: 'POST', headers: { Authorization: 'Bearer x', 'Content-Type': 'application/json' }, body: '{"method":"\\n\\u001b[31mforged"}' });
    await server.stop();
    // eslint-disable-next-line no-control-regex
    assert.doesNotMatch(server.stderr(), /\u001b/);
    for (const line of server.stderr().trim().split('\n')) assert.match(line, /^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d /);
  });
  test('without XDG_STATE_HOME the state is under the home folder', async () => {
    const home = tempDir();
    const server = await startGatehouse({ stateHome: home, env: { XDG_STATE_HOME: '' } });
    await server.stop();
    assert.ok(existsSync(path.join(home, '.local/state/gatehouse/dev.db')));
  });
});

// Generous, for systems differ; tables that are filled at the start, or three pages more for each worker, are
// noticed all the same.
test('256 idle workers hold little memory', { skip: sanitized }, async () => {
  const server = await startGatehouse({ args: ['--workers', '256'] });
  await sleep(300);
  const status = readFileSync(`/proc/${server.pid}/status`, 'utf8');
  const mib = (name) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)[1]) / 1024;
  assert.ok(mib('RssAnon') < 8, `${mib('RssAnon')} MiB of its own`);
  assert.ok(mib('VmRSS') < 18, `${mib('VmRSS')} MiB in all`);
  await server.stop();
});

describe('what outlives a restart', () => {
  test('clients, grants and keys, in a file that only its owner reads', async () => {
    const stateHome = tempDir();
    const one = await startGatehouse({ stateHome });
    const session = await signIn(one);
    await one.stop();
    const folder = path.join(stateHome, 'gatehouse');
    assert.equal(statSync(folder).mode & 0o077, 0);
    for (const name of readdirSync(folder)) assert.equal(statSync(path.join(folder, name)).mode & 0o077, 0, name);

    const two = await startGatehouse({ stateHome, listen: `127.0.0.1:${one.port}` });
    assert.equal(two.url, one.url);
    assert.equal((await modern(two, session.tokens.access_token, 'tools/list')).status, 200, 'the key is the same');
    const refreshed = await tokenRequest(two, refreshFields(session));
    assert.equal(refreshed.status, 200, refreshed.text);
    const again = await signIn(two, { client: session.client });
    assert.ok(again.tokens.access_token, 'the registration is known');
    await two.stop();
  });
  test('nothing, with --store memory', async () => {
    const stateHome = tempDir();
    const one = await startGatehouse({ stateHome, args: ['--store', 'memory'] });
    const session = await signIn(one);
    await one.stop();
    assert.ok(!existsSync(path.join(stateHome, 'gatehouse/dev.db')));
    const two = await startGatehouse({ stateHome, args: ['--store', 'memory'], listen: `127.0.0.1:${one.port}` });
    const reply = await tokenRequest(two, refreshFields(session));
    assert.equal(reply.status, 401);
    assert.equal(reply.json().error, 'invalid_client');
    assert.equal((await modern(two, session.tokens.access_token, 'tools/list')).status, 401);
    await two.stop();
  });
  test('--store sqlite:PATH keeps it there', async () => {
    const file = path.join(tempDir(), 'sub.db');
    const server = await startGatehouse({ args: ['--store', `sqlite:${file}`] });
    await register(server, 'http://localhost:1/');
    await server.stop();
    assert.ok(existsSync(file));
    assert.equal(statSync(file).mode & 0o077, 0);
  });
  test('a store that cannot be opened, or is no database: told at start', async () => {
    const file = path.join(tempDir(), 'junk.db');
    writeFileSync(file, 'this is not a database, it is only text'.repeat(100), { mode: 0o600 });
    await refusedToStart(['--auth', 'dev', '--listen', '127.0.0.1:0', '--store', `sqlite:${file}`], /junk\.db|database/);
    await refusedToStart(['--auth', 'dev', '--listen', '127.0.0.1:0', '--store', `sqlite:${file}/below.db`], /below\.db|junk\.db/);
    const folder = path.join(tempDir(), 'folder.db');
    mkdirSync(folder);
    await refusedToStart(['--auth', 'dev', '--listen', '127.0.0.1:0', '--store', `sqlite:${folder}`], /folder\.db|database/);
  });
});

test('a client that goes away in the middle disturbs nobody', async () => {
  const server = await startGatehouse();
  for (let i = 0; i < 20; i++) {
    const socket = net.connect(server.port, '127.0.0.1');
    await new Promise((resolve) => socket.once('connect', resolve));
    socket.write(`GET / HTTP/1.1\r\nHost: ${new URL(server.url).host}\r\n\r\n`);
    socket.resetAndDestroy();
  }
  await sleep(100);
  assert.equal((await get(`${server.url}/healthz`)).status, 200);
  assert.equal((await postForm(`${server.url}/token`, {})).status, 400);
  await server.stop();
});
