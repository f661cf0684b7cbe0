// The legitimate client beside an attack: it calls a tool all the time, and every call must be answered, soon,
// while the server's memory stays within bounds.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { signIn } from './oauth.mjs';
import { sanitized } from './programs.mjs';

export const rssMb = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;
export const descriptors = (pid) => readdirSync(`/proc/${pid}/fd`).length;
// How many milliseconds of a processor a program has used.
export function cpuMs(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

// A sanitizer keeps freed memory for a while and is slow.
const P99_MS = sanitized ? 15_000 : 4000;
const GROWTH_MB = sanitized ? 4096 : 64;
const LEAST_CALLS = 20;

// -> { end(t, bounds) }, which stops the client, asserts, and adds the line of results to the test `t`.
export async function clientBeside(server, { token, pause = 10 } = {}) {
  token ??= (await signIn(server, { answers: { name: 'Ada Beside', email: 'beside@example.com' } })).tokens.access_token;
  const before = rssMb(server.pid);
  let peak = before;
  const sampler = setInterval(() => { try { peak = Math.max(peak, rssMb(server.pid)); } catch { /* it ended */ } }, 100);
  const worker = new Worker(new URL('./beside_client.mjs', import.meta.url), { workerData: { mcp: server.mcp, token, pause, least: LEAST_CALLS } });
  const result = new Promise((resolve, reject) => { worker.once('message', resolve); worker.once('error', reject); });
  result.catch(() => {});
  return {
    async end(t, { p99: latest = P99_MS, growth = GROWTH_MB, failures: allowed = 0 } = {}) {
      worker.postMessage('stop');
      const { took, failures, again } = await result;
      clearInterval(sampler);
      await worker.terminate();
      peak = Math.max(peak, rssMb(server.pid));
      const sorted = took.sort((a, b) => a - b);
      const at = (part) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Infinity;
      const line = { calls: took.length, failed: failures.length, p50: at(0.5), p99: at(0.99), max: at(1), memory: [before, peak] };
      t.diagnostic(`beside ${path.basename(process.argv[1], '.test.mjs')}: ${line.calls} calls, ${line.failed} failed, ${again} asked twice, p50 ${line.p50.toFixed(1)} ms, `
        + `p99 ${line.p99.toFixed(0)} ms, longest ${line.max.toFixed(0)} ms; memory ${before.toFixed(1)} to at most ${peak.toFixed(1)} MB`);
      assert.ok(failures.length <= allowed, `the client beside was refused: ${failures.slice(0, 3).join('; ')}`);
      assert.ok(again <= Math.max(2, took.length / 20), `${again} of ${took.length} calls had to be asked twice`);
      assert.ok(took.length > 0, 'the client beside was served');
      assert.ok(line.p99 < latest, `the client beside waited: p99 ${line.p99} ms of ${took.length} calls`);
      assert.ok(peak - before < growth, `memory grew from ${before} to ${peak} MB`);
      return line;
    },
  };
}

// The same around one attack.
export async function besideAttack(t, server, attack, { token, pause, ...bounds } = {}) {
  const client = await clientBeside(server, { token, pause });
  let result;
  try {
    result = await attack();
  } catch (error) {
    await client.end(t, { p99: Infinity, growth: Infinity, failures: Infinity }).catch(() => {});
    throw error;
  }
  await client.end(t, bounds);
  return result;
}
