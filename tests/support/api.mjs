// A small API to stand behind the server: orders that belong to people. It trusts no token it is shown: it asks
// the identity provider whose each is, at the userinfo endpoint, and answers with what that person owns.
import { createHash } from 'node:crypto';
import http from 'node:http';
import { get, readBody } from './http.mjs';
import { noteExchange } from './secrets.mjs';

const send = (outgoing, status, body, headers = {}) => {
  const text = Buffer.isBuffer(body) ? body : body === undefined ? '' : JSON.stringify(body);
  outgoing.writeHead(status, { ...(text.length && { 'Content-Type': 'application/json' }), 'Content-Length': Buffer.byteLength(text), ...headers }).end(text);
};
const problem = (outgoing, status, detail) => send(outgoing, status, { title: http.STATUS_CODES[status], detail }, { 'Content-Type': 'application/problem+json' });

// `whose(token)` -> a name or undefined. `change(request, outgoing, url, body)` may answer instead: then it gives true.
// -> { url, seen, stop(), open(): connections now }
export async function startApi({ whose, change = () => false, host = '127.0.0.1' }) {
  const seen = []; // { method, path, query, headers, body, who }
  const orders = new Map();
  const ordersOf = (who) => { if (!orders.has(who)) orders.set(who, [{ id: '1', owner: who, total: 12.5 }]); return orders.get(who); };
  const sockets = new Set();
  const listener = http.createServer(async (request, outgoing) => {
    const url = new URL(request.url, 'http://api');
    const body = await readBody(request);
    const entry = { method: request.method, path: url.pathname, query: url.search, headers: request.headers, body };
    seen.push(entry);
    outgoing.on('error', () => {});
    if (await change(request, outgoing, url, body)) return;
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
    const who = token && await whose(token);
    noteExchange({ headers: request.headers, body, reply: {} });
    entry.who = who;
    if (!who) { problem(outgoing, 401, 'The token is not good here.'); return; }
    if (url.pathname === '/v1/me') { send(outgoing, 200, { who, fingerprint: createHash('sha256').update(token).digest('hex') }); return; }
    if (url.pathname === '/v1/orders' && request.method === 'POST') {
      const order = { ...JSON.parse(body), id: String(ordersOf(who).length + 1), owner: who };
      ordersOf(who).push(order);
      send(outgoing, 201, order);
      return;
    }
    if (url.pathname === '/v1/orders') { send(outgoing, 200, ordersOf(who).filter((one) => (url.searchParams.has('id') ? one.id === url.searchParams.get('id') : true))); return; }
    const id = /^\/v1\/orders\/([^/]+)$/.exec(url.pathname)?.[1];
    const order = id && ordersOf(who).find((one) => one.id === decodeURIComponent(id));
    if (order) send(outgoing, 200, order); else problem(outgoing, 404, `${who} has no such order.`);
  });
  listener.on('connection', (socket) => { sockets.add(socket); socket.on('close', () => sockets.delete(socket)); });
  await new Promise((resolve) => { listener.listen(0, host, resolve); });
  return {
    url: `http://${host}:${listener.address().port}/v1`, seen, open: () => sockets.size,
    stop: () => new Promise((resolve) => { listener.closeAllConnections(); listener.close(resolve); }),
  };
}

// Whose is it? Asks the provider, each time.
export const askProvider = (metadata) => async (token) => {
  const reply = await get(metadata.userinfo_endpoint, { Authorization: `Bearer ${token}` }).catch(() => undefined);
  return reply?.status === 200 ? reply.json().preferred_username ?? reply.json().sub : undefined;
};
