// Reads Prometheus' text format, and objects to what promtool would object to.
import assert from 'node:assert/strict';
import { get } from './http.mjs';

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*/;

function readLabels(text) {
  const labels = {};
  let rest = text;
  while (rest) {
    const match = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,(?=.)|$)/.exec(rest);
    assert.ok(match, `labels: ${text}`);
    assert.ok(!(match[1] in labels), `twice: ${text}`);
    labels[match[1]] = match[2].replace(/\\(.)/g, (whole, c) => (c === 'n' ? '\n' : c));
    rest = rest.slice(match[0].length);
  }
  return labels;
}

function readSample(line) {
  const name = NAME.exec(line)?.[0];
  assert.ok(name, line);
  const match = /^(?:\{(.*)\})? (\S+)$/.exec(line.slice(name.length));
  assert.ok(match, line);
  const value = match[2] === '+Inf' ? Infinity : Number(match[2]);
  assert.ok(!Number.isNaN(value), line);
  return { name, labels: readLabels(match[1] ?? ''), value };
}

const keyOf = ({ name, labels }) => JSON.stringify([name, Object.entries(labels).sort()]);

function checkHistogram(family) {
  const groups = new Map();
  for (const sample of family.samples) {
    const { le, ...labels } = sample.labels;
    const key = JSON.stringify(Object.entries(labels).sort());
    const group = groups.get(key) ?? { buckets: [] };
    groups.set(key, group);
    if (sample.name === `${family.name}_bucket`) group.buckets.push({ le: le === '+Inf' ? Infinity : Number(le), value: sample.value });
    else if (sample.name === `${family.name}_sum`) group.sum = sample.value;
    else if (sample.name === `${family.name}_count`) group.count = sample.value;
    else assert.fail(`${sample.name} in the histogram ${family.name}`);
  }
  for (const [key, { buckets, sum, count }] of groups) {
    assert.ok(buckets.length > 1 && buckets.every(({ le }) => !Number.isNaN(le)), `${family.name} ${key}`);
    assert.ok(buckets.every(({ le, value }, i) => i === 0 || (le > buckets[i - 1].le && value >= buckets[i - 1].value)), `buckets of ${family.name} ${key} add up`);
    assert.equal(buckets.at(-1).le, Infinity);
    assert.equal(buckets.at(-1).value, count, `${family.name} ${key}: +Inf is the count`);
    assert.ok(sum >= 0);
  }
}

// -> { families: Map, value(name, labels), sum(name, labels) }
export function parseMetrics(text) {
  const families = new Map();
  const seen = new Set();
  let family;
  let helped;
  assert.ok(text.endsWith('\n'), 'the last line ends');
  for (const line of text.slice(0, -1).split('\n')) {
    const [, kind, name, rest] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (kind === 'HELP') {
      assert.ok(!families.has(name), `${name} once`);
      helped = name;
    } else if (kind === 'TYPE') {
      assert.equal(name, helped, 'HELP before TYPE');
      assert.match(rest, /^(counter|gauge|histogram)$/);
      assert.equal(name.endsWith('_total'), rest === 'counter', `${name} is a ${rest}`);
      family = { name, type: rest, samples: [] };
      families.set(name, family);
    } else {
      const sample = readSample(line);
      assert.ok(family && (sample.name === family.name || family.type === 'histogram'), line);
      assert.ok(!seen.has(keyOf(sample)), `twice: ${line}`);
      assert.ok(family.type === 'gauge' || sample.value >= 0, line);
      seen.add(keyOf(sample));
      family.samples.push(sample);
    }
  }
  for (const each of families.values()) if (each.type === 'histogram') checkHistogram(each);
  const samples = [...families.values()].flatMap((each) => each.samples);
  const find = (name, labels) => samples.filter((sample) => sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value));
  return {
    families,
    // Undefined when it is not there.
    value: (name, labels = {}) => find(name, labels)[0]?.value,
    sum: (name, labels = {}) => find(name, labels).reduce((sum, { value }) => sum + value, 0),
  };
}

export const metricsUrl = (server) => /metrics at (http:\/\/[^\s"\\]+)/.exec(server.stderr())?.[1];

export async function scrape(server, headers) {
  const reply = await get(metricsUrl(server), headers);
  assert.equal(reply.status, 200, reply.text);
  return parseMetrics(reply.text);
}
