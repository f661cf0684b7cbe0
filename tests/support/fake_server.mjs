// A protected MCP server that can be told to misbehave, for the bridge's side.
// `change` may replace: mcp(request, body), resource(document), metadata(document), register(body),
// authorize(query), token(form), other(url, body), or
// anything at all by before(url, request, body) - each returns what to answer, or undefined for the usual.
// An answer may be { raw: (outgoing, incoming) => ... }, which has the response to itself.
import http from 'node:http';
import { noteExchange } from './secrets.mjs';
import { readBody } from './http.mjs';

export async function startFake(change = {}) {
  const seen = []; // { method, path, headers, body }
  const fake = { seen, accepted: new Set(['token-1', 'token-2']), tokens: 0 };
  const usualMcp = (message) => {
    if (message.id === undefined) return { status: 202 };
    const result = message.method === 'initialize'
      ? { protocolVersion: message.params.protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 'fake', version: '1' } }
      : { echo: message.method };
    return { json: { jsonrpc: '2.0', id: message.id, result } };
  };
  const answer = async (incoming, body) => {
    const url = new URL(incoming.url, fake.url);
    const first = await change.before?.(url, incoming, body, fake);
    if (first) return first;
    switch (url.pathname) {
      case '/mcp': {
        const special = await change.mcp?.(incoming, body, fake);
        if (special) return special;
        const bearer = /^Bearer (.*)$/.exec(incoming.headers.authorization ?? '')?.[1];
        if (!fake.accepted.has(bearer)) {
          return { status: 401, headers: { 'WWW-Authenticate': `Bearer resource_metadata="${fake.url}/.well-known/oauth-protected-resource/mcp", scope="mcp"${bearer ? ', error="invalid_token"' : ''}` }, json: { error: 'invalid_token' } };
        }
        if (incoming.method !== 'POST') return { status: incoming.method === 'DELETE' ? 204 : 405 };
        return usualMcp(JSON.parse(body));
      }
      case '/.well-known/oauth-protected-resource/mcp': {
        const document = { resource: `${fake.url}/mcp`, authorization_servers: [fake.url], scopes_supported: ['mcp'] };
        return { json: change.resource?.(document, fake) ?? document };
      }
      case '/.well-known/oauth-authorization-server': {
        const document = {
          issuer: fake.url, authorization_endpoint: `${fake.url}/authorize`, token_endpoint: `${fake.url}/token`, registration_endpoint: `${fake.url}/register`,
          response_types_supported: ['code'], code_challenge_methods_supported: ['S256'], token_endpoint_auth_methods_supported: ['none'],
          authorization_response_iss_parameter_supported: true, scopes_supported: ['mcp', 'offline_access'],
        };
        return { json: change.metadata?.(document, fake) ?? document };
      }
      case '/register': return change.register?.(JSON.parse(body), fake) ?? { status: 201, json: { ...JSON.parse(body), client_id: 'client-1' } };
      case '/authorize': {
        const query = Object.fromEntries(url.searchParams);
        const special = change.authorize?.(query, fake);
        if (special) return special;
        const back = new URL(query.redirect_uri);
        for (const [name, value] of Object.entries({ code: 'code-1', state: query.state, iss: fake.url })) back.searchParams.set(name, value);
        return { status: 302, headers: { Location: back.href } };
      }
      case '/token': {
        const form = Object.fromEntries(new URLSearchParams(body));
        return change.token?.(form, fake, incoming.headers) ?? { json: { access_token: `token-${++fake.tokens}`, token_type: 'Bearer', expires_in: 600, refresh_token: `refresh-${fake.tokens}`, scope: 'mcp' } };
      }
      default: return change.other?.(url, body, fake) ?? { status: 404, json: { error: 'not_found' } };
    }
  };
  const listener = http.createServer(async (incoming, outgoing) => {
    const body = await readBody(incoming);
    seen.push({ method: incoming.method, path: new URL(incoming.url, fake.url).pathname, url: incoming.url, headers: incoming.headers, body });
    outgoing.on('error', () => {});
    const reply = await answer(incoming, body);
    noteExchange({ headers: incoming.headers, body, reply });
    if (reply.hang) return;
    if (reply.raw) { await reply.raw(outgoing, incoming); return; }
    if (reply.destroy) { incoming.socket.destroy(); return; }
    const text = reply.json === undefined ? reply.text ?? '' : JSON.stringify(reply.json);
    outgoing.writeHead(reply.status ?? 200, { ...(text && { 'Content-Type': reply.type ?? 'application/json' }), ...reply.headers });
    outgoing.end(text);
  });
  fake.connections = 0;
  listener.on('connection', () => { fake.connections++; });
  await new Promise((resolve) => listener.listen(change.port ?? 0, '127.0.0.1', resolve));
  fake.url = `http://127.0.0.1:${listener.address().port}`;
  fake.mcp = `${fake.url}/mcp`;
  fake.stop = () => new Promise((resolve) => { listener.closeAllConnections(); listener.close(resolve); });
  fake.requests = (path, method) => seen.filter((one) => one.path === path && (!method || one.method === method));
  return fake;
}
