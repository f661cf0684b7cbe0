// Tools from a file, called at an API that asks the identity provider whose token it was given: each call
// reaches it as the user who is signed in, and as nobody else.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { askProvider, startApi } from '../support/api.mjs';
import { tokenRequest, refreshFields } from '../support/oauth.mjs';
import { legacy, modern, modernRequest, post } from '../support/mcp.mjs';
import { cleanEnv, gatehousePath, runToEnd, sanitized, sleep, tempDir, until } from '../support/programs.mjs';
import { discover, shapes, signInBeside, startBeside, startProvider } from '../support/provider.mjs';
import { object, ordersFile, toolsFile } from '../support/toolfiles.mjs';

const call = async (server, token, name, args = {}) => (await modern(server, token, 'tools/call', { name, arguments: args })).message.result;
const textOf = (result) => result.content.map((block) => block.text ?? block.type).join('\n');

async function open({ shape = 'plain', provider: settings = {}, change, file = ordersFile } = {}) {
  const provider = await startProvider({ shape, ...settings });
  const whose = askProvider(await discover(provider));
  const api = await startApi({ whose, change });
  const tools = toolsFile(file(api));
  const server = await startBeside(provider, { args: ['--tools', tools.file] });
  return { provider, api, tools, server, stop: async () => { await server.stop(); await api.stop(); await provider.stop(); } };
}

for (const shape of shapes) {
  describe(`a provider shaped as ${shape}`, () => {
    let all;
    let ada;
    let grace;
    before(async () => {
      all = await open({ shape });
      ada = (await signInBeside(all.server, { account: 'ada' })).tokens.access_token;
      grace = (await signInBeside(all.server, { account: 'grace' })).tokens.access_token;
    });
    after(() => all.stop());

    test('the API sees the user that is signed in', async () => {
      assert.equal((await call(all.server, ada, 'whoIsAsking')).structuredContent.who, 'ada');
      assert.equal((await call(all.server, grace, 'whoIsAsking')).structuredContent.who, 'grace');
    });

    test('the token that the client sent never reaches it', async () => {
      await call(all.server, ada, 'whoIsAsking');
      for (const { headers, path, query, body } of all.api.seen) assert.ok(!JSON.stringify([headers, path, query, body]).includes(ada));
    });

    test('arguments land where the file says, and the answer is structured', async () => {
      const { headers, body: message } = modernRequest(ada, 'tools/call', { name: 'placeOrder', arguments: { total: 12345, note: 'for "Bob" & Söhne' } });
      const placed = (await post(all.server, ada, JSON.stringify(message).replace('12345', '9007199254740993'), headers)).message.result;
      assert.notEqual(placed.isError, true, textOf(placed));
      const { body } = all.api.seen.findLast((one) => one.method === 'POST');
      assert.match(body, /"total":\s*9007199254740993/, 'digit for digit');
      assert.equal(JSON.parse(body).note, 'for "Bob" & Söhne');
      assert.equal(JSON.parse(body).by, 'Ada Lovelace');
      const { structuredContent } = await call(all.server, ada, 'listOrders');
      assert.ok(structuredContent.orders.every((one) => one.owner === 'ada'));
      assert.equal((await call(all.server, ada, 'listOrders', { id: '1' })).structuredContent.orders.length, 1);
    });

    test('one user does not get at what is another one\'s', async () => {
      const placed = await call(all.server, grace, 'placeOrder', { total: 1 });
      const missing = await call(all.server, ada, 'getOrder', { id: `${placed.structuredContent.id}0` });
      assert.equal(missing.isError, true);
      assert.match(textOf(missing), /There is no order \d+\./);
    });

    test('1,000 interleaved calls of two users, and never a mix-up', async () => {
      const users = [['ada', ada], ['grace', grace]];
      const count = sanitized ? 200 : 1000;
      let next = 0;
      let done = 0;
      const worker = async () => {
        while (next < count) {
          const [who, token] = users[next++ % 2];
          const result = await call(all.server, token, 'whoIsAsking');
          assert.equal(result.structuredContent?.who, who, textOf(result));
          done++;
        }
      };
      await Promise.all(Array.from({ length: 24 }, worker));
      assert.equal(done, count);
      assert.ok(all.api.open() <= 40, `${all.api.open()} connections: they are kept and used again`);
    });
  });
}

describe('the user\'s token at the provider', () => {
  test('is refreshed when it ends, once for all calls that need it', async () => {
    const all = await open({ provider: { accessTtl: 4 } });
    const session = await signInBeside(all.server, { account: 'ada' });
    const { tokens } = session;
    assert.equal((await call(all.server, tokens.access_token, 'whoIsAsking')).structuredContent.who, 'ada');
    const count = async () => (await all.provider.requests('token')).filter((one) => one.form.grant_type === 'refresh_token').length;
    await sleep(3000);
    const before = await count();
    const results = await Promise.all(Array.from({ length: 8 }, () => call(all.server, tokens.access_token, 'whoIsAsking')));
    for (const result of results) assert.equal(result.structuredContent?.who, 'ada', textOf(result));
    assert.equal(await count() - before, 1);
    assert.equal((await tokenRequest(all.server, refreshFields(session))).status, 200, 'the session goes on');
    await all.stop();
  });

  test('is replaced when the API refuses it, and the call is made once more', async () => {
    let refuse = true;
    const all = await open({ change: (request, outgoing) => { if (!refuse) return false; refuse = false; outgoing.writeHead(401).end(); return true; } });
    const { tokens } = await signInBeside(all.server, { account: 'ada' });
    assert.equal((await call(all.server, tokens.access_token, 'whoIsAsking')).structuredContent.who, 'ada');
    assert.equal(all.api.seen.length, 2);
    assert.notEqual(all.api.seen[0].headers.authorization, all.api.seen[1].headers.authorization);
    await all.stop();
  });

  test('an account that ended at the provider ends here', async () => {
    const all = await open({ provider: { accessTtl: 4 } });
    const { tokens } = await signInBeside(all.server, { account: 'ada' });
    await all.provider.account('ada', { disabled: true });
    await sleep(3000);
    const result = await call(all.server, tokens.access_token, 'whoIsAsking');
    assert.equal(result.isError, true);
    assert.match(textOf(result), /sign in again/i);
    assert.equal((await modern(all.server, tokens.access_token, 'tools/list')).status, 401, 'the grant is gone');
    await all.stop();
  });

  test('a provider that is down is said so, and nobody is logged out', async () => {
    const all = await open({ provider: { accessTtl: 4 } });
    const { tokens } = await signInBeside(all.server, { account: 'ada' });
    await all.provider.close();
    await sleep(3000);
    const result = await call(all.server, tokens.access_token, 'whoIsAsking');
    assert.equal(result.isError, true);
    assert.match(textOf(result), /try again/i);
    await all.provider.open();
    await until(async () => (await call(all.server, tokens.access_token, 'whoIsAsking')).structuredContent?.who === 'ada', 'it to work again', 45_000);
    await all.stop();
  });
});

test('a session of 2025-11-25 calls it as well', async () => {
  const all = await open({ file: (api) => ordersFile(api, { prompts: [{ name: 'review', arguments: [{ name: 'id', required: true }], messages: [{ role: 'user', text: 'Look at order {id}.' }] }],
    resources: [{ uri: 'orders://mine', name: 'mine', mimeType: 'application/json', request: { method: 'GET', path: '/orders' } }],
    resourceTemplates: [{ uriTemplate: 'orders://{id}', name: 'order', mimeType: 'application/json', request: { method: 'GET', path: '/orders/{id}' } }] }) });
  const { tokens } = await signInBeside(all.server, { account: 'ada' });
  const session = await legacy(all.server, tokens.access_token);
  assert.equal((await session.call('tools/call', { name: 'whoIsAsking', arguments: {} })).message.result.structuredContent.who, 'ada');
  assert.equal(JSON.parse((await session.call('resources/read', { uri: 'orders://mine' })).message.result.contents[0].text)[0].owner, 'ada');
  assert.equal(JSON.parse((await session.call('resources/read', { uri: 'orders://1' })).message.result.contents[0].text).owner, 'ada');
  assert.ok((await session.call('resources/read', { uri: 'orders://77' })).message.error);
  assert.equal((await session.call('prompts/get', { name: 'review', arguments: { id: '7' } })).message.result.messages[0].content.text, 'Look at order 7.');
  await session.end();
  await all.stop();
});

test('in dev mode a file that wants the user\'s token is refused, with what to do', async () => {
  const home = tempDir();
  const { file } = toolsFile({ upstreams: { a: { url: 'https://api.example.com', credential: 'user' } }, tools: [{ name: 't', inputSchema: object(), request: { path: '/' } }] });
  const { code, stderr } = await runToEnd(gatehousePath, ['--auth', 'dev', '--listen', '127.0.0.1:0', '--tools', file], { env: cleanEnv({ HOME: home, XDG_STATE_HOME: home }) });
  assert.equal(code, 78);
  assert.match(stderr, /upstream a: credential "user" needs --auth proxy/);
});
