// One run of wrk.
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { tempDir } from '../support/programs.mjs';

const script = path.join(path.dirname(fileURLToPath(import.meta.url)), 'wrk.lua');
const folder = tempDir();
let files = 0;

// The bytes of a request { method, path, headers, body } to `server`.
export function bytesOf(server, { method = 'POST', path: target = '/mcp', headers = {}, body }) {
  const text = body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body);
  const all = { Host: server.host, ...headers, ...(body !== undefined && { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) }) };
  return `${method} ${target} HTTP/1.1\r\n${Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${text}`;
}

function output(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (piece) => { text += piece; });
    child.once('error', reject).once('close', (code) => (code === 0 ? resolve(text) : reject(new Error(`${command}: ${text}`))));
  });
}

// requests: of bytesOf. sequence: so many of them are sent in turn by each connection, and count as one.
// -> { rps, p50, p99, failed, cpuUs, rssMb, ... } with times in ms
export async function load(server, requests, { connections, seconds, sequence, status = 200 }) {
  const threads = sequence ? connections : Math.min(2, connections);
  const file = path.join(folder, `requests-${++files}`);
  const shares = Math.ceil(threads * (sequence || 1) / requests.length);
  const all = Array(shares).fill(requests).flat();
  writeFileSync(file, all.map((request) => `${Buffer.byteLength(request)} ${request}`).join(''));
  const before = server.cpuMs();
  const text = await output('wrk', ['-t', threads, '-c', connections, '-d', `${seconds}s`, '--timeout', '10s', '-s', script, server.url, '--', file, threads, ...(sequence ? [sequence] : [])].map(String));
  const found = JSON.parse(text.trim().split('\n').at(-1));
  const refused = status < 400 ? found.status : Math.abs(found.requests - found.status);
  const whole = requests.closes && found.bytes >= found.requests * requests.replyBytes;
  if (!(found.seconds > seconds / 2)) throw new Error(`wrk: all connections were at work for ${found.seconds} s only; ${JSON.stringify(found)}`);
  const done = found.requests / (sequence ?? 1);
  const result = {
    rps: found.counted / (sequence ?? 1) / found.seconds, p50: found.p50, p99: found.p99, max: found.max, requests: found.requests,
    failed: refused + found.connect + (whole ? 0 : found.read) + found.write + found.timeout,
    cpuUs: 1000 * (server.cpuMs() - before) / done, rssMb: server.rssMb(), errors: found,
  };
  server.resetLog();
  return result;
}
