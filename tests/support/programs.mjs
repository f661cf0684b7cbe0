// Starts the real programs, each with a state folder of its own, and cleans up after them.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { notePrinted } from './secrets.mjs';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const binDir = process.env.TEST_BIN_DIR ?? path.join(root, 'build');

export const gatehousePath = path.join(binDir, 'gatehouse');
export const bridgePath = path.join(binDir, 'gatehouse-bridge');
export const outputDir = process.env.TEST_OUTPUT_DIR ?? path.join(root, 'tests/output');
// The tools, resources and prompts of tests/conformance/fixture.
export const fixturePath = path.join(binDir, 'tests/conformance_fixture.so');
export const sanitized = binDir.endsWith('sanitized');

const running = new Set();
const folders = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

export function tempDir() {
  const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-test-'));
  folders.add(folder);
  return folder;
}

// Nothing of the caller's environment but what the sanitizers need: a stray GATEHOUSE_... would count.
export function cleanEnv(extra = {}) {
  const env = { PATH: process.env.PATH, LANG: 'C.UTF-8' };
  for (const [key, value] of Object.entries(process.env)) if (/SAN_OPTIONS$/.test(key)) env[key] = value;
  return { ...env, ...extra };
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export async function until(condition, what, ms = 10_000) {
  const end = Date.now() + ms;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited ${ms} ms for ${typeof what === 'function' ? what() : what}`);
    await sleep(20);
  }
}

// A child whose output is collected; `exited` resolves to { code, signal }.
export function start(command, args, { env = cleanEnv(), cwd, stdin = 'ignore' } = {}) {
  const child = spawn(command, args, { env, cwd, stdio: [stdin, 'pipe', 'pipe'] });
  const output = { stdout: '', stderr: '' };
  running.add(child);
  let keep = Infinity;
  for (const name of ['stdout', 'stderr']) {
    child[name].setEncoding('utf8');
    child[name].on('data', (text) => { output[name] = (output[name] + text).slice(-keep); });
  }
  const exited = new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      running.delete(child);
      if (command === bridgePath || command === gatehousePath) notePrinted(command, args, output);
      resolve({ code, signal });
    });
  });
  exited.catch(() => {});
  // forget: from now on only the last lines are kept.
  const forget = () => { keep = 16_384; };
  return { child, exited, forget, stdout: () => output.stdout, stderr: () => output.stderr };
}

// Runs a command to its end.
export async function runToEnd(command, args, { input, timeout = 20_000, ...options } = {}) {
  const run = start(command, args, { stdin: input === undefined ? 'ignore' : 'pipe', ...options });
  if (input !== undefined) {
    run.child.stdin.on('error', () => {});
    run.child.stdin.end(input);
  }
  const timer = setTimeout(() => run.child.kill('SIGKILL'), timeout);
  const { code, signal } = await run.exited;
  clearTimeout(timer);
  return { code, signal, stdout: run.stdout(), stderr: run.stderr() };
}

export function assertNoSanitizerReport(text) {
  if (/Sanitizer|runtime error:/.test(text)) throw new Error(`the sanitizer reported:\n${text}`);
}

// The server, in dev mode unless said otherwise, on a port that the kernel chose. `through`: a command that becomes
// it, such as prlimit with its options.
export async function startGatehouse({ auth = 'dev', args = [], env = {}, stateHome = tempDir(), listen = '127.0.0.1:0', keepLog = true, through = [] } = {}) {
  const [command, ...words] = [...through, gatehousePath, '--auth', auth, '--listen', listen, ...args];
  const run = start(command, words, {
    env: cleanEnv({ HOME: stateHome, XDG_STATE_HOME: stateHome, ...env }),
  });
  let ended;
  run.exited.then((how) => { ended = how; });
  const url = await until(() => {
    const match = /listening on (https?:\/\/[^\s"\\/]+)/.exec(run.stderr());
    if (match) return match[1];
    if (ended) throw new Error(`gatehouse ended with ${JSON.stringify(ended)}:\n${run.stderr()}`);
    return undefined;
  }, 'the server to listen', 20_000);
  if (!keepLog) run.forget();
  return {
    url,
    mcp: `${url}/mcp`,
    port: Number(new URL(url).port),
    pid: run.child.pid,
    stateHome,
    stderr: run.stderr,
    stdout: run.stdout,
    exited: run.exited,
    alive: () => !ended,
    kill: (signal) => run.child.kill(signal),
    // Ends it as an administrator would; a crash, a leak or a hang is an error here.
    async stop() {
      if (!ended) run.child.kill('SIGTERM');
      const timer = setTimeout(() => run.child.kill('SIGKILL'), 15_000);
      const how = await run.exited;
      clearTimeout(timer);
      assertNoSanitizerReport(run.stderr());
      if (how.code !== 0) throw new Error(`gatehouse ended with ${JSON.stringify(how)}:\n${run.stderr().slice(-4000)}`);
      return how;
    },
  };
}

// Every long option that a program's --help shows, and those that its man page has.
export const optionsOfHelp = (text) => [...new Set([...text.matchAll(/^\s+(?:-\w, )?(--[a-z-]+)/gm)].map((match) => match[1]))];
export const optionsOfManual = (text) => [...text.matchAll(/(?:Fl|,) \\?-([a-z][a-z-]+)/g)].map((match) => `--${match[1]}`);
