// What a server costs before and beside its work: start-up, the first request, memory, open streams.
import net from 'node:net';
import { sleep, until } from '../support/programs.mjs';
import { load, bytesOf } from './load.mjs';
import { one, startServer } from './servers.mjs';
import { ask, bearer, modern, openSessions, prepare, works } from './works.mjs';
import { initializeBody } from '../support/mcp.mjs';

const call = works.find((work) => work.id === 'call');

// -> [{ server, round, startMs, firstMs, idleMb }]
export async function measureStarts(servers, issuer, rounds) {
  const results = [];
  for (let round = 0; round < rounds; round++) {
    for (const each of servers.filter((server) => !server.variant)) {
      const server = await startServer(each, issuer);
      const result = { server: server.id, round, startMs: server.startMs };
      await sleep(300);
      result.idleMb = server.rssMb();
      if (!server.limit) {
        const began = performance.now();
        await ask(server, { headers: bearer(issuer), body: initializeBody() });
        result.firstMs = performance.now() - began;
      }
      results.push(result);
      await server.stop();
    }
  }
  return results;
}

// A stream for what the server has to say: subscriptions/listen, or the GET of a session.
function openStream(server, headers, what) {
  const socket = net.connect(server.port, '127.0.0.1', () => socket.write(bytesOf(server, { ...what, headers })));
  const stream = { socket, open: false, refused: '' };
  socket.on('data', (bytes) => {
    const text = bytes.toString('latin1');
    if (text.startsWith('HTTP/1.1 200')) stream.open = true;
    else if (!stream.open) stream.refused ||= text.slice(0, 200);
  });
  socket.on('error', (error) => { stream.refused ||= error.message; });
  socket.on('close', () => { stream.refused ||= 'closed'; stream.open = false; });
  return stream;
}

// Of so many users: a few together do not get all streams.
const people = 500;

export async function openStreams(server, issuer, count) {
  const listen = server.id === 'gatehouse';
  const sessions = listen ? [] : await openSessions(server, issuer, count);
  const streams = [];
  for (let at = 0; at < count; at++) {
    const what = listen ? modern(issuer, 'subscriptions/listen', { notifications: { toolsListChanged: true } }, at % people) : { method: 'GET' };
    streams.push(openStream(server, listen ? what.headers : sessions[at], what));
    if (at % 50 === 49) await sleep(10);
  }
  await until(() => streams.every((stream) => stream.open || stream.refused), 'the streams to open', 30_000);
  return { open: streams.filter((stream) => stream.open).length, refused: streams.find((stream) => stream.refused)?.refused, close: () => { for (const { socket } of streams) socket.destroy(); } };
}

// Memory with `count` streams. -> [{ server, idleMb, streamsMb, open }]
export async function measureStreams(servers, issuer, count) {
  const results = [];
  for (const each of servers.filter((server) => !server.variant && !server.limit)) {
    const server = await startServer(each, issuer, { args: ['--workers', '1300'] });
    await sleep(300);
    const idleMb = server.rssMb();
    const streams = await openStreams(server, issuer, count);
    results.push({ server: server.id, idleMb, streamsMb: server.rssMb(), open: streams.open, refused: streams.refused });
    streams.close();
    await server.stop();
  }
  return results;
}

// tools/call of two equal servers in turn, one of which has `count` streams open. -> [{ round, alone, beside }]
export async function measureBesideStreams(issuer, { count, rounds, seconds, connections = 64 }) {
  const alone = await startServer(one('gatehouse'), issuer, { args: ['--workers', '1300'] });
  const beside = await startServer(one('gatehouse'), issuer, { args: ['--workers', '1300'] });
  const streams = await openStreams(beside, issuer, count);
  const results = [];
  const prepared = new Map();
  for (const server of [alone, beside]) {
    prepared.set(server, await prepare(call, { server, issuer, sessions: await openSessions(server, issuer, connections) }, connections));
  }
  for (let round = 0; round < rounds; round++) {
    const run = async (server) => load(server, prepared.get(server), { connections, seconds });
    results.push({ round, alone: await run(alone), beside: await run(beside) });
  }
  streams.close();
  await alone.stop();
  await beside.stop();
  return results;
}

