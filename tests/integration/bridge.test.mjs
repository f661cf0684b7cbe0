// gatehouse-bridge against the real server: lines in, lines out, a login when one is needed.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fakeBrowser, signInThrough, signInUrl, startBridge } from '../support/bridge.mjs';
import { bridgePath, cleanEnv, optionsOfHelp, optionsOfManual, root, runToEnd, sanitized, sleep, startGatehouse, tempDir, until } from '../support/programs.mjs';

let server;
before(async () => { server = await startGatehouse(); });
after(() => server.stop());

const line = (message) => `${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`;
const initialize = { id: 1, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } } };

// A state folder that holds a login.
async function signedIn(options) {
  const bridge = startBridge(server.mcp, { args: ['--no-browser'], ...options });
  bridge.send({ jsonrpc: '2.0', ...initialize });
  await signInThrough(await signInUrl(bridge));
  await bridge.reply(1);
  bridge.send({ jsonrpc: '2.0', id: 'ready', method: 'tools/list' });
  const ready = await bridge.reply('ready');
  assert.ok(ready.result, JSON.stringify(ready));
  await bridge.stop();
  return bridge.stateDir;
}
const pipe = (input, { stateDir = tempDir(), args = ['--no-browser'], url = server.mcp, env = {}, ...options } = {}) => runToEnd(
  bridgePath, ['--state-dir', stateDir, ...args, url], { input, env: cleanEnv({ HOME: tempDir(), ...env }), ...options });

describe('the first time', () => {
  let bridge;
  let browser;
  let endPage;
  before(async () => {
    browser = fakeBrowser();
    bridge = startBridge(server.mcp, { args: ['--browser', browser.command] });
    bridge.send({ jsonrpc: '2.0', ...initialize });
    const [url] = await until(() => browser.urls().length && browser.urls(), 'the browser to be opened');
    ({ endPage } = await signInThrough(url));
  });
  after(() => bridge.stop());

  test('the browser is opened once, with the URL that is printed too', async () => {
    assert.equal(browser.urls().length, 1);
    assert.equal(await signInUrl(bridge), browser.urls()[0]);
  });

  test('the request is PKCE with state, resource and a loopback redirect', () => {
    const query = new URL(browser.urls()[0]).searchParams;
    assert.equal(query.get('code_challenge_method'), 'S256');
    assert.equal(query.get('resource'), server.mcp);
    assert.ok(query.get('state').length >= 20);
    assert.match(query.get('redirect_uri'), /^http:\/\/127\.0\.0\.1:\d+\//);
    assert.ok(query.get('scope').split(' ').includes('mcp'));
  });

  test('the end page is friendly, harmless and says what to do', () => {
    assert.equal(endPage.status, 200);
    assert.match(endPage.headers.get('content-type'), /^text\/html/);
    assert.doesNotMatch(endPage.text, /<script/i);
    assert.match(endPage.text, /close/i);
  });

  test('calls work afterwards', async () => {
    assert.ok((await bridge.reply(1)).result);
    bridge.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
    bridge.send({ jsonrpc: '2.0', id: 'a', method: 'tools/call', params: { name: 'sayHello', arguments: {} } });
    const reply = await bridge.reply('a');
    assert.match(reply.result.content[0].text, /Ada Lovelace/);
  });

  test('a modern client goes through as well', async () => {
    bridge.send({ jsonrpc: '2.0', id: 'm', method: 'server/discover', params: { _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientInfo': { name: 't', version: '1' }, 'io.modelcontextprotocol/clientCapabilities': {} } } });
    const reply = await bridge.reply('m');
    assert.ok(reply.result?.supportedVersions?.includes('2026-07-28'), JSON.stringify(reply));
  });

  test('stdout has JSON-RPC only, and no secret is on stderr', async () => {
    for (const one of bridge.lines()) assert.equal(JSON.parse(one).jsonrpc, '2.0');
    assert.doesNotMatch(bridge.stderr(), /eyJ|access_token|refresh_token|code_verifier/);
  });

  test('the tokens are in a 0600 file in a 0700 folder', () => {
    assert.equal(statSync(bridge.stateDir).mode & 0o777, 0o700);
    const files = readdirSync(bridge.stateDir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    assert.ok(files.length > 0);
    for (const file of files) assert.equal(statSync(path.join(file.parentPath, file.name)).mode & 0o777, 0o600, file.name);
  });
});

describe('afterwards', () => {
  let stateDir;
  before(async () => { stateDir = await signedIn(); });

  test('the next start needs no browser', async () => {
    const browser = fakeBrowser();
    const end = await pipe(line(initialize) + line({ id: 2, method: 'tools/call', params: { name: 'whoami' } }), { stateDir, args: ['--browser', browser.command] });
    assert.equal(end.code, 0, end.stderr);
    assert.deepEqual(browser.urls(), []);
    const replies = end.stdout.trim().split('\n').map((text) => JSON.parse(text));
    assert.match(JSON.stringify(replies.find((reply) => reply.id === 2)), /ada@example\.com/);
  });

  test('a malformed line gets -32700 and the next line works', async () => {
    const bridge = startBridge(server.mcp, { stateDir, args: ['--no-browser'] });
    for (const bad of ['{', 'hello', '[1,', '{"jsonrpc":"2.0","id":1,"method":"ping"} x', '\u0001', `${'['.repeat(3000)}`]) bridge.send(bad);
    const errors = await until(() => bridge.messages().length >= 6 && bridge.messages(), 'six errors');
    for (const error of errors) {
      assert.equal(error.error.code, -32700);
      assert.equal(error.id, null);
    }
    assert.ok((await bridge.initialize()).result);
    assert.ok((await bridge.call('ping')).result);
    assert.equal((await bridge.stop()).code, 0);
  });

  test('an empty line is nothing', async () => {
    const end = await pipe(`\n\r\n${line(initialize)}`, { stateDir });
    assert.equal(end.stdout.trim().split('\n').length, 1);
  });

  test('a request that is no request gets -32600', async () => {
    const end = await pipe('{"jsonrpc":"2.0","id":7}\n{"id":8,"method":"ping"}\n5\n', { stateDir });
    const replies = end.stdout.trim().split('\n').map((text) => JSON.parse(text));
    assert.equal(replies.length, 3);
    for (const reply of replies) assert.ok([-32600, -32700].includes(reply.error.code), JSON.stringify(reply));
  });

  test('a line longer than the limit gets an error and the next line works', async () => {
    const end = await pipe(`{"jsonrpc":"2.0","id":5,"method":"${'a'.repeat(40_000_000)}"}\n${line(initialize)}`, { stateDir, timeout: 30_000 });
    const replies = end.stdout.trim().split('\n').map((text) => JSON.parse(text));
    assert.ok(replies.some((reply) => reply.error), 'an error');
    assert.ok(replies.some((reply) => reply.id === 1 && reply.result), 'the next line');
  });

  test('ids come back byte for byte', async () => {
    const end = await pipe(`${line(initialize)}{"jsonrpc":"2.0","id":9007199254740993,"method":"ping"}\n{"jsonrpc":"2.0","id":"\\u00e9\\"","method":"ping"}\n`, { stateDir });
    assert.match(end.stdout, /"id":\s*9007199254740993\b/);
    assert.ok(end.stdout.split('\n').filter(Boolean).some((text) => JSON.parse(text).id === 'é"'));
  });

  test('a hundred calls at once get a hundred replies', async () => {
    const calls = Array.from({ length: 100 }, (_, i) => line({ id: 100 + i, method: 'tools/call', params: { name: 'sayHello', arguments: { name: `n${i}` } } })).join('');
    const end = await pipe(line(initialize) + calls, { stateDir, args: ['--no-browser', '--eof-wait', '10s'] });
    const replies = end.stdout.trim().split('\n').map((text) => JSON.parse(text));
    assert.equal(replies.length, 101);
    for (let i = 0; i < 100; i++) assert.match(JSON.stringify(replies.find((reply) => reply.id === 100 + i).result), new RegExp(`n${i}\\b`));
  });

  test('status names the person\'s login and prints no token, check passes', async () => {
    const tool = (command) => runToEnd(bridgePath, [command, '--state-dir', stateDir, server.mcp], { env: cleanEnv({ HOME: tempDir() }) });
    const status = await tool('status');
    assert.equal(status.code, 0, status.stderr);
    assert.ok(status.stdout.includes(server.mcp));
    assert.doesNotMatch(status.stdout + status.stderr, /eyJ/);
    const check = await tool('check');
    assert.equal(check.code, 0, check.stdout + check.stderr);
  });

  test('a token that the server no longer takes is refreshed silently', async () => {
    const brief = await startGatehouse({ args: ['--access-token-ttl', '2s'] });
    const bridge = startBridge(brief.mcp, { args: ['--no-browser'] });
    bridge.send({ jsonrpc: '2.0', ...initialize });
    await signInThrough(await signInUrl(bridge));
    await bridge.reply(1);
    for (let round = 0; round < 2; round++) {
      await sleep(2500);
      bridge.send({ jsonrpc: '2.0', id: `r${round}`, method: 'tools/list' });
      assert.ok((await bridge.reply(`r${round}`)).result);
    }
    assert.equal(bridge.stderr().match(/Open this URL/g).length, 1);
    await bridge.stop();
    await brief.stop();
  });

  test('a server that restarts is found again, the session too', async () => {
    const stateHome = tempDir();
    let moving = await startGatehouse({ stateHome });
    const bridge = startBridge(moving.mcp, { args: ['--no-browser'] });
    bridge.send({ jsonrpc: '2.0', ...initialize });
    await signInThrough(await signInUrl(bridge));
    await bridge.reply(1);
    await moving.stop();
    moving = await startGatehouse({ stateHome, listen: `127.0.0.1:${moving.port}` });
    bridge.send({ jsonrpc: '2.0', id: 'again', method: 'tools/list' });
    const reply = await bridge.reply('again');
    assert.ok(reply.result ?? reply.error, 'one reply');
    await bridge.stop();
    await moving.stop();
  });

  test('two bridges at once share one login', async () => {
    const shared = tempDir();
    const bridges = [0, 1].map(() => startBridge(server.mcp, { stateDir: shared, args: ['--no-browser'] }));
    for (const bridge of bridges) bridge.send({ jsonrpc: '2.0', ...initialize });
    const url = await until(() => bridges.map((bridge) => /sign in: (\S+)/.exec(bridge.stderr())?.[1]).find(Boolean), 'a sign-in URL');
    await sleep(500);
    await signInThrough(url);
    for (const bridge of bridges) bridge.send({ jsonrpc: '2.0', id: 'l', method: 'tools/list' });
    for (const bridge of bridges) assert.ok((await bridge.reply('l', 20_000)).result);
    const printed = bridges.map((bridge) => (bridge.stderr().match(/Open this URL/g) ?? []).length);
    assert.equal(printed[0] + printed[1], 1, 'one of them asked');
    for (const bridge of bridges) await bridge.stop();
  });

  test('logout forgets and revokes; login signs in without a client', async () => {
    const own = tempDir();
    const browser = fakeBrowser();
    const login = startBridge(server.mcp, { before: ['login'], stateDir: own, args: ['--browser', browser.command] });
    await signInThrough(await signInUrl(login));
    assert.equal((await login.exited).code, 0, login.stderr());
    const tool = (command) => runToEnd(bridgePath, [command, '--state-dir', own, server.mcp], { env: cleanEnv({ HOME: tempDir() }) });
    assert.equal((await tool('logout')).code, 0);
    const status = await tool('status');
    assert.match(status.stdout + status.stderr, /not signed in|no login|signed out/i);
    const end = await pipe(line(initialize) + line({ id: 2, method: 'tools/list' }), { stateDir: own });
    assert.match(end.stderr, /Open this URL/);
  });
});

describe('the end of stdin', () => {
  test('while the login is pending: an error for each call, then exit', async () => {
    const began = Date.now();
    const end = await pipe(line({ id: 2, method: 'tools/list' }) + line({ id: 3, method: 'ping' }));
    assert.ok(Date.now() - began < 8000);
    const replies = end.stdout.trim().split('\n').map((text) => JSON.parse(text));
    assert.deepEqual(replies.map((reply) => reply.id).sort(), [2, 3]);
    for (const reply of replies) assert.ok(reply.error.message.length > 10);
    assert.equal(end.signal, null);
  });
  test('at once: exit 0 without a word on stdout', async () => {
    const end = await pipe('');
    assert.equal(end.code, 0, end.stderr);
    assert.equal(end.stdout, '');
  });
  test('a last line without its newline counts', async () => {
    const stateDir = await signedIn();
    const end = await pipe(line(initialize).trimEnd(), { stateDir });
    assert.equal(JSON.parse(end.stdout).id, 1);
  });
});

describe('a login that fails', () => {
  test('initialize is answered while the login is pending', async () => {
    const bridge = startBridge(server.mcp, { args: ['--no-browser'] });
    await sleep(200); // the start is measured elsewhere
    const began = Date.now();
    bridge.send({ jsonrpc: '2.0', ...initialize });
    assert.ok((await bridge.reply(1, 5000)).result);
    const took = Date.now() - began;
    assert.ok(took < (sanitized ? 4000 : 1000), `${took} ms`);
    await signInUrl(bridge);
    await bridge.stop();
  });
  test('a refusal on the page: calls get an error that says so', async () => {
    const bridge = startBridge(server.mcp, { args: ['--no-browser'] });
    bridge.send({ jsonrpc: '2.0', id: 4, method: 'tools/list' });
    const { endPage } = await signInThrough(await signInUrl(bridge), { decision: 'deny' });
    assert.doesNotMatch(endPage.text, /<script/);
    assert.ok((await bridge.reply(4)).error.message);
    await bridge.stop();
  });
  test('nobody signs in: the wait ends', async () => {
    const bridge = startBridge(server.mcp, { args: ['--no-browser', '--login-timeout', '1s'] });
    bridge.send({ jsonrpc: '2.0', id: 4, method: 'tools/list' });
    const reply = await bridge.reply(4, 10_000);
    assert.ok(reply.error.message);
    await bridge.stop();
  });
  test('junk at the loopback listener changes nothing', async () => {
    const bridge = startBridge(server.mcp, { args: ['--no-browser'] });
    bridge.send({ jsonrpc: '2.0', ...initialize });
    bridge.send({ jsonrpc: '2.0', id: 4, method: 'tools/list' });
    const url = await signInUrl(bridge);
    const redirectUri = new URL(url).searchParams.get('redirect_uri');
    for (const query of ['?code=junk', '?code=junk&state=wrong', '?error=access_denied', '?state=', '', `?code=${'a'.repeat(20_000)}`]) {
      const reply = await fetch(redirectUri + query).catch(() => undefined);
      if (reply) assert.ok(reply.status >= 400, `${query.slice(0, 30)}: ${reply.status}`);
    }
    assert.ok(!bridge.ended());
    await signInThrough(url);
    assert.ok((await bridge.reply(4)).result);
    await bridge.stop();
  });
  test('a browser that cannot be started: the URL is still on stderr', async () => {
    const bridge = startBridge(server.mcp, { args: ['--browser', '/nonexistent/browser'] });
    bridge.send({ jsonrpc: '2.0', ...initialize });
    bridge.send({ jsonrpc: '2.0', id: 4, method: 'tools/list' });
    await signInThrough(await signInUrl(bridge));
    assert.ok((await bridge.reply(4)).result);
    await bridge.stop();
  });
});

describe('how the browser is opened', () => {
  test('$BROWSER is used, without a shell', async () => {
    const browser = fakeBrowser();
    const marker = path.join(tempDir(), 'marker');
    const bridge = startBridge(server.mcp, { env: { BROWSER: `${browser.command} ;touch ${marker}` } });
    bridge.send({ jsonrpc: '2.0', id: 4, method: 'tools/list' });
    await signInUrl(bridge);
    await sleep(500);
    assert.throws(() => statSync(marker));
    await bridge.stop();
  });
});

describe('options', () => {
  const tool = (args, env = {}) => runToEnd(bridgePath, args, { env: cleanEnv({ HOME: tempDir(), ...env }) });
  test('--help and --version', async () => {
    const help = await tool(['--help']);
    assert.equal(help.code, 0);
    for (const word of ['--state-dir', '--browser', '--no-browser', '--client-id', '--eof-wait', 'login', 'logout', 'status', 'check']) assert.ok(help.stdout.includes(word), word);
    assert.match((await tool(['--version'])).stdout, /\d+\.\d+\.\d+/);
  });
  test('the man page has every option', async () => {
    const manual = optionsOfManual(readFileSync(path.join(root, 'bridge/gatehouse-bridge.1'), 'utf8'));
    const options = optionsOfHelp((await tool(['--help'])).stdout);
    assert.ok(options.length > 10);
    for (const option of options) assert.ok(manual.includes(option), option);
  });
  test('no URL, a bad URL, an unknown option, two URLs', async () => {
    for (const [args, pattern] of [[[], /URL/], [['nonsense'], /URL|http/], [['ftp://example.com/mcp'], /http/], [['--no-browsr', 'http://localhost:1/mcp'], /--no-browser/],
      [['http://localhost:1/mcp', 'http://localhost:2/mcp'], /./], [['http://example.com/mcp'], /https|http/], [['http://user:pw@localhost:1/mcp'], /./]]) {
      const end = await runToEnd(bridgePath, args, { env: cleanEnv({ HOME: tempDir() }), input: '' });
      assert.ok(end.code > 0, args.join(' '));
      assert.match(end.stderr, pattern, args.join(' '));
      assert.equal(end.stdout, '');
    }
  });
  test('a server that is not there: an error for the call, not silence', async () => {
    const end = await pipe(line(initialize), { url: 'http://127.0.0.1:9/mcp', args: ['--no-browser', '--eof-wait', '5s'] });
    const reply = JSON.parse(end.stdout.trim().split('\n')[0]);
    assert.equal(reply.id, 1);
    assert.match(reply.error.message, /127\.0\.0\.1:9|connect|reach/i);
  });
  test('a state folder that others can read is refused or put right', async () => {
    const open = tempDir();
    execFileSync('chmod', ['755', open]);
    const end = await pipe('', { stateDir: path.join(open, 'inner') });
    assert.equal(end.code, 0, end.stderr);
    const file = path.join(tempDir(), 'file');
    writeFileSync(file, '');
    const bad = await pipe(line(initialize), { stateDir: path.join(file, 'x') });
    assert.ok(bad.code > 0 || /"error"/.test(bad.stdout));
  });
});
