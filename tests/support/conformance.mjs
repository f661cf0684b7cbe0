// The official conformance suite: its authorization scenarios, with a robot in the place of the person, and
// its scenarios for servers.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { cleanEnv, start, tempDir } from './programs.mjs';

const suite = fileURLToPath(new URL('../node_modules/@modelcontextprotocol/conformance/dist/index.js', import.meta.url));

// Runs the suite against `issuer`; `signIn(url, redirectUri)` gives the URL at which the sign-in ended.
// -> { code, output, urls, passed: { scenario: [passed, failed] } }
export async function runAuthorizationSuite({ issuer, clientId, port, signIn, timeout = 90_000 }) {
  const args = [suite, 'authorization', '--url', issuer, '--port', String(port)];
  if (clientId) args.push('--client-id', clientId);
  const run = start(process.execPath, args, { cwd: tempDir(), env: cleanEnv({ HOME: tempDir() }) });
  const timer = setTimeout(() => run.child.kill('SIGKILL'), timeout);
  const urls = [];
  let failure;
  const look = async () => {
    const found = /^\s*(https?:\/\/\S*[?&]response_type=code\S*)\s*$/m.exec(run.stdout())?.[1];
    if (!found || urls.includes(found)) return;
    urls.push(found);
    try {
      const done = await signIn(found, `http://127.0.0.1:${port}/callback`);
      await (await fetch(done)).text();
    } catch (error) {
      failure = error;
      run.child.kill('SIGKILL');
    }
  };
  run.child.stdout.on('data', look);
  const { code } = await run.exited;
  clearTimeout(timer);
  if (failure) throw failure;
  const output = run.stdout() + run.stderr();
  const passed = Object.fromEntries([...output.matchAll(/^\S+ ([\w-]+): (\d+) passed, (\d+) failed$/gm)]
    .map(([, name, good, bad]) => [name, [Number(good), Number(bad)]]));
  return { code, output, urls, passed };
}

// --- the scenarios for servers ---

const severity = { FAILURE: 'failed', WARNING: 'warned', SKIPPED: 'was skipped' };

// What a scenario's checks.json says that is not good: its problems as text, [] when it passed.
// `skipped`: the suite itself has nothing to check there.
export function problemsOf(checks, { skipped = [] } = {}) {
  if (checks === undefined) return ['it did not run'];
  const bad = checks.filter((check) => severity[check.status] && !(check.status === 'SKIPPED' && skipped.includes(check.id)))
    .map((check) => `${check.id} ${severity[check.status]}: ${check.errorMessage ?? check.description}\n${JSON.stringify(check.details ?? {})}`);
  if (checks.length === 0) bad.push('it checked nothing');
  else if (!checks.some((check) => check.status === 'SUCCESS') && !checks.every((check) => skipped.includes(check.id))) bad.push('nothing succeeded');
  return bad;
}

// Runs the suite against a server. -> { code, output, scenarios: { name: checks } }, the check files it wrote.
export async function runServerSuite(url, args, { timeout = 110_000 } = {}) {
  const folder = tempDir();
  const run = start(process.execPath, [suite, 'server', '--url', url, ...args, '-o', folder], { cwd: folder, env: cleanEnv({ HOME: folder }) });
  const timer = setTimeout(() => run.child.kill('SIGKILL'), timeout);
  const { code, signal } = await run.exited;
  clearTimeout(timer);
  const scenarios = {};
  for (const name of readdirSync(folder)) {
    const [, scenario] = /^server-(.*)-\d{4}-\d\d-\d\dT[\d-]+Z$/.exec(name) ?? [];
    const file = path.join(folder, name, 'checks.json');
    if (scenario && existsSync(file)) scenarios[scenario] = JSON.parse(readFileSync(file, 'utf8'));
  }
  return { code: code ?? signal, output: run.stdout() + run.stderr(), scenarios };
}
