// `gatehouse tools check` and `gatehouse tools call`: a tools file tried without a server and without a client.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startApi } from '../support/api.mjs';
import { cleanEnv, gatehousePath, runToEnd, tempDir } from '../support/programs.mjs';
import { object, ordersFile, toolsFile } from '../support/toolfiles.mjs';

let api;
before(async () => { api = await startApi({ whose: (token) => ({ 'token-of-ada': 'ada' })[token] }); });
after(() => api.stop());
const run = (...args) => {
  const home = tempDir();
  return runToEnd(gatehousePath, args, { env: cleanEnv({ HOME: home, XDG_STATE_HOME: home }) });
};

test('check lists what there is, and which request each tool makes', async () => {
  const { file } = toolsFile({ ...ordersFile(api), scopes: {}, prompts: [{ name: 'review', messages: [{ role: 'user', text: 'Look.' }] }], resources: [{ uri: 'a://b', name: 'b', text: 'hello' }] });
  const { code, stdout, stderr } = await run('tools', 'check', file);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /4 tools, 1 resource, 0 resource templates, 1 prompt/);
  assert.match(stdout, /Tool getOrder: One order\.\n\s+GET http:\/\/127\.0\.0\.1:\d+\/v1\/orders\/\{id\}/);
  assert.match(stdout, /credential user/);
});

test('check with a name prints exactly what a client sees of it', async () => {
  const { file } = toolsFile(ordersFile(api));
  const { code, stdout } = await run('tools', 'check', file, 'getOrder');
  assert.equal(code, 0);
  const tool = JSON.parse(stdout);
  assert.equal(tool.name, 'getOrder');
  assert.deepEqual(tool.inputSchema, object({ id: { type: 'string' } }, ['id']));
  assert.equal((await run('tools', 'check', file, 'nothing')).code, 1);
});

test('check refuses a broken file with line and reason', async () => {
  const { file } = toolsFile('{\n  "tools": [\n    {"nam": "x"}\n  ]\n}');
  const { code, stdout, stderr } = await run('tools', 'check', file);
  assert.deepEqual([code, stdout], [1, '']);
  assert.match(stderr, /tools\.json, line 3.*nam/);
});

test('check beside the server\'s own options says which credential that mode has not', async () => {
  const { file } = toolsFile(ordersFile(api));
  const { code, stderr } = await run('--auth', 'direct', '--issuer', 'https://id.example.org', 'tools', 'check', file);
  assert.equal(code, 1);
  assert.match(stderr, /credential "user" needs --auth proxy/);
});

test('check beside the options of proxy mode takes the credential that only this mode has', async () => {
  const { file, folder } = toolsFile(ordersFile(api), { secret: 'a secret' });
  const { code, stdout, stderr } = await run('--issuer', 'https://id.example.org', '--client-id', 'gatehouse', '--client-secret-file', `${folder}/secret`, 'tools', 'check', file);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /credential user\n/);
});

test('check finds names that the server has itself, which would keep it from starting', async () => {
  const { file } = toolsFile({ ...ordersFile(api), tools: [{ name: 'sayHello', request: { path: '/me' } }] });
  const { code, stderr } = await run('tools', 'check', file);
  assert.equal(code, 1);
  assert.match(stderr, /Tool sayHello of .*tools\.json: there is one of that name already, of gatehouse/);
});

test('what was given to the wrong option is told where it belongs', async () => {
  const { file, folder } = toolsFile(ordersFile(api), { 'api.yaml': 'openapi: 3.1.0\ninfo: {title: x, version: "1"}\npaths: {}\n' });
  const serve = ['--store', 'memory', '--listen', '127.0.0.1:0'];
  const description = await run(...serve, '--tools', `${folder}/api.yaml`);
  assert.equal(description.code, 78);
  assert.match(description.stderr, /api\.yaml is an OpenAPI description, not a tools file: give it by --openapi/);
  const tools = await run(...serve, '--openapi', file);
  assert.equal(tools.code, 78);
  assert.match(tools.stderr, /tools\.json: it has no member "openapi".*a tools file is given by --tools/);
  const select = await run(...serve, '--tools', file, '--openapi-select', 'GET *');
  assert.equal(select.code, 64);
  assert.match(select.stderr, /--openapi-select is about the descriptions of --openapi/);
});

test('call makes the request and prints the result', async () => {
  const { file, folder } = toolsFile(ordersFile(api), { token: 'token-of-ada\n' });
  const done = await run('--user-token-file', `${folder}/token`, 'tools', 'call', file, 'whoIsAsking');
  assert.equal(done.code, 0, done.stderr);
  assert.equal(JSON.parse(done.stdout).structuredContent.who, 'ada');
  const missing = await run('--user-token-file', `${folder}/token`, 'tools', 'call', file, 'getOrder', '{"id":"77"}');
  assert.equal(missing.code, 1);
  assert.match(JSON.parse(missing.stdout).content[0].text, /no order 77/);
  assert.equal(JSON.parse(missing.stdout).isError, true);
});

test('call says what is missing', async () => {
  const { file } = toolsFile(ordersFile(api));
  const token = await run('tools', 'call', file, 'whoIsAsking');
  assert.equal(token.code, 1);
  assert.match(token.stdout + token.stderr, /--user-token-file/);
  const argument = await run('tools', 'call', file, 'getOrder', '{}');
  assert.equal(argument.code, 1);
  assert.match(argument.stderr, /id/);
  const json = await run('tools', 'call', file, 'getOrder', '{');
  assert.equal(json.code, 1);
  assert.equal((await run('tools', 'call', file, 'nothing')).code, 1);
  assert.equal((await run('tools')).code, 64);
  assert.equal((await run('tools', 'check')).code, 64);
});

test('prompts, and resources by their URI, can be tried as well', async () => {
  const { file } = toolsFile({ prompts: [{ name: 'review', arguments: [{ name: 'id', required: true }], messages: [{ role: 'user', text: 'Look at {id}.' }] }], resources: [{ folder: 'pages', uri: 'pages://', name: 'pages' }] }, { 'pages/a.md': '# A page' });
  assert.equal(JSON.parse((await run('tools', 'call', file, 'review', '{"id":"7"}')).stdout).messages[0].content.text, 'Look at 7.');
  assert.equal(JSON.parse((await run('tools', 'call', file, 'pages://a.md')).stdout).contents[0].text, '# A page');
});
