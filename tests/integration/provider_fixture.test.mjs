// The identity provider that the other tests stand beside has the traits that they rely on.
import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { get, postForm } from '../support/http.mjs';
import { decode } from '../support/jwt.mjs';
import { Robot } from '../support/oauth.mjs';
import { discover, HostsRobot, secret, shapes, signInAtProvider, startProvider, walkBoth } from '../support/provider.mjs';

const redirectUri = 'http://127.0.0.1:39999/callback';

for (const shape of shapes) {
  describe(`${shape}`, () => {
    let provider;
    let metadata;
    before(async () => {
      provider = await startProvider({ shape });
      metadata = await discover(provider);
    });
    after(() => provider.stop());
    const basic = { Authorization: `Basic ${Buffer.from(`gatehouse:${encodeURIComponent(secret)}`).toString('base64')}` };
    const refresh = (token, more = {}) => postForm(metadata.token_endpoint, { grant_type: 'refresh_token', refresh_token: token, ...more }, basic);
    const signInPublic = (options) => signInAtProvider(metadata, { clientId: 'gatehouse-facade', redirectUri, ...options });

    test('its issuer is what its document says', () => assert.equal(metadata.issuer, provider.issuer));

    test('tokens rotate, and a used one is invalid_grant', async () => {
      const url = new URL(metadata.authorization_endpoint);
      for (const [name, value] of Object.entries({ response_type: 'code', client_id: 'gatehouse', redirect_uri: `${provider.gatehouseUrl}/callback`, scope: 'openid profile email offline_access', state: 's', nonce: 'n-1' })) url.searchParams.set(name, value);
      const { redirect } = await walkBoth(url.href, `${provider.gatehouseUrl}/callback`);
      const reply = await postForm(metadata.token_endpoint, { grant_type: 'authorization_code', code: redirect.searchParams.get('code'), redirect_uri: `${provider.gatehouseUrl}/callback` }, basic);
      assert.equal(reply.status, 200, reply.text);
      const first = reply.json();
      assert.equal(decode(first.id_token).payload.nonce, 'n-1');
      const user = (await get(metadata.userinfo_endpoint, { Authorization: `Bearer ${first.access_token}` })).json();
      assert.equal(user.email, 'ada@example.com');
      assert.deepEqual(user.groups, ['mcp', 'analysts']);
      assert.equal(user.sub, decode(first.id_token).payload.sub);
      const second = await refresh(first.refresh_token);
      assert.equal(second.status, 200, second.text);
      assert.notEqual(second.json().refresh_token, first.refresh_token);
      assert.equal((await refresh(first.refresh_token)).json().error, 'invalid_grant');
    });

    test('a disabled account cannot sign in', async () => {
      await provider.account('grace', { disabled: true });
      await assert.rejects(signInPublic({ account: 'grace' }), /again and again|no redirect/);
    });

    test('"no" at the provider is access_denied', async () => {
      const url = new URL(metadata.authorization_endpoint);
      for (const [name, value] of Object.entries({ response_type: 'code', client_id: 'gatehouse-facade', redirect_uri: redirectUri, scope: 'openid', state: 's', code_challenge: 'E'.repeat(43), code_challenge_method: 'S256' })) url.searchParams.set(name, value);
      const { redirect } = await walkBoth(url.href, redirectUri, { login: 'no' });
      assert.equal(redirect.searchParams.get('error'), 'access_denied');
      assert.equal(redirect.searchParams.has('iss'), shape === 'plain');
    });

    test('a redirect that no rule allows ends on a page', async () => {
      for (const evil of ['http://localhost:x@evil.example/callback', 'https://evil.example/callback', 'http://127.0.0.1:39999/elsewhere']) {
        const url = new URL(metadata.authorization_endpoint);
        for (const [name, value] of Object.entries({ response_type: 'code', client_id: 'gatehouse-facade', redirect_uri: evil, scope: 'openid' })) url.searchParams.set(name, value);
        const reply = await new Robot().get(url.href);
        assert.equal(reply.status, 400, evil);
      }
    });

    test('stopped and started again on its port it still knows its tokens; rotated keys are other keys', async () => {
      const { tokens } = await signInPublic({ resource: shape === 'plain' ? 'http://localhost:1/mcp' : undefined });
      await provider.close();
      await assert.rejects(get(metadata.jwks_uri));
      await provider.open();
      const before = (await get(metadata.jwks_uri)).json().keys.map((key) => key.kid);
      await provider.rotateKeys();
      const after = (await get(metadata.jwks_uri)).json().keys.map((key) => key.kid);
      assert.notDeepEqual(after, before);
      const again = await postForm(metadata.token_endpoint, { grant_type: 'refresh_token', refresh_token: tokens.refresh_token, client_id: 'gatehouse-facade' });
      assert.equal(again.status, 200, again.text);
      assert.equal(decode(again.json().access_token).header.kid, after[0]);
    });

    test('a fault comes as often as was said', async () => {
      await provider.fault({ path: 'jwks', status: 503, text: 'down' });
      assert.equal((await get(metadata.jwks_uri)).status, 503);
      assert.equal((await get(metadata.jwks_uri)).status, 200);
    });
  });
}

describe('the traits of Authentik', () => {
  let provider;
  let metadata;
  before(async () => {
    provider = await startProvider({ shape: 'authentik' });
    metadata = await discover(provider);
  });
  after(() => provider.stop());

  test('paths, trailing slashes, and what the document lists', async () => {
    const base = `${provider.url}/application/o/`;
    assert.equal(metadata.issuer, `${base}gatehouse/`);
    assert.deepEqual(
      [metadata.authorization_endpoint, metadata.token_endpoint, metadata.userinfo_endpoint, metadata.revocation_endpoint, metadata.device_authorization_endpoint, metadata.jwks_uri],
      [`${base}authorize/`, `${base}token/`, `${base}userinfo/`, `${base}revoke/`, `${base}device/`, `${base}gatehouse/jwks/`]);
    assert.deepEqual(metadata.code_challenge_methods_supported, ['plain', 'S256']);
    assert.ok(!metadata.token_endpoint_auth_methods_supported.includes('none'));
    assert.ok(!('registration_endpoint' in metadata) && !('authorization_response_iss_parameter_supported' in metadata));
    for (const missing of ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server/application/o/gatehouse', '/application/o/token']) {
      assert.equal((await get(`${provider.url}${missing}`)).status, 404, missing);
    }
  });

  test('the issuer follows the Host header', async () => {
    const reply = await new HostsRobot(['auth.example.org']).get(`http://auth.example.org:${provider.port}/application/o/gatehouse/.well-known/openid-configuration`);
    assert.equal(reply.json().issuer, `http://auth.example.org:${provider.port}/application/o/gatehouse/`);
  });

  test('the access token is a JWT with aud, azp, uid and scope; the ID token looks the same without the last three', async () => {
    const { tokens, redirect } = await signInAtProvider(metadata, { clientId: 'gatehouse-facade' });
    assert.equal(redirect.searchParams.get('iss'), null);
    const access = decode(tokens.access_token);
    const id = decode(tokens.id_token);
    assert.equal(access.payload.aud, 'gatehouse-facade');
    assert.equal(access.payload.azp, 'gatehouse-facade');
    assert.ok(access.payload.uid && access.payload.scope.split(' ').includes('mcp') && access.payload.scope.split(' ').includes('offline_access'));
    for (const { payload } of [access, id]) assert.equal(payload.exp - payload.iat, 600);
    assert.ok(!('nbf' in access.payload) && !('client_id' in access.payload));
    assert.deepEqual([access.header.typ, id.header.typ], ['JWT', 'JWT']);
    for (const name of ['azp', 'uid', 'scope']) assert.ok(!(name in id.payload), name);
    const [jwk] = (await get(metadata.jwks_uri)).json().keys;
    for (const token of [tokens.access_token, tokens.id_token]) {
      const [input, signature] = [token.slice(0, token.lastIndexOf('.')), token.slice(token.lastIndexOf('.') + 1)];
      assert.ok(verify('sha256', Buffer.from(input), createPublicKey({ key: jwk, format: 'jwk' }), Buffer.from(signature, 'base64url')));
    }
  });

  test('`resource` is ignored unless a scope mapping puts it into aud', async () => {
    const resource = `${provider.gatehouseUrl}/mcp`;
    const without = await signInAtProvider(metadata, { clientId: 'gatehouse-facade', resource });
    assert.equal(decode(without.tokens.access_token).payload.aud, 'gatehouse-facade');
    const mapped = await signInAtProvider(metadata, { clientId: 'gatehouse-direct', resource });
    assert.deepEqual(decode(mapped.tokens.access_token).payload.aud, ['gatehouse-direct', resource]);
  });

  test('a refresh needs offline_access, and naming scopes without it is invalid_scope', async () => {
    const { tokens: none } = await signInAtProvider(metadata, { clientId: 'gatehouse-facade', scope: 'openid mcp' });
    assert.equal(none.refresh_token, undefined);
    const { tokens } = await signInAtProvider(metadata, { clientId: 'gatehouse-facade' });
    const refresh = (more) => postForm(metadata.token_endpoint, { grant_type: 'refresh_token', refresh_token: tokens.refresh_token, client_id: 'gatehouse-facade', ...more });
    assert.equal((await refresh({ scope: 'openid mcp' })).json().error, 'invalid_scope');
    assert.equal((await refresh({})).status, 200);
  });

  test('without a signing key: HS256 and an empty JWKS', async () => {
    const keyless = await startProvider({ shape: 'authentik', noSigningKey: true });
    const document = await discover(keyless);
    assert.deepEqual(document.id_token_signing_alg_values_supported, ['HS256']);
    assert.deepEqual((await get(document.jwks_uri)).json(), {});
    await keyless.stop();
  });
});
