// Who is measured: Gatehouse, its peers where their tools are, and what civetweb and nginx do at best.
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { freePort } from '../support/ports.mjs';
import { cleanEnv, gatehousePath, root, tempDir, until } from '../support/programs.mjs';
import { audience } from './issuer.mjs';

const binDir = path.dirname(gatehousePath);
const cache = path.join(root, 'build/bench');
const peers = path.join(root, 'tests/bench/peers');
const pluginPath = path.join(binDir, 'tests/bench_plugin.so');
// About what Gatehouse answers to sayHello.
const fixedReply = JSON.stringify({ jsonrpc: '2.0', id: 1, result: { content: [{ type: 'text', text: 'Hello, Ada Lovelace!' }] } });

const has = (command, ...args) => {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], env: { ...process.env, GOTOOLCHAIN: 'local' } }).trim();
  } catch {
    return undefined;
  }
};
const find = (name, ...folders) => [...process.env.PATH.split(':'), ...folders].map((folder) => path.join(folder, name)).find(existsSync);

// Runs what makes a peer ready once for each content of `source`. -> why it cannot, or undefined
function onceFor(name, source, make) {
  const stamp = path.join(cache, `${name}.made`);
  const digest = createHash('sha256').update(source).digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return undefined;
  mkdirSync(cache, { recursive: true });
  try {
    make();
  } catch (error) {
    return `it could not be built: ${String(error.stderr ?? error.message).trim().split('\n').at(-1)}`;
  }
  writeFileSync(stamp, digest);
  return undefined;
}
const quietly = (command, args, options) => execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'], timeout: 600_000, ...options });

function prepareGo() {
  const go = find('go', '/usr/local/go/bin');
  const folder = path.join(peers, 'go');
  const source = ['go.mod', 'go.sum', 'main.go', 'middleware.go'].map((file) => readFileSync(path.join(folder, file), 'utf8')).join('');
  const wanted = /^go (\d+)\.(\d+)/m.exec(source).slice(1).map(Number);
  const found = go && /go(\d+)\.(\d+)/.exec(has(go, 'version'))?.slice(1).map(Number);
  if (!found || found[0] < wanted[0] || (found[0] === wanted[0] && found[1] < wanted[1])) return `it needs Go ${wanted.join('.')}`;
  return onceFor('go', source, () => quietly(go, ['build', '-o', path.join(cache, 'peer-go'), '.'], { cwd: folder, env: { ...process.env, GOTOOLCHAIN: 'local' } }));
}

function preparePython() {
  const python = find('python3');
  const version = python && has(python, '-c', 'import sys, venv, ensurepip; print(sys.version_info >= (3, 10))');
  if (version !== 'True') return 'it needs Python 3.10 with venv';
  const list = path.join(peers, 'python/requirements.txt');
  const venv = path.join(cache, 'python');
  return onceFor('python', readFileSync(list), () => {
    quietly(python, ['-m', 'venv', '--clear', venv]);
    quietly(path.join(venv, 'bin/pip'), ['install', '--quiet', '--requirement', list]);
  });
}

const prepareTypescript = () => (existsSync(path.join(root, 'tests/node_modules/@modelcontextprotocol/sdk')) ? undefined : 'the SDK is not in tests/node_modules');

function nginx(port) {
  const folder = tempDir();
  const file = path.join(folder, 'nginx.conf');
  writeFileSync(file, `daemon off;
pid ${folder}/pid;
error_log stderr;
worker_processes auto;
events { worker_connections 2048; }
http {
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path ${folder};
  proxy_temp_path ${folder};
  fastcgi_temp_path ${folder};
  uwsgi_temp_path ${folder};
  scgi_temp_path ${folder};
  server { listen 127.0.0.1:${port} backlog=1024; location / { default_type application/json; return 200 '${fixedReply}'; } }
}
`);
  return { command: find('nginx', '/usr/sbin'), args: ['-c', file, '-e', 'stderr', '-p', folder] };
}

function gatehouse({ port, issuer, args = [], tools = 0 }) {
  const config = path.join(tempDir(), 'plugins.json');
  writeFileSync(config, JSON.stringify({ bench_plugin: { tools } }));
  return {
    command: gatehousePath,
    args: ['--auth', 'direct', '--issuer', issuer.issuer, '--audience', audience, '--listen', `127.0.0.1:${port}`, '--public-url', `http://localhost:${port}`,
      '--plugin', pluginPath, '--plugin-config', config, ...args],
  };
}

// limit: does not do the work, only shows what is possible.
export const servers = [
  { id: 'gatehouse', label: 'Gatehouse', launch: gatehouse, log: 'info, its default' },
  { id: 'quiet', label: 'Gatehouse without log', variant: true, launch: (how) => gatehouse({ ...how, args: ['--log-level', 'error', ...how.args ?? []] }), log: 'error' },
  { id: 'go', label: 'Go SDK', prepare: prepareGo, launch: () => ({ command: path.join(cache, 'peer-go'), args: [] }), log: "the tutorial's" },
  { id: 'typescript', label: 'TypeScript SDK', prepare: prepareTypescript, launch: () => ({ command: process.execPath, args: [path.join(peers, 'typescript/server.mjs')] }), log: 'none' },
  { id: 'python', label: 'FastMCP', prepare: preparePython, launch: () => ({ command: path.join(cache, 'python/bin/python'), args: [path.join(peers, 'python/server.py')] }), log: 'info, its default' },
  { id: 'civetweb', label: 'bare civetweb', limit: true, launch: ({ port }) => ({ command: path.join(binDir, 'tests/bench_limit'), args: [String(port), '256', fixedReply] }), log: 'none' },
  { id: 'nginx', label: 'nginx return 200', limit: true, prepare: () => (find('nginx', '/usr/sbin') ? undefined : 'nginx is not installed'), launch: ({ port }) => nginx(port), log: 'none' },
];

// Which versions were measured.
export function versions() {
  const line = (file, pattern) => pattern.exec(readFileSync(path.join(root, file), 'utf8'))?.[1];
  return {
    go: `Go SDK ${line('tests/bench/peers/go/go.mod', /go-sdk v(\S+)/)}`,
    typescript: `TypeScript SDK ${line('tests/package.json', /"@modelcontextprotocol\/sdk": "([^"]+)"/)} on Node ${process.version}`,
    python: `FastMCP ${line('tests/bench/peers/python/requirements.txt', /^fastmcp==(\S+)/m)}`,
  };
}

// One byte of HTTP from the port, as soon as there is one.
function answers(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write(`GET /.well-known/oauth-protected-resource HTTP/1.1\r\nHost: localhost:${port}\r\n\r\n`));
    const end = (good) => { socket.destroy(); resolve(good); };
    socket.once('data', () => end(true)).once('error', () => end(false)).once('close', () => end(false));
  });
}

async function untilAnswers(child, port) {
  const end = Date.now() + 60_000;
  while (!await answers(port)) {
    if (child.exitCode !== null || Date.now() > end) return false;
    await new Promise((resolve) => { setTimeout(resolve, 1); });
  }
  return true;
}

const children = (pid) => {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
};
const sum = (pids, read) => pids.reduce((total, pid) => total + read(pid), 0);
const statusKb = (pid, name) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
const ticks = (pid) => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return Number(fields[11]) + Number(fields[12]);
};

const running = new Set();
process.on('exit', () => { for (const child of running) child.kill('SIGKILL'); });

// -> a server that answers: { id, label, port, url, startMs, rssMb(), cpuMs(), resetLog(), stop() }
export async function startServer(server, issuer, options = {}) {
  const port = await freePort();
  const { command, args } = server.launch({ port, issuer, ...options });
  const logPath = path.join(tempDir(), 'log');
  const log = openSync(logPath, 'a');
  const home = tempDir();
  const env = cleanEnv({ HOME: home, XDG_STATE_HOME: home, PORT: String(port), ISSUER: issuer.issuer, JWKS_URI: issuer.jwksUri, AUDIENCE: audience });
  const began = performance.now();
  const child = spawn(command, args, { env, stdio: ['ignore', log, log] });
  const exited = new Promise((resolve) => { child.once('exit', resolve).once('error', resolve); });
  running.add(child);
  if (!await untilAnswers(child, port)) throw new Error(`${server.label} does not answer:\n${readFileSync(logPath, 'utf8').slice(-4000)}`);
  const startMs = performance.now() - began;
  const pids = () => [child.pid, ...children(child.pid)];
  const url = `http://127.0.0.1:${port}`;
  if (server.launch === gatehouse || server.variant) await until(async () => (await fetch(`${url}/readyz`)).status === 200, 'Gatehouse to have the keys');
  return {
    ...server, port, url, startMs,
    mcp: `${url}/mcp`,
    host: `localhost:${port}`,
    rssMb: () => sum(pids(), (pid) => statusKb(pid, 'VmRSS')) / 1024,
    cpuMs: () => sum(pids(), ticks) * 10,
    resetLog: () => ftruncateSync(log),
    log: () => readFileSync(logPath, 'utf8'),
    async stop() {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
      await exited;
      clearTimeout(timer);
      running.delete(child);
    },
  };
}

// -> [{ ...server, absent: why }]
export const look = () => servers.map((server) => ({ ...server, absent: server.prepare?.() }));
export const one = (id) => servers.find((server) => server.id === id);
