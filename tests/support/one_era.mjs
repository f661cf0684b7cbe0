// MCP servers that speak one era only, and ask for no token: the official SDK's for the legacy one, and one by
// hand, as strict as the specification, for 2026-07-28. Both have the same tools: echo, ask, slow, news.
import http from 'node:http';
import { randomUUID } from 'node:crypto';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { SubscribeRequestSchema, UnsubscribeRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { MODERN } from './mcp.mjs';
import { readBody } from './http.mjs';

async function listen(handle, seen) {
  const listener = http.createServer(async (incoming, outgoing) => {
    const body = await readBody(incoming);
    const message = body ? JSON.parse(body) : undefined;
    seen.push({ http: incoming.method, method: message?.method, message, headers: incoming.headers });
    await handle(incoming, outgoing, message);
  });
  await new Promise((resolve) => listener.listen(0, '127.0.0.1', resolve));
  return {
    seen,
    mcp: `http://127.0.0.1:${listener.address().port}/mcp`,
    methods: () => seen.map((one) => one.method ?? one.http),
    stop: () => new Promise((resolve) => { listener.closeAllConnections(); listener.close(resolve); }),
  };
}

// The SDKs' clients forget a call's progress handler when the result is in the same chunk.
const apart = (act) => setTimeout(act, 60);
const question = { mode: 'form', message: 'Your name?', requestedSchema: { type: 'object', properties: { name: { type: 'string' } } } };
const text = (value) => ({ content: [{ type: 'text', text: value }] });

export async function startLegacyOnly() {
  const sessions = new Map();
  const seen = [];
  const subscribed = new Set();
  const make = () => {
    const server = new McpServer({ name: 'legacy-only', version: '1.0.0' }, { capabilities: { logging: {}, resources: { subscribe: true } }, instructions: 'Be old.' });
    server.registerTool('ask', { description: 'asks' }, async (extra) => {
      const answer = await server.server.elicitInput(question, { relatedRequestId: extra.requestId });
      return text(`${answer.action} ${answer.content?.name ?? ''}`);
    });
    server.registerTool('slow', { description: 'waits' }, (extra) => new Promise((resolve) => {
      extra.signal.addEventListener('abort', () => { seen.push({ method: 'aborted' }); resolve(text('aborted')); });
    }));
    server.registerTool('news', { description: 'changes' }, async () => {
      server.sendToolListChanged();
      await server.server.sendResourceUpdated({ uri: 'test://one' });
      return text('sent');
    });
    server.registerTool('echo', { description: 'echoes' }, async (extra) => {
      await server.server.sendLoggingMessage({ level: 'info', data: 'echoing' });
      if (extra._meta?.progressToken !== undefined) await extra.sendNotification({ method: 'notifications/progress', params: { progressToken: extra._meta.progressToken, progress: 1 } });
      await new Promise(apart);
      return text(`echo ${JSON.stringify(extra._meta ?? null)}`);
    });
    server.registerResource('one', 'test://one', {}, async (uri) => ({ contents: [{ uri: uri.href, text: 'one' }] }));
    server.server.setRequestHandler(SubscribeRequestSchema, async ({ params }) => { subscribed.add(params.uri); return {}; });
    server.server.setRequestHandler(UnsubscribeRequestSchema, async ({ params }) => { subscribed.delete(params.uri); return {}; });
    return server;
  };
  const one = await listen(async (incoming, outgoing, message) => {
    const id = incoming.headers['mcp-session-id'];
    let transport = sessions.get(id);
    if (!transport && message?.method === 'initialize') {
      transport = new StreamableHTTPServerTransport({ sessionIdGenerator: () => randomUUID(), onsessioninitialized: (made) => sessions.set(made, transport) });
      await make().connect(transport);
    }
    if (!transport) {
      outgoing.writeHead(id ? 404 : 400, { 'Content-Type': 'application/json' });
      outgoing.end(JSON.stringify({ jsonrpc: '2.0', error: { code: -32000, message: 'Bad Request: Server not initialized' }, id: null }));
      return;
    }
    await transport.handleRequest(incoming, outgoing, message);
  }, seen);
  // As after a restart: sessions and subscriptions are gone.
  return { ...one, subscribed, forget: () => { for (const transport of sessions.values()) void transport.close(); sessions.clear(); subscribed.clear(); } };
}

// --- 2026-07-28 only ---
const TOOLS = [
  { name: 'echo', inputSchema: { type: 'object', properties: { text: { type: 'string', 'x-mcp-header': 'Text' }, count: { type: 'integer', 'x-mcp-header': 'Count' } } } },
  { name: 'broken', inputSchema: { type: 'object', properties: { rate: { type: 'number', 'x-mcp-header': 'Rate' } } } },
  ...['ask', 'slow', 'news'].map((name) => ({ name, inputSchema: { type: 'object' } })),
];
const decode = (value) => /^=\?base64\?(.*)\?=$/.exec(value)?.[1] !== undefined
  ? Buffer.from(/^=\?base64\?(.*)\?=$/.exec(value)[1], 'base64').toString('utf8') : value;
const known = ['server/discover', 'tools/list', 'tools/call', 'resources/list', 'resources/read', 'subscriptions/listen'];

// What is wrong with the request, as an error, or undefined.
function fault(headers, message) {
  const meta = message.params?._meta ?? {};
  const params = message.params ?? {};
  const mismatch = (what) => ({ status: 400, code: -32020, message: `Header mismatch: ${what}` });
  if (headers['mcp-protocol-version'] === undefined) return mismatch('MCP-Protocol-Version is missing');
  if (headers['mcp-protocol-version'] !== meta['io.modelcontextprotocol/protocolVersion']) return mismatch('MCP-Protocol-Version');
  if (headers['mcp-protocol-version'] !== MODERN) return { status: 400, code: -32022, message: 'Unsupported', data: { supported: [MODERN] } };
  if (headers['mcp-method'] !== message.method) return mismatch('Mcp-Method');
  if (!known.includes(message.method)) return { status: 404, code: -32601, message: 'Method not found' };
  if (!meta['io.modelcontextprotocol/clientCapabilities']) return { status: 400, code: -32602, message: 'no capabilities' };
  const name = { 'tools/call': params.name, 'resources/read': params.uri }[message.method];
  if (name !== undefined && decode(headers['mcp-name']) !== name) return mismatch('Mcp-Name');
  if (message.method === 'tools/call') {
    const tool = TOOLS.find((one) => one.name === params.name);
    for (const [member, schema] of Object.entries(tool?.inputSchema.properties ?? {})) {
      const value = params.arguments?.[member];
      const header = headers[`mcp-param-${schema['x-mcp-header'].toLowerCase()}`];
      if (value === undefined || value === null ? header !== undefined : header === undefined || decode(header) !== String(value)) return mismatch(`Mcp-Param for ${member}`);
    }
  }
  return undefined;
}

export async function startModernOnly({ capabilities = { tools: { listChanged: true }, resources: { subscribe: true } } } = {}) {
  const seen = [];
  const streams = new Set();
  const one = await listen((incoming, outgoing, message) => {
    const json = (status, value) => { outgoing.writeHead(status, { 'Content-Type': 'application/json' }); outgoing.end(JSON.stringify({ jsonrpc: '2.0', id: message?.id ?? null, ...value })); };
    const result = (value, status = 200) => json(status, { result: { resultType: 'complete', _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'modern-only', version: '2.0.0' } }, ...value } });
    const event = (value) => outgoing.write(`data: ${JSON.stringify({ jsonrpc: '2.0', ...value })}\n\n`);
    if (incoming.method !== 'POST') { outgoing.writeHead(405).end(); return; }
    const wrong = fault(incoming.headers, message);
    if (wrong) { const { status, ...error } = wrong; json(status, { error }); return; }
    const { params } = message;
    const cache = { ttlMs: 0, cacheScope: 'public' };
    if (message.method === 'server/discover') result({ supportedVersions: [MODERN], capabilities, instructions: 'Be new.', ...cache });
    else if (message.method === 'tools/list') result({ tools: TOOLS, ...cache });
    else if (message.method === 'resources/list') result({ resources: [{ uri: 'test://one', name: 'one' }], ...cache });
    else if (message.method === 'resources/read') result({ contents: [{ uri: params.uri, text: 'one' }], ...cache });
    else if (message.method === 'subscriptions/listen') {
      const _meta = { 'io.modelcontextprotocol/subscriptionId': message.id };
      outgoing.writeHead(200, { 'Content-Type': 'text/event-stream' });
      event({ method: 'notifications/subscriptions/acknowledged', params: { _meta, notifications: params.notifications } });
      const stream = { filter: params.notifications, send: (method, more) => event({ method, params: { _meta, ...more } }) };
      streams.add(stream);
      outgoing.on('close', () => streams.delete(stream));
    } else if (params.name === 'echo') {
      const meta = params._meta;
      outgoing.writeHead(200, { 'Content-Type': 'text/event-stream' });
      if (meta.progressToken !== undefined) event({ method: 'notifications/progress', params: { progressToken: meta.progressToken, progress: 1 } });
      if (meta['io.modelcontextprotocol/logLevel']) event({ method: 'notifications/message', params: { level: 'info', data: 'echoing' } });
      apart(() => { event({ id: message.id, result: { resultType: 'complete', ...text(`echo ${params.arguments?.text}`) } }); outgoing.end(); });
    } else if (params.name === 'ask') {
      const answer = params.inputResponses?.who;
      if (answer) result(text(`${answer.action} ${answer.content?.name ?? ''} ${params.requestState}`));
      else result({ resultType: 'input_required', inputRequests: { who: { method: 'elicitation/create', params: question } }, requestState: 'state-1' });
    } else if (params.name === 'slow') {
      outgoing.writeHead(200, { 'Content-Type': 'text/event-stream' });
      outgoing.write(': wait\n\n');
      outgoing.on('close', () => seen.push({ method: 'aborted' }));
    } else if (params.name === 'news') {
      for (const stream of streams) {
        if (stream.filter.toolsListChanged) stream.send('notifications/tools/list_changed');
        if (stream.filter.resourceSubscriptions?.includes('test://one')) stream.send('notifications/resources/updated', { uri: 'test://one' });
      }
      result(text('sent'));
    } else json(400, { error: { code: -32602, message: 'Unknown tool' } });
  }, seen);
  return { ...one, streams };
}
