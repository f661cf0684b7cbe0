// --tools: what is wrong is said at the start, with file and line; SIGHUP reads the files again, tells clients what
// changed, and keeps the old set when the new one is broken.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { startApi } from '../support/api.mjs';
import { legacy, modern } from '../support/mcp.mjs';
import { cleanEnv, gatehousePath, runToEnd, startGatehouse, tempDir, until } from '../support/programs.mjs';
import { bearer, openStream } from '../support/sse.mjs';
import { signIn } from '../support/oauth.mjs';
import { object, toolsFile } from '../support/toolfiles.mjs';

const base = { upstreams: { a: { url: 'http://127.0.0.1:9/v1' } } };
const tool = (name, more = {}) => ({ name, description: name, inputSchema: object(), request: { path: `/${name}` }, ...more });
const isChange = (event) => event.message?.method === 'notifications/tools/list_changed';
const startRefused = async (file, args = []) => {
  const home = tempDir();
  const { code, stderr } = await runToEnd(gatehousePath, ['--auth', 'none', '--listen', '127.0.0.1:0', '--tools', file, ...args], { env: cleanEnv({ HOME: home, XDG_STATE_HOME: home }) });
  assert.equal(code, 78, stderr);
  return stderr;
};
const names = async (server, token) => (await modern(server, token, 'tools/list')).message.result.tools.map((one) => one.name);

describe('a broken file at the start is refused, with line and reason', () => {
  const cases = {
    'no JSON': ['{\n  "tools": [\n    {"name": }\n  ]\n}', /tools\.json, line 3/],
    'a misspelt member': [{ ...base, tools: [{ ...tool('a'), descripton: 'x' }] }, /line \d+.*descripton/],
    'two of one name': [{ ...base, tools: [tool('a'), tool('a')] }, /line \d+: tool a/],
    'a name that a built-in tool has': [{ ...base, tools: [tool('whoami')] }, /whoami/],
    'an upstream that is not there': [{ ...base, tools: [tool('a', { request: { upstream: 'b', path: '/' } })] }, /line \d+.*upstream/],
    'a variable that is no argument': [{ ...base, tools: [tool('a', { request: { path: '/{id}' } })] }, /line \d+.*id/],
    'a schema that is none': [{ ...base, tools: [tool('a', { inputSchema: { type: 'objekt' } })] }, /line \d+.*(schema|type)/i],
    'a way to pass the client\'s token on': [{ upstreams: { a: { url: 'https://api.example.com', credential: 'passthrough' } }, tools: [tool('a')] }, /never|passed on/],
    'an Authorization header': [{ ...base, tools: [tool('a', { request: { path: '/', headers: { authorization: 'Bearer x' } } })] }, /[Aa]uthorization/],
    'plain http to another machine': [{ upstreams: { a: { url: 'http://api.example.com' } }, tools: [tool('a')] }, /http/],
  };
  for (const [name, [description, pattern]] of Object.entries(cases)) {
    test(name, async () => {
      const stderr = await startRefused(toolsFile(description).file);
      assert.match(stderr, pattern);
      assert.match(stderr, /tools\.json|whoami/);
    });
  }
  test('a file that is not there', async () => assert.match(await startRefused('/nowhere/tools.json'), /\/nowhere\/tools\.json/));
  test('a secret that others can read', async () => {
    const { file, folder } = toolsFile({ upstreams: { a: { url: 'https://api.example.com', credential: { type: 'header', name: 'X-Key', valueFile: 'key' } } }, tools: [tool('a')] });
    writeFileSync(path.join(folder, 'key'), 'secret\n', { mode: 0o644 });
    assert.match(await startRefused(file), /key/);
  });
});

describe('SIGHUP', () => {
  let api;
  let server;
  let tools;
  let token;
  before(async () => {
    api = await startApi({ whose: () => 'anybody' });
    tools = toolsFile({ upstreams: { a: { url: api.url, credential: { type: 'header', name: 'Authorization', prefix: 'Bearer ', valueFile: 'key' } } }, tools: [tool('me'), tool('gone')] }, { key: 'a secret of the API\n' });
    server = await startGatehouse({ args: ['--tools', tools.file] });
    token = (await signIn(server)).tokens.access_token;
  });
  after(async () => { await server.stop(); await api.stop(); });
  const description = () => JSON.parse(readFileSync(tools.file, 'utf8'));
  const reload = async (mark) => {
    const before = server.stderr().length;
    server.kill('SIGHUP');
    await until(() => mark.test(server.stderr().slice(before)), () => `the reload:\n${server.stderr()}`);
  };

  test('brings new tools, takes old ones away, and tells clients of both eras', async () => {
    const session = await legacy(server, token);
    await session.notify('notifications/initialized');
    const stream = await openStream(server.mcp, { headers: { ...session.headers, ...bearer(token) } });
    tools.write({ ...description(), tools: [tool('me'), tool('orders')] });
    await reload(/read again/);
    const list = await names(server, token);
    assert.ok(list.includes('orders') && !list.includes('gone'), list.join(' '));
    await stream.wait(isChange, 'the announcement');
    assert.equal((await modern(server, token, 'tools/call', { name: 'orders', arguments: {} })).message.result.isError ?? false, false);
    stream.cut();
    await session.end();
  });

  test('tells nobody when nothing changed', async () => {
    const session = await legacy(server, token);
    await session.notify('notifications/initialized');
    const stream = await openStream(server.mcp, { headers: { ...session.headers, ...bearer(token) } });
    await reload(/read again/);
    tools.write({ ...description(), tools: [...description().tools, tool('later')] });
    await reload(/read again/);
    await stream.wait(isChange, 'the announcement');
    assert.equal(stream.events.filter(isChange).length, 1);
    stream.cut();
    await session.end();
  });

  test('a broken file changes nothing, and the log says where', async () => {
    const whole = description();
    const before = await names(server, token);
    tools.write('{"tools": [');
    await reload(/ERROR|error/);
    assert.match(server.stderr(), /everything stays as it was.*tools\.json, line 1/);
    assert.deepEqual(await names(server, token), before);
    assert.equal((await modern(server, token, 'tools/call', { name: 'me', arguments: {} })).message.result.structuredContent.who, 'anybody');
    tools.write(whole);
  });

  test('a secret that was replaced is used from then on, and neither is in the log', async () => {
    writeFileSync(path.join(tools.folder, 'key'), 'another secret\n', { mode: 0o600 });
    await reload(/read again/);
    await modern(server, token, 'tools/call', { name: 'me', arguments: {} });
    assert.equal(api.seen.at(-1).headers.authorization, 'Bearer another secret');
    assert.ok(!/another secret|a secret of the API/.test(server.stderr()));
  });

  test('a call that runs meanwhile ends as it began', async () => {
    let release;
    const hold = new Promise((resolve) => { release = resolve; });
    const slow = await startApi({ whose: () => 'anybody', change: async () => { await hold; return false; } });
    const whole = description();
    tools.write({ ...whole, upstreams: { a: { ...whole.upstreams.a, url: slow.url } } });
    await reload(/read again/);
    const pending = modern(server, token, 'tools/call', { name: 'me', arguments: {} });
    await until(() => slow.open() > 0, 'the request');
    tools.write({ ...whole, tools: [tool('other')] });
    await reload(/read again/);
    release();
    assert.equal((await pending).message.result.structuredContent.who, 'anybody');
    assert.deepEqual((await names(server, token)).includes('me'), false);
    await slow.stop();
  });
});

test('a SIGHUP that comes after the end was asked for ends no call', async () => {
  let release;
  const hold = new Promise((resolve) => { release = resolve; });
  const api = await startApi({ whose: () => 'anybody', change: async (request, outgoing) => { await hold; outgoing.writeHead(200, { 'Content-Type': 'application/json' }).end('{"late":true}'); return true; } });
  const tools = toolsFile({ upstreams: { a: { url: api.url } }, tools: [tool('me')] });
  const server = await startGatehouse({ args: ['--tools', tools.file] });
  const token = (await signIn(server)).tokens.access_token;
  const pending = modern(server, token, 'tools/call', { name: 'me', arguments: {} });
  await until(() => api.open() > 0, 'the request');
  server.kill('SIGTERM');
  await until(() => /finishing what is in flight/.test(server.stderr()), 'the end to begin');
  server.kill('SIGHUP');
  release();
  assert.equal((await pending).message.result.structuredContent.late, true);
  assert.deepEqual(await server.exited, { code: 0, signal: null });
  await api.stop();
});
