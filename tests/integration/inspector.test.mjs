// The MCP Inspector's command line lists and calls, in both eras.
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { signIn } from '../support/oauth.mjs';
import { cleanEnv, fixturePath, runToEnd, startGatehouse, tempDir } from '../support/programs.mjs';

const launcher = fileURLToPath(new URL('../node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js', import.meta.url));
let server;
let token;
before(async () => {
  server = await startGatehouse({ args: ['--plugin', fixturePath, '--store', 'memory'] });
  token = (await signIn(server)).tokens.access_token;
});
after(() => server?.stop());

// -> { code, value } of what is printed
async function inspect(era, args, auth = token) {
  const home = tempDir();
  const run = await runToEnd(process.execPath, [launcher, '--cli', '--server-url', server.mcp, '--transport', 'http', '--protocol-era', era,
    '--format', 'json', '--quiet', '--stored-auth-only', ...(auth ? ['--header', `Authorization: Bearer ${auth}`] : []), ...args],
  { env: cleanEnv({ HOME: home, XDG_CONFIG_HOME: home, MCP_CATALOG_PATH: path.join(home, 'mcp.json') }), cwd: home, timeout: 60_000 });
  let value;
  try { value = JSON.parse(run.stdout); } catch { value = undefined; }
  return { ...run, value: value?.result ?? value };
}

for (const era of ['legacy', 'modern']) {
  describe(era, { concurrency: 2 }, () => {
    const shows = (what, args, check) => test(what, async () => {
      const run = await inspect(era, args);
      assert.equal(run.code, 0, run.stdout + run.stderr);
      check(run.value, run);
    });
    shows('initialize', ['--method', 'initialize'], ({ serverInfo, protocolVersion, capabilities }) => {
      assert.deepEqual([serverInfo.name, protocolVersion], ['gatehouse', era === 'modern' ? '2026-07-28' : '2025-11-25']);
      assert.ok(capabilities.tools && capabilities.resources && capabilities.prompts);
    });
    shows('tools/list', ['--method', 'tools/list', '--strict'], ({ tools }) => assert.ok(tools.length > 30 && tools.some((tool) => tool.name === 'test_simple_text')));
    shows('tools/call', ['--method', 'tools/call', '--tool-name', 'greet', '--tool-arg', 'name=Ada'], ({ content }) => assert.equal(content[0].text, 'Hello, Ada!'));
    shows('tools/call with headers', ['--method', 'tools/call', '--tool-name', 'test_custom_headers', '--tool-args-json', '{"region":"\u00fc","priority":1}'], ({ content }) => assert.deepEqual(JSON.parse(content[0].text), { region: '\u00fc', priority: 1 }));
    shows('resources/list', ['--method', 'resources/list'], ({ resources }) => assert.equal(resources.length, 5));
    shows('resources/read', ['--method', 'resources/read', '--uri', 'test://static-text'], ({ contents }) => assert.match(contents[0].text, /static text resource/));
    shows('resources/templates/list', ['--method', 'resources/templates/list'], ({ resourceTemplates }) => assert.equal(resourceTemplates.length, 1));
    shows('prompts/list', ['--method', 'prompts/list'], ({ prompts }) => assert.equal(prompts.length, 6));
    shows('prompts/get', ['--method', 'prompts/get', '--prompt-name', 'test_prompt_with_arguments', '--prompt-args', 'arg1=a', 'arg2=b'], ({ messages }) => assert.match(messages[0].content.text, /arg1='a', arg2='b'/));
    if (era === 'legacy') shows('logging/setLevel', ['--method', 'logging/setLevel', '--log-level', 'debug'], () => {});
  });
}

test('without a token it says so', async () => {
  const run = await inspect('legacy', ['--method', 'tools/list'], null);
  assert.notEqual(run.code, 0);
  assert.match(run.stdout + run.stderr, /401|[Uu]nauthori[sz]ed|auth/);
});
