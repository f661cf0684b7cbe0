// JSON-RPC to /mcp by hand, in both eras.
import { request } from './http.mjs';

export const MODERN = '2026-07-28';
export const LEGACY = ['2025-11-25', '2025-06-18', '2025-03-26'];
const accept = 'application/json, text/event-stream';
let lastId = 0;

// The reply's message, whether it came as JSON or as the last event of a stream.
export function messageOf(reply) {
  if (!(reply.headers['content-type'] ?? '').startsWith('text/event-stream')) return reply.text ? reply.json() : undefined;
  const events = reply.text.split(/\r?\n\r?\n/).map((event) => event.split(/\r?\n/)
    .filter((line) => line.startsWith('data:')).map((line) => line.slice(5).trimStart()).join('\n'));
  return JSON.parse(events.filter(Boolean).at(-1));
}

export async function post(server, token, body, headers = {}) {
  const reply = await request(server.mcp, {
    method: 'POST',
    headers: { Accept: accept, 'Content-Type': 'application/json', ...(token && { Authorization: `Bearer ${token}` }), ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  reply.message = (() => { try { return messageOf(reply); } catch { return undefined; } })();
  return reply;
}

export const meta = (version = MODERN, extra = {}) => ({
  'io.modelcontextprotocol/protocolVersion': version,
  'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
  ...extra,
});

// A modern request with the headers that belong to it; `headers` may replace or (undefined) remove some.
export function modern(server, token, method, params = {}, { headers = {}, version = MODERN, id = ++lastId } = {}) {
  const all = { 'MCP-Protocol-Version': version, 'Mcp-Method': method };
  const name = params.name ?? params.uri;
  if (name !== undefined && ['tools/call', 'resources/read', 'prompts/get'].includes(method)) all['Mcp-Name'] = name;
  Object.assign(all, headers);
  for (const key of Object.keys(all)) if (all[key] === undefined) delete all[key];
  return post(server, token, { jsonrpc: '2.0', id, method, params: { _meta: meta(version), ...params } }, all);
}

// The headers and the body of a modern request, for those who send it themselves.
export function modernRequest(token, method, params = {}, { id = ++lastId, capabilities = {}, meta: more = {} } = {}) {
  const name = params.name ?? params.uri ?? params.taskId;
  return {
    headers: { 'MCP-Protocol-Version': MODERN, 'Mcp-Method': method, ...(name !== undefined && { 'Mcp-Name': name }), ...(token && { Authorization: `Bearer ${token}` }) },
    body: { jsonrpc: '2.0', id, method, params: { ...params, _meta: meta(MODERN, { 'io.modelcontextprotocol/clientCapabilities': capabilities, ...more }) } },
  };
}

export const initializeBody = (version = LEGACY[0], capabilities = {}) => ({
  jsonrpc: '2.0', id: ++lastId, method: 'initialize',
  params: { protocolVersion: version, capabilities, clientInfo: { name: 'test', version: '1' } },
});

// A legacy session: { session, version, call(method, params), notify(method) , end() }
export async function legacy(server, token, version = LEGACY[0], capabilities = {}) {
  const hello = await post(server, token, initializeBody(version, capabilities));
  if (hello.status !== 200) throw new Error(`initialize: ${hello.status} ${hello.text}`);
  const headers = { 'Mcp-Session-Id': hello.headers['mcp-session-id'] };
  if (version !== '2025-03-26') headers['MCP-Protocol-Version'] = hello.message.result.protocolVersion;
  return {
    hello,
    headers,
    session: headers['Mcp-Session-Id'],
    call: (method, params, extra) => post(server, token, { jsonrpc: '2.0', id: ++lastId, method, ...(params && { params }) }, { ...headers, ...extra }),
    notify: (method, params) => post(server, token, { jsonrpc: '2.0', method, ...(params && { params }) }, headers),
    end: () => request(server.mcp, { method: 'DELETE', headers: { ...headers, ...(token && { Authorization: `Bearer ${token}` }) } }),
  };
}
