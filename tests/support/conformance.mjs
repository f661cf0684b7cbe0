// The official conformance suite's authorization scenarios, with a robot in the place of the person.
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
