// Tokens that the server gets for an API: exchanged for the user's (RFC 8693), its own client's (RFC 6749, 4.4), a
// secret from a file, or none. The APIs look at signature, audience and end of what they are shown.
import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { startApi } from '../support/api.mjs';
import { get } from '../support/http.mjs';
import { decode } from '../support/jwt.mjs';
import { modern } from '../support/mcp.mjs';
import { signIn } from '../support/oauth.mjs';
import { cleanEnv, gatehousePath, runToEnd, sanitized, sleep, startGatehouse, until } from '../support/programs.mjs';
import { discover, secret, shapes, signInAtProvider, signInBeside, startBeside, startProvider } from '../support/provider.mjs';
import { object, toolsFile } from '../support/toolfiles.mjs';

const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const tool = (name, upstream) => ({ name, inputSchema: object(), request: { upstream, path: '/me' } });
const call = async (server, token, name) => (await modern(server, token, 'tools/call', { name, arguments: {} })).message.result;
const textOf = (result) => result.content.map((block) => block.text ?? block.type).join('\n');
const who = (result) => result.structuredContent?.who ?? assert.fail(textOf(result));

// Good for `audience`, signed by the provider, not over: -> the subject.
const keys = new Map();
const keyOf = async (metadata, kid) => {
  if (!keys.has(kid)) for (const key of (await get(metadata.jwks_uri)).json().keys) keys.set(key.kid, key);
  return keys.get(kid);
};
const checks = (metadata, audience) => async (token) => {
  const { header, payload, signature } = (() => { try { return decode(token); } catch { return { header: {}, payload: {} }; } })();
  const jwk = header.kid && await keyOf(metadata, header.kid);
  const good = jwk && verify('sha256', Buffer.from(token.slice(0, token.lastIndexOf('.'))), createPublicKey({ key: jwk, format: 'jwk' }), Buffer.from(signature, 'base64url'));
  return good && [payload.aud].flat().includes(audience) && payload.exp * 1000 > Date.now() ? payload.sub ?? payload.client_id : undefined;
};

// Two APIs with audiences of their own, and one whose audience the provider does not know.
async function open({ shape = 'plain', mode = 'proxy', ttl = 600, provider: settings = {}, upstreams = {}, names = [], args = [], change } = {}) {
  const provider = await startProvider({ shape, exchange: { audiences: ['orders-api', 'stock-api'], ttl }, ...settings });
  const metadata = await discover(provider);
  const orders = await startApi({ whose: checks(metadata, 'orders-api'), change });
  const stock = await startApi({ whose: checks(metadata, 'stock-api') });
  const { file } = toolsFile({
    upstreams: {
      orders: { url: orders.url, credential: { type: 'exchange', audience: 'orders-api', scope: 'orders.read' } }, stock: { url: stock.url, credential: { type: 'exchange', audience: 'stock-api' } },
      unknown: { url: stock.url, credential: { type: 'exchange', audience: 'unknown-api' } }, ...(typeof upstreams === 'function' ? upstreams({ orders, stock, provider, metadata }) : upstreams),
    },
    tools: ['orders', 'stock', 'unknown', ...names].map((name) => tool(name, name)),
  }, { secret: `${secret}\n` });
  const client = mode === 'proxy' ? [] : ['--client-id', 'gatehouse', '--client-secret-file', toolsFile({}, { secret: `${secret}\n` }).folder + '/secret'];
  const server = await startBeside(provider, { mode, args: ['--tools', file, '--log-level', 'debug', ...client, ...args] });
  const asked = async (grant) => (await provider.requests('token')).filter((one) => one.form.grant_type === grant);
  const enter = async (account) => (mode === 'proxy' ? (await signInBeside(server, { account })).tokens.access_token
    : (await signInAtProvider(metadata, { clientId: 'gatehouse-direct', resource: server.mcp, account })).tokens.access_token);
  const stop = async () => {
    const log = server.stderr();
    const shown = [...orders.seen, ...stock.seen].map(({ headers }) => /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1]).filter(Boolean);
    await server.stop();
    for (const api of [orders, stock]) await api.stop();
    await provider.stop();
    for (const token of new Set([...shown, secret])) assert.ok(!log.includes(token), 'a token in the log');
  };
  return { provider, orders, stock, server, asked, enter, stop };
}

for (const [shape, mode] of [...shapes.map((shape) => [shape, 'proxy']), ['plain', 'direct']]) {
  describe(`exchange, ${mode} mode beside the ${shape} provider`, () => {
    let all;
    let ada;
    let grace;
    before(async () => {
      all = await open({ shape, mode });
      ada = await all.enter('ada');
      grace = await all.enter('grace');
    });
    after(() => all.stop());

    test('each API is shown a token that was made for it, for the user who asks', async () => {
      assert.equal(who(await call(all.server, ada, 'orders')), 'ada');
      assert.equal(who(await call(all.server, grace, 'orders')), 'grace');
      assert.equal(who(await call(all.server, ada, 'stock')), 'ada');
      const tokens = [...all.orders.seen, ...all.stock.seen].map(({ headers }) => headers.authorization.slice(7));
      assert.ok(!tokens.includes(ada) && !tokens.includes(grace));
      assert.deepEqual(decode(all.orders.seen[0].headers.authorization.slice(7)).payload.aud, 'orders-api');
    });
    test('the provider was asked as RFC 8693 has it, by this server\'s own client', async () => {
      const [first] = await all.asked(EXCHANGE);
      assert.equal(first.form.subject_token_type, 'urn:ietf:params:oauth:token-type:access_token');
      assert.deepEqual([first.form.audience, first.form.scope], ['orders-api', 'orders.read']);
      assert.equal(first.form.subject_token === ada, mode === 'direct', 'the client\'s token is the subject only where the provider made it');
    });
    test('two users at once, two APIs, and never a mix-up; each token is asked for once', async () => {
      const kinds = [['ada', ada, 'orders'], ['grace', grace, 'orders'], ['ada', ada, 'stock'], ['grace', grace, 'stock']];
      const count = sanitized ? 80 : 400;
      let next = 0;
      const worker = async () => { while (next < count) { const [name, token, where] = kinds[next++ % 4]; assert.equal(who(await call(all.server, token, where)), name); } };
      await Promise.all(Array.from({ length: 16 }, worker));
      assert.equal((await all.asked(EXCHANGE)).length, 4);
    });
    test('an audience that the provider does not give: said so, and not asked for again at once', async () => {
      const before = (await all.asked(EXCHANGE)).length;
      for (let i = 0; i < 5; i++) {
        const result = await call(all.server, ada, 'unknown');
        assert.equal(result.isError, true);
        assert.match(textOf(result), /refused \(invalid_target\).*audience.*ask whoever runs this server/);
        assert.ok(!textOf(result).includes(ada) && !textOf(result).includes('127.0.0.1'));
      }
      assert.ok((await all.asked(EXCHANGE)).length - before <= 2);
    });
    test('the provider down: who has a token goes on, who needs one is told, and both work afterwards', async () => {
      const late = await all.enter('ada');
      await all.provider.close();
      assert.equal(who(await call(all.server, grace, 'stock')), 'grace');
      const result = await call(all.server, late, 'orders');
      assert.equal(result.isError, true);
      assert.match(textOf(result), /cannot be reached.*try again/i);
      assert.doesNotMatch(textOf(result), /localhost|127\.0\.0\.1|\/token/);
      await all.provider.open();
      await until(async () => (await call(all.server, late, 'orders')).structuredContent?.who === 'ada', 'it to work again', 45_000);
    });
  });
}

describe('a token that was exchanged', () => {
  test('is used until shortly before it ends, then there is another', async () => {
    const all = await open({ ttl: 6 });
    const ada = await all.enter('ada');
    const began = Date.now();
    while (Date.now() - began < 1500) assert.equal(who(await call(all.server, ada, 'orders')), 'ada');
    if (Date.now() - began < 2800) assert.equal((await all.asked(EXCHANGE)).length, 1);
    await sleep(Math.max(0, 5000 - (Date.now() - began)));
    assert.equal(who(await call(all.server, ada, 'orders')), 'ada');
    assert.ok((await all.asked(EXCHANGE)).length >= 2);
    assert.equal(new Set(all.orders.seen.map(({ headers }) => headers.authorization)).size, (await all.asked(EXCHANGE)).length);
    await all.stop();
  });
  test('is replaced once when the API refuses it', async () => {
    let refuse = 1;
    const all = await open({ change: (request, outgoing) => { if (refuse-- <= 0) return false; outgoing.writeHead(401).end(); return true; } });
    const ada = await all.enter('ada');
    assert.equal(who(await call(all.server, ada, 'orders')), 'ada');
    assert.deepEqual([all.orders.seen.length, (await all.asked(EXCHANGE)).length], [2, 2]);
    refuse = 100;
    const result = await call(all.server, ada, 'orders');
    assert.equal(result.isError, true);
    assert.match(textOf(result), /refuses the access token that was renewed|401.*sign in again/i);
    assert.ok(all.orders.seen.length <= 4, 'and not again and again');
    await all.stop();
  });
  test('ends with the account', async () => {
    const all = await open({ ttl: 2, provider: { accessTtl: 4 } });
    const ada = await all.enter('ada');
    assert.equal(who(await call(all.server, ada, 'orders')), 'ada');
    await all.provider.account('ada', { disabled: true });
    await sleep(3000);
    const result = await call(all.server, ada, 'orders');
    assert.equal(result.isError, true);
    assert.match(textOf(result), /sign in again/i);
    await all.stop();
  });
  test('a client that may not exchange, and a provider that cannot: said so', async () => {
    const all = await open({ provider: { exchange: undefined } });
    const result = await call(all.server, await all.enter('ada'), 'orders');
    assert.match(textOf(result), /may not exchange tokens/);
    await all.stop();
  });
});

describe('client credentials', () => {
  const resource = 'https://reports.example/';

  test('the server\'s own client, or one of the file\'s: one token for all users', async () => {
    const all = await open({
      names: ['own', 'other'],
      upstreams: ({ stock }) => ({ own: { url: stock.url, credential: { type: 'client', resource } }, other: { url: stock.url, credential: { type: 'client', resource, clientId: 'gatehouse', clientSecretFile: 'secret' } } }),
    });
    const [ada, grace] = [await all.enter('ada'), await all.enter('grace')];
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => call(all.server, i % 2 ? ada : grace, i % 4 < 2 ? 'own' : 'other')));
    for (const answer of answers) assert.match(textOf(answer), /401|refuses the access token/); // its audience is another one
    const shown = new Set(all.stock.seen.map(({ headers }) => decode(headers.authorization.slice(7)).payload).map(({ aud, sub, client_id: id }) => `${aud} ${sub ?? id}`));
    assert.deepEqual([...shown], [`${resource} gatehouse`]);
    await all.stop();
  });

  test('in dev mode, from a token endpoint of its own; two users, one token', async () => {
    const provider = await startProvider();
    const metadata = await discover(provider);
    const api = await startApi({ whose: checks(metadata, resource) });
    const { file } = toolsFile({ upstreams: { a: { url: api.url, credential: { type: 'client', clientId: 'gatehouse', clientSecretFile: 'secret', tokenEndpoint: metadata.token_endpoint, resource } } }, tools: [tool('a', 'a')] }, { secret: `${secret}\n` });
    const server = await startGatehouse({ args: ['--tools', file] });
    const ada = (await signIn(server)).tokens.access_token;
    const grace = (await signIn(server, { answers: { name: 'Grace Hopper', email: 'grace@example.com' } })).tokens.access_token;
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => call(server, i % 2 ? ada : grace, 'a')));
    for (const answer of answers) assert.equal(who(answer), 'gatehouse');
    const asked = (await provider.requests('token')).filter((one) => one.form.grant_type === 'client_credentials');
    assert.equal(asked.length, 1);
    await provider.close();
    assert.equal(who(await call(server, ada, 'a')), 'gatehouse', 'what is there is used while the provider is down');
    await server.stop();
    await api.stop();
    await provider.stop();
  });

  test('a secret that is wrong: nobody sees it, and whoever runs the server is named', async () => {
    const provider = await startProvider();
    const metadata = await discover(provider);
    const { file } = toolsFile({ upstreams: { a: { url: 'http://127.0.0.1:9/', credential: { type: 'client', clientId: 'gatehouse', clientSecretFile: 'secret', tokenEndpoint: metadata.token_endpoint } } }, tools: [tool('a', 'a')] }, { secret: 'a wrong secret\n' });
    const server = await startGatehouse({ auth: 'none', args: ['--tools', file] });
    const result = await call(server, undefined, 'a');
    assert.equal(result.isError, true);
    assert.match(textOf(result), /refused \(invalid_client\).*ask whoever runs this server/);
    assert.doesNotMatch(textOf(result), /localhost|127\.0\.0\.1|\/token/);
    assert.ok(!(server.stderr() + textOf(result)).includes('a wrong secret'));
    await server.stop();
    await provider.stop();
  });
});

describe('a secret of the file, and none', () => {
  test('dev mode: exactly that header, for every user', async () => {
    const api = await startApi({ whose: () => undefined, change: (_request, outgoing) => { outgoing.setHeader('Content-Type', 'application/json'); outgoing.end('{}'); return true; } });
    const header = (more) => ({ url: api.url, credential: { type: 'header', valueFile: 'key', ...more } });
    const { file } = toolsFile({ upstreams: { key: header({ name: 'X-Api-Key' }), bearer: header({ name: 'Authorization', prefix: 'Bearer ' }), none: { url: api.url, credential: 'none' }, silent: { url: api.url } }, tools: ['key', 'bearer', 'none', 'silent'].map((name) => tool(name, name)) }, { key: 'k-123456789\n' });
    const server = await startGatehouse({ args: ['--tools', file, '--log-level', 'debug'] });
    const { tokens } = await signIn(server);
    for (const name of ['key', 'bearer', 'none', 'silent']) assert.notEqual((await call(server, tokens.access_token, name)).isError, true);
    const [key, bearer, ...none] = api.seen.map(({ headers }) => headers);
    assert.deepEqual([key['x-api-key'], key.authorization], ['k-123456789', undefined]);
    assert.deepEqual([bearer.authorization, bearer['x-api-key']], ['Bearer k-123456789', undefined]);
    for (const one of none) assert.deepEqual(Object.keys(one).sort(), ['accept', 'host', 'user-agent']);
    assert.ok(!server.stderr().includes('k-123456789'));
    await server.stop();
    await api.stop();
  });
  test('401 says whose fault it is', async () => {
    const api = await startApi({ whose: () => undefined });
    const { file } = toolsFile({ upstreams: { key: { url: api.url, credential: { type: 'header', name: 'X-Api-Key', valueFile: 'key' } }, none: { url: api.url } }, tools: ['key', 'none'].map((name) => tool(name, name)) }, { key: 'k-123456789\n' });
    const server = await startGatehouse({ auth: 'none', args: ['--tools', file] });
    assert.match(textOf(await call(server, undefined, 'key')), /server's own credential \(401\)/);
    assert.match(textOf(await call(server, undefined, 'none')), /not set up to give one/);
    await server.stop();
    await api.stop();
  });
});

test('what a mode cannot give is refused at the start', async () => {
  const check = async (credential, args) => {
    const { file } = toolsFile({ upstreams: { a: { url: 'https://api.example.com', credential } }, tools: [tool('a', 'a')] }, { secret: 'x\n' });
    const { code, stderr } = await runToEnd(gatehousePath, [...args, '--listen', '127.0.0.1:0', '--tools', file], { env: cleanEnv({ HOME: '/nonexistent' }) });
    assert.equal(code, 78, stderr);
    return stderr;
  };
  assert.match(await check({ type: 'exchange', audience: 'x' }, ['--auth', 'none']), /upstream a: credential "exchange" needs --auth proxy, direct or facade/);
  assert.match(await check({ type: 'client', clientId: 'x', clientSecretFile: 'secret' }, ['--auth', 'none']), /upstream a: credential "client" needs "tokenEndpoint"/);
  assert.match(await check({ type: 'exchange', audience: 'x' }, ['--auth', 'direct', '--issuer', 'https://id.example.org', '--public-url', 'https://mcp.example.org']), /upstream a: credential "exchange" needs --client-id/);
});
