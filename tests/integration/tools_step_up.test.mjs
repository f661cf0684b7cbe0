// From a client of stdio to the API behind the server: the first call lacks a scope (403), the bridge opens a browser,
// the person signs in at the provider and agrees, and the second call reaches the API as that person.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { askProvider, startApi } from '../support/api.mjs';
import { startBridge } from '../support/bridge.mjs';
import { get } from '../support/http.mjs';
import { meta, MODERN } from '../support/mcp.mjs';
import { Robot } from '../support/oauth.mjs';
import { until } from '../support/programs.mjs';
import { discover, shapes, startBeside, startProvider, walkBoth, walked } from '../support/provider.mjs';
import { object, toolsFile } from '../support/toolfiles.mjs';

const text = { type: 'string' };
const pagesOf = (bridge) => [...bridge.stderr().matchAll(/Open this URL to sign in: (\S+)/g)].map(([, url]) => url);
const nextPage = (bridge, count) => until(() => pagesOf(bridge)[count - 1], () => `sign-in page ${count}; stderr:\n${bridge.stderr()}`, 30_000);
const scopesOf = (words) => words.split(' ').filter((word) => word !== 'offline_access').sort().join(' ');

for (const shape of shapes) {
  describe(`beside the ${shape} provider`, () => {
    let provider;
    let api;
    let server;
    before(async () => {
      provider = await startProvider({ shape });
      api = await startApi({ whose: askProvider(await discover(provider)) });
      const { file } = toolsFile({
        upstreams: { orders: { url: api.url, credential: 'user' } },
        scopes: { 'orders:write': ['orders:read'] },
        tools: [
          { name: 'whoIsAsking', inputSchema: object(), request: { path: '/me' } },
          { name: 'getOrder', inputSchema: object({ id: text }, ['id']), scopes: ['orders:read'], request: { path: '/orders/{id}' } },
          { name: 'placeOrder', inputSchema: object({ total: { type: 'number' } }, ['total']), scopes: ['orders:write'], request: { method: 'POST', path: '/orders', body: { json: { total: '{total}' } } } },
        ],
      });
      server = await startBeside(provider, { args: ['--tools', file] });
    });
    after(async () => { await server?.stop(); await api?.stop(); await provider?.stop(); });

    // A person with a browser of their own, and a client behind a bridge of its own.
    const open = async (account, version) => {
      const bridge = startBridge(server.mcp, { args: ['--no-browser'] });
      const robot = new Robot();
      if (version !== MODERN) await bridge.initialize(version);
      return {
        bridge,
        send: (id, name, args = {}) => bridge.send({ jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: args, ...(version === MODERN && { _meta: meta() }) } }),
        async signIn(count, scope) {
          const url = await nextPage(bridge, count);
          assert.equal(scopesOf(new URL(url).searchParams.get('scope')), scope);
          const done = await walkBoth(url, new URL(url).searchParams.get('redirect_uri'), { account, robot });
          assert.equal((await get(walked(done).href)).status, 200);
          return done;
        },
        async result(id) { const reply = await bridge.reply(id, 30_000); assert.ok(reply.result, JSON.stringify(reply)); return reply.result; },
      };
    };

    for (const version of [MODERN, '2025-11-25']) {
      test(`two people at once, clients of ${version}`, async () => {
        const story = async (account) => {
          const one = await open(account, version);
          one.send('a', 'whoIsAsking');
          await one.signIn(1, 'mcp');
          assert.equal((await one.result('a')).structuredContent.who, account);

          one.send('b', 'placeOrder', { total: 5 });
          const { pages } = await one.signIn(2, 'mcp orders:write');
          assert.ok(pages.some((page) => page.reply.text.includes('orders:write')), 'the person is asked for it');
          const placed = (await one.result('b')).structuredContent;
          assert.equal(placed.owner, account);

          one.send('c', 'getOrder', { id: placed.id });
          assert.equal((await one.result('c')).structuredContent.owner, account, 'who may write may read');
          assert.equal(pagesOf(one.bridge).length, 2);
          await one.bridge.stop();
        };
        await Promise.all([story('ada'), story('grace')]);
      });
    }

    test('what the client needs here is no business of the provider', async () => {
      for (const { query } of await provider.requests('authorize')) assert.ok(!(query.scope ?? '').includes('orders'), query.scope);
    });
    test('a person who says no: the tool is not called, and what was allowed still works', async () => {
      const one = await open('ada', MODERN);
      one.send('a', 'whoIsAsking');
      await one.signIn(1, 'mcp');
      await one.result('a');
      const before = api.seen.length;
      one.send('b', 'getOrder', { id: '1' });
      const url = await nextPage(one.bridge, 2);
      await get(walked(await walkBoth(url, new URL(url).searchParams.get('redirect_uri'), { account: 'ada', consent: 'deny' })).href);
      assert.ok((await one.bridge.reply('b', 30_000)).error);
      assert.equal(api.seen.length, before);
      one.send('c', 'whoIsAsking');
      assert.equal((await one.result('c')).structuredContent.who, 'ada');
      assert.equal(pagesOf(one.bridge).length, 2);
      await one.bridge.stop();
    });
  });
}
