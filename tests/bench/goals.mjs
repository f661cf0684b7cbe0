// What is promised, and what was measured.
import { median, steepest } from './numbers.mjs';
import { digits, figure, ratio, times } from './report.mjs';

const at = 64; // connections
// Ten times as much may cost sixteen times as much: caches and allocators have steps. The square would be 2.
const linearly = 1.2;

// -> [{ what, measured, met }]; met is undefined when it could not be measured
export function judge({ throughput, starts, streams, besideStreams, growth }) {
  const goal = (what, value, limit, show, least = true) => ({
    what, measured: value === undefined ? '-' : show(value), met: value === undefined ? undefined : least ? value >= limit : value <= limit,
  });
  const faster = (label, id, limit) => goal(`tools/call at ${at} connections: at least ${limit} times ${label}`, ratio(throughput, 'call', at, id), limit, times);
  const quicker = (label, id) => {
    const mine = figure(throughput, 'call', at, 'gatehouse', 'p99');
    const theirs = figure(throughput, 'call', at, id, 'p99');
    return goal(`its p99 below that of ${label}`, theirs && mine / theirs, 1, (value) => `${digits(value)} of ${digits(theirs)} ms`, false);
  };
  const start = (value) => {
    const found = starts.filter((one) => one.server === 'gatehouse').map((one) => one[value]);
    return found.length === 0 ? undefined : median(found);
  };
  const mine = streams.find((one) => one.server === 'gatehouse');
  const slower = besideStreams.length === 0 ? undefined : median(besideStreams.map(({ alone, beside }) => beside.p99 / alone.p99));
  const log = ratio(throughput, 'call', at, 'gatehouse', 'rps', 'quiet');
  const linear = (what, points) => goal(`${what}: the server's cost grows linearly (exponent at most ${linearly})`, points?.length ? steepest(points) : undefined, linearly, digits, false);
  return [
    goal(`tools/call at ${at} connections: at least 0.7 of the bare civetweb handler`, ratio(throughput, 'call', at, 'civetweb'), 0.7, digits),
    faster('Go SDK', 'go', 3), faster('TypeScript SDK', 'typescript', 20), faster('FastMCP', 'python', 20),
    quicker('Go SDK', 'go'), quicker('TypeScript SDK', 'typescript'), quicker('FastMCP', 'python'),
    goal('idle with 256 workers: under 12 MB', start('idleMb'), 12, (value) => `${digits(value)} MB`, false),
    goal('answers within 50 ms of its start', start('startMs'), 50, (value) => `${digits(value)} ms`, false),
    goal('1,000 streams: under 100 MB', mine?.open === 1000 ? mine.streamsMb : undefined, 100, (value) => `${digits(value)} MB`, false),
    goal('tools/call beside 1,000 streams: p99 not doubled', slower, 2, times, false),
    goal('the default log costs at most 15 %', log && 100 * (log - 1), 15, (value) => `${digits(value)} %`, false),
    linear('1 to 10,000 tools in tools/list', growth.tools),
    linear('1 KB to 4 MB bodies', growth.bodies),
    linear('1 to 10,000 sessions', growth.sessions),
  ];
}
