// Scopes of single tools, resources and prompts: who lacks one is told by HTTP 403 what to ask for, and clients
// that step up get there.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Client as ModernClient, StreamableHTTPClientTransport as ModernHttp } from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { signInThrough, startBridge } from '../support/bridge.mjs';
import { get, postForm } from '../support/http.mjs';
import { initializeBody, legacy, meta, modern, modernRequest, MODERN, post } from '../support/mcp.mjs';
import { authorizeUrl, newPkce, refreshFields, register, signIn, tokenRequest, walk } from '../support/oauth.mjs';
import { gatehousePath, startGatehouse, tempDir, until } from '../support/programs.mjs';
import { openStream } from '../support/sse.mjs';

const plugin = path.join(path.dirname(gatehousePath), 'tests/plugin_scoped.so');
const args = ['--plugin', plugin, '--store', 'memory'];
const ALL = 'mcp offline_access orders:read orders:write orders:ship';
const tasks = { extensions: { 'io.modelcontextprotocol/tasks': {} } };
let server;
let basic; // a token with `mcp` alone
let reader;

before(async () => {
  server = await startGatehouse({ args });
  basic = (await signIn(server, { scope: 'mcp' })).tokens.access_token;
  reader = (await signIn(server, { scope: 'mcp orders:read' })).tokens.access_token;
});
after(() => server?.stop());

const runs = async (at = server, token = basic) => Number((await modern(at, token, 'tools/call', { name: 'countRuns' })).message.result.content[0].text);
const scopesIn = (reply) => /[ ,]scope="([^"]*)"/.exec(reply.headers['www-authenticate'])?.[1];
const metadataOf = async (at) => (await get(`${at.url}/.well-known/oauth-authorization-server`)).json();

function assertRefused(reply, scopes, noun) {
  assert.equal(reply.status, 403, reply.text);
  const challenge = reply.headers['www-authenticate'];
  assert.match(challenge, /^Bearer realm="mcp", error="insufficient_scope", error_description="[^"\\]+", /);
  assert.ok(challenge.includes(`resource_metadata="${server.url}/.well-known/oauth-protected-resource/mcp"`), challenge);
  assert.equal(scopesIn(reply), scopes);
  assert.match(reply.headers['content-type'], /^application\/json/);
  const body = reply.json();
  assert.equal(body.error, 'insufficient_scope');
  assert.match(body.error_description, new RegExp(`does not allow what this ${noun} needs: orders:`));
  assert.equal(reply.headers['mcp-session-id'], undefined);
}

// What a client asks for, what it then needs besides `mcp`, and what it is called.
const asks = [
  ['tools/call', { name: 'readOrders' }, 'orders:read', 'tool'],
  ['tools/call', { name: 'writeOrders', arguments: { id: '1' } }, 'orders:read orders:write', 'tool'],
  ['tools/call', { name: 'writeOrders', arguments: {} }, 'orders:read orders:write', 'tool'],
  ['tools/call', { name: 'shipOrders' }, 'orders:ship', 'tool'],
  ['resources/read', { uri: 'orders://today' }, 'orders:read', 'resource'],
  ['resources/read', { uri: 'orders://by-id/7' }, 'orders:read', 'resource'],
  ['prompts/get', { name: 'reviewOrders' }, 'orders:read', 'prompt'],
  ['completion/complete', { ref: { type: 'ref/prompt', name: 'reviewOrders' }, argument: { name: 'id', value: '' } }, 'orders:read', 'prompt'],
  ['completion/complete', { ref: { type: 'ref/resource', uri: 'orders://by-id/{id}' }, argument: { name: 'id', value: '' } }, 'orders:read', 'resource template'],
];

describe('a token that lacks a scope', () => {
  test('2026-07-28: 403 with all that is needed, and nothing runs', async () => {
    const before = await runs();
    for (const [method, params, scopes, noun] of asks) assertRefused(await modern(server, basic, method, params), `mcp ${scopes}`, noun);
    const task = await modern(server, basic, 'tools/call', { name: 'shipOrders', _meta: meta(MODERN, { 'io.modelcontextprotocol/clientCapabilities': tasks }) });
    assertRefused(task, 'mcp orders:ship', 'tool');
    assert.equal(await runs(), before);
  });
  for (const version of ['2025-11-25', '2025-06-18', '2025-03-26']) {
    test(`${version}: the same, and the session goes on`, async () => {
      const session = await legacy(server, basic, version);
      const before = await runs();
      for (const [method, params, scopes, noun] of asks) assertRefused(await session.call(method, params), `mcp ${scopes}`, noun);
      assertRefused(await session.call('resources/subscribe', { uri: 'orders://today' }), 'mcp orders:read', 'resource');
      assert.equal(await runs(), before);
      assert.ok((await session.call('tools/list')).message.result);
    });
  }
  test('what the token has is named as well, so that a client that replaces it loses nothing', async () => {
    assertRefused(await modern(server, reader, 'tools/call', { name: 'shipOrders' }), 'mcp orders:ship orders:read', 'tool');
    const long = (await signIn(server, { scope: 'mcp offline_access orders:read' })).tokens.access_token;
    assertRefused(await modern(server, long, 'tools/call', { name: 'shipOrders' }), 'mcp orders:ship orders:read', 'tool');
  });
  test('a batch is refused as a whole, before its first message', async () => {
    const session = await legacy(server, reader, '2025-03-26');
    const before = await runs();
    const call = (id, name, more = {}) => ({ jsonrpc: '2.0', id, method: 'tools/call', params: { name, ...more } });
    const refused = await post(server, reader, [call(1, 'readOrders'), call(2, 'shipOrders'), call(3, 'writeOrders', { arguments: { id: '1' } })], session.headers);
    assertRefused(refused, 'mcp orders:read orders:ship orders:write', 'batch');
    assert.equal(await runs(), before);
    const fine = await post(server, reader, [call(1, 'readOrders'), call(2, 'countRuns')], session.headers);
    assert.equal(fine.status, 200, fine.text);
    assert.match(fine.json()[0].result.content[0].text, /orders:read/);
    assert.equal(await runs(), before + 1);
  });
  test('the one that has it may: and what does not exist is no matter of scopes', async () => {
    for (const [method, params] of asks.filter(([, , scopes]) => scopes === 'orders:read')) {
      const reply = await modern(server, reader, method, params);
      assert.ok(reply.message.result, reply.text);
    }
    assert.equal((await modern(server, basic, 'tools/call', { name: 'nothing' })).message.error.code, -32602);
    assert.equal((await modern(server, basic, 'resources/read', { uri: 'orders://tomorrow' })).message.error.code, -32602);
  });
  test('a task needs what its tool needs, also from the same client of the same user', async () => {
    const client = await register(server, 'http://127.0.0.1:39999/callback');
    const withScope = async (scope) => (await signIn(server, { client, scope })).tokens.access_token;
    const [wide, narrow] = [await withScope('mcp orders:ship'), await withScope('mcp')];
    const can = { _meta: meta(MODERN, { 'io.modelcontextprotocol/clientCapabilities': tasks }) };
    const { taskId } = (await modern(server, wide, 'tools/call', { name: 'shipOrders', ...can })).message.result;
    const task = (token, method, more = {}) => modern(server, token, method, { taskId, ...more, ...can }, { headers: { 'Mcp-Name': taskId } });
    for (const [method, more] of [['tasks/get'], ['tasks/update', { inputResponses: {} }], ['tasks/cancel']]) assertRefused(await task(narrow, method, more), 'mcp orders:ship', 'task');
    // To others, and to other clients of this user, it is not there: what it needs would tell that it is.
    for (const options of [{ scope: 'mcp', answers: { name: 'Grace Hopper', email: 'grace@example.com' } }, { scope: 'mcp' }]) {
      const stranger = (await signIn(server, options)).tokens.access_token;
      for (const id of [taskId, 'no-such-task']) {
        const reply = await modern(server, stranger, 'tasks/get', { taskId: id, ...can }, { headers: { 'Mcp-Name': id } });
        assert.deepEqual([reply.status, reply.message.error], [200, { code: -32602, message: 'There is no such task' }]);
      }
    }
    const { headers, body } = modernRequest(narrow, 'subscriptions/listen', { notifications: { taskIds: [taskId] } }, { capabilities: tasks });
    const stream = await openStream(server.mcp, { method: 'POST', headers, body });
    assert.deepEqual((await stream.wait(() => true, 'the acknowledgement')).message.params.notifications, { taskIds: [] });
    stream.cut();
    const done = await until(async () => {
      const { result } = (await task(wide, 'tasks/get')).message;
      return result.status === 'working' ? undefined : result;
    }, 'the task to end');
    assert.deepEqual([done.status, done.result.content[0].text], ['completed', 'shipped']);
  });
  test('two users: what one may says nothing about the other', async () => {
    const grace = (await signIn(server, { scope: 'mcp', answers: { name: 'Grace Hopper', email: 'grace@example.com' } })).tokens.access_token;
    const [mine, hers] = await Promise.all([modern(server, reader, 'tools/call', { name: 'readOrders' }), modern(server, grace, 'tools/call', { name: 'readOrders' })]);
    assert.ok(mine.message.result);
    assertRefused(hers, 'mcp orders:read', 'tool');
  });
});

describe('lists', () => {
  const names = async (at, token, method, member, params = {}) => {
    const found = [];
    let cursor;
    do {
      const { result } = (await modern(at, token, method, { ...params, ...(cursor && { cursor }) })).message;
      assert.equal(result.cacheScope, 'private');
      assert.ok(result[member].length > 0 || !result.nextCursor, 'an empty page that says there is more');
      found.push(...result[member].map((item) => item.name));
      cursor = result.nextCursor;
    } while (cursor);
    return found;
  };
  const everything = ['sayHello', 'whoami', 'countRuns', 'readOrders', 'writeOrders', 'shipOrders'];

  test('show everything: what is hidden is never called, and nobody would ask for more', async () => {
    assert.deepEqual(await names(server, basic, 'tools/list', 'tools'), everything);
    assert.deepEqual(await names(server, basic, 'resources/list', 'resources'), ['today']);
  });
  for (const page of ['0', '1', '2']) {
    test(`--hide-unscoped-tools shows what the token allows, with pages of ${page}`, async () => {
      const hiding = await startGatehouse({ args: [...args, '--hide-unscoped-tools', '--page-size', page] });
      const token = async (scope) => (await signIn(hiding, { scope })).tokens.access_token;
      const [few, some, all] = [await token('mcp'), await token('mcp orders:ship'), await token(ALL)];
      assert.deepEqual(await names(hiding, few, 'tools/list', 'tools'), ['sayHello', 'whoami', 'countRuns']);
      assert.deepEqual(await names(hiding, some, 'tools/list', 'tools'), ['sayHello', 'whoami', 'countRuns', 'shipOrders']);
      assert.deepEqual(await names(hiding, all, 'tools/list', 'tools'), everything);
      for (const [method, member] of [['resources/list', 'resources'], ['resources/templates/list', 'resourceTemplates'], ['prompts/list', 'prompts']]) {
        assert.deepEqual(await names(hiding, few, method, member), [], method);
        assert.equal((await names(hiding, all, method, member)).length, 1, method);
      }
      const session = await legacy(hiding, few);
      assert.deepEqual((await session.call('tools/list', page === '0' ? {} : undefined)).message.result.tools.map((tool) => tool.name).slice(0, 1), ['sayHello']);
      assert.equal((await modern(hiding, few, 'tools/call', { name: 'readOrders' })).status, 403);
      await hiding.stop();
    });
  }
});

describe('the authorization server', () => {
  test('offers the scopes of all items, and the resource only the basic ones', async () => {
    const { scopes_supported: offered } = await metadataOf(server);
    assert.deepEqual(offered, ALL.split(' '));
    assert.deepEqual((await get(`${server.url}/.well-known/openid-configuration`)).json().scopes_supported, offered);
    assert.deepEqual((await get(`${server.url}/.well-known/oauth-protected-resource/mcp`)).json().scopes_supported, ['mcp']);
    assert.equal(scopesIn(await post(server, undefined, initializeBody())), 'mcp');
  });
  test('asks the person for each, with what it is good for', async () => {
    const { pages, tokens } = await signIn(server, { scope: 'mcp orders:read orders:ship unknown' });
    const page = pages.at(-1).reply.text;
    assert.match(page, /<li>use “Read &lt;orders&gt;”, “Write orders”, “today”, “order” and 1 more <code>orders:read<\/code><\/li>/);
    assert.match(page, /<li>use “shipOrders” <code>orders:ship<\/code><\/li>/);
    assert.doesNotMatch(page, /orders:write|unknown/);
    assert.equal(tokens.scope, 'mcp orders:read orders:ship');
  });
  test('a token is never without what every call needs', async () => {
    assert.equal((await signIn(server, { scope: 'orders:read' })).tokens.scope, 'mcp orders:read');
  });
  test('a refresh may ask for fewer, and never for more', async () => {
    const mine = await signIn(server, { scope: 'mcp orders:read orders:ship' });
    const less = (await tokenRequest(server, { ...refreshFields(mine), scope: 'mcp orders:ship' })).json();
    assert.equal(less.scope, 'mcp orders:ship');
    assert.equal((await modern(server, less.access_token, 'tools/call', { name: 'readOrders' })).status, 403);
    const more = await tokenRequest(server, { ...refreshFields(mine, less.refresh_token), scope: 'mcp orders:write' });
    assert.equal(more.status, 400);
    assert.equal(more.json().error, 'invalid_scope');
  });
  test('a client may register with scopes, known or not', async () => {
    const client = await register(server, 'http://127.0.0.1:39999/callback', { scope: 'mcp orders:ship files:delete' });
    assert.equal(client.scope, 'mcp orders:ship');
    const url = authorizeUrl(server, { clientId: client.client_id, redirectUri: 'http://127.0.0.1:39999/callback', challenge: newPkce().challenge, scope: 'nothing:here' });
    const { redirect } = await walk(url, 'http://127.0.0.1:39999/callback');
    assert.equal(redirect.searchParams.get('error'), 'invalid_scope');
  });
  test('a device may ask for them', async () => {
    const client = await register(server, [], { redirect_uris: undefined, grant_types: ['urn:ietf:params:oauth:grant-type:device_code'], response_types: undefined });
    const start = async (scope) => (await postForm(`${server.url}/device_authorization`, { client_id: client.client_id, scope })).status;
    assert.equal(await start('mcp orders:read'), 200);
    assert.equal(await start('nothing:here'), 400);
  });
});

describe('a file of tools', () => {
  let file;
  let api;
  const write = (change = {}) => writeFileSync(file, JSON.stringify({
    upstreams: { notes: { url: `http://127.0.0.1:${api.address().port}`, credential: 'none' } },
    scopes: { 'notes:write': ['notes:read'] },
    tools: [
      { name: 'listNotes', inputSchema: { type: 'object' }, scopes: ['notes:read'], request: { method: 'GET', path: '/notes' } },
      { name: 'addNote', inputSchema: { type: 'object' }, scopes: ['notes:write'], request: { method: 'POST', path: '/notes' } },
    ],
    ...change,
  }));
  before(async () => {
    file = path.join(tempDir(), 'tools.json');
    api = createServer((_, response) => response.setHeader('Content-Type', 'text/plain').end('a note'));
    await new Promise((resolve) => { api.listen(0, '127.0.0.1', resolve); });
    write();
  });
  after(() => api?.close());

  test('its hierarchy counts when a tool is called, and is no part of the token; a reload changes all of it', async () => {
    const mine = await startGatehouse({ args: ['--store', 'memory', '--tools', file] });
    assert.deepEqual((await metadataOf(mine)).scopes_supported, ['mcp', 'offline_access', 'notes:read', 'notes:write']);
    const writer = (await signIn(mine, { scope: 'mcp notes:write' })).tokens;
    const onlyReader = (await signIn(mine, { scope: 'mcp notes:read' })).tokens.access_token;
    assert.equal(writer.scope, 'mcp notes:write');
    const call = (token, name) => modern(mine, token, 'tools/call', { name });
    assert.equal((await call(writer.access_token, 'listNotes')).message.result.content[0].text, 'a note');
    assert.equal((await call(writer.access_token, 'addNote')).status, 200);
    assert.equal((await call(onlyReader, 'listNotes')).status, 200);
    const refused = await call(onlyReader, 'addNote');
    assert.equal(refused.status, 403);
    assert.equal(scopesIn(refused), 'mcp notes:write notes:read');

    write({ scopes: {} });
    mine.kill('SIGHUP');
    await until(async () => (await call(writer.access_token, 'listNotes')).status === 403, 'the hierarchy to go');
    assert.equal((await call(writer.access_token, 'addNote')).status, 200);
    write({ tools: [{ name: 'listNotes', inputSchema: { type: 'object' }, scopes: ['notes:list'], request: { method: 'GET', path: '/notes' } }] });
    mine.kill('SIGHUP');
    await until(async () => (await metadataOf(mine)).scopes_supported.includes('notes:list'), 'the new scope');
    assert.deepEqual((await metadataOf(mine)).scopes_supported, ['mcp', 'offline_access', 'notes:list']);
    assert.equal(scopesIn(await call(writer.access_token, 'listNotes')), 'mcp notes:list notes:write');
    await mine.stop();
  });
});

test('--auth none: nobody signs in, so nothing is looked at', async () => {
  const open = await startGatehouse({ auth: 'none', args: [...args, '--hide-unscoped-tools'] });
  assert.equal((await modern(open, undefined, 'tools/list')).message.result.tools.length, 6);
  assert.equal((await modern(open, undefined, 'tools/call', { name: 'readOrders' })).message.result.content[0].text, 'done with ');
  const session = await legacy(open, undefined, '2025-03-26');
  const batch = await post(open, undefined, [{ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'readOrders' } }], session.headers);
  assert.equal(batch.status, 200);
  await open.stop();
});

// The SDK's own OAuth client. The legacy one refreshes instead of asking when it has a refresh token, and gives
// up; without one it asks.
class Provider {
  redirectUrl = 'http://localhost:39998/callback';
  visits = [];
  constructor(grants) {
    this.clientMetadata = { client_name: 'SDK', redirect_uris: [this.redirectUrl], grant_types: grants, response_types: ['code'], token_endpoint_auth_method: 'none' };
  }
  clientInformation() { return this.client; }
  saveClientInformation(client) { this.client = client; }
  tokens() { return this.saved; }
  saveTokens(tokens) { this.saved = tokens; }
  redirectToAuthorization(url) { this.visits.push(url); }
  saveCodeVerifier(verifier) { this.verifier = verifier; }
  codeVerifier() { return this.verifier; }
  state() { return 'sdk-state'; }
}

const withoutOffline = (scope) => scope.split(' ').filter((word) => word !== 'offline_access').join(' ');
const granted = (provider) => withoutOffline(provider.saved.scope);

describe('the official SDK steps up', () => {
  const pinned = { versionNegotiation: { mode: { pin: MODERN } } };
  for (const [name, Made, Transport, options, grants] of [
    ['legacy SDK', Client, StreamableHTTPClientTransport, undefined, ['authorization_code']],
    ['new SDK, sessions', ModernClient, ModernHttp, undefined, ['authorization_code', 'refresh_token']],
    ['new SDK, 2026-07-28', ModernClient, ModernHttp, pinned, ['authorization_code', 'refresh_token']],
  ]) {
    test(name, async () => {
      const provider = new Provider(grants);
      const info = { name: 'scopes', version: '1' };
      const visit = async (transport) => {
        const { redirect } = await walk(provider.visits.at(-1).href, provider.redirectUrl);
        await transport.finishAuth(Made === Client ? redirect.searchParams.get('code') : redirect.searchParams);
      };
      const unauthorized = (error) => error.name === 'UnauthorizedError' || error.constructor.name === 'UnauthorizedError';
      const first = new Transport(new URL(server.mcp), { authProvider: provider });
      await assert.rejects(new Made(info, options).connect(first), unauthorized);
      await visit(first);
      assert.equal(granted(provider), 'mcp');

      const transport = new Transport(new URL(server.mcp), { authProvider: provider });
      const client = new Made(info, options);
      await client.connect(transport);
      await assert.rejects(client.callTool({ name: 'writeOrders', arguments: { id: '1' } }), unauthorized);
      assert.equal(provider.visits.length, 2);
      await visit(transport);
      assert.equal(granted(provider), 'mcp orders:read orders:write');
      const { content } = await client.callTool({ name: 'writeOrders', arguments: { id: '1' } });
      assert.match(content[0].text, /^done with mcp (offline_access )?orders:read orders:write$/);
      await client.close();
    });
  }
});

describe('the bridge steps up', () => {
  const pagesOf = (bridge) => [...bridge.stderr().matchAll(/Open this URL to sign in: (\S+)/g)].map(([, url]) => url);
  const nextPage = (bridge, count) => until(() => pagesOf(bridge)[count - 1], () => `sign-in page ${count}; stderr:\n${bridge.stderr()}`, 20_000);
  const scopeOf = (url) => withoutOffline(new URL(url).searchParams.get('scope'));

  for (const version of [MODERN, '2025-11-25']) {
    test(`a client of ${version}: first call 403, browser, second call works, and the union stays`, async () => {
      const bridge = startBridge(server.mcp, { args: ['--no-browser'] });
      const call = (id, name) => bridge.send({
        jsonrpc: '2.0', id, method: 'tools/call',
        params: { name, arguments: { id: '1' }, ...(version === MODERN && { _meta: meta() }) },
      });
      if (version !== MODERN) await bridge.initialize(version);
      call('a', 'countRuns');
      const first = await nextPage(bridge, 1);
      assert.equal(scopeOf(first), 'mcp');
      await signInThrough(first);
      assert.ok((await bridge.reply('a', 30_000)).result);

      call('b', 'readOrders');
      const second = await nextPage(bridge, 2);
      assert.equal(scopeOf(second), 'mcp orders:read');
      await signInThrough(second);
      assert.match((await bridge.reply('b', 30_000)).result.content[0].text, /^done with mcp (offline_access )?orders:read$/);

      call('c', 'shipOrders');
      const third = await nextPage(bridge, 3);
      assert.equal(scopeOf(third).split(' ').sort().join(' '), 'mcp orders:read orders:ship');
      await signInThrough(third);
      assert.ok((await bridge.reply('c', 30_000)).result);

      call('d', 'readOrders');
      assert.ok((await bridge.reply('d', 30_000)).result);
      assert.equal(pagesOf(bridge).length, 3);
      await bridge.stop();
    });
  }
  test('a person who denies it is asked once; the call fails, and what was allowed before still works', async () => {
    const bridge = startBridge(server.mcp, { args: ['--no-browser'] });
    bridge.send({ jsonrpc: '2.0', id: 'a', method: 'tools/call', params: { name: 'countRuns', _meta: meta() } });
    await signInThrough(await nextPage(bridge, 1));
    assert.ok((await bridge.reply('a', 30_000)).result);
    bridge.send({ jsonrpc: '2.0', id: 'b', method: 'tools/call', params: { name: 'readOrders', _meta: meta() } });
    await signInThrough(await nextPage(bridge, 2), { decision: 'deny' });
    assert.ok((await bridge.reply('b', 30_000)).error);
    bridge.send({ jsonrpc: '2.0', id: 'c', method: 'tools/call', params: { name: 'countRuns', _meta: meta() } });
    assert.ok((await bridge.reply('c', 30_000)).result);
    assert.equal(pagesOf(bridge).length, 2);
    await bridge.stop();
  });
});
