// Trace context: a caller's traceparent is in the log lines of its request and call, and nothing else is.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { exchangeRaw, get } from '../support/http.mjs';
import { legacy, modern } from '../support/mcp.mjs';
import { startGatehouse, until } from '../support/programs.mjs';

const SPAN = '00f067aa0ba902b7';
let server;
let next = 0x1000;
const newId = () => (++next).toString(16).padStart(32, 'a');
const parent = (id) => `00-${id}-${SPAN}-01`;
before(async () => { server = await startGatehouse({ auth: 'none', args: ['--log-format', 'json'] }); });
after(() => server?.stop());

const lines = () => server.stderr().split('\n').slice(0, -1).map((line) => JSON.parse(line));
// The events that name a trace, once the reply of that request is logged.
async function eventsOf(id, count) {
  const found = await until(() => {
    const with_ = lines().filter((line) => line.trace_id === id);
    return with_.length >= count && with_;
  }, () => `${count} lines of ${id}:\n${server.stderr().slice(-2000)}`);
  assert.ok(found.every(({ span_id }) => span_id === SPAN));
  return found.map(({ event }) => event);
}

test('of the header: the request and the call', async () => {
  const id = newId();
  await modern(server, undefined, 'tools/call', { name: 'whoami' }, { headers: { traceparent: parent(id) } });
  assert.deepEqual(await eventsOf(id, 4), ['HTTP REQUEST', 'REQUEST', 'RESPONSE', 'HTTP RESPONSE']);
});

test('of _meta: the call, before that of the header', async () => {
  const [inner, outer] = [newId(), newId()];
  const session = await legacy(server, undefined);
  await session.call('tools/call', { name: 'whoami', _meta: { traceparent: parent(inner) } }, { traceparent: parent(outer) });
  assert.deepEqual(await eventsOf(inner, 2), ['REQUEST', 'RESPONSE']);
  assert.deepEqual(await eventsOf(outer, 2), ['HTTP REQUEST', 'HTTP RESPONSE']);
  await session.end();
});

test('junk is ignored and never logged', async () => {
  const id = newId();
  const junk = [parent(id).toUpperCase(), `${parent(id)}-x`, `00-${'0'.repeat(32)}-${SPAN}-01`, `ff-${id}-${SPAN}-01`, 'forged", "event":"x', `00-${id}-${SPAN}`];
  const last = newId();
  for (const traceparent of junk) {
    assert.equal((await get(`${server.url}/healthz`, { traceparent })).status, 200);
    assert.equal((await modern(server, undefined, 'tools/call', { name: 'whoami', _meta: undefined }, { headers: { traceparent } })).status < 500, true);
    const session = await legacy(server, undefined);
    await session.call('ping', { _meta: { traceparent } });
    await session.call('ping', { _meta: { traceparent: { nested: traceparent } } });
    await session.call('ping', { _meta: { traceparent: `\r\n2026/01/01 00:00:00 [REQUEST] forged ${traceparent}` } });
    await session.end();
  }
  const twice = await exchangeRaw(server.port, `GET /healthz HTTP/1.1\r\nHost: x\r\ntraceparent: ${parent(id)}\r\ntraceparent: ${parent(id)}\r\n\r\n`);
  assert.equal(twice.status, 200);
  await get(`${server.url}/healthz`, { traceparent: parent(last) });
  await eventsOf(last, 2);
  assert.ok(lines().every((line) => line.trace_id !== id && !JSON.stringify(line).includes('forged')));
});
