// What is asked of every server. Requests with sessions use one per connection, and sixteen users in all.
import { randomUUID } from 'node:crypto';
import { initializeBody, messageOf, modernRequest } from '../support/mcp.mjs';
import { request } from '../support/http.mjs';
import { bytesOf } from './load.mjs';

const accept = { Accept: 'application/json, text/event-stream' };
const users = 16;
const version = '2025-11-25';
const call = (name, params = {}) => ({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: {}, ...params } });
const hello = call('sayHello');
const says = (wanted) => ({ reply, message }) => (reply.status === 200 && message?.result?.content?.[0]?.text === wanted ? undefined : `${reply.status} ${reply.text.slice(0, 300)}`);
const greets = says('Hello, Ada Lovelace!');
const status = (wanted) => ({ reply }) => (reply.status === wanted ? undefined : `${reply.status} instead of ${wanted}`);

export const bearer = (issuer, user = 0) => ({ ...accept, Authorization: `Bearer ${issuer.tokenOf(user)}` });

export async function ask(server, what) {
  const { method = 'POST', path = '/mcp', headers = {}, body } = what;
  const reply = await request(`${server.url}${path}`, { method, headers: { Host: server.host, ...headers }, body });
  reply.message = (() => { try { return messageOf(reply); } catch { return undefined; } })();
  return reply;
}

const sessionHeaders = (issuer, user, id) => ({ ...bearer(issuer, user), 'Mcp-Session-Id': id, 'MCP-Protocol-Version': version });

// What a server that knows no sessions is sent: the same bytes.
export const likeSessions = (issuer, count) => Array.from({ length: count }, (_, number) => sessionHeaders(issuer, number % users, randomUUID()));

// Opens `count` sessions, of as many users as `perUser` asks for. -> [headers of a request in it]
export async function openSessions(server, issuer, count, { perUser } = {}) {
  const opened = [];
  const open = async (number) => {
    const user = perUser ? Math.floor(number / perUser) : number % users;
    const reply = await ask(server, { headers: bearer(issuer, user), body: initializeBody(version) });
    if (reply.status !== 200) throw new Error(`${server.label}: initialize: ${reply.status} ${reply.text}`);
    opened[number] = sessionHeaders(issuer, user, reply.headers['mcp-session-id']);
    await ask(server, { headers: opened[number], body: { jsonrpc: '2.0', method: 'notifications/initialized' } });
  };
  for (let at = 0; at < count; at += 8) {
    await Promise.all(Array.from({ length: Math.min(8, count - at) }, (_, offset) => open(at + offset)));
  }
  return opened;
}

// Each session has requests with several ids, since none may be in flight twice.
const ids = 16;
const inSession = (body) => ({ sessions }) => Array.from({ length: ids }, (_, id) => sessions.map((headers) => ({ headers, body: { ...body, id: id + 1 } }))).flat();
const modern = (issuer, method, params, user = 0) => {
  const made = modernRequest(issuer.tokenOf(user), method, params, { id: 1 });
  return { headers: { ...accept, ...made.headers }, body: made.body };
};

// requests: what is sent in turn, from { issuer, sessions }. check: what is wrong with the reply to the first.
export const works = [
  { id: 'call', title: 'tools/call', requests: inSession(hello), check: greets, limits: true, sessions: true },
  { id: 'call-2026', title: 'tools/call, 2026-07-28', requests: ({ issuer }) => [modern(issuer, 'tools/call', { name: 'sayHello', arguments: {} })], check: greets, optional: true },
  { id: 'list', title: 'tools/list', requests: inSession({ jsonrpc: '2.0', id: 1, method: 'tools/list' }), sessions: true,
    check: ({ reply, message }) => (message?.result?.tools?.length >= 3 ? undefined : `${reply.status} ${reply.text.slice(0, 300)}`) },
  { id: 'refused', title: '401', requests: () => [{ headers: accept, body: hello }], check: status(401), status: 401 },
  { id: 'session', title: 'session: initialize, call, delete', sequence: 3, check: status(200),
    requests: ({ issuer }) => Array.from({ length: users }, (_, user) => {
      const headers = sessionHeaders(issuer, users + user, '@SESSION@');
      return [{ headers: bearer(issuer, users + user), body: initializeBody(version) }, { headers, body: hello }, { method: 'DELETE', headers }];
    }).flat() },
  { id: 'metadata', title: 'metadata document', check: status(200),
    requests: ({ server }) => [{ method: 'GET', path: server.id === 'python' ? '/.well-known/oauth-protected-resource/mcp' : '/.well-known/oauth-protected-resource' }] },
  { id: 'progress', title: 'reply with 10 progress events', sessions: true, requests: inSession(call('progress', { _meta: { progressToken: 7 } })),
    check: ({ reply, message }) => (reply.text.split('notifications/progress').length === 11 ? says('Done.')({ reply, message }) : `${reply.status} ${reply.text.slice(0, 300)}`) },
];

// The requests of a work as bytes for `connections`, after one of them was tried. Throws when the reply is wrong.
// `closes`: a whole reply ends with its connection, which wrk takes for an error.
export async function prepare(work, { server, issuer, sessions }, connections) {
  const requests = work.requests({ server, issuer, sessions: sessions?.slice(0, connections) });
  const reply = await ask(server, requests[0]);
  const wrong = server.limit ? undefined : work.check({ reply, message: reply.message });
  if (wrong) throw new Error(`${server.label}, ${work.title}: ${wrong}`);
  return Object.assign(requests.map((one) => bytesOf(server, one)), { closes: reply.headers.connection === 'close', replyBytes: Buffer.byteLength(reply.text) });
}

export { modern };
