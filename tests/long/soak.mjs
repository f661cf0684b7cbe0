// Keeps one server busy as several clients would, and watches it. SOAK_SECONDS: how long (300).
// SOAK_MEMORY=off: no limit on growth, for builds that keep a history of their own.
import assert from 'node:assert/strict';
import http from 'node:http';
import { readdirSync, readFileSync } from 'node:fs';
import { request } from '../support/http.mjs';
import { legacy, modern } from '../support/mcp.mjs';
import { refreshFields, register, signIn, tokenRequest } from '../support/oauth.mjs';
import { sleep, startGatehouse } from '../support/programs.mjs';

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
const forever = async (work) => { while (Date.now() < end) await work(); };

const samples = [];
const watching = (async () => {
  await sleep(Math.min(30_000, seconds * 250)); // warmed up
  while (Date.now() < end) {
    samples.push({ rss: rss(), fds: descriptors() });
    await sleep(1000);
  }
})();
await Promise.all([watching, ...[caller, caller, caller, sessions, logins, strangers].map(forever)]);
await sleep(6000); // idle connections are closed
const middle = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const fifth = Math.max(1, Math.floor(samples.length / 5));
const [early, late] = [samples.slice(0, fifth), samples.slice(-fifth)].map((part) => ({ rss: middle(part.map((one) => one.rss)), fds: middle(part.map((one) => one.fds)) }));
console.log(JSON.stringify({ seconds, counts, early, late, idleDescriptors: descriptors() }));
await server.stop();
if (process.env.SOAK_MEMORY !== 'off') {
  assert.ok(late.rss < early.rss * 1.3 + 8192, `memory grew from ${early.rss} to ${late.rss} kB`);
  assert.ok(late.fds < early.fds + 40, `descriptors grew from ${early.fds} to ${late.fds}`);
}
for (const what of ['call', 'session call', 'login', 'refusal']) assert.ok(counts[what] > 0, `no ${what}`);
