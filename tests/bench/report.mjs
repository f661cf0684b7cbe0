// The tables: for people at a terminal, and as Markdown for the README.
import { median } from './numbers.mjs';
import { works } from './works.mjs';

const digits = (value) => (value === undefined || !Number.isFinite(value) ? '-' : value >= 1000 ? Math.round(value).toLocaleString('en') : value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value >= 0.1 || value === 0 ? value.toFixed(2) : value.toFixed(3));
const times = (value) => (value === undefined || !Number.isFinite(value) ? '-' : `${digits(value)}x`);

const of = (results, work, connections, server) => results.filter((one) => one.work === work && one.connections === connections && one.server === server);

// Gatehouse's figure by the other's in the same round, the median of all rounds.
export function ratio(results, work, connections, server, value = 'rps', base = 'gatehouse') {
  const theirs = of(results, work, connections, server);
  const pairs = of(results, work, connections, base).map((mine) => [mine, theirs.find((one) => one.round === mine.round)]).filter(([, their]) => their);
  return pairs.length === 0 ? undefined : median(pairs.map(([mine, their]) => mine[value] / their[value]));
}

export const figure = (results, work, connections, server, value) => {
  const found = of(results, work, connections, server).map((one) => one[value]);
  return found.length === 0 ? undefined : median(found);
};

function throughputTable({ throughput, servers }) {
  const others = servers.filter((server) => server.id !== 'gatehouse');
  const rows = [['work', 'connections', 'per second', 'p99, ms', ...others.map((server) => (server.limit ? `of ${server.label}` : `${server.variant ? '' : 'beside '}${server.label}`))]];
  for (const work of works) {
    for (const connections of [...new Set(throughput.filter((one) => one.work === work.id).map((one) => one.connections))]) {
      rows.push([work.title, String(connections), digits(figure(throughput, work.id, connections, 'gatehouse', 'rps')), digits(figure(throughput, work.id, connections, 'gatehouse', 'p99')),
        ...others.map((server) => times(ratio(throughput, work.id, connections, server.id)))]);
    }
  }
  return rows;
}

function footprintTable({ starts, streams, throughput, servers, image }) {
  const shown = servers.filter((server) => !server.variant);
  const middle = (list, id, value) => {
    const found = list.filter((one) => one.server === id && one[value] !== undefined).map((one) => one[value]);
    return found.length === 0 ? undefined : median(found);
  };
  const load = (id) => {
    const found = throughput.filter((one) => one.server === id).map((one) => one.rssMb);
    return found.length === 0 ? undefined : Math.max(...found);
  };
  const row = (title, value) => [title, ...shown.map((server) => digits(value(server)))];
  return [
    ['', ...shown.map((server) => server.label)],
    row('start until it answers, ms', ({ id }) => middle(starts, id, 'startMs')),
    row('first request, ms', ({ id }) => middle(starts, id, 'firstMs')),
    row('resident memory idle, MB', ({ id }) => middle(starts, id, 'idleMb')),
    row('resident memory under load, MB', ({ id }) => load(id)),
    row('resident memory with 1,000 streams, MB', ({ id }) => (streams.find((one) => one.server === id)?.open === 1000 ? middle(streams, id, 'streamsMb') : undefined)),
    ['container image, MB', ...shown.map(({ id }) => (id === 'gatehouse' ? image ?? 'not here' : '-'))],
  ];
}

function growthTable({ growth }) {
  const names = { tools: 'tools in tools/list', bodies: 'bytes in a body', sessions: 'sessions' };
  const rows = [['what grows', 'to', 'p50, ms', 'of the server\'s CPU, ms']];
  for (const [what, points] of Object.entries(growth)) {
    for (const size of new Set(points.map((point) => point.size))) {
      const middle = (value) => digits(median(points.filter((point) => point.size === size).map((point) => point[value])));
      rows.push([names[what], size.toLocaleString('en'), middle('ms'), middle('cpuMs')]);
    }
  }
  return rows;
}

function plain([head, ...rows]) {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column].length)));
  const line = (row) => row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]))).join('  ').trimEnd();
  return [line(head), ...rows.map(line)].join('\n');
}
const markdown = ([head, ...rows]) => [head, head.map((_, column) => (column === 0 ? '---' : '---:')), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

export function report(found, goals, asMarkdown) {
  const format = asMarkdown ? markdown : plain;
  const state = (met) => (met === undefined ? 'not here' : met ? 'met' : 'NOT MET');
  const parts = [
    `${found.machine}. ${found.date}${found.quick ? ', a quick run' : ''}. ${found.method}`,
    ...found.absent.map(({ label, absent }) => `${label}: not here (${absent}).`),
    format(throughputTable(found)),
    format(footprintTable(found)),
    ...(Object.keys(found.growth).length > 0 ? [format(growthTable(found))] : []),
    format([['goal', 'measured', ''], ...goals.map(({ what, measured, met }) => [what, measured, state(met)])]),
  ];
  return parts.join('\n\n');
}

export { digits, times };
