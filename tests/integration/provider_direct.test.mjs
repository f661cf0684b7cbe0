// direct mode: the provider is the authorization server; its tokens must name this resource.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { signInUrl, startBridge } from '../support/bridge.mjs';
import { get, request } from '../support/http.mjs';
import { decode, hs256WithPublicKey, signWith, strangerKey, unsigned } from '../support/jwt.mjs';
import { modern } from '../support/mcp.mjs';
import { sleep } from '../support/programs.mjs';
import { discover, shapes, signInAtProvider, startBeside, startProvider, walkBoth, walked } from '../support/provider.mjs';

const now = () => Math.floor(Date.now() / 1000);

for (const shape of shapes) {
  describe(`beside the ${shape} provider`, () => {
    let provider;
    let server;
    let tokens;
    const signIn = async (options) => signInAtProvider(await discover(provider), { clientId: 'gatehouse-direct', resource: server.mcp, ...options });
    const list = (token) => modern(server, token, 'tools/list');
    before(async () => {
      provider = await startProvider({ shape });
      server = await startBeside(provider, { mode: 'direct' });
      ({ tokens } = await signIn());
    });
    after(async () => {
      await server?.stop();
      await provider?.stop();
    });
    const refused = async (token, what) => {
      const reply = await list(token);
      assert.equal(reply.status, 401, `${what}: ${reply.status} ${reply.text}`);
      assert.match(reply.headers['www-authenticate'], /error="invalid_token"/, what);
    };
    const forged = (changes, header = {}) => {
      const token = decode(tokens.access_token);
      return provider.sign({ ...token.payload, ...changes }, { typ: token.header.typ, ...header });
    };

    test('the resource metadata point at the issuer, byte for byte, and this server offers no endpoints', async () => {
      const resource = (await get(`${server.url}/.well-known/oauth-protected-resource/mcp`)).json();
      assert.deepEqual(resource.authorization_servers, [provider.issuer]);
      assert.equal(resource.resource, server.mcp);
      for (const path of ['/authorize', '/token', '/register', '/jwks', '/.well-known/oauth-authorization-server']) assert.equal((await get(`${server.url}${path}`)).status, 404, path);
    });

    test('a token with the resource in aud opens /mcp', async () => {
      const reply = await list(tokens.access_token);
      assert.equal(reply.status, 200, reply.text);
      assert.ok([decode(tokens.access_token).payload.aud].flat().includes(server.mcp));
    });

    test('a copy that is signed by the provider is accepted: what follows fails for its one claim', async () => {
      assert.equal((await list(await forged({}))).status, 200);
    });
    for (const [what, changes, header] of [
      ['the client id as audience', { aud: 'gatehouse-direct' }], ['another audience', { aud: ['https://elsewhere.example/mcp'] }], ['no audience', { aud: undefined }],
      ['another issuer', { iss: 'https://elsewhere.example/' }], ['the issuer with one slash more or less', { iss: (iss) => (iss.endsWith('/') ? iss.slice(0, -1) : `${iss}/`) }],
      ['expired 61 s ago', { exp: () => now() - 61 }], ['no exp', { exp: undefined }], ['not valid before two minutes', { nbf: () => now() + 120 }],
      ['an ID token, by its nonce', { nonce: 'n', scope: undefined, azp: undefined, uid: undefined }, { typ: 'JWT' }],
      ['an ID token, by its at_hash', { at_hash: 'x', scope: undefined }, { typ: 'JWT' }],
      ['neither at+jwt nor a scope', { scope: undefined }, { typ: 'JWT' }],
      ['nonce beside a scope', { nonce: 'n' }, { typ: 'JWT' }],
      ['a critical header', {}, { crit: ['exp'] }],
    ]) {
      test(`refused: ${what}`, async () => {
        const { payload } = decode(tokens.access_token);
        await refused(await forged(Object.fromEntries(Object.entries(changes).map(([name, value]) => [name, typeof value === 'function' ? value(payload[name]) : value])), header), what);
        assert.equal((await list(tokens.access_token)).status, 200, 'the good token goes on');
      });
    }
    test('refused: the provider\'s own ID token', async () => { if (tokens.id_token) await refused(tokens.id_token, 'ID token'); });
    test('too little scope is 403 with what is needed', async () => {
      const reply = await list(await forged({ scope: 'openid' }, { typ: 'JWT' }));
      assert.equal(reply.status, 403);
      const challenge = reply.headers['www-authenticate'];
      assert.match(challenge, /error="insufficient_scope"/);
      assert.ok(/[ ,]scope="([^"]*)"/.exec(challenge)[1].split(' ').includes('mcp'), challenge);
    });
    test('clocks may differ by a minute', async () => {
      assert.equal((await list(await forged({ exp: now() - 30 }))).status, 200);
      assert.equal((await list(await forged({ nbf: now() + 30 }))).status, 200);
    });
    test('refused: forgeries without the provider\'s key', async () => {
      const { header, payload, signature } = decode(tokens.access_token);
      const [jwk] = (await get((await discover(provider)).jwks_uri)).json().keys;
      await refused(unsigned({ ...header, alg: 'none' }, payload), 'none');
      await refused(unsigned(header, { ...payload, sub: 'other' }) + signature, 'payload changed');
      await refused(signWith(strangerKey('RS256'), header, payload), 'stranger');
      for (const one of hs256WithPublicKey(jwk, header, payload)) await refused(one, 'HS256');
      await refused('opaque-token', 'opaque');
    });
    test('a token that ends is refused then, however often it was accepted before', async () => {
      const brief = await forged({ exp: now() - 57, jti: 'brief' });
      assert.equal((await list(brief)).status, 200);
      assert.equal((await list(brief)).status, 200);
      await sleep(5000);
      await refused(brief, 'expired in the cache');
    });
    test('the bridge signs in with a client id that was registered beforehand', async () => {
      const bridge = startBridge(server.mcp, { args: ['--no-browser', '--client-id', 'gatehouse-direct'] });
      bridge.send({ jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } } });
      bridge.send({ jsonrpc: '2.0', id: 2, method: 'tools/call', params: { name: 'whoami', arguments: {} } });
      const url = await signInUrl(bridge);
      assert.ok(url.startsWith(provider.url));
      assert.equal((await fetch(walked(await walkBoth(url, new URL(url).searchParams.get('redirect_uri'))))).status, 200);
      const reply = await bridge.reply(2);
      assert.ok(reply.result, JSON.stringify(reply));
      await bridge.stop();
    });
    test('the SDK with a token', async () => {
      const client = new Client({ name: 'sdk-test', version: '1' });
      await client.connect(new StreamableHTTPClientTransport(new URL(server.mcp), { requestInit: { headers: { Authorization: `Bearer ${tokens.access_token}` } } }));
      assert.ok((await client.listTools()).tools.length > 0);
      await client.close();
    });
    test('keys: unknown key ids ask the provider a few times, a rotation is noticed, the old key dies with the set', async () => {
      const old = tokens.access_token;
      await provider.rotateKeys();
      const fresh = await signIn();
      const reply = await list(fresh.tokens.access_token);
      assert.equal(reply.status, 200, reply.text);
      await refused(old, 'signed by the key that is gone');
      tokens = fresh.tokens;
      const before = (await provider.requests('jwks')).length;
      const { header, payload } = decode(tokens.access_token);
      for (let i = 0; i < 20; i++) await refused(signWith(strangerKey('EdDSA'), { ...header, alg: 'EdDSA', kid: `unknown-${i}` }, payload), 'unknown kid');
      assert.ok((await provider.requests('jwks')).length - before <= 3, 'the cool-down holds');
    });
    test('tokens go on working while the provider is away', async () => {
      await provider.close();
      assert.equal((await list(tokens.access_token)).status, 200);
      assert.equal((await get(`${server.url}/healthz`)).status, 200);
      await provider.open();
    });
  });
}

describe('--accept-client-id-audience', () => {
  test('takes the client id as audience, because it was said', async () => {
    const provider = await startProvider({ shape: 'authentik' });
    const server = await startBeside(provider, { mode: 'direct', args: ['--client-id', 'gatehouse-facade', '--accept-client-id-audience'] });
    const { tokens } = await signInAtProvider(await discover(provider), { clientId: 'gatehouse-facade' });
    assert.equal((await modern(server, tokens.access_token, 'tools/list')).status, 200);
    const other = await signInAtProvider(await discover(provider), { clientId: 'gatehouse', clientSecret: provider.clients[0].secret, redirectUri: `${provider.gatehouseUrl}/callback`, scope: 'openid offline_access' });
    assert.equal((await modern(server, other.tokens.access_token, 'tools/list')).status, 401, 'another client\'s');
    await server.stop();
    await provider.stop();
  });
});

describe('--audience', () => {
  test('is what tokens must be for, in place of the URL', async () => {
    const provider = await startProvider({ shape: 'authentik' });
    const server = await startBeside(provider, { mode: 'direct', args: ['--audience', 'api://gatehouse'] });
    const list = async (aud) => (await modern(server, await provider.sign({ iss: provider.issuer, sub: 'ada', aud, exp: now() + 300, iat: now(), scope: 'mcp' }), 'tools/list')).status;
    assert.equal(await list(['gatehouse-direct', 'api://gatehouse']), 200);
    for (const aud of [server.mcp, 'gatehouse-direct', 'api://gatehouse/', 'api']) assert.equal(await list(aud), 401, aud);
    assert.equal((await get(`${server.url}/.well-known/oauth-protected-resource/mcp`)).json().resource, server.mcp);
    await server.stop();
    await provider.stop();
  });
});

describe('--require-claim', () => {
  test('counts for the provider\'s tokens too', async () => {
    const provider = await startProvider({ shape: 'authentik' });
    const server = await startBeside(provider, { mode: 'direct', args: ['--require-claim', 'groups=mcp'] });
    const token = async (account) => (await signInAtProvider(await discover(provider), { clientId: 'gatehouse-direct', account })).tokens.access_token;
    assert.equal((await modern(server, await token('ada'), 'tools/list')).status, 200);
    const reply = await request(server.mcp, { method: 'POST', headers: { Authorization: `Bearer ${await token('grace')}`, Accept: 'application/json, text/event-stream' }, body: {} });
    assert.equal(reply.status, 403, reply.text);
    await server.stop();
    await provider.stop();
  });
});
