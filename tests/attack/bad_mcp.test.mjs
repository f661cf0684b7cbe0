// Messages that no decent client sends, to the methods of either era: the specified error, and the server goes on.
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { clientBeside } from '../support/beside.mjs';
import { get } from '../support/http.mjs';
import { legacy, meta, modern, post } from '../support/mcp.mjs';
import { signIn } from '../support/oauth.mjs';
import { freePort } from '../support/ports.mjs';
import { fixturePath, startGatehouse, tempDir } from '../support/programs.mjs';

let server;
let token;
let other;
let beside;
before(async () => {
  server = await startGatehouse({ args: ['--plugin', fixturePath, '--store', 'memory', '--page-size', '5', '--input-timeout', '2s'] });
  token = (await signIn(server)).tokens.access_token;
  other = (await signIn(server, { answers: { name: 'Mallory', email: 'm@example.com' } })).tokens.access_token;
  beside = await clientBeside(server);
});
afterEach(async () => assert.equal((await get(`${server.url}/healthz`)).status, 200));
after(() => server?.stop());

const ask = (method, params, options) => modern(server, token, method, params, options);
const can = { _meta: meta('2026-07-28', { 'io.modelcontextprotocol/clientCapabilities': { elicitation: {}, sampling: {}, roots: {}, extensions: { 'io.modelcontextprotocol/tasks': {} } } }) };
const call = (name, extra, options, who = token) => modern(server, who, 'tools/call', { name, arguments: {}, ...can, ...extra }, options);
async function refused(reply, status, code) {
  assert.deepEqual([(await reply).status, (await reply).message?.error?.code], [status, code], (await reply).text);
}
// Changes one character at `at`.
const tamper = (text, at) => `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`;

describe('cursors', () => {
  test('that were changed, are of another list, or are no strings: -32602', async () => {
    const { nextCursor } = (await ask('tools/list')).message.result;
    assert.equal(typeof nextCursor, 'string');
    const good = await ask('tools/list', { cursor: nextCursor });
    assert.equal(good.message.result.tools.length, 5);
    for (const cursor of ['', 'x', '0', nextCursor.slice(0, -1), `${nextCursor}A`, ...[0, Math.floor(nextCursor.length / 2), nextCursor.length - 1].map((at) => tamper(nextCursor, at)), 'A'.repeat(100_000), 5, {}, ['a'], true]) {
      const reply = await ask('tools/list', { cursor });
      assert.equal(reply.message.error?.code, -32602, `${JSON.stringify(cursor).slice(0, 80)}: ${reply.text.slice(0, 200)}`);
    }
    for (const method of ['resources/list', 'prompts/list', 'resources/templates/list']) assert.equal((await ask(method, { cursor: nextCursor })).message.error?.code, -32602, method);
  });
  test('in a session as well', async () => {
    const session = await legacy(server, token);
    const { nextCursor } = (await session.call('tools/list')).message.result;
    assert.equal((await session.call('tools/list', { cursor: tamper(nextCursor, 3) })).message.error.code, -32602);
    assert.equal((await session.call('tools/list', { cursor: nextCursor })).message.result.tools.length, 5);
    await session.end();
  });
});

describe('request states', () => {
  const answer = { inputResponses: { confirm: { action: 'accept', content: { ok: true } } } };
  const begin = async (name = 'test_input_required_result_request_state') => (await call(name)).message.result.requestState;
  const retry = (requestState, { name = 'test_input_required_result_request_state', who = token, ...extra } = {}) => call(name, { ...answer, requestState, ...extra }, {}, who);

  test('as they came: accepted, and opaque', async () => {
    const state = await begin();
    assert.equal(state.includes('asked'), false);
    assert.equal(Buffer.from(state, 'base64url').includes('asked'), false);
    assert.notEqual(await begin(), state);
    assert.equal((await retry(state)).message.result.content[0].text, 'state-ok');
  });
  test('changed anywhere: -32602', async () => {
    const state = await begin();
    const changed = [...Array.from({ length: state.length }, (_, i) => i).filter((i) => i % 7 === 0 || i > state.length - 3)].map((at) => tamper(state, at));
    for (const wrong of [...changed, '', 'x', `${state}A`, `${state}=`, ` ${state}`, state.slice(0, -4), 'A'.repeat(300_000)]) {
      const reply = await retry(wrong);
      assert.equal(reply.message?.error?.code, -32602, `${wrong.slice(0, 60)}: ${reply.text.slice(0, 200)}`);
    }
    for (const wrong of [5, {}, [], null, true]) {
      const reply = await retry(wrong);
      assert.equal(reply.message?.error?.code, -32602, JSON.stringify(wrong));
    }
  });
  test('of another person, tool, or with other arguments: -32602', async () => {
    const state = await begin();
    await refused(retry(state, { who: other }), 400, -32602).catch(async () => assert.equal((await retry(state, { who: other })).message.error?.code, -32602));
    assert.equal((await retry(state, { name: 'test_input_required_result_tampered_state' })).message.error?.code, -32602);
    assert.equal((await retry(state, { arguments: { a: 1 } })).message.error?.code, -32602);
    const prompt = await ask('prompts/get', { name: 'test_input_required_result_prompt', ...can, requestState: state });
    assert.equal(prompt.message.error?.code, -32602);
  });
  test('too old: -32602', async () => {
    const state = await begin();
    await new Promise((resolve) => { setTimeout(resolve, 3500); });
    assert.equal((await retry(state)).message.error?.code, -32602);
  });
  test('of a replica with the same key: accepted; with another key: -32602', async () => {
    const folder = tempDir();
    const start = (key, port) => startGatehouse({ auth: 'none', listen: `127.0.0.1:${port}`, args: ['--plugin', fixturePath, '--store', 'memory', '--public-url', 'http://127.0.0.1:1', '--secret-key-file', path.join(folder, key)] });
    const host = { Host: '127.0.0.1:1' };
    const ports = await Promise.all([freePort(), freePort(), freePort()]);
    const replicas = [];
    for (const [i, key] of ['one', 'one', 'two'].entries()) replicas.push({ ...await start(key, ports[i]), mcp: `http://127.0.0.1:${ports[i]}/mcp` });
    const at = (replica, extra) => modern(replica, undefined, 'tools/call', { name: 'test_input_required_result_request_state', arguments: {}, ...can, ...extra }, { headers: host });
    const { requestState } = (await at(replicas[0])).message.result;
    assert.equal((await at(replicas[1], { ...answer, requestState })).message.result.content[0].text, 'state-ok');
    assert.equal((await at(replicas[2], { ...answer, requestState })).message.error?.code, -32602);
    for (const replica of replicas) await replica.stop();
  });
  test('answers that are none', async () => {
    for (const inputResponses of [5, [], 'x', { user_name: 5 }, { user_name: [] }, { user_name: null }, { user_name: { action: 'explode' } }, { user_name: { action: 'accept', content: { name: {} } } }]) {
      const reply = await call('test_input_required_result_elicitation', { inputResponses });
      assert.ok(reply.message?.error?.code === -32602 || reply.message?.result?.resultType === 'input_required', `${JSON.stringify(inputResponses)}: ${reply.text}`);
    }
    const extra = await call('test_input_required_result_elicitation', { inputResponses: { user_name: { action: 'accept', content: { name: 'Ada' } }, more: { action: 'accept' } } });
    assert.equal(extra.message.result.content[0].text, 'Hello, Ada!');
    for (const requests of [{ inputResponses: {} }, { requestState: undefined }]) assert.equal((await call('test_input_required_result_elicitation', requests)).message.result.resultType, 'input_required');
  });
});

describe('ids', () => {
  const ids = ['0', '-1', '9007199254740993', '-9223372036854775808', '123456789012345678901234567890', '1.5', '1e3', '1E400', '-0', '"9007199254740993"', '""', '"\\u0041\\ud83d\\ude00"', '"a\\/b"'];
  const rawId = (text) => /"id"\s*:\s*("(?:[^"\\]|\\.)*"|[^,}\s]+)/.exec(text)?.[1];
  for (const id of ids) {
    test(`${id} comes back as it came`, async () => {
      const session = await legacy(server, token);
      const plain = await post(server, token, `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"greet","arguments":{"name":"x"}}}`, session.headers);
      const params = JSON.stringify({ name: 'greet', arguments: { name: 'x' }, ...can });
      const modernOne = await post(server, token, `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":${params}}`, { 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'tools/call', 'Mcp-Name': 'greet' });
      for (const reply of [plain, modernOne]) {
        assert.equal(reply.status, 200, reply.text);
        assert.ok(reply.message.result, reply.text);
        const back = rawId(reply.text);
        assert.ok(back === id || (id.startsWith('"') && JSON.parse(back) === JSON.parse(id)), `${back} for ${id}`);
      }
      await session.end();
    });
  }
  test('null, objects, booleans: 400, -32600', async () => {
    for (const id of ['null', '{}', '[1]', 'true']) {
      await refused(post(server, token, `{"jsonrpc":"2.0","id":${id},"method":"tools/list","params":${JSON.stringify(can)}}`, { 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'tools/list' }), 400, -32600);
    }
  });
  test('twice in one message: refused', async () => {
    const reply = await post(server, token, `{"jsonrpc":"2.0","id":1,"id":2,"method":"tools/list","params":${JSON.stringify(can)}}`, { 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'tools/list' });
    assert.equal(reply.status, 400);
    assert.ok([-32600, -32700].includes(reply.message.error.code), reply.text);
  });
  test('of a request that still runs: refused in a session, nobody\'s business without one', async () => {
    const session = await legacy(server, token);
    const slow = { jsonrpc: '2.0', id: 'same', method: 'tools/call', params: { name: 'test_cancellation', arguments: { ms: 700, label: 'same' } } };
    const first = post(server, token, slow, session.headers);
    await new Promise((resolve) => { setTimeout(resolve, 200); });
    for (const other of [{ params: { name: 'test_embedded_resource' } }, { params: { name: 'greet', arguments: { name: 'x' } } }, { method: 'tools/list', params: {} }, { method: 'ping', params: {} }]) {
      const second = await post(server, token, { ...slow, ...other }, session.headers);
      assert.equal(second.message.error?.code, -32600, second.text);
    }
    assert.match((await first).text, /Finished same/);
    assert.ok((await post(server, token, { ...slow, params: { name: 'greet', arguments: { name: 'x' } } }, session.headers)).message.result, 'free again');
    const both = await Promise.all(['a', 'b'].map((name) => modern(server, token, 'tools/call', { name: 'test_cancellation', arguments: { ms: 200, label: name } }, { id: 'same' })));
    assert.deepEqual(both.map((reply) => reply.message.result.content[0].text), ['Finished a.', 'Finished b.']);
    await session.end();
  });
  test('a notification with an id is a request for a method that there is not', async () => {
    const session = await legacy(server, token);
    for (const method of ['notifications/initialized', 'notifications/cancelled']) {
      assert.equal((await session.call(method, { requestId: 1 })).message.error?.code, -32601, method);
      await refused(ask(method, { requestId: 1 }), 404, -32601);
    }
    for (const method of ['tools/list', 'tools/call', 'initialize', 'none/such']) {
      const reply = await session.notify(method, {});
      assert.ok([202, 400].includes(reply.status), `${method} without an id: ${reply.status}`);
      assert.equal(reply.message?.result, undefined);
    }
    await session.end();
  });
});

describe('parameters', () => {
  test('missing members and wrong types: -32602', async () => {
    const cases = [['tools/call', {}], ['tools/call', { name: 5 }], ['tools/call', { name: 'greet', arguments: [] }], ['tools/call', { name: 'greet', arguments: 'x' }],
      ['resources/read', {}], ['resources/read', { uri: 5 }], ['resources/read', { uri: '' }], ['resources/read', { uri: 'no uri' }], ['prompts/get', {}], ['prompts/get', { name: 'test_simple_prompt', arguments: 5 }],
      ['prompts/get', { name: 'test_prompt_with_arguments', arguments: { arg1: 1, arg2: 'x' } }], ['completion/complete', {}], ['completion/complete', { ref: {}, argument: {} }],
      ['completion/complete', { ref: { type: 'ref/none', name: 'x' }, argument: { name: 'a', value: '' } }], ['completion/complete', { ref: { type: 'ref/prompt', name: 'test_prompt_with_arguments' }, argument: { name: 'arg1' } }],
      ['completion/complete', { ref: { type: 'ref/prompt', name: 'test_prompt_with_arguments' }, argument: { name: 'arg1', value: 5 } }]];
    const session = await legacy(server, token);
    for (const [method, params] of cases) {
      const name = params.name ?? params.uri;
      const reply = await ask(method, { ...params }, { headers: name !== undefined && typeof name !== 'string' ? { 'Mcp-Name': String(name) } : {} });
      assert.ok([-32602, -32020].includes(reply.message?.error?.code), `${method} ${JSON.stringify(params)}: ${reply.text}`);
      assert.equal(reply.status >= 400 || reply.status === 200, true);
      const old = await session.call(method, params);
      assert.ok([-32602, ...(method === 'resources/read' ? [-32002] : [])].includes(old.message?.error?.code), `${method} ${JSON.stringify(params)}: ${old.text}`);
    }
    for (const [method, params] of [['logging/setLevel', {}], ['logging/setLevel', { level: 'loud' }], ['logging/setLevel', { level: 5 }], ['resources/subscribe', {}], ['resources/subscribe', { uri: 5 }], ['resources/unsubscribe', {}]]) {
      assert.equal((await session.call(method, params)).message.error?.code, -32602, `${method} ${JSON.stringify(params)}`);
    }
    await session.end();
  });
  test('an unknown method: 404 and -32601 without a session, -32601 in one', async () => {
    const session = await legacy(server, token);
    for (const method of ['none', 'tools/', 'TOOLS/LIST', 'tools/list ', 'rpc.discover', 'tasks/list', 'tasks/result', 'sampling/createMessage', '__proto__']) {
      const headers = method.endsWith(' ') ? { 'Mcp-Method': undefined } : {};
      const reply = await ask(method, {}, { headers });
      assert.ok(reply.message.error.code === -32601 || (headers && reply.message.error.code === -32020), `${method}: ${reply.text}`);
      if (reply.message.error.code === -32601) assert.equal(reply.status, 404);
      assert.equal((await session.call(method, {})).message.error.code, -32601);
    }
    await session.end();
  });
  test('a progress token of a wrong type, a log level that is none', async () => {
    for (const more of [{ progressToken: {} }, { progressToken: null }, { 'io.modelcontextprotocol/logLevel': 'loud' }, { 'io.modelcontextprotocol/logLevel': 7 }]) {
      const reply = await ask('tools/call', { name: 'greet', arguments: { name: 'x' }, _meta: meta('2026-07-28', more) });
      assert.ok(reply.message.result || reply.message.error.code === -32602, `${JSON.stringify(more)}: ${reply.text}`);
    }
  });
  test('deep and large arguments', async () => {
    const deep = `{"name":"x","a":${'['.repeat(5000)}${']'.repeat(5000)}}`;
    const reply = await post(server, token, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"json_schema_2020_12_tool","arguments":${deep},"_meta":${JSON.stringify(can._meta)}}}`, { 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'tools/call', 'Mcp-Name': 'json_schema_2020_12_tool' });
    assert.equal(reply.status, 400, reply.text.slice(0, 200));
    const long = await ask('tools/call', { name: 'test_elicitation', arguments: { message: 'x'.repeat(200_000) }, ...can });
    assert.equal(long.message.result.isError, true);
  });
});

describe('batches', () => {
  const batch = (session, ...messages) => post(server, token, messages, session.headers);
  const ping = (id) => ({ jsonrpc: '2.0', id, method: 'ping' });
  test('in 2025-03-26: a response for each request, none for the rest', async () => {
    const session = await legacy(server, token, '2025-03-26');
    const reply = await batch(session, ping('a'), { jsonrpc: '2.0', method: 'notifications/initialized' }, { jsonrpc: '2.0', id: 'b', method: 'tools/call', params: { name: 'test_tool_with_progress', arguments: {}, _meta: { progressToken: 1 } } }, { jsonrpc: '2.0', id: 'c', method: 'none' }, 5, ping('d'));
    assert.equal(reply.status, 200, reply.text);
    const byId = Object.fromEntries(reply.message.map((message) => [String(message.id ?? null), message]));
    assert.deepEqual(byId.a.result, {});
    assert.match(byId.b.result.content[0].text, /progress executed/);
    assert.equal(byId.c.error.code, -32601);
    assert.equal(byId.null.error.code, -32600);
    assert.deepEqual(byId.d.result, {});
    assert.equal((await batch(session, { jsonrpc: '2.0', method: 'notifications/initialized' })).status, 202);
    const asks = await batch(session, { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'test_elicitation', arguments: { message: 'x' } } });
    assert.ok(asks.message[0].error ?? asks.message[0].result.isError, 'nobody can be asked in a batch');
    assert.equal((await batch(session)).status, 400);
    await session.end();
  });
  test('nowhere else', async () => {
    for (const version of ['2025-06-18', '2025-11-25']) {
      const session = await legacy(server, token, version);
      await refused(batch(session, ping(1), ping(2)), 400, -32600);
      await session.end();
    }
    await refused(post(server, token, [ping(1)], { 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'ping' }), 400, -32600);
  });
});

test('all that time a client beside was served', (t) => beside.end(t));
