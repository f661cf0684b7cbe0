import assert from 'node:assert/strict';
import { readFileSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { fakeBrowser, signInUrl, startBridge } from '../support/bridge.mjs';
import { startFake } from '../support/fake_server.mjs';
import { meta } from '../support/mcp.mjs';
import { bridgePath, cleanEnv, sleep, tempDir, until } from '../support/programs.mjs';

// A state folder from which the login is gone, but not what is known of the server: that it is a legacy one.
async function remembering(fake) {
  const stateDir = tempDir();
  const bridge = startBridge(fake.mcp, { stateDir, args: ['--browser', 'curl -sL -o /dev/null'] });
  await bridge.call('tools/list');
  assert.ok((await bridge.call('server/discover', { _meta: meta() })).result.supportedVersions, bridge.stderr());
  await bridge.stop();
  for (const name of readdirSync(stateDir)) if (!name.endsWith('.server.json')) rmSync(path.join(stateDir, name));
  const [known] = readdirSync(stateDir);
  assert.equal(JSON.parse(readFileSync(path.join(stateDir, known), 'utf8')).era, 'legacy');
  return stateDir;
}

for (const [mode, known] of [[{ pin: '2026-07-28' }, false], ['auto', false], ['auto', true]]) {
  test(`a host that finds out the era with a process of its own (${JSON.stringify(mode)}${known ? ', of a server that is known' : ''}) opens one tab, and that one works`, async () => {
    const browser = fakeBrowser();
    const fake = await startFake();
    const stateDir = known ? await remembering(fake) : tempDir();
    const client = new Client({ name: 'host', version: '1' }, { versionNegotiation: { mode } });
    const ready = client.connect(new StdioClientTransport({ command: bridgePath, args: ['--browser', browser.command, '--state-dir', stateDir, fake.mcp], env: cleanEnv({ HOME: tempDir() }), stderr: 'ignore' }))
      .then(() => client.listTools()).catch((error) => error);
    const [url] = await until(() => browser.urls().length && browser.urls(), 'the tab');
    await sleep(3000); // a person takes their time
    const page = await fetch(url).catch((error) => error);
    assert.equal(browser.urls().length, 1, 'one tab');
    assert.equal(page.status, 200, String(page));
    await ready;
    await client.close();
    await fake.stop();
  });
}

test('a look while a sibling signs in does not wait for that', async () => {
  const fake = await startFake();
  const stateDir = tempDir();
  const args = ['--no-browser'];
  const sibling = startBridge(fake.mcp, { args, stateDir });
  sibling.send({ jsonrpc: '2.0', id: 1, method: 'tools/list' });
  await signInUrl(sibling);
  const bridge = startBridge(fake.mcp, { args, stateDir });
  const began = Date.now();
  assert.ok((await bridge.call('server/discover', { _meta: meta() })).result.supportedVersions, bridge.stderr());
  assert.ok(Date.now() - began < 3000, `${Date.now() - began} ms`); // its own start included
  await bridge.stop();
  await sibling.stop();
  await fake.stop();
});
