// What /mcp accepts as a token, and above all what it does not.
import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import { get, request } from '../support/http.mjs';
import { decode, hs256WithPublicKey, signWith, strangerKey, unsigned } from '../support/jwt.mjs';
import { modern } from '../support/mcp.mjs';
import { signIn } from '../support/oauth.mjs';
import { startGatehouse } from '../support/programs.mjs';

let server;
let token;
let session;
let jwk;
before(async () => {
  server = await startGatehouse();
  session = await signIn(server);
  token = session.tokens.access_token;
  const { keys } = (await get(`${server.url}/jwks`)).json();
  jwk = keys.find((key) => key.kid === decode(token).header.kid);
});
after(() => server.stop());

const list = (bearer) => modern(server, bearer, 'tools/list');
async function refused(bearer, what) {
  const reply = await list(bearer);
  assert.equal(reply.status, 401, what);
  assert.match(reply.headers['www-authenticate'], /error="invalid_token"/, what);
  assert.ok(reply.json(), what);
  assert.equal((await list(token)).status, 200, 'the good token still works');
}

test('the genuine token is accepted, and its key is published', async () => {
  assert.ok(jwk);
  assert.equal((await list(token)).status, 200);
});

test('garbage', async () => {
  for (const bearer of ['x', '.', '..', '...', 'a.b.c', 'e30.e30.e30', token.slice(0, -1), `${token}a`, `${token}.x`, `.${token}`,
    token.replace(/\.[^.]+\./, '..'), 'A'.repeat(6000)]) await refused(bearer, bearer.slice(0, 40));
});

test('a changed payload or header under the old signature', async () => {
  const { header, payload, signature } = decode(token);
  await refused(unsigned(header, { ...payload, sub: 'somebody-else' }) + signature, 'sub');
  await refused(unsigned({ ...header, kid: undefined }, payload) + signature, 'kid');
});

test('a signature by a stranger\'s key, under the right key id and none', async () => {
  const { header, payload } = decode(token);
  const key = strangerKey(header.alg);
  await refused(signWith(key, header, payload), 'same kid');
  await refused(signWith(key, { ...header, kid: 'stranger' }, payload), 'unknown kid');
  await refused(signWith(key, { ...header, kid: undefined }, payload), 'no kid');
  await refused(signWith(key, { ...header, jwk: { kty: 'EC' }, jku: 'http://127.0.0.1:1/jwks' }, payload), 'key in the header');
});

test('another algorithm than the key\'s', async () => {
  const { header, payload } = decode(token);
  for (const alg of ['RS256', 'ES256', 'EdDSA'].filter((name) => name !== header.alg)) {
    await refused(signWith(strangerKey(alg), { ...header, alg }, payload), alg);
  }
});

test('alg none, in any spelling, with and without a signature', async () => {
  const { header, payload, signature } = decode(token);
  for (const alg of ['none', 'None', 'NONE', 'nOnE', '']) {
    await refused(unsigned({ ...header, alg }, payload), alg);
    await refused(unsigned({ ...header, alg }, payload) + signature, alg);
  }
});

test('HS256 with the public key as the secret', async () => {
  const { header, payload } = decode(token);
  for (const forged of hs256WithPublicKey(jwk, header, payload)) await refused(forged, 'HS256');
});

test('tokens of another type: refresh token, code', async () => {
  await refused(session.tokens.refresh_token, 'refresh token');
  await refused(session.code, 'code');
});

test('a token of another server, foreign issuer, audience and key', async () => {
  const other = await startGatehouse();
  const foreign = (await signIn(other)).tokens.access_token;
  await refused(foreign, 'another server');
  await other.stop();
});

test('a genuine signature for another audience: the same keys behind another URL', async () => {
  const other = await startGatehouse({ stateHome: server.stateHome });
  const foreign = (await signIn(other)).tokens.access_token;
  assert.equal(decode(foreign).header.kid, decode(token).header.kid, 'the key is shared');
  await refused(foreign, 'another audience');
  await other.stop();
});

test('several Authorization headers, or an odd one, are refused', async () => {
  for (const value of [`Bearer ${token} ${token}`, `Bearer  `, 'Bearer', `bearer${token}`, [`Bearer ${token}`, `Bearer ${token}`], `Bearer ${token}, Bearer x`]) {
    const reply = await request(server.mcp, { method: 'POST', headers: { Authorization: value }, body: {} });
    assert.ok([400, 401].includes(reply.status), `${value}: ${reply.status}`);
  }
});

test('the scheme is case-insensitive', async () => {
  const reply = await modern(server, undefined, 'tools/list', {}, { headers: { Authorization: `bEaReR ${token}` } });
  assert.equal(reply.status, 200);
});

// The server's own key, out of its store: every signature here is genuine, and only one claim is wrong.
describe('signed with the server\'s own key', () => {
  let key;
  before(() => {
    const database = new DatabaseSync(path.join(server.stateHome, 'gatehouse/dev.db'), { readOnly: true });
    const row = database.prepare('SELECT pem FROM keys WHERE kid = ?').get(decode(token).header.kid);
    key = createPrivateKey(Buffer.from(row.pem));
    database.close();
  });
  const mint = (changes = {}, headerChanges = {}) => {
    const { header, payload } = decode(token);
    return signWith(key, { ...header, ...headerChanges }, { ...payload, ...changes });
  };
  const now = () => Math.floor(Date.now() / 1000);

  test('a copy of the token is accepted: the minting is right', async () => {
    assert.equal((await list(mint())).status, 200);
  });
  for (const [what, changes, headerChanges] of [
    ['expired', { iat: 0, exp: 1 }], ['expired 61 s ago', { exp: () => now() - 61 }], ['no exp', { exp: undefined }], ['an exp that is text', { exp: '9999999999' }],
    ['an exp in milliseconds that overflows', { exp: 1e300 }], ['not valid yet', { nbf: () => now() + 120 }],
    ['another audience', { aud: 'https://elsewhere.example/mcp' }], ['the origin as audience', { aud: () => server.url }],
    ['the audience with a slash', { aud: () => `${server.mcp}/` }], ['no audience', { aud: undefined }], ['an empty list of audiences', { aud: [] }],
    ['another issuer', { iss: 'https://elsewhere.example' }], ['the issuer with a slash', { iss: () => `${server.url}/` }], ['no issuer', { iss: undefined }],
    ['no subject', { sub: undefined }],
    ['typ JWT', {}, { typ: 'JWT' }], ['no typ', {}, { typ: undefined }], ['an ID token', {}, { typ: 'id+jwt' }],
    ['a critical extension', {}, { crit: ['exp'] }], ['an unencoded payload', {}, { b64: false, crit: ['b64'] }],
  ]) {
    test(what, () => refused(mint(Object.fromEntries(Object.entries(changes).map(([name, value]) => [name, typeof value === 'function' ? value() : value])), headerChanges), what));
  }
  test('clocks may differ by some seconds', async () => {
    assert.equal((await list(mint({ exp: now() - 20 }))).status, 200);
    assert.equal((await list(mint({ nbf: now() + 20 }))).status, 200);
  });
  test('one of several audiences is enough', async () => {
    assert.equal((await list(mint({ aud: ['https://elsewhere.example', server.mcp] }))).status, 200);
  });
  test('too little scope: 403 insufficient_scope, with the scopes that are needed', async () => {
    for (const scope of ['offline_access', '', 'mcpx']) {
      const reply = await list(mint({ scope }));
      assert.equal(reply.status, 403, scope);
      assert.match(reply.headers['www-authenticate'], /error="insufficient_scope"/);
      assert.match(reply.headers['www-authenticate'], scope === 'mcpx' ? / scope="mcp mcpx"/ : / scope="mcp"/);
      assert.ok(reply.json());
    }
  });
});

test('--access-token-ttl is what the token says', async () => {
  const brief = await startGatehouse({ args: ['--access-token-ttl', '1s'] });
  const short = (await signIn(brief)).tokens;
  const { payload } = decode(short.access_token);
  assert.equal(payload.exp - payload.iat, 1);
  assert.equal(short.expires_in, 1);
  await brief.stop();
});
