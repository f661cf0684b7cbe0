// The official conformance suite's scenarios for clients, with the bridge as the client.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { bridgePath, cleanEnv, start, tempDir } from './programs.mjs';

const suite = fileURLToPath(new URL('../node_modules/@modelcontextprotocol/conformance/dist/index.js', import.meta.url));
const driver = fileURLToPath(new URL('../conformance/client_driver.mjs', import.meta.url));

const textOf = (file) => (existsSync(file) ? readFileSync(file, 'utf8') : '');

// Every result that the suite left behind: folders NAME-TIME, of which auth/... are one level deeper.
function collect(folder, prefix = '') {
  const found = {};
  for (const name of readdirSync(folder)) {
    const [, scenario] = /^(.*)-\d{4}-\d\d-\d\dT[\d-]+Z$/.exec(name) ?? [];
    const place = path.join(folder, name);
    if (!scenario) Object.assign(found, name === 'auth' ? collect(place, 'auth/') : {});
    else if (existsSync(path.join(place, 'checks.json'))) {
      found[prefix + scenario] = {
        checks: JSON.parse(textOf(path.join(place, 'checks.json'))),
        stdout: textOf(path.join(place, 'stdout.txt')),
        stderr: textOf(path.join(place, 'stderr.txt')),
      };
    }
  }
  return found;
}

// Runs the suite with `args` (--requirements ..., --scenario ...). `era`: the host's, when it is not the
// scenario's own. -> { code, output, scenarios: { name: { checks, stdout, stderr } } }
export async function runClientSuite(args, { era, timeout = 230_000 } = {}) {
  const folder = tempDir();
  const run = start(process.execPath, [suite, 'client', '--command', `${process.execPath} ${driver}`, '--timeout', '120000', ...args, '-o', folder], {
    cwd: folder,
    env: cleanEnv({ HOME: folder, TEST_BRIDGE: bridgePath, ...(era && { TEST_HOST_ERA: era }) }),
  });
  const timer = setTimeout(() => run.child.kill('SIGKILL'), timeout);
  const { code, signal } = await run.exited;
  clearTimeout(timer);
  return { code: code ?? signal, output: run.stdout() + run.stderr(), scenarios: collect(folder) };
}
