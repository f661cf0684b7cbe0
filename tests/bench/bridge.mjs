// gatehouse-bridge beside mcp-remote, on the same gatehouse in dev mode in one run. Raw numbers go to
// tests/output/bench-bridge.json, a table with the goals to standard output.
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { signIn as signInDirectly, walk } from '../support/oauth.mjs';
import { bridgePath, cleanEnv, outputDir, sleep, startGatehouse, tempDir, until } from '../support/programs.mjs';
import { quantile } from './numbers.mjs';

const peer = { name: 'mcp-remote', version: '0.15.1' };
const starts = Number(process.env.BENCH_STARTS ?? 15);
const messages = 1000;

const median = (values) => quantile(values, 0.5);
const now = () => performance.now();

const line = (id, method, params) => `${JSON.stringify({ jsonrpc: '2.0', id, method, ...(params && { params }) })}\n`;
const hello = line(0, 'initialize', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'bench', version: '1' } });

// A bridge that is spoken to by line; `next(id)` resolves when that reply came.
function open({ command, args, env }) {
  const child = spawn(command, args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
  const waiting = new Map();
  let rest = '';
  let stderr = '';
  child.stdin.on('error', () => {});
  child.stderr.setEncoding('utf8').on('data', (text) => { stderr = (stderr + text).slice(-20_000); });
  child.stdout.setEncoding('utf8').on('data', (text) => {
    rest += text;
    for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
      const { id, error } = JSON.parse(rest.slice(0, end));
      rest = rest.slice(end + 1);
      if (error) bridge.errors++;
      waiting.get(id)?.(now());
      waiting.delete(id);
    }
  });
  const exited = new Promise((resolve) => { child.on('close', resolve); });
  const bridge = {
    child,
    errors: 0,
    stderr: () => stderr,
    send: (text) => child.stdin.write(text),
    reply: (id) => new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${command} gave no reply to ${id}:\n${stderr}`)), 60_000);
      waiting.set(id, (at) => { clearTimeout(timer); resolve(at); });
    }),
    async close() {
      child.stdin.end();
      const timer = setTimeout(() => child.kill('SIGKILL'), 3000);
      await exited;
      clearTimeout(timer);
    },
  };
  return bridge;
}

async function initialized(how) {
  const began = now();
  const bridge = open(how);
  const answered = bridge.reply(0);
  bridge.send(hello);
  const took = await answered - began;
  return { bridge, took };
}

// Signs in once, by following the URL that is printed, so that a token is stored.
async function signIn(how) {
  const bridge = open(how);
  const answered = bridge.reply('list');
  bridge.send(hello);
  bridge.send(line('list', 'tools/list'));
  let done = false;
  answered.finally(() => { done = true; }).catch(() => {});
  const found = await until(() => done || /(http:\/\/\S+\/authorize\?\S+)/.exec(bridge.stderr())?.[1], () => `the sign-in URL:\n${bridge.stderr()}`, 30_000);
  if (typeof found === 'string') {
    const { redirect } = await walk(found, new URL(found).searchParams.get('redirect_uri'));
    await (await fetch(redirect)).text();
  }
  await answered;
  await bridge.close();
}

const residentMb = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;

async function measure(how) {
  await signIn(how);
  const took = [];
  for (let at = 0; at < starts + 1; at++) {
    const { bridge, took: ms } = await initialized(how);
    if (at > 0) took.push(ms);
    await bridge.close();
  }
  const { bridge } = await initialized(how);
  bridge.send(`${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' })}\n`);
  await sleep(1000);
  const idle = residentMb(bridge.child.pid);
  const pings = [];
  for (let at = 1; at <= messages; at++) {
    const began = now();
    const answered = bridge.reply(at);
    bridge.send(line(at, 'ping'));
    pings.push(await answered - began);
  }
  const busy = residentMb(bridge.child.pid);
  const pipelined = [];
  for (let round = 0; round < 5; round++) {
    const answered = [];
    let text = '';
    for (let at = 0; at < messages; at++) {
      const id = `${round}-${at}`;
      answered.push(bridge.reply(id));
      text += line(id, 'ping');
    }
    const began = now();
    bridge.send(text);
    pipelined.push(Math.max(...await Promise.all(answered)) - began);
  }
  await bridge.close();
  return { start_ms: took, rss_idle_mb: idle, rss_busy_mb: busy, ping_ms: pings, pipelined_ms: pipelined, errors: bridge.errors };
}

// The same pings straight to the server.
async function direct(url, token) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const ask = (id) => new Promise((resolve, reject) => {
    const body = line(id, 'ping');
    const request = http.request(url, { method: 'POST', agent, headers: { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream', Authorization: `Bearer ${token}`, 'Content-Length': Buffer.byteLength(body) } }, (reply) => {
      let text = '';
      reply.setEncoding('utf8').on('data', (piece) => { text += piece; }).on('end', () => resolve(JSON.parse(text)));
    });
    request.on('error', reject);
    request.end(body);
  });
  const pings = [];
  for (let at = 0; at < messages; at++) {
    const began = now();
    await ask(at);
    pings.push(now() - began);
  }
  agent.destroy();
  return pings;
}

// -> how to start it, or undefined when it cannot be had here
function installPeer() {
  const folder = tempDir();
  try {
    execFileSync('npm', ['install', '--prefix', folder, '--no-audit', '--no-fund', '--loglevel=error', `${peer.name}@${peer.version}`], { stdio: ['ignore', 'ignore', 'inherit'], timeout: 180_000 });
  } catch {
    return undefined;
  }
  const home = tempDir();
  return (url) => ({
    command: process.execPath,
    args: [path.join(folder, 'node_modules', peer.name, 'dist/proxy.js'), url],
    env: cleanEnv({ HOME: home, MCP_REMOTE_CONFIG_DIR: home, BROWSER: 'true' }),
  });
}

function strippedKb() {
  const file = path.join(tempDir(), 'stripped');
  execFileSync('strip', ['-o', file, bridgePath]);
  return statSync(file).size / 1024;
}

function summarize(raw, pings) {
  return {
    'start to the reply to initialize, ms': median(raw.start_ms),
    'resident memory idle, MB': raw.rss_idle_mb,
    'resident memory after 1,000 messages, MB': raw.rss_busy_mb,
    'added to a ping p50, ms': quantile(raw.ping_ms, 0.5) - quantile(pings, 0.5),
    'added to a ping p95, ms': quantile(raw.ping_ms, 0.95) - quantile(pings, 0.95),
    '1,000 pipelined pings, ms': median(raw.pipelined_ms),
  };
}

function table(ours, theirs) {
  const cell = (value, width) => (value === undefined ? 'not here' : value.toFixed(value < 10 ? 2 : 1)).padStart(width);
  console.log(`${''.padEnd(42)}${'gatehouse-bridge'.padStart(18)}${peer.name.padStart(14)}${'ratio'.padStart(10)}`);
  for (const [name, value] of Object.entries(ours)) {
    const ratio = theirs ? theirs[name] / value : undefined;
    console.log(`${name.padEnd(42)}${cell(value, 18)}${cell(theirs?.[name], 14)}${(ratio === undefined || value <= 0 ? '-' : `${ratio.toFixed(1)}x`).padStart(10)}`);
  }
}

const server = await startGatehouse({ keepLog: false });
const url = server.mcp;
const stateDir = tempDir();
const how = { command: bridgePath, args: ['--no-browser', '--state-dir', stateDir, url], env: cleanEnv({ HOME: tempDir() }) };
const install = installPeer();
if (!install) console.log(`${peer.name} ${peer.version}: not here (npm could not install it); gatehouse-bridge alone is measured`);

const ours = await measure(how);
const theirs = install && await measure(install(url));
const pings = await direct(url, (await signInDirectly(server)).tokens.access_token);
await server.stop();

const size = strippedKb();
const mine = summarize(ours, pings);
const other = theirs && summarize(theirs, pings);
console.log(`${os.cpus().length} x ${os.cpus()[0]?.model.trim()}, Linux ${os.release()}, Node ${process.version}; a ping straight to the server: p50 ${quantile(pings, 0.5).toFixed(2)} ms, p95 ${quantile(pings, 0.95).toFixed(2)} ms\n`);
table(mine, other);

for (const [name, { errors }] of Object.entries({ 'gatehouse-bridge': ours, ...(theirs && { [peer.name]: theirs }) })) {
  if (errors > 0) console.log(`${name} answered ${errors} of ${6 * messages} pings with an error`);
}

const start = mine['start to the reply to initialize, ms'];
const goals = [
  ['starts within 25 ms', start <= 25],
  ['starts at least 25 times faster', other && other['start to the reply to initialize, ms'] / start >= 25],
  ['at most 15 MB of memory', Math.max(mine['resident memory idle, MB'], mine['resident memory after 1,000 messages, MB']) <= 15],
  ['adds at most 0.3 ms to a ping (p50)', mine['added to a ping p50, ms'] <= 0.3],
  ['1,000 pipelined pings in under 0.3 s', mine['1,000 pipelined pings, ms'] < 300],
  [`program under 1 MB (${size.toFixed(0)} KB stripped)`, size < 1024],
];
console.log('');
for (const [what, met] of goals) console.log(`${(met === undefined ? 'unknown' : met ? 'met' : 'NOT MET').padEnd(8)} ${what}`);

mkdirSync(outputDir, { recursive: true });
const file = path.join(outputDir, 'bench-bridge.json');
writeFileSync(file, `${JSON.stringify({ peer, direct_ping_ms: pings, 'gatehouse-bridge': ours, [peer.name]: theirs ?? null, stripped_kb: size, goals: Object.fromEntries(goals.map(([what, met]) => [what, met ?? null])) }, null, 1)}\n`);
console.log(`\nraw numbers: ${path.relative(process.cwd(), file)}`);
process.exit();
