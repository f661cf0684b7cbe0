// 2026-07-28: no session, every request says what it is.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { meta, modern, MODERN, post } from '../support/mcp.mjs';
import { signIn } from '../support/oauth.mjs';
import { startGatehouse } from '../support/programs.mjs';

let server;
let token;
before(async () => {
  server = await startGatehouse();
  token = (await signIn(server)).tokens.access_token;
});
after(() => server.stop());

describe('requests', () => {
  test('server/discover', async () => {
    const reply = await modern(server, token, 'server/discover');
    assert.equal(reply.status, 200, reply.text);
    const { result } = reply.message;
    assert.equal(result.resultType, 'complete');
    assert.ok(result.supportedVersions.includes(MODERN));
    assert.ok(result.capabilities.tools);
    assert.equal(result._meta['io.modelcontextprotocol/serverInfo'].name, 'gatehouse');
    assert.equal(reply.headers['mcp-session-id'], undefined);
  });

  test('tools/list, with what caching asks for', async () => {
    const { result } = (await modern(server, token, 'tools/list')).message;
    assert.equal(result.resultType, 'complete');
    assert.deepEqual(result.tools.map((tool) => tool.name).sort(), result.tools.map((tool) => tool.name).sort());
    assert.ok(result.tools.some((tool) => tool.name === 'sayHello'));
    assert.equal(typeof result.ttlMs, 'number');
    assert.ok(['public', 'private'].includes(result.cacheScope));
  });

  test('tools/call', async () => {
    const { result } = (await modern(server, token, 'tools/call', { name: 'sayHello', arguments: { name: 'Welt' } })).message;
    assert.equal(result.resultType, 'complete');
    assert.match(result.content[0].text, /Welt/);
    const me = (await modern(server, token, 'tools/call', { name: 'whoami', arguments: {} })).message.result;
    assert.ok(me.structuredContent);
  });

  test('an unknown method is 404 with -32601', async () => {
    const reply = await modern(server, token, 'no/such/method');
    assert.equal(reply.status, 404);
    assert.equal(reply.message.error.code, -32601);
  });

  test('a notification is 202 with no body', async () => {
    const reply = await post(server, token, { jsonrpc: '2.0', method: 'notifications/none', params: { _meta: meta() } }, { 'MCP-Protocol-Version': MODERN, 'Mcp-Method': 'notifications/none' });
    assert.equal(reply.status, 202, reply.text);
    assert.equal(reply.text, '');
  });
});

describe('header checks', () => {
  const mismatch = (reply) => {
    assert.equal(reply.status, 400, reply.text);
    assert.equal(reply.message.error.code, -32020);
  };
  test('another Mcp-Method', async () => mismatch(await modern(server, token, 'tools/list', {}, { headers: { 'Mcp-Method': 'ping' } })));
  test('no Mcp-Method', async () => mismatch(await modern(server, token, 'tools/list', {}, { headers: { 'Mcp-Method': undefined } })));
  test('another Mcp-Name', async () => mismatch(await modern(server, token, 'tools/call', { name: 'whoami' }, { headers: { 'Mcp-Name': 'sayHello' } })));
  test('no Mcp-Name', async () => mismatch(await modern(server, token, 'tools/call', { name: 'whoami' }, { headers: { 'Mcp-Name': undefined } })));
  test('header and body of different versions', async () => mismatch(await modern(server, token, 'tools/list', {}, { headers: { 'MCP-Protocol-Version': '2025-11-25' } })));
  test('Mcp-Name in its Base64 form is the same', async () => {
    const encoded = `=?base64?${Buffer.from('whoami').toString('base64')}?=`;
    const reply = await modern(server, token, 'tools/call', { name: 'whoami' }, { headers: { 'Mcp-Name': encoded } });
    assert.equal(reply.status, 200, reply.text);
  });
  test('broken Base64 is refused', async () => mismatch(await modern(server, token, 'tools/call', { name: 'whoami' }, { headers: { 'Mcp-Name': '=?base64?!!!?=' } })));
  test('method names are case-sensitive', async () => mismatch(await modern(server, token, 'tools/list', {}, { headers: { 'Mcp-Method': 'Tools/List' } })));
});

describe('versions', () => {
  test('an unknown version: 400, -32022, with the supported ones', async () => {
    const reply = await modern(server, token, 'tools/list', {}, { version: '2099-01-01' });
    assert.equal(reply.status, 400, reply.text);
    assert.equal(reply.message.error.code, -32022);
    assert.equal(reply.message.error.data.requested, '2099-01-01');
    assert.ok(reply.message.error.data.supported.includes(MODERN));
  });
  test('no _meta under a modern header is refused', async () => {
    const reply = await modern(server, token, 'tools/list', { _meta: undefined });
    assert.equal(reply.status, 400, reply.text);
    assert.ok([-32020, -32602].includes(reply.message.error.code), reply.text);
  });
  test('no client capabilities is refused', async () => {
    const bare = meta();
    delete bare['io.modelcontextprotocol/clientCapabilities'];
    const reply = await modern(server, token, 'tools/list', { _meta: bare });
    assert.equal(reply.status, 400, reply.text);
    assert.equal(reply.message.error.code, -32602);
  });
  test('initialize is not a modern method', async () => {
    const reply = await modern(server, token, 'initialize', { protocolVersion: MODERN, capabilities: {}, clientInfo: { name: 'x', version: '1' } });
    assert.deepEqual([reply.status, reply.message.error.code], [404, -32601], reply.text);
  });
});

test('arguments are checked, and the error names the member', async () => {
  const { message } = await modern(server, token, 'tools/call', { name: 'sayHello', arguments: { name: 5 } });
  assert.ok(message.error?.code === -32602 || message.result?.isError);
  assert.ok(JSON.stringify(message).includes('name'));
});

test('a session id on a modern request is ignored', async () => {
  const reply = await modern(server, token, 'tools/list', {}, { headers: { 'Mcp-Session-Id': 'nonsense' } });
  assert.equal(reply.status, 200, reply.text);
});
