// Any client era to any server era, through the bridge.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { Client as ModernClient } from '@modelcontextprotocol/client';
import { StdioClientTransport as ModernStdio } from '@modelcontextprotocol/client/stdio';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { ElicitRequestSchema, LoggingMessageNotificationSchema, ResourceUpdatedNotificationSchema, ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { signInThrough, signInUrl, startBridge } from '../support/bridge.mjs';
import { startFake } from '../support/fake_server.mjs';
import { meta } from '../support/mcp.mjs';
import { startOldServer } from '../support/old_server.mjs';
import { startLegacyOnly, startModernOnly } from '../support/one_era.mjs';
import { bridgePath, cleanEnv, tempDir, until } from '../support/programs.mjs';

const info = { name: 'eras', version: '1.0.0' };
const stdio = (server, stateDir = tempDir()) => ({ command: bridgePath, args: ['--no-browser', '--state-dir', stateDir, server.mcp], env: cleanEnv({ HOME: tempDir() }), stderr: 'ignore' });
const textOf = (result) => result.content[0].text;

async function withLegacyClient(server, use, stateDir) {
  const client = new Client(info, { capabilities: { elicitation: {} } });
  const heard = [];
  client.setRequestHandler(ElicitRequestSchema, async ({ params }) => { heard.push(params.message); return { action: 'accept', content: { name: 'Ada' } }; });
  for (const schema of [ToolListChangedNotificationSchema, ResourceUpdatedNotificationSchema, LoggingMessageNotificationSchema]) {
    client.setNotificationHandler(schema, (notification) => { heard.push(notification); });
  }
  await client.connect(new StdioClientTransport(stdio(server, stateDir)));
  try { await use(client, heard); } finally { await client.close(); await server.stop(); }
}

async function withModernClient(server, use, { stateDir, negotiation = { mode: { pin: '2026-07-28' } } } = {}) {
  const client = new ModernClient(info, { versionNegotiation: negotiation, capabilities: { elicitation: { form: {} } } });
  const heard = [];
  client.setRequestHandler('elicitation/create', async ({ params }) => { heard.push(params.message); return { action: 'accept', content: { name: 'Ada' } }; });
  for (const method of ['notifications/tools/list_changed', 'notifications/resources/updated']) client.setNotificationHandler(method, (notification) => { heard.push(notification); });
  await client.connect(new ModernStdio(stdio(server, stateDir)));
  try { await use(client, heard); } finally { await client.close(); await server.stop(); }
}

const has = (heard, method) => until(() => heard.some((one) => one.method === method), () => `${method}; heard ${JSON.stringify(heard)}`);

describe('legacy SDK client, modern-only server', () => {
  test('initialize, lists, calls with headers', async () => withLegacyClient(await startModernOnly(), async (client) => {
    assert.equal(client.getServerVersion().name, 'modern-only');
    assert.equal(client.getInstructions(), 'Be new.');
    const { tools } = await client.listTools();
    assert.deepEqual(tools.map((tool) => tool.name).sort(), ['ask', 'echo', 'news', 'slow']);
    for (const text of ['plain', '', ' padded ', 'line\nbreak', 'Grüße 世界', '=?base64?x?=']) {
      assert.equal(textOf(await client.callTool({ name: 'echo', arguments: { text, count: 3 } })), `echo ${text}`);
    }
    await client.ping();
    assert.equal((await client.readResource({ uri: 'test://one' })).contents[0].text, 'one');
  }));
  test('a tool that was never listed', async () => withLegacyClient(await startModernOnly(), async (client) => {
    assert.equal(textOf(await client.callTool({ name: 'echo', arguments: { text: 'x' } })), 'echo x');
  }));
  test('elicitation', async () => withLegacyClient(await startModernOnly(), async (client, heard) => {
    const results = await Promise.all([1, 2, 3].map(() => client.callTool({ name: 'ask', arguments: {} })));
    assert.deepEqual(results.map(textOf), Array(3).fill('accept Ada state-1'));
    assert.deepEqual(heard, Array(3).fill('Your name?'));
  }));
  test('progress and log messages', async () => withLegacyClient(await startModernOnly({ capabilities: { tools: {}, logging: {} } }), async (client, heard) => {
    const steps = [];
    await client.setLoggingLevel('info');
    await client.callTool({ name: 'echo', arguments: {} }, undefined, { onprogress: (step) => steps.push(step.progress) });
    assert.deepEqual(steps, [1]);
    await has(heard, 'notifications/message');
  }));
  test('changes, and resources subscribed to', async () => {
    const server = await startModernOnly();
    await withLegacyClient(server, async (client, heard) => {
      await until(() => server.streams.size === 1, 'a stream');
      await client.callTool({ name: 'news', arguments: {} });
      await has(heard, 'notifications/tools/list_changed');
      await client.subscribeResource({ uri: 'test://one' });
      await client.callTool({ name: 'news', arguments: {} });
      await has(heard, 'notifications/resources/updated');
      await until(() => server.streams.size === 1, 'one stream');
      await client.unsubscribeResource({ uri: 'test://one' });
      assert.ok([...server.streams].every((stream) => !stream.filter.resourceSubscriptions || server.streams.size > 1));
    });
  });
  test('a cancelled call closes its stream', async () => {
    const server = await startModernOnly();
    await withLegacyClient(server, async (client) => {
      const abort = new AbortController();
      const call = client.callTool({ name: 'slow', arguments: {} }, undefined, { signal: abort.signal });
      await until(() => server.seen.some((one) => one.message?.params?.name === 'slow'), 'the call');
      abort.abort('enough');
      await assert.rejects(call);
      await until(() => server.methods().includes('aborted'), 'the end of the stream');
    });
  });
});

for (const [how, negotiation] of [['pinned', { mode: { pin: '2026-07-28' } }], ['that looks for itself', { mode: 'auto' }]]) {
  describe(`modern SDK client ${how}, legacy-only SDK server`, () => {
    const run = async (use) => { const server = await startLegacyOnly(); await withModernClient(server, (client, heard) => use(client, heard, server), { negotiation }); };
    test('discovery, lists, calls', () => run(async (client) => {
      assert.equal(client.getNegotiatedProtocolVersion(), '2026-07-28');
      assert.equal(client.getServerVersion().name, 'legacy-only');
      assert.equal(client.getInstructions(), 'Be old.');
      const { tools } = await client.listTools();
      assert.equal(tools.length, 4);
      assert.match(textOf(await client.callTool({ name: 'echo', arguments: {} })), /^echo/);
      assert.doesNotMatch(textOf(await client.callTool({ name: 'echo', arguments: {} })), /io\.modelcontextprotocol/);
      assert.equal((await client.readResource({ uri: 'test://one' })).contents[0].text, 'one');
      await assert.rejects(client.readResource({ uri: 'test://none' }), (error) => error.code === -32602);
    }));
    test('elicitation, several at once', () => run(async (client, heard) => {
      const results = await Promise.all([1, 2, 3].map(() => client.callTool({ name: 'ask', arguments: {} })));
      assert.deepEqual(results.map(textOf), Array(3).fill('accept Ada'));
      assert.deepEqual(heard, Array(3).fill('Your name?'));
    }));
    test('progress', () => run(async (client) => {
      const steps = [];
      await client.callTool({ name: 'echo', arguments: {} }, { onprogress: (step) => steps.push(step.progress) });
      assert.deepEqual(steps, [1]);
    }));
    test('changes, and resources listened to', () => run(async (client, heard, server) => {
      const subscription = await client.listen({ toolsListChanged: true, resourceSubscriptions: ['test://one'] });
      await until(() => server.subscribed.has('test://one'), 'the subscription');
      await client.callTool({ name: 'news', arguments: {} });
      await has(heard, 'notifications/tools/list_changed');
      await has(heard, 'notifications/resources/updated');
      await subscription.close();
      await until(() => !server.subscribed.has('test://one'), 'its end');
    }));
    test('a cancelled call is cancelled there', () => run(async (client, heard, server) => {
      const abort = new AbortController();
      const call = client.callTool({ name: 'slow', arguments: {} }, { signal: abort.signal });
      await until(() => server.seen.some((one) => one.message?.params?.name === 'slow'), 'the call');
      abort.abort('enough');
      await assert.rejects(call);
      await until(() => server.methods().includes('aborted'), 'its end');
    }));
  });
}

test('a modern client and a legacy server that loses the session: calls go on, subscriptions come back', async () => {
  const server = await startLegacyOnly();
  await withModernClient(server, async (client, heard) => {
    await client.listen({ toolsListChanged: true, resourceSubscriptions: ['test://one'] });
    await until(() => server.subscribed.has('test://one'), 'the subscription');
    server.forget();
    assert.match(textOf(await client.callTool({ name: 'echo', arguments: {} })), /^echo/);
    await until(() => server.subscribed.has('test://one'), 'the subscription again');
    await client.callTool({ name: 'news', arguments: {} });
    await has(heard, 'notifications/resources/updated');
  });
});

test('a legacy client and a legacy server that loses the session: subscriptions and the log level come back by themselves', async () => {
  const server = await startLegacyOnly();
  await withLegacyClient(server, async (client, heard) => {
    await client.subscribeResource({ uri: 'test://one' });
    await client.setLoggingLevel('info');
    await client.callTool({ name: 'news', arguments: {} });
    await has(heard, 'notifications/resources/updated'); // the stream is open
    heard.length = 0;
    server.forget();
    await until(() => server.subscribed.has('test://one'), 'the subscription again, though the client says nothing');
    await until(() => server.methods().filter((method) => method === 'logging/setLevel').length === 2, 'the level again');
    await client.callTool({ name: 'news', arguments: {} });
    await has(heard, 'notifications/resources/updated');
    assert.equal(server.methods().filter((method) => method === 'initialize').length, 2);
  });
});

test('a modern client and a server of the old HTTP+SSE transport', async () => {
  const server = await startOldServer({ build: (mcp) => {
    mcp.registerTool('ask', {}, async () => {
      const answer = await mcp.server.elicitInput({ message: 'Your name?', requestedSchema: { type: 'object', properties: {} } });
      return { content: [{ type: 'text', text: answer.action }] };
    });
  } });
  await withModernClient(server, async (client, heard) => {
    assert.equal(textOf(await client.callTool({ name: 'echo', arguments: {} })), 'again');
    assert.equal(textOf(await client.callTool({ name: 'ask', arguments: {} })), 'accept');
    assert.deepEqual(heard, ['Your name?']);
  });
});

describe('the same era', () => {
  test('legacy to legacy: the SDK\'s own behaviour', async () => withLegacyClient(await startLegacyOnly(), async (client, heard) => {
    assert.equal(textOf(await client.callTool({ name: 'ask', arguments: {} })), 'accept Ada');
    assert.deepEqual(heard, ['Your name?']);
  }));
  test('modern to modern', async () => withModernClient(await startModernOnly(), async (client) => {
    assert.equal(textOf(await client.callTool({ name: 'ask', arguments: {} })), 'accept Ada state-1');
    assert.equal(textOf(await client.callTool({ name: 'echo', arguments: { text: '', count: 1 } })), 'echo ');
  }));
  test('initialize costs one request', async () => {
    const server = await startLegacyOnly();
    const bridge = startBridge(server.mcp);
    await bridge.initialize();
    assert.deepEqual(server.methods(), ['initialize']);
    await bridge.stop();
    await server.stop();
  });
});

describe('memory', () => {
  const remembered = (stateDir) => readdirSync(stateDir).filter((name) => name.endsWith('.server.json')).map((name) => JSON.parse(readFileSync(path.join(stateDir, name), 'utf8')))[0];
  test('the next start needs no probe', async () => {
    const stateDir = tempDir();
    const server = await startModernOnly();
    for (const methods of [['initialize', 'server/discover'], ['server/discover']]) {
      server.seen.length = 0;
      const bridge = startBridge(server.mcp, { stateDir });
      assert.equal((await bridge.initialize()).result.serverInfo.name, 'modern-only');
      assert.deepEqual(server.methods(), methods);
      await bridge.stop();
      assert.equal(remembered(stateDir).era, 'modern');
      assert.deepEqual(remembered(stateDir).serverInfo, { name: 'modern-only', version: '2.0.0' });
    }
    await server.stop();
  });
  test('a legacy server is not probed again either', async () => {
    const stateDir = tempDir();
    const server = await startLegacyOnly();
    for (const first of ['server/discover', 'initialize']) {
      server.seen.length = 0;
      const bridge = startBridge(server.mcp, { stateDir });
      assert.ok((await bridge.call('server/discover', { _meta: meta() })).result.supportedVersions);
      assert.equal(server.methods()[0], first);
      await bridge.stop();
    }
    await server.stop();
  });
});

describe('while a person signs in', () => {
  const usual = ['--no-browser', '--login-timeout', '30s'];
  const modern = (incoming, body, fake) => {
    if (!fake.accepted.has(/^Bearer (.*)$/.exec(incoming.headers.authorization ?? '')?.[1]) || incoming.method !== 'POST') return undefined;
    const message = JSON.parse(body);
    if (message.method === 'initialize') return { status: 404, json: { jsonrpc: '2.0', id: message.id, error: { code: -32601, message: 'no' } } };
    const discovery = { supportedVersions: ['2026-07-28'], capabilities: { tools: { listChanged: true }, prompts: {} }, _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'm', version: '1' } } };
    if (message.method === 'subscriptions/listen') {
      const _meta = { 'io.modelcontextprotocol/subscriptionId': message.id };
      return { type: 'text/event-stream', text: `data: ${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/subscriptions/acknowledged', params: { _meta, notifications: message.params.notifications } })}\n\n` };
    }
    return { json: { jsonrpc: '2.0', id: message.id, result: { resultType: 'complete', ...(message.method === 'server/discover' ? discovery : { tools: [] }) } } };
  };
  test('server/discover is answered within a second, and a listener hears that the lists changed', async () => {
    const fake = await startFake({ mcp: modern });
    const bridge = startBridge(fake.mcp, { args: usual });
    const began = Date.now();
    const { result } = await bridge.call('server/discover', { _meta: meta() });
    assert.ok(Date.now() - began < 1500, `${Date.now() - began} ms`);
    assert.deepEqual(Object.keys(result.capabilities).sort(), ['prompts', 'resources', 'tools']);
    bridge.send({ jsonrpc: '2.0', id: 'l', method: 'subscriptions/listen', params: { _meta: meta(), notifications: { toolsListChanged: true } } });
    await signInThrough(await signInUrl(bridge));
    await until(() => bridge.messages().some((one) => one.method === 'notifications/tools/list_changed' && one.params._meta['io.modelcontextprotocol/subscriptionId'] === 'l'), () => bridge.stdout());
    assert.equal(bridge.messages().filter((one) => one.id === 1).length, 1);
    await bridge.stop();
    await fake.stop();
  });
  test('a legacy client of a modern server is answered, too, and the next time with what is known', async () => {
    const fake = await startFake({ mcp: modern });
    const stateDir = tempDir();
    const bridge = startBridge(fake.mcp, { args: usual, stateDir });
    assert.ok((await bridge.initialize()).result.capabilities.resources, 'at first contact: what servers may have');
    bridge.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
    const listed = bridge.call('tools/list');
    await signInThrough(await signInUrl(bridge));
    assert.deepEqual((await listed).result.tools, []);
    assert.ok(bridge.messages().some((one) => one.method === 'notifications/tools/list_changed'), bridge.stdout());
    await bridge.stop();
    for (const name of readdirSync(stateDir)) if (!name.endsWith('.server.json')) rmSync(path.join(stateDir, name));
    const second = startBridge(fake.mcp, { args: usual, stateDir });
    const { result } = await second.initialize();
    assert.deepEqual(result.capabilities, { tools: { listChanged: true }, prompts: {} });
    assert.equal(result.serverInfo.name, 'm');
    await second.stop();
    await fake.stop();
  });
});

test('tools can be switched off', async () => {
  const server = await startModernOnly();
  const bridge = startBridge(server.mcp, { args: ['--ignore-tool', 'a*', '--ignore-tool', 'slow'] });
  await bridge.initialize();
  assert.deepEqual((await bridge.call('tools/list')).result.tools.map((tool) => tool.name), ['echo', 'news']);
  assert.equal((await bridge.call('tools/call', { name: 'ask' })).error.code, -32602);
  assert.ok(!server.seen.some((one) => one.method === 'tools/call'));
  await bridge.stop();
  await server.stop();
});

test('1,000 pipelined pings take no time', async () => {
  const server = await startFake({ mcp: (incoming, body) => {
    if (incoming.method !== 'POST') return { status: 405 };
    const message = JSON.parse(body);
    return message.id === undefined ? { status: 202 } : { json: { jsonrpc: '2.0', id: message.id, result: { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: info } } };
  } });
  const bridge = startBridge(server.mcp);
  await bridge.initialize();
  const count = 1000;
  bridge.send(Array.from({ length: count }, (_, i) => JSON.stringify({ jsonrpc: '2.0', id: 10 + i, method: 'ping' })).join('\n'));
  await until(() => bridge.lines().length >= count + 1, 'all replies', 30_000);
  assert.equal(new Set(bridge.messages().map((one) => one.id)).size, count + 1);
  await bridge.stop();
  await server.stop();
});
