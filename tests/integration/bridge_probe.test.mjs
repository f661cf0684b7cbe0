import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { fakeBrowser } from '../support/bridge.mjs';
import { startFake } from '../support/fake_server.mjs';
import { bridgePath, cleanEnv, sleep, tempDir, until } from '../support/programs.mjs';

for (const mode of [{ pin: '2026-07-28' }, 'auto']) {
  test(`a host that finds out the era with a process of its own (${JSON.stringify(mode)}) opens one tab, and that one works`, async () => {
    const browser = fakeBrowser();
    const fake = await startFake();
    const client = new Client({ name: 'host', version: '1' }, { versionNegotiation: { mode } });
    const ready = client.connect(new StdioClientTransport({ command: bridgePath, args: ['--browser', browser.command, '--state-dir', tempDir(), fake.mcp], env: cleanEnv({ HOME: tempDir() }), stderr: 'ignore' }))
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
