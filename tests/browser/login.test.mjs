// A person's view: the bridge as a stdio command, chromium, two pages and a greeting.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';
import { fakeBrowser, startBridge } from '../support/bridge.mjs';
import { outputDir, startGatehouse, tempDir, until } from '../support/programs.mjs';

const executablePath = ['/usr/bin/chromium', '/usr/bin/google-chrome', '/usr/bin/google-chrome-stable'].find((file) => existsSync(file));
const skip = executablePath ? false : 'no chromium here (Ubuntu has it as a snap only)';
const shots = path.join(outputDir, 'screenshots');
const looks = [
  { name: 'light', colorScheme: 'light', viewport: { width: 1280, height: 800 } },
  { name: 'dark', colorScheme: 'dark', viewport: { width: 1280, height: 800 } },
  { name: 'phone', colorScheme: 'light', viewport: { width: 390, height: 844 } },
];
let server;
let chrome;

before(async () => {
  if (skip) return;
  mkdirSync(shots, { recursive: true });
  server = await startGatehouse();
  chrome = await chromium.launch({
    executablePath,
    args: ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage'],
    env: { ...process.env, HOME: tempDir() },
  });
});
after(async () => {
  await chrome?.close();
  await server?.stop();
});

// Clicks through login and consent; screenshots as they come.
async function signInWithBrowser(look, url, decision = 'approve') {
  const context = await chrome.newContext({ colorScheme: look.colorScheme, viewport: look.viewport });
  const page = await context.newPage();
  const problems = [];
  page.on('console', (message) => { if (message.type() === 'error' && !(decision === 'deny' && /status of 400/.test(message.text()))) problems.push(message.text()); });
  page.on('pageerror', (error) => problems.push(String(error)));
  const shoot = async (name) => {
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(wide <= 0, `${name} at ${look.name} scrolls sideways by ${wide} px`);
    await page.screenshot({ path: path.join(shots, `${name}-${look.name}.png`), fullPage: true });
  };
  await page.goto(url);
  await shoot('login');
  await page.fill('input[name=name]', 'Ada Lovelace');
  await page.fill('input[name=email]', 'ada@example.com');
  const consent = page.locator(`button[name=decision][value=${decision}]`);
  if (!await consent.count()) {
    await page.locator('form button[type=submit], form button:not([type])').first().click();
    await consent.waitFor();
    await shoot('consent');
  }
  await Promise.all([page.waitForURL(/^http:\/\/127\.0\.0\.1:\d+\//), consent.click()]);
  await page.waitForLoadState();
  await shoot(decision === 'approve' ? 'end' : 'denied');
  const text = await page.innerText('body');
  await context.close();
  assert.deepEqual(problems, []);
  return text;
}

for (const look of looks) {
  test(`the bridge signs in through chromium and sayHello answers (${look.name})`, { skip }, async () => {
    const browser = fakeBrowser();
    const bridge = startBridge(server.mcp, { args: ['--browser', browser.command] });
    bridge.send({ jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'browser test', version: '1' } } });
    const [url] = await until(() => browser.urls().length && browser.urls(), 'the bridge to open the browser');
    const text = await signInWithBrowser(look, url);
    assert.match(text, /close/i);
    assert.ok((await bridge.reply(1)).result);
    bridge.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
    bridge.send({ jsonrpc: '2.0', id: 2, method: 'tools/call', params: { name: 'sayHello', arguments: {} } });
    assert.match((await bridge.reply(2)).result.content[0].text, /Ada Lovelace/);
    assert.equal((await bridge.stop()).code, 0);
  });
}

test('a refusal in the browser reaches the caller as an error', { skip }, async () => {
  const browser = fakeBrowser();
  const bridge = startBridge(server.mcp, { args: ['--browser', browser.command] });
  bridge.send({ jsonrpc: '2.0', id: 2, method: 'tools/list' });
  const [url] = await until(() => browser.urls().length && browser.urls(), 'the bridge to open the browser');
  await signInWithBrowser(looks[0], url, 'deny');
  assert.ok((await bridge.reply(2)).error);
  await bridge.stop();
});

test('the front page, as a person sees it', { skip }, async () => {
  for (const look of looks) {
    const context = await chrome.newContext({ colorScheme: look.colorScheme, viewport: look.viewport });
    const page = await context.newPage();
    await page.goto(server.url);
    assert.ok((await page.innerText('body')).includes(server.mcp));
    await page.screenshot({ path: path.join(shots, `front-${look.name}.png`), fullPage: true });
    await context.close();
  }
});
