// The bridge as a stdio child, spoken to line by line.
import { chmodSync, readFileSync, writeFileSync, existsSync } from 'node:fs';
import path from 'node:path';
import { bridgePath, cleanEnv, assertNoSanitizerReport, start, tempDir, until } from './programs.mjs';
import { walk } from './oauth.mjs';
import { noteSecretsOf, noteStateDir } from './secrets.mjs';

// A `--browser` command that only writes down the URL it was given. -> { command, urls() }
export function fakeBrowser() {
  const folder = tempDir();
  const script = path.join(folder, 'browser');
  const list = path.join(folder, 'urls');
  writeFileSync(script, `#!/bin/sh\nprintf '%s\\n' "$@" >>'${list}'\n`);
  chmodSync(script, 0o755);
  return { command: script, urls: () => (existsSync(list) ? readFileSync(list, 'utf8').trim().split('\n') : []) };
}

// The log is as talkative as can be, so that tests/secrets has something to look through.
export function startBridge(url, { args = [], env = {}, stateDir = tempDir(), before = [], after = [] } = {}) {
  const home = tempDir();
  const run = start(bridgePath, [...before, '--state-dir', stateDir, ...args, url, ...after], {
    env: cleanEnv({ HOME: home, GATEHOUSE_BRIDGE_LOG_LEVEL: 'debug', ...env }), stdin: 'pipe',
  });
  run.child.stdin.on('error', () => {});
  let ended;
  run.exited.then((how) => { ended = how; noteStateDir(stateDir); });
  const lines = () => run.stdout().split('\n').slice(0, -1);
  const messages = () => lines().map((line) => JSON.parse(line));
  let lastId = 0;
  const bridge = {
    ...run,
    stateDir,
    lines,
    messages,
    ended: () => ended,
    send: (message) => run.child.stdin.write(`${typeof message === 'string' ? message : JSON.stringify(message)}\n`),
    closeStdin: () => run.child.stdin.end(),
    reply: (id, ms = 15_000) => until(() => {
      const found = messages().find((message) => message.id === id && ('result' in message || 'error' in message));
      if (!found && ended) throw new Error(`the bridge ended with ${JSON.stringify(ended)} before it answered:\n${run.stderr()}`);
      return found;
    }, () => `the reply to ${id}; stderr:\n${run.stderr()}`, ms),
    async call(method, params, ms) {
      const id = ++lastId;
      bridge.send({ jsonrpc: '2.0', id, method, ...(params && { params }) });
      return bridge.reply(id, ms);
    },
    initialize: (version = '2025-11-25') => bridge.call('initialize', {
      protocolVersion: version, capabilities: {}, clientInfo: { name: 'test', version: '1' },
    }),
    async stop() {
      if (!ended) run.child.stdin.end();
      const timer = setTimeout(() => run.child.kill('SIGKILL'), 10_000);
      const how = await run.exited;
      clearTimeout(timer);
      assertNoSanitizerReport(run.stderr());
      return how;
    },
  };
  return bridge;
}

// The URL that the bridge asks a person to open.
export const signInUrl = (bridge, ms) => until(
  () => /Open this URL to sign in: (\S+)/.exec(bridge.stderr())?.[1], () => `the sign-in URL; stderr:\n${bridge.stderr()}`, ms);

// Signs in as a person would, up to the bridge's own end page. -> { redirect, endPage }
export async function signInThrough(url, options) {
  const redirectUri = new URL(url).searchParams.get('redirect_uri');
  const done = await walk(url, redirectUri, options);
  if (!done.redirect) throw new Error(`no redirect: ${done.reply.status} ${done.reply.text}`);
  noteSecretsOf(Object.fromEntries(new URL(done.redirect).searchParams));
  const endPage = await fetch(done.redirect);
  return { ...done, endPage: { status: endPage.status, headers: endPage.headers, text: await endPage.text() } };
}
