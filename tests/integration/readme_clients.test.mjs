// The README's lines for clients: each names this server, and those that can run here lead to a tool call.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fakeBrowser, signInThrough } from '../support/bridge.mjs';
import { bridgePath, cleanEnv, root, start, startGatehouse, tempDir, until } from '../support/programs.mjs';

const readme = readFileSync(path.join(root, 'README.md'), 'utf8');
const [section] = /(?<=## Connect a client\n)[\s\S]*?(?=\n## )/.exec(readme);
const url = 'http://localhost:8080/mcp';
const rows = Object.fromEntries(section.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| client')).map((line) => {
  const [name, add, use] = line.replace(/^\| | \|$/g, '').split(' | ');
  return [name, { add: [...add.matchAll(/`([^`]+)`/g)].map(([, code]) => code).at(-1), use }];
}));

describe('the lines for clients', () => {
  test('there is one to add the server, and a way to the first call, for each', () => {
    assert.deepEqual(Object.keys(rows), ['Claude Code', 'Codex', 'VS Code', 'Cursor', 'anything that starts a command']);
    for (const { add, use } of Object.values(rows)) {
      assert.ok(add.includes(url), add);
      assert.match(use, /sayHello/);
    }
  });
  test('what goes into a file or an option is JSON, with what that client reads', () => {
    assert.deepEqual(JSON.parse(/'(.*)'/.exec(rows['VS Code'].add)[1]), { name: 'gatehouse', type: 'http', url });
    assert.deepEqual(JSON.parse(rows.Cursor.add), { mcpServers: { gatehouse: { url } } });
    assert.deepEqual(JSON.parse(rows['anything that starts a command'].add), { mcpServers: { gatehouse: { command: '/path/to/build/gatehouse-bridge', args: [url] } } });
  });
});

describe('what starts the bridge', () => {
  let server;
  before(async () => { server = await startGatehouse(); });
  after(() => server?.stop());

  // Runs it in a shell, signs in when the browser is opened, and gives what it printed once that holds `wanted`.
  async function follow(script, wanted, input) {
    const browser = fakeBrowser();
    const home = tempDir();
    const text = script.replaceAll(url, server.mcp).replaceAll(/[\w/]*build\/gatehouse-bridge/g, bridgePath);
    const run = start('bash', ['-ec', text], { env: cleanEnv({ HOME: home, GATEHOUSE_BRIDGE_BROWSER: browser.command }), stdin: 'pipe' });
    if (input) run.child.stdin.write(input);
    const [opened] = await until(() => browser.urls().length && browser.urls(), () => `the browser to be opened:\n${run.stderr()}`);
    assert.equal((await signInThrough(opened)).endPage.status, 200);
    await until(() => wanted.test(run.stdout()), () => `the answer:\n${run.stdout()}${run.stderr()}`);
    run.child.stdin.end();
    assert.equal((await run.exited).code, 0, run.stderr());
  }
  const [shell] = /(?<=```\n)[\s\S]*?(?=\n```)/.exec(section);
  const messages = [...shell.matchAll(/'(\{.*\})'/g)].map(([, message]) => `${message}\n`);

  test('the stdio entry signs in and calls', () => {
    const { command, args } = JSON.parse(rows['anything that starts a command'].add).mcpServers.gatehouse;
    return follow(`exec ${[command, ...args].join(' ')}`, /Hello.*Ada Lovelace/, messages.join(''));
  });
  test('the commands for a shell sign in and call', () => follow(shell, /Hello.*Ada Lovelace/));
});
