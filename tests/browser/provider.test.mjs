// A person's view of the modes beside a provider, with chromium: consent here in proxy mode, the login at the
// provider, and back.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';
import { fakeBrowser, startBridge } from '../support/bridge.mjs';
import { outputDir, tempDir, until } from '../support/programs.mjs';
import { shapes, startBeside, startProvider } from '../support/provider.mjs';

const executablePath = ['/usr/bin/chromium', '/usr/bin/google-chrome', '/usr/bin/google-chrome-stable'].find((file) => existsSync(file));
const skip = executablePath ? false : 'no chromium here (Ubuntu has it as a snap only)';
const shots = path.join(outputDir, 'screenshots');
let chrome;
before(async () => {
  if (skip) return;
  mkdirSync(shots, { recursive: true });
  chrome = await chromium.launch({
    executablePath,
    args: ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage'],
    env: { ...process.env, HOME: tempDir() },
  });
});
after(() => chrome?.close());

async function withBridge(shape, use, { mode = 'proxy', args = [] } = {}) {
  const provider = await startProvider({ shape });
  const server = await startBeside(provider, { mode });
  const browser = fakeBrowser();
  const bridge = startBridge(server.mcp, { args: ['--browser', browser.command, ...args] });
  bridge.send({ jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'browser test', version: '1' } } });
  bridge.send({ jsonrpc: '2.0', id: 2, method: 'tools/call', params: { name: 'sayHello', arguments: {} } });
  const [url] = await until(() => browser.urls().length && browser.urls(), 'the bridge to open the browser');
  const page = await (await chrome.newContext()).newPage();
  const problems = [];
  page.on('console', (message) => { if (message.type() === 'error' && !/favicon|status of 40\d/.test(message.text())) problems.push(message.text()); });
  await page.goto(url);
  await use({ page, provider, server, shoot: (name) => page.screenshot({ path: path.join(shots, `${name}-${shape}.png`), fullPage: true }) });
  const reply = await bridge.reply(2);
  await bridge.stop();
  await page.context().close();
  await server.stop();
  await provider.stop();
  assert.deepEqual(problems, []);
  return reply;
}

for (const shape of shapes) {
  test(`consent, login at the ${shape} provider, and a greeting`, { skip }, async () => {
    const reply = await withBridge(shape, async ({ page, provider, server, shoot }) => {
      assert.equal(new URL(page.url()).origin, server.url);
      await shoot('proxy-consent');
      await page.click('button[name=decision][value=approve]');
      await page.waitForURL((url) => url.origin === provider.url);
      await page.fill('input[name=username]', 'ada');
      await page.fill('input[name=password]', 'x');
      await page.click('button[value=yes]');
      if (shape === 'plain') {
        await page.waitForSelector('text=Provider consent');
        await page.click('button[value=yes]');
      }
      await page.waitForURL(/^http:\/\/127\.0\.0\.1:\d+\//);
      await shoot('proxy-end');
      assert.match(await page.innerText('body'), /close/i);
    });
    assert.match(JSON.stringify(reply.result ?? reply), /Ada Lovelace/);
  });
}

test('"Cancel" at the provider reaches the caller as an error', { skip }, async () => {
  const reply = await withBridge('authentik', async ({ page, provider }) => {
    await page.click('button[name=decision][value=approve]');
    await page.waitForURL((url) => url.origin === provider.url);
    await page.click('button[value=no]');
    await page.waitForURL(/^http:\/\/127\.0\.0\.1:\d+\//);
  });
  assert.match(JSON.stringify(reply.error), /denied|refused|declined|cancel/i);
});

for (const [mode, args] of [['direct', ['--client-id', 'gatehouse-direct']], ['facade', []]]) {
  test(`${mode} mode: the login at the provider, and a tool call`, { skip }, async () => {
    const reply = await withBridge('authentik', async ({ page, provider }) => {
      assert.equal(new URL(page.url()).origin, provider.url);
      await page.fill('input[name=username]', 'ada');
      await page.fill('input[name=password]', 'x');
      await page.click('button[value=yes]');
      await page.waitForURL(/^http:\/\/127\.0\.0\.1:\d+\//);
      assert.match(await page.innerText('body'), /close/i);
    }, { mode, args });
    assert.ok(reply.result && !reply.result.isError, JSON.stringify(reply));
  });
}
