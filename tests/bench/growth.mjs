// How the cost of a request grows with what it carries, or with what the server holds.
import { load, bytesOf } from './load.mjs';
import { one, startServer } from './servers.mjs';
import { ask, modern, openSessions, prepare, works } from './works.mjs';

const perUser = 90; // sessions; Gatehouse lets one user have 100
const toolsCall = works.find((work) => work.id === 'call');

// One connection, so that the time is the request's alone. What the server computed says more than what the clock
// did: others may use the machine, too.
async function timeOf(server, requests, seconds) {
  const { p50, cpuUs, failed, requests: done } = await load(server, requests, { connections: 1, seconds });
  if (failed > 0 || done === 0) throw new Error(`${failed} requests failed, ${done} were answered`);
  return { ms: p50, cpuMs: cpuUs / 1000 };
}

async function tools(issuer, count, seconds) {
  const server = await startServer(one('gatehouse'), issuer, { tools: count - 4, args: ['--page-size', '0'] });
  const list = modern(issuer, 'tools/list', {});
  const { message } = await ask(server, list);
  const found = message.result.tools.length;
  const time = await timeOf(server, [bytesOf(server, list)], seconds);
  await server.stop();
  return { size: found, ...time };
}

async function bodies(issuer, size, seconds, server) {
  const what = modern(issuer, 'tools/call', { name: 'measure', arguments: { text: '' } });
  what.body.params.arguments.text = 'x'.repeat(size - JSON.stringify(what.body).length);
  const { message, text } = await ask(server, what);
  if (!message?.result) throw new Error(`a body of ${size} bytes: ${text.slice(0, 300)}`);
  return { size, ...await timeOf(server, [bytesOf(server, what)], seconds) };
}

async function sessions(issuer, sizes, seconds) {
  const server = await startServer(one('gatehouse'), issuer);
  const points = [];
  let open = [];
  for (const size of sizes) {
    const before = open.length;
    const began = performance.now();
    // The next users: those before have as many as they may.
    const more = await openSessions(server, { tokenOf: (user) => issuer.tokenOf(user + before) }, size - before, { perUser });
    const openMs = (performance.now() - began) / (size - before);
    open = [...open, ...more];
    const requests = await prepare(toolsCall, { server, issuer, sessions: open.slice(-1) }, 1);
    points.push({ size, ...await timeOf(server, requests, seconds), openMs, rssMb: server.rssMb() });
  }
  await server.stop();
  return points;
}

// -> { tools: [{ size, ms, cpuMs }], bodies: [...], sessions: [{ size, ms, cpuMs, openMs, rssMb }] }
export async function measureGrowth(issuer, { sizes, seconds, rounds }) {
  const found = { tools: [], bodies: [], sessions: [] };
  for (let round = 0; round < rounds; round++) {
    for (const size of sizes.tools) found.tools.push({ round, ...await tools(issuer, size, seconds) });
    const server = await startServer(one('gatehouse'), issuer);
    for (const size of sizes.bodies) found.bodies.push({ round, ...await bodies(issuer, size, seconds, server) });
    await server.stop();
    for (const point of await sessions(issuer, sizes.sessions, seconds)) found.sessions.push({ round, ...point });
  }
  return found;
}

