// ./dev bench proxied: what a call of an API costs more when a tool of the server makes it, beside the same call made
// directly with libcurl, in turn, in one run, each over one connection that is kept. Raw times go to
// tests/output/bench-proxied.json, a table with the goal to standard output.
import { spawn } from 'node:child_process';
import { mkdirSync, openSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { get, request } from '../support/http.mjs';
import { modernRequest } from '../support/mcp.mjs';
import { signIn } from '../support/oauth.mjs';
import { freePort } from '../support/ports.mjs';
import { cleanEnv, gatehousePath, outputDir, tempDir, until } from '../support/programs.mjs';
import { object, toolsFile } from '../support/toolfiles.mjs';
import { quantile } from './numbers.mjs';

const goalMs = 0.5;
const quick = process.argv.includes('--quick');
const [pairs, rounds] = quick ? [500, 3] : [2000, 5];
const bench = (name) => path.join(path.dirname(gatehousePath), 'tests', name);
const reply = '{"id":"4711","customer":"Ada Lovelace","total":12.5,"items":[{"sku":"A-1","count":2},{"sku":"B-7","count":1}],"shipped":false}';
const children = [];
process.on('exit', () => { for (const child of children) child.kill('SIGKILL'); });
const run = (command, args, options) => { const child = spawn(command, args, options); children.push(child); return child; };

const apiPort = await freePort();
run(bench('bench_limit'), [String(apiPort), '4', reply], { stdio: 'inherit' });
const api = `http://127.0.0.1:${apiPort}/v1`;
await until(() => get(`${api}/orders/4711`).then(() => true, () => false), 'the API');

const { file, folder } = toolsFile({
  upstreams: { orders: { url: api, credential: { type: 'header', name: 'X-Api-Key', valueFile: 'key' } } },
  tools: [{ name: 'getOrder', inputSchema: object({ id: { type: 'string' } }, ['id']), outputSchema: object({ id: { type: 'string' } }, ['id']), request: { path: '/orders/{id}' } }],
}, { key: 'a-key-of-the-bench\n' });
const home = tempDir();
const port = await freePort();
const log = openSync(path.join(folder, 'log'), 'w'); // as a supervisor would have it: nobody reads along
run(gatehousePath, ['--listen', `127.0.0.1:${port}`, '--tools', file], { stdio: ['ignore', 'ignore', log], env: cleanEnv({ HOME: home, XDG_STATE_HOME: home }) });
const server = { url: `http://localhost:${port}`, mcp: `http://localhost:${port}/mcp` };
await until(() => get(`${server.url}/healthz`).then(() => true, () => false), 'the server');

const { tokens } = await signIn(server);
const { headers, body } = modernRequest(tokens.access_token, 'tools/call', { name: 'getOrder', arguments: { id: '4711' } });
const all = { ...headers, Accept: 'application/json, text/event-stream', 'Content-Type': 'application/json' };
const check = await request(server.mcp, { method: 'POST', headers: all, body: JSON.stringify(body) });
if (check.status !== 200 || !check.text.includes('Lovelace')) throw new Error(`the call failed: ${check.status} ${check.text}`);
const [headersFile, bodyFile] = ['headers', 'body'].map((name) => path.join(folder, name));
writeFileSync(headersFile, Object.entries(all).map(([name, value]) => `${name}: ${value}\n`).join(''), { mode: 0o600 });
writeFileSync(bodyFile, JSON.stringify(body));

const loadBefore = os.loadavg()[0];
const text = await new Promise((resolve, reject) => {
  const child = run(bench('bench_proxied'), [`${api}/orders/4711`, server.mcp, headersFile, bodyFile, String(pairs), String(rounds)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (piece) => { out += piece; });
  child.on('close', (code) => (code === 0 ? resolve(out) : reject(new Error(`bench_proxied ended with ${code}`))));
});

const ms = (us) => (us / 1000).toFixed(3);
const measured = text.trim().split('\n').map((line) => JSON.parse(line));
const rows = measured.map(({ direct, proxied }) => ({ direct: quantile(direct, 0.5), proxied: quantile(proxied, 0.5), direct99: quantile(direct, 0.99), proxied99: quantile(proxied, 0.99) }));
const added = quantile(rows.map((row) => row.proxied - row.direct), 0.5);
mkdirSync(outputDir, { recursive: true });
writeFileSync(path.join(outputDir, 'bench-proxied.json'), JSON.stringify({ cpus: os.cpus().length, model: os.cpus()[0].model, loadBefore, pairs, rounds: measured }));
console.log(`A call of an API, ${pairs} times in turn with the same made by a tool; ${rounds} rounds; ${os.cpus().length} cores, load ${loadBefore.toFixed(1)} before. Milliseconds:\n`);
console.log('| round | direct p50 | proxied p50 | added p50 | direct p99 | proxied p99 |\n|---|---|---|---|---|---|');
for (const [i, row] of rows.entries()) console.log(`| ${i + 1} | ${ms(row.direct)} | ${ms(row.proxied)} | ${ms(row.proxied - row.direct)} | ${ms(row.direct99)} | ${ms(row.proxied99)} |`);
console.log(`\nAdded at the median, in the middle round: ${ms(added)} ms; the goal is at most ${goalMs} ms: ${added <= goalMs * 1000 ? 'reached' : 'missed'}.`);
process.exit(0);
