// --plugin: the example, built as its author would build it, and files that are no plugins.
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Client as ModernClient, StreamableHTTPClientTransport as ModernHttp } from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { legacy, modern } from '../support/mcp.mjs';
import { signIn } from '../support/oauth.mjs';
import { cleanEnv, gatehousePath, root, runToEnd, startGatehouse, tempDir } from '../support/programs.mjs';

const folder = tempDir();
const plugin = path.join(folder, 'example.so');
let server;
let token;

async function compile(source, target, ...flags) {
  const built = await runToEnd('cc', ['-shared', '-fPIC', `-I${root}/include`, '-o', target, ...flags,
    path.join(root, 'tests/support/plugins', source), '-lcjson'], { timeout: 60_000 });
  assert.equal(built.code, 0, built.stderr);
}

before(async () => {
  await compile('example.c', plugin);
  server = await startGatehouse({ args: ['--plugin', plugin] });
  token = (await signIn(server)).tokens.access_token;
});
after(() => server?.stop());

describe('the tool of a plugin', () => {
  for (const [name, Made, Transport, options] of [['legacy SDK', Client, StreamableHTTPClientTransport, undefined],
    ['new SDK, 2026-07-28', ModernClient, ModernHttp, { versionNegotiation: { mode: { pin: '2026-07-28' } } }]]) {
    test(`${name}: lists and calls it`, async () => {
      const client = new Made({ name: 'plugin-test', version: '1' }, options);
      await client.connect(new Transport(new URL(server.mcp), { requestInit: { headers: { Authorization: `Bearer ${token}` } } }));
      const { tools } = await client.listTools();
      assert.deepEqual(tools.map((tool) => tool.name), ['sayHello', 'whoami', 'addNumbers']);
      assert.equal(tools[2].title, 'Add numbers');
      assert.equal(tools[2].outputSchema.properties.sum.type, 'number');
      const { structuredContent, content } = await client.callTool({ name: 'addNumbers', arguments: { a: 40, b: 2.5 } });
      assert.deepEqual(structuredContent, { sum: 42.5 });
      assert.deepEqual(content, [{ type: 'text', text: '{"sum":42.5}' }]);
      await client.close();
    });
  }
  test('nobody calls it without a token', async () => {
    assert.equal((await modern(server, undefined, 'tools/call', { name: 'addNumbers', arguments: { a: 1, b: 2 } })).status, 401);
  });
  test('wrong arguments do not reach it, and its own errors reach the model', async () => {
    const wrong = await modern(server, token, 'tools/call', { name: 'addNumbers', arguments: { a: '1' } });
    assert.equal(wrong.message.result.isError, true);
    const session = await legacy(server, token);
    const large = await session.call('tools/call', { name: 'addNumbers', arguments: { a: 1e308, b: 1e308 } });
    assert.equal(large.message.result.isError, true);
    assert.equal(large.message.result.content[0].text, 'The sum is too large.');
  });
});

test('nonsense from a plugin is -32603, and the server goes on', async () => {
  const faulty = path.join(folder, 'faulty.so');
  await compile('faulty.c', faulty);
  const other = await startGatehouse({ args: ['--plugin', plugin, '--plugin', faulty] });
  const mine = (await signIn(other)).tokens.access_token;
  const call = (how) => modern(other, mine, 'tools/call', { name: 'misbehave', arguments: { how } });
  for (const how of ['code', 'no json', 'array', 'null', 'not utf-8', 'long']) {
    assert.equal((await call(how)).message.error?.code, -32603, how);
  }
  assert.match((await call('who')).message.result.content[0].text, /Ada Lovelace\|ada@example\.com/);
  assert.match(other.stderr(), /Tool misbehave of \S+faulty\.so failed: it returned 7/);
  await other.stop();
});

describe('a plugin that cannot be used keeps the server from starting', () => {
  const refused = async (file, pattern, env = {}) => {
    const home = tempDir();
    const end = await runToEnd(gatehousePath, ['--auth', 'dev', '--listen', '127.0.0.1:0', '--store', 'memory', '--plugin', file],
      { env: cleanEnv({ HOME: home, ...env }), cwd: folder });
    assert.equal(end.code, 78, JSON.stringify(end));
    assert.match(end.stderr, pattern);
  };
  test('missing', () => refused('nowhere.so', /The plugin nowhere\.so cannot be opened: No such file/));
  test('no shared object', () => refused(path.join(root, 'README.md'), /README\.md cannot be loaded/));
  test('no plugin, and a name that the system would find', () => refused('libc.so.6', /libc\.so\.6 cannot be opened/));
  test('for another version', async () => {
    await compile('faulty.c', path.join(folder, 'other.so'), '-DABI=7');
    await refused('other.so', /other\.so is for version 7 of the plugin interface/);
  });
  test('its own reason, a bad schema, a name that is taken', async () => {
    await compile('faulty.c', path.join(folder, 'init.so'));
    await refused('init.so', /The moon is not full\./, { PLUGIN_FAULT: 'reason' });
    await refused('init.so', /init\.so has a tool misbehave that is refused: .*"type": "object"/, { PLUGIN_FAULT: 'schema' });
    await refused('init.so', /There is a tool named sayHello already/, { PLUGIN_FAULT: 'duplicate' });
  });
});
