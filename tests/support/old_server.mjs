// A server that only speaks the old HTTP+SSE transport (2024-11-05): the official SDK's own, and one of raw
// events that can be told to misbehave.
import http from 'node:http';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import { readBody } from './http.mjs';

const listen = (handler, port = 0) => new Promise((resolve) => {
  const listener = http.createServer(handler);
  listener.listen(port, '127.0.0.1', () => resolve({
    port: listener.address().port,
    url: `http://127.0.0.1:${listener.address().port}`,
    stop: () => new Promise((done) => { listener.closeAllConnections(); listener.close(done); }),
  }));
});

// `build(mcp)` adds tools. What a POST to the stream's own URL gets is `refusal`. -> { url, seen, calls, drop() }
export async function startOldServer({ build = () => {}, refusal = 404, port } = {}) {
  const transports = new Map();
  const seen = [];
  const server = await listen(async (incoming, outgoing) => {
    const url = new URL(incoming.url, 'http://localhost');
    seen.push({ method: incoming.method, path: url.pathname, headers: incoming.headers });
    if (incoming.method === 'GET' && url.pathname === '/sse') {
      const transport = new SSEServerTransport('/messages', outgoing);
      const mcp = new McpServer({ name: 'old', version: '1' }, { capabilities: { logging: {} } });
      mcp.registerTool('echo', { description: 'Says it again.' }, async () => ({ content: [{ type: 'text', text: 'again' }] }));
      build(mcp);
      transports.set(transport.sessionId, transport);
      outgoing.on('close', () => transports.delete(transport.sessionId));
      await mcp.connect(transport);
      return;
    }
    const transport = transports.get(url.searchParams.get('sessionId'));
    if (incoming.method === 'POST' && url.pathname === '/messages' && transport) {
      await transport.handlePostMessage(incoming, outgoing);
      return;
    }
    await readBody(incoming);
    outgoing.writeHead(url.pathname === '/sse' ? refusal : 404, { 'Content-Type': 'text/html' });
    outgoing.end('<p>Cannot do that</p>');
  }, port);
  return {
    ...server,
    mcp: `${server.url}/sse`,
    seen,
    streams: () => transports.size,
    posts: () => seen.filter((one) => one.method === 'POST' && one.path === '/messages').length,
    drop: () => { for (const transport of transports.values()) void transport.close(); },
  };
}

// Raw: `stream(outgoing, number)` writes the events of the n-th GET; `post(message, send, outgoing, number)`
// answers what is posted, `send` writes to the stream that was opened last.
export async function startRawServer({ endpoint = '/messages', stream, post, get, port } = {}) {
  const seen = [];
  let current;
  let number = 0;
  const send = (message) => current?.write(`event: message\ndata: ${JSON.stringify(message)}\n\n`);
  const server = await listen(async (incoming, outgoing) => {
    const body = await readBody(incoming);
    seen.push({ method: incoming.method, path: incoming.url, headers: incoming.headers, body });
    if (incoming.method === 'GET' && incoming.url.startsWith('/sse')) {
      if (get?.(incoming, outgoing)) return;
      number++;
      current = outgoing;
      outgoing.writeHead(200, { 'Content-Type': 'text/event-stream' });
      if (stream) stream(outgoing, number);
      else outgoing.write(`event: endpoint\ndata: ${endpoint}?n=${number}\n\n`);
      return;
    }
    if (incoming.method === 'POST' && incoming.url.startsWith('/messages')) {
      const message = JSON.parse(body);
      if (await post?.(message, send, outgoing, number)) return;
      outgoing.writeHead(202).end('Accepted');
      if (message.method === 'initialize') {
        send({ jsonrpc: '2.0', id: message.id, result: { protocolVersion: '2024-11-05', capabilities: { tools: {} }, serverInfo: { name: 'raw', version: '1' } } });
      } else if (message.id !== undefined && message.method) {
        send({ jsonrpc: '2.0', id: message.id, result: { echo: message.method } });
      }
      return;
    }
    outgoing.writeHead(405).end();
  }, port);
  return { ...server, mcp: `${server.url}/sse`, seen, send, drop: () => current?.destroy(), methods: () => seen.map((one) => one.method) };
}
