// The eras before 2026-07-28: initialize, sessions, notifications.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { get, request } from '../support/http.mjs';
import { initializeBody, LEGACY, legacy, post } from '../support/mcp.mjs';
import { signIn } from '../support/oauth.mjs';
import { startGatehouse } from '../support/programs.mjs';

let server;
let token;
before(async () => {
  server = await startGatehouse();
  token = (await signIn(server)).tokens.access_token;
});
after(() => server.stop());

describe('initialize', () => {
  for (const version of LEGACY) {
    test(`${version} is spoken`, async () => {
      const { hello, session } = await legacy(server, token, version);
      assert.equal(hello.message.result.protocolVersion, version);
      assert.equal(hello.message.result.serverInfo.name, 'gatehouse');
      assert.ok(hello.message.result.capabilities.tools);
      assert.match(session, /^[\x21-\x7e]{16,}$/);
    });
  }

  for (const version of ['2024-11-05', '1999-01-01', '2099-01-01', 'x']) {
    test(`${version} is answered with the newest legacy version`, async () => {
      const reply = await post(server, token, initializeBody(version));
      assert.equal(reply.status, 200, reply.text);
      assert.equal(reply.message.result.protocolVersion, '2025-11-25');
    });
  }

  test('without protocolVersion: invalid params', async () => {
    const reply = await post(server, token, { jsonrpc: '2.0', id: 1, method: 'initialize', params: {} });
    assert.equal(reply.message.error.code, -32602);
  });
});

describe('a session', () => {
  let session;
  before(async () => {
    session = await legacy(server, token);
    assert.equal((await session.notify('notifications/initialized')).status, 202);
  });

  test('ping', async () => {
    const reply = await session.call('ping');
    assert.deepEqual(reply.message.result, {});
  });

  test('tools/list gives both tools with schemas', async () => {
    const { tools } = (await session.call('tools/list')).message.result;
    const names = tools.map((tool) => tool.name);
    assert.ok(names.includes('sayHello') && names.includes('whoami'), names.join());
    for (const tool of tools) assert.equal(tool.inputSchema.type, 'object');
    assert.equal(tools.find((tool) => tool.name === 'whoami').outputSchema.type, 'object');
  });

  test('sayHello greets the name given, else the person signed in', async () => {
    const text = async (args) => (await session.call('tools/call', { name: 'sayHello', arguments: args })).message.result.content[0].text;
    assert.match(await text({ name: 'World' }), /World/);
    assert.match(await text({}), /Ada Lovelace/);
    assert.match(await text(undefined), /Ada Lovelace/);
    assert.match(await text({ name: 'Zoë 世界 "quoted" \\' }), /Zoë 世界 "quoted" \\/);
  });

  test('whoami says who, with structured content', async () => {
    const { result } = (await session.call('tools/call', { name: 'whoami' })).message;
    assert.match(result.content[0].text, /Ada Lovelace/);
    const text = JSON.stringify(result.structuredContent);
    for (const part of ['Ada Lovelace', 'ada@example.com', 'mcp']) assert.ok(text.includes(part), part);
    assert.doesNotMatch(text, /null/);
  });

  test('arguments are checked, and the error names the member', async () => {
    for (const args of [{ name: 5 }, { name: null }, { name: ['x'] }, { nmae: 'x' }]) {
      const { message } = await session.call('tools/call', { name: 'sayHello', arguments: args });
      const said = JSON.stringify(message.error ?? message.result);
      assert.ok(message.error?.code === -32602 || message.result?.isError === true, said);
      assert.ok(said.includes(Object.keys(args)[0]), said);
    }
    const { message } = await session.call('tools/call', { name: 'sayHello', arguments: [] });
    assert.ok(message.error || message.result.isError);
  });

  test('an unknown tool and an unknown method', async () => {
    const tool = (await session.call('tools/call', { name: 'noSuchTool' })).message;
    assert.equal(tool.error.code, -32602);
    assert.match(tool.error.message, /noSuchTool/);
    const method = await session.call('no/such/method');
    assert.equal(method.message.error.code, -32601);
  });

  test('ids come back as they were', async () => {
    for (const id of [0, -1, 1, 9007199254740991, 'abc', '', '日本', 'a"b\\c']) {
      const reply = await post(server, token, { jsonrpc: '2.0', id, method: 'ping' }, session.headers);
      assert.deepEqual(reply.message.id, id);
    }
    const raw = await post(server, token, '{"jsonrpc":"2.0","id":9007199254740993,"method":"ping"}', session.headers);
    assert.match(raw.text, /9007199254740993/);
  });

  test('an unknown notification is taken, a response too', async () => {
    assert.equal((await session.notify('notifications/none')).status, 202);
    assert.equal((await session.notify('notifications/cancelled', { requestId: 99, reason: 'x' })).status, 202);
    const reply = await post(server, token, { jsonrpc: '2.0', id: 5, result: {} }, session.headers);
    assert.ok([202, 400].includes(reply.status), String(reply.status));
  });
});

describe('session rules', () => {
  test('no session id: 400; an unknown one: 404', async () => {
    const none = await post(server, token, { jsonrpc: '2.0', id: 1, method: 'tools/list' }, { 'MCP-Protocol-Version': '2025-11-25' });
    assert.equal(none.status, 400, none.text);
    const unknown = await post(server, token, { jsonrpc: '2.0', id: 1, method: 'tools/list' }, { 'MCP-Protocol-Version': '2025-11-25', 'Mcp-Session-Id': 'A'.repeat(32) });
    assert.equal(unknown.status, 404, unknown.text);
    for (const reply of [none, unknown]) assert.ok(reply.message.error ?? reply.message);
  });

  test('DELETE ends it, once', async () => {
    const session = await legacy(server, token);
    assert.ok([200, 204].includes((await session.end()).status));
    assert.equal((await session.call('ping')).status, 404);
    assert.equal((await session.end()).status, 404);
  });

  test('another person cannot use or end it', async () => {
    const session = await legacy(server, token);
    const other = (await signIn(server, { answers: { name: 'Mallory', email: 'm@example.com' } })).tokens.access_token;
    const reply = await post(server, other, { jsonrpc: '2.0', id: 1, method: 'ping' }, session.headers);
    assert.equal(reply.status, 404);
    const end = await request(server.mcp, { method: 'DELETE', headers: { ...session.headers, Authorization: `Bearer ${other}` } });
    assert.equal(end.status, 404);
    assert.equal((await session.call('ping')).status, 200);
  });

  test('an unsupported MCP-Protocol-Version is 400', async () => {
    const session = await legacy(server, token);
    const reply = await session.call('ping', undefined, { 'MCP-Protocol-Version': '2020-01-01' });
    assert.equal(reply.status, 400, reply.text);
  });

  test('GET /mcp with a token: a stream or 405, never anything else', async () => {
    const reply = await get(server.mcp, { Authorization: `Bearer ${token}`, Accept: 'application/json' });
    assert.ok([405, 406, 400].includes(reply.status), String(reply.status));
    assert.ok(reply.json());
  });

  test('the log has a line for the request and one for the response', async () => {
    const session = await legacy(server, token);
    await session.call('tools/call', { name: 'whoami' });
    assert.match(server.stderr(), /\[REQUEST\] Session: \S* ?\| Method: initialize/);
    assert.match(server.stderr(), /\[RESPONSE\] Session: \S+ \| Method: tools\/call \| Status: OK \| Duration: /);
    assert.match(server.stderr(), /^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d \[HTTP RESPONSE\] .*\| Status: 200 \| Duration: /m);
  });
});
