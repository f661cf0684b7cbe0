// What /mcp accepts as a token, and above all what it does not.
import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import http from 'node:http';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import { clientBeside } from '../support/beside.mjs';
import { get, request } from '../support/http.mjs';
import { decode, hs256WithPublicKey, signWith, strangerKey, unsigned } from '../support/jwt.mjs';
import { modern } from '../support/mcp.mjs';
import { signIn } from '../support/oauth.mjs';
import { startGatehouse } from '../support/programs.mjs';

let server;
let token;
let session;
let jwk;
let beside;
before(async () => {
  server = await startGatehouse();
  beside = await clientBeside(server);
  session = await signIn(server);
  token = session.tokens.access_token;
  const { keys } = (await get(`${server.url}/jwks`)).json();
  jwk = keys.find((key) => key.kid === decode(token).header.kid);
});
after(() => server.stop());

// The server's own signing key, out of its store.
function ownKey() {
  const database = new DatabaseSync(path.join(server.stateHome, 'gatehouse/dev.db'), { readOnly: true });
  const row = database.prepare('SELECT pem FROM keys WHERE kid = ?').get(decode(token).header.kid);
  database.close();
  return createPrivateKey(Buffer.from(row.pem));
}
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
  before(() => { key = ownKey(); });
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

// The threats of RFC 8725 that are not above, by section.
describe('signed with the server\'s own key, in a form that confuses others', () => {
  let key;
  const parts = () => decode(token);
  const encode = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
  before(() => { key = ownKey(); });
  const signText = (header, payload, alg = parts().header.alg) => {
    const input = `${encode(header)}.${encode(payload)}`;
    return `${input}.${signWith(key, { alg }, {}, input).split('.').at(-1)}`;
  };
  test('the same, signed here, is accepted', async () => {
    const { header, payload } = parts();
    assert.equal((await list(signText(header, payload))).status, 200);
  });
  test('2.8: a member twice, of which parsers see one or the other', async () => {
    const { header, payload } = parts();
    const twice = (object, name, value) => `{"${name}":${JSON.stringify(value)},${JSON.stringify(object).slice(1)}`;
    for (const forged of [signText(twice(header, 'alg', 'none'), payload), signText(twice(header, 'typ', 'JWT'), payload), signText(header, twice(payload, 'sub', 'root')),
      signText(header, twice(payload, 'exp', 1)), signText(header, twice(payload, 'aud', 'https://elsewhere.example'))]) await refused(forged, 'twice');
  });
  test('2.4: an all-zero signature, one in DER, one of another length', async () => {
    const { header, payload } = parts();
    const input = `${encode(header)}.${encode(payload)}`;
    for (const signature of [Buffer.alloc(64), Buffer.alloc(64, 1), Buffer.concat([Buffer.from('3006020101020101', 'hex')]), Buffer.alloc(0), Buffer.alloc(63), Buffer.alloc(65), Buffer.alloc(256)]) {
      await refused(`${input}.${signature.toString('base64url')}`, 'signature');
    }
  });
  test('2.3, 2.5: encrypted, nested and compressed tokens', async () => {
    const { header, payload } = parts();
    await refused(`${encode({ alg: 'dir', enc: 'A256GCM' })}..AAAA.AAAA.AAAA`, 'JWE');
    await refused(`${token}.AAAA.AAAA`, 'five parts');
    await refused(signText({ ...header, cty: 'JWT' }, token), 'nested');
    await refused(signText({ ...header, zip: 'DEF', crit: ['zip'] }, payload), 'compressed');
  });
  test('2.6: not in UTF-8, not canonical, with blanks', async () => {
    const { header, payload } = parts();
    await refused(signText(header, Buffer.from(JSON.stringify(payload).replace('}', ',"x":"\u00ff"}'), 'latin1').toString('latin1')).replace(/\./, '=.'), 'padding');
    for (const forged of [` ${token}`.trim().replace('.', '. '), token.replace('.', '=.'), token.replaceAll('-', '+').replaceAll('_', '/').replace(/^/, '+'), `${token}=`, `${token}==`, token.replace('.', '.\t')]) {
      const reply = await request(server.mcp, { method: 'POST', headers: { Authorization: `Bearer ${forged}` }, body: {} }).catch(() => ({ status: 400 }));
      assert.ok([400, 401].includes(reply.status), `${reply.status}`);
    }
  });
  test('2.9: a key id that is a path, a query or very long finds no key', async () => {
    const { header, payload } = parts();
    for (const kid of ['../../../../dev/null', '/dev/null', "x' OR '1'='1", "x' UNION SELECT 'key'--", 'k'.repeat(3000), 5, null, {}, ['a'], `${header.kid}\u0000`, header.kid.toUpperCase()]) {
      await refused(signText({ ...header, kid }, payload), `kid ${JSON.stringify(kid).slice(0, 40)}`);
    }
  });
  test('2.10: addresses in the header are not asked', async () => {
    let knocks = 0;
    const trap = http.createServer((_request, response) => { knocks++; response.end('{"keys":[]}'); });
    await new Promise((resolve) => { trap.listen(0, '127.0.0.1', resolve); });
    const url = `http://127.0.0.1:${trap.address().port}/`;
    const stranger = strangerKey(parts().header.alg);
    const { header, payload } = parts();
    for (const extra of [{ jku: url }, { x5u: url }, { iss: url }]) await refused(signWith(stranger, { ...header, ...extra }, { ...payload, iss: url }), JSON.stringify(extra));
    for (const extra of [{ x5c: ['AAAA'] }, { x5t: 'AAAA' }, { jwk: createPublicKey(stranger).export({ format: 'jwk' }) }]) await refused(signWith(stranger, { ...header, ...extra }, payload), JSON.stringify(extra));
    assert.equal(knocks, 0);
    trap.close();
  });
  test('2.7, 3.12: what is sealed or signed for another purpose is no token', async () => {
    const { header, payload } = parts();
    for (const typ of ['id_token', 'ID+JWT', 'logout+jwt', 'dpop+jwt', 'secevent+jwt', 'JOSE', 'application/at+jwt+x', 5, '']) await refused(signText({ ...header, typ }, payload), `typ ${typ}`);
    for (const flow of session.pages.flatMap((page) => page.forms.flatMap((form) => form.inputs.map((input) => input.value))).filter(Boolean)) {
      assert.equal((await request(server.mcp, { method: 'POST', headers: { Authorization: `Bearer ${encodeURIComponent(flow)}` }, body: {} })).status, 401);
    }
  });
  test('claims of a wrong type or size', async () => {
    const { header, payload } = parts();
    for (const changes of [{ sub: 5 }, { sub: '' }, { sub: ['a'] }, { iss: [payload.iss] }, { aud: { 0: server.mcp } }, { aud: [5] }, { scope: 5 }, { exp: true }, { exp: null }, { exp: -1 }, { nbf: 'now' }, { iat: {} }]) {
      const reply = await list(signText(header, { ...payload, ...changes }));
      assert.ok([401, 403].includes(reply.status), `${JSON.stringify(changes)}: ${reply.status}`);
    }
    await refused(signText(header, '[]'), 'an array');
    await refused(signText(header, '"x"'), 'a text');
    await refused(signText(header, `{"a":${'['.repeat(2000)}${']'.repeat(2000)}}`), 'deep');
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

test('all that time a client beside was served', (t) => beside.end(t));
