// Keeps one server busy as several clients would, with attackers among them, and watches it; what it holds is printed
// every minute. SOAK_SECONDS: how long (300). SOAK_MEMORY=off: no limit on growth, for builds that keep a history of
// their own.
import assert from 'node:assert/strict';
import http from 'node:http';
import { readdirSync, readFileSync } from 'node:fs';
import { crowd } from '../support/crowd.mjs';
import { get, postForm, request } from '../support/http.mjs';
import { legacy, meta, modern, modernRequest, MODERN, post } from '../support/mcp.mjs';
import { refreshFields, register, signIn, tokenRequest } from '../support/oauth.mjs';
import { fixturePath, sleep, startGatehouse, until } from '../support/programs.mjs';
import { metricsUrl, parseMetrics } from '../support/prometheus.mjs';
import { bearer, openStream } from '../support/sse.mjs';
import { object, toolsFile } from '../support/toolfiles.mjs';

const seconds = Number(process.env.SOAK_SECONDS ?? 300);
const resourceOf = (name) => ({ uri: `test://${name}`, name, text: name });
const tools = toolsFile({ resources: [resourceOf('even')] });
const server = await startGatehouse({ keepLog: false, args: ['--plugin', fixturePath, '--tools', tools.file, '--metrics-listen', '127.0.0.1:0'] });
const metrics = metricsUrl(server);
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
const able = { elicitation: {}, sampling: {}, extensions: { 'io.modelcontextprotocol/tasks': {} } };
const can = { _meta: meta(MODERN, { 'io.modelcontextprotocol/clientCapabilities': able }) };

// Replies as event streams, read to their end or left in the middle.
async function progress() {
  const { tokens } = await signIn(server, { client });
  for (let i = 0; i < 20 && Date.now() < end; i++) {
    await once('progress', async () => {
      const { headers, body } = modernRequest(tokens.access_token, 'tools/call', { name: 'test_many_events', arguments: { count: 20, ms: 5 } }, { meta: { progressToken: `p${i}` } });
      const stream = await openStream(server.mcp, { method: 'POST', headers, body });
      if (i % 4 === 3) { stream.cut(); return; }
      assert.equal(await stream.end, 'complete');
      assert.equal(stream.messages().filter((message) => message.method === 'notifications/progress').length, 20, stream.text());
      assert.ok(stream.messages().at(-1).result, stream.text());
    });
    await sleep(20);
  }
}
async function tasks() {
  const { tokens } = await signIn(server, { client });
  const task = (method, params) => modern(server, tokens.access_token, method, { ...params, ...can }, { headers: { 'Mcp-Name': params.taskId } });
  for (let i = 0; i < 5 && Date.now() < end; i++) {
    await once('task', async () => {
      const { result } = (await modern(server, tokens.access_token, 'tools/call', { name: 'confirm_delete', arguments: { filename: 'a' }, ...can })).message;
      assert.equal(result?.resultType, 'task', JSON.stringify(result));
      const state = (from) => until(async () => {
        const now = (await task('tasks/get', { taskId: result.taskId })).message.result;
        return from.includes(now.status) ? undefined : now;
      }, 'the task to go on');
      const [key] = Object.keys((await state(['working'])).inputRequests);
      if (i === 4) { ok(await task('tasks/cancel', { taskId: result.taskId })); return; }
      ok(await task('tasks/update', { taskId: result.taskId, inputResponses: { [key]: { action: 'accept', content: { confirm: true } } } }));
      assert.equal((await state(['working', 'input_required'])).status, 'completed');
    });
    await sleep(1500); // a task is kept for a minute, and a user may have so many
  }
}
// What servers ask clients: by a retry in the modern era, by a request on the stream in a session.
async function questions() {
  const { tokens } = await signIn(server, { client });
  for (let i = 0; i < 10 && Date.now() < end; i++) {
    await once('question', async () => {
      const params = { name: 'test_elicitation', arguments: { message: 'Who?' }, ...can };
      const asked = (await modern(server, tokens.access_token, 'tools/call', params)).message.result;
      assert.equal(asked?.resultType, 'input_required', JSON.stringify(asked));
      const [key] = Object.keys(asked.inputRequests);
      const told = (await modern(server, tokens.access_token, 'tools/call', { ...params, inputResponses: { [key]: { action: 'accept', content: { username: 'ada', email: 'a@example.com' } } }, requestState: asked.requestState })).message.result;
      assert.match(told.content[0].text, /ada/);
    });
    await sleep(50);
  }
  const session = await legacy(server, tokens.access_token, '2025-11-25', { sampling: {}, elicitation: {} });
  await session.notify('notifications/initialized');
  for (let i = 0; i < 10 && Date.now() < end; i++) {
    await once('request to the client', async () => {
      const headers = { ...session.headers, ...bearer(tokens.access_token) };
      const stream = await openStream(server.mcp, { method: 'POST', headers, body: { jsonrpc: '2.0', id: `s${i}`, method: 'tools/call', params: { name: 'test_sampling', arguments: { prompt: 'Hi' } } } });
      const asked = (await stream.wait((event) => event.message?.method === 'sampling/createMessage', 'the request')).message;
      await post(server, tokens.access_token, { jsonrpc: '2.0', id: asked.id, result: { role: 'assistant', model: 'm', content: { type: 'text', text: 'soaked' } } }, session.headers);
      await stream.end;
      assert.match(stream.messages().at(-1).result.content[0].text, /soaked/);
    });
  }
  await session.end();
}
// Another set of resources from the file, again and again.
async function reloads() {
  const { tokens } = await signIn(server, { client });
  for (let i = 0; i < 10 && Date.now() < end; i++) {
    await once('reload', async () => {
      const name = (counts.reload ?? 0) % 2 === 0 ? 'odd' : 'even';
      tools.write({ resources: [resourceOf(name)], tools: [{ name: `tool_${name}`, inputSchema: object(), request: { path: '/' } }], upstreams: { a: { url: 'http://127.0.0.1:9' } } });
      server.kill('SIGHUP');
      await until(async () => (await modern(server, tokens.access_token, 'resources/read', { uri: `test://${name}` })).message?.result, 'the other file');
    });
    await sleep(1000);
  }
}
async function scrapes() {
  await once('scrape', async () => {
    const reply = ok(await get(metrics));
    parseMetrics(reply.text);
    assert.match(reply.text, /gatehouse_store_up 1/);
    assert.equal((await get(`${server.url}/readyz`)).status, 200);
  });
  await sleep(1000);
}
async function revocations() {
  const session = await signIn(server, { client });
  await once('revocation', async () => {
    ok(await modern(server, session.tokens.access_token, 'tools/list'));
    ok(await postForm(`${server.url}/revoke`, { token: session.tokens.refresh_token, client_id: client.client_id }));
    assert.equal((await modern(server, session.tokens.access_token, 'tools/list')).status, 401);
  });
  await sleep(500);
}
// Not so many that the workers are all taken: what that does is tested elsewhere.
async function dawdlers() {
  const act = (socket) => socket.write(Math.random() < 0.5 ? 'GET / HT' : `POST /token HTTP/1.1\r\nHost: ${new URL(server.url).host}\r\nContent-Length: 100\r\n\r\na`);
  await once('crowd', () => crowd(server.port, { size: 40, ms: 500, act }));
  await sleep(1000);
}
const forever = async (work) => { while (Date.now() < end) await work(); };

const samples = [];
const began = Date.now();
const watching = (async () => {
  let minute = 0;
  while (Date.now() < end) {
    const now = { rss: rss(), fds: descriptors() };
    if (Date.now() - began >= minute * 60_000) console.log(JSON.stringify({ minute: minute++, ...now, counts }));
    if (Date.now() - began >= Math.min(30_000, seconds * 250)) samples.push(now); // warmed up
    await sleep(1000);
  }
})();
const all = [caller, caller, caller, sessions, logins, strangers, listeners, dawdlers, progress, tasks, questions, reloads, scrapes, revocations];
await Promise.all([watching, ...all.map(forever)]);
await sleep(6000); // idle connections are closed
const middle = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const fifth = Math.max(1, Math.floor(samples.length / 5));
// Once it is warm, neither goes up: the last fifth of the time is compared with the first. In a long run, whose later
// part is all warm, the second half must be flat: a leak that a short run would take for warming up shows there.
const middles = (part) => ({ rss: middle(part.map((one) => one.rss)), fds: middle(part.map((one) => one.fds)) });
const [early, half, late] = [samples.slice(0, fifth), samples.slice(2 * fifth, 3 * fifth), samples.slice(-fifth)].map(middles);
console.log(JSON.stringify({ seconds, counts, early, half, late, idleDescriptors: descriptors() }));
await server.stop();
if (process.env.SOAK_MEMORY !== 'off') {
  assert.ok(late.rss < early.rss * 1.1 + 4096 + Math.min(seconds, 600) * 8, `memory grew from ${early.rss} to ${late.rss} kB`);
  if (seconds >= 900) assert.ok(late.rss < half.rss * 1.03 + 1024, `memory grew from ${half.rss} to ${late.rss} kB in the second half`);
  assert.ok(late.fds < early.fds + 20, `descriptors grew from ${early.fds} to ${late.fds}`);
}
for (const what of ['call', 'session call', 'login', 'refusal', 'streams', 'crowd', 'progress', 'task', 'question', 'request to the client', 'reload', 'scrape', 'revocation']) assert.ok(counts[what] > 0, `no ${what}`);
