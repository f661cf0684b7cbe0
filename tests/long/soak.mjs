// Keeps one server busy as several clients would, with attackers among them, and watches it. SOAK_SECONDS: how long
// (300). SOAK_MEMORY=off: no limit on growth, for builds that keep a history of their own.
import assert from 'node:assert/strict';
import http from 'node:http';
import { readdirSync, readFileSync } from 'node:fs';
import { crowd } from '../support/crowd.mjs';
import { request } from '../support/http.mjs';
import { legacy, modern, modernRequest } from '../support/mcp.mjs';
import { refreshFields, register, signIn, tokenRequest } from '../support/oauth.mjs';
import { sleep, startGatehouse } from '../support/programs.mjs';
import { bearer, openStream } from '../support/sse.mjs';

const seconds = Number(process.env.SOAK_SECONDS ?? 300);
const server = await startGatehouse({ keepLog: false });
const client = await register(server, 'http://127.0.0.1:39999/callback');
const end = Date.now() + seconds * 1000;
const counts = {};
const once = async (what, work) => { await work(); counts[what] = (counts[what] ?? 0) + 1; };

const rss = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))[1]);
const descriptors = () => readdirSync(`/proc/${server.pid}/fd`).length;
const ok = (reply) => { assert.equal(reply.status, 200, reply.text); return reply; };

async function caller() {
  const { tokens } = await signIn(server, { client });
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'sayHello', arguments: { name: 'soak' }, _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientInfo': { name: 's', version: '1' }, 'io.modelcontextprotocol/clientCapabilities': {} } } });
  const until = Math.min(end, Date.now() + 60_000); // a new login every minute
  while (Date.now() < until) {
    await once('call', async () => ok(await request(server.mcp, { agent, method: 'POST', body, headers: { Authorization: `Bearer ${tokens.access_token}`, Accept: 'application/json, text/event-stream', 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'tools/call', 'Mcp-Name': 'sayHello' } })));
    await sleep(2);
  }
  agent.destroy();
}
async function sessions() {
  const { tokens } = await signIn(server, { client });
  const session = await legacy(server, tokens.access_token);
  for (let i = 0; i < 20 && Date.now() < end; i++) await once('session call', async () => ok(await session.call('tools/list')));
  await session.end();
}
async function logins() {
  const session = await signIn(server, { client });
  const reply = ok(await tokenRequest(server, refreshFields(session)));
  await once('login', async () => ok(await modern(server, reply.json().access_token, 'tools/list')));
  await sleep(200);
}
async function strangers() {
  await once('refusal', async () => {
    assert.equal((await modern(server, 'garbage', 'tools/list')).status, 401);
    assert.equal((await request(`${server.url}/none`)).status, 404);
    assert.equal((await request(`${server.url}/token`, { method: 'POST', body: 'x'.repeat(1000), headers: { 'Content-Type': 'application/x-www-form-urlencoded' } })).status, 400);
  });
  await sleep(20);
}
async function listeners() {
  const { tokens } = await signIn(server, { client });
  const { headers, body } = modernRequest(tokens.access_token, 'subscriptions/listen', { notifications: { toolsListChanged: true } });
  const streams = await Promise.all(Array.from({ length: 10 }, () => openStream(server.mcp, { method: 'POST', headers: { ...headers, ...bearer(tokens.access_token) }, body })));
  await once('streams', async () => assert.ok(streams.every((stream) => stream.status === 200)));
  await sleep(Math.min(3000, Math.max(0, end - Date.now())));
  streams.forEach((stream) => stream.cut());
}
// Not so many that the workers are all taken: what that does is tested elsewhere.
async function dawdlers() {
  const act = (socket) => socket.write(Math.random() < 0.5 ? 'GET / HT' : `POST /token HTTP/1.1\r\nHost: ${new URL(server.url).host}\r\nContent-Length: 100\r\n\r\na`);
  await once('crowd', () => crowd(server.port, { size: 40, ms: 500, act }));
  await sleep(1000);
}
const forever = async (work) => { while (Date.now() < end) await work(); };

const samples = [];
const watching = (async () => {
  await sleep(Math.min(30_000, seconds * 250)); // warmed up
  while (Date.now() < end) {
    samples.push({ rss: rss(), fds: descriptors() });
    await sleep(1000);
  }
})();
await Promise.all([watching, ...[caller, caller, caller, sessions, logins, strangers, listeners, dawdlers].map(forever)]);
await sleep(6000); // idle connections are closed
const middle = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const fifth = Math.max(1, Math.floor(samples.length / 5));
// Once it is warm, neither goes up: the last fifth of the time is compared with the first.
const [early, late] = [samples.slice(0, fifth), samples.slice(-fifth)].map((part) => ({ rss: middle(part.map((one) => one.rss)), fds: middle(part.map((one) => one.fds)) }));
console.log(JSON.stringify({ seconds, counts, early, late, idleDescriptors: descriptors() }));
await server.stop();
if (process.env.SOAK_MEMORY !== 'off') {
  assert.ok(late.rss < early.rss * 1.1 + 4096 + Math.min(seconds, 600) * 8, `memory grew from ${early.rss} to ${late.rss} kB`);
  assert.ok(late.fds < early.fds + 20, `descriptors grew from ${early.fds} to ${late.fds}`);
}
for (const what of ['call', 'session call', 'login', 'refusal', 'streams', 'crowd']) assert.ok(counts[what] > 0, `no ${what}`);
