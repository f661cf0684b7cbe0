// ./dev bench: Gatehouse beside its peers and its limits, in one run. Raw results go to tests/output/bench.json,
// the tables to standard output.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { outputDir } from '../support/programs.mjs';
import { measureBesideStreams, measureStarts, measureStreams } from './footprint.mjs';
import { judge } from './goals.mjs';
import { measureGrowth } from './growth.mjs';
import { startIssuer } from './issuer.mjs';
import { report } from './report.mjs';
import { look, startServer, versions } from './servers.mjs';
import { measureThroughput } from './throughput.mjs';
import { works } from './works.mjs';

const args = process.argv.slice(2);
const has = (name) => args.includes(name);
const valueOf = (name) => (has(name) ? args[args.indexOf(name) + 1] : undefined);
const quick = has('--quick');
const only = valueOf('--work');
const chosen = valueOf('--servers')?.split(',');
const say = (text) => process.stderr.write(`${text}\n`);

const sizes = quick
  ? { tools: [10, 1000, 10_000], bodies: [1024, 65_536, 4_000_000], sessions: [10, 1000, 5000] }
  : { tools: [10, 100, 1000, 10_000], bodies: [1024, 16_384, 262_144, 1_048_576, 4_000_000], sessions: [1, 100, 1000, 10_000] };
const plan = quick
  ? { seconds: 1, starts: 1, streamRounds: 3, growth: { sizes, seconds: 1, rounds: 1 },
    runs: works.map(({ id }) => ({ work: id, connections: [64], rounds: id === 'call' ? 5 : 1 })) }
  : { seconds: 2, starts: 5, streamRounds: 5, growth: { sizes, seconds: 1, rounds: 3 },
    runs: works.map(({ id }) => ({ work: id, connections: [1, 8, 64, 256], rounds: id === 'call' ? 5 : 3 })) };
for (const name of ['rounds', 'connections']) {
  const values = valueOf(`--${name}`)?.split(',').map(Number);
  if (values) for (const run of plan.runs) run[name] = name === 'rounds' ? values[0] : values;
}
if (only) plan.runs = plan.runs.filter((run) => only.split(',').includes(run.work));

// What ./dev test image measured, if it ran here.
function imageSize() {
  try {
    return /image ([\d.]+) MB/.exec(readFileSync(path.join(outputDir, 'image.log'), 'utf8'))?.[1];
  } catch {
    return undefined;
  }
}

const issuer = await startIssuer();
const all = look().filter((server) => !chosen || chosen.includes(server.id));
const absent = all.filter((server) => server.absent);
const servers = all.filter((server) => !server.absent);
for (const { label, absent: why } of absent) say(`${label}: not here (${why})`);
const loadBefore = os.loadavg()[0];

const running = [];
for (const server of servers) running.push(await startServer(server, issuer));
const throughput = await measureThroughput(running, issuer, plan, say);
for (const server of running) await server.stop();

let starts = [];
let streams = [];
let besideStreams = [];
let growth = {};
if (!only) {
  say('start-up and memory');
  starts = await measureStarts(servers, issuer, plan.starts);
  say('1,000 streams');
  streams = await measureStreams(quick ? servers.filter((server) => server.id === 'gatehouse') : servers, issuer, 1000);
  besideStreams = await measureBesideStreams(issuer, { count: 1000, rounds: plan.streamRounds, seconds: plan.seconds });
  say('growth');
  growth = await measureGrowth(issuer, plan.growth);
}

const named = versions();
const found = {
  machine: `${os.cpus().length} x ${os.cpus()[0]?.model.trim()}, ${Math.round(os.totalmem() / 2 ** 30)} GB, Linux ${os.release()}; ${Object.entries(named).filter(([id]) => servers.some((server) => server.id === id)).map(([, text]) => text).join(', ')}`,
  date: new Date().toISOString().slice(0, 10),
  method: `Load: wrk on the same cores, ${plan.seconds} s a run, the servers in turn, medians; "beside" is Gatehouse's requests per second divided by the other's in the same round, "of" likewise for what only shows the limit. Tokens are RS256 JWTs, checked by every server at every request; each connection has a session (2025-11-25) unless the row says otherwise. Logs go to a file: ${servers.filter((server) => !server.limit).map(({ label, log }) => `${label} ${log}`).join('; ')}.`,
  quick, load_before: loadBefore, image: imageSize(), absent: absent.map(({ id, label, absent: why }) => ({ id, label, absent: why })),
  servers: servers.map(({ id, label, limit, variant, log }) => ({ id, label, limit, variant, log })), throughput, starts, streams, besideStreams, growth,
};
const goals = judge(found);
mkdirSync(outputDir, { recursive: true });
const file = path.join(outputDir, 'bench.json');
writeFileSync(file, `${JSON.stringify({ ...found, goals }, null, 1)}\n`);
console.log(report(found, goals, has('--markdown')));
const failed = throughput.filter((one) => one.failed > one.requests / 1000);
for (const one of failed) console.log(`\n${one.server}: ${one.failed} of ${one.requests} requests failed (${one.work}, ${one.connections} connections)`);
say(`\nraw results: ${path.relative(process.cwd(), file)}`);
process.exit();
