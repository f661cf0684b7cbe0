// Attacks on the modes beside an identity provider: on tokens, on the way there and back, and on what it costs.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { clientBeside } from '../support/beside.mjs';
import { get } from '../support/http.mjs';
import { hs256WithPublicKey, signWith, strangerKey, unsigned } from '../support/jwt.mjs';
import { modern } from '../support/mcp.mjs';
import { authorizeUrl, newPkce, refreshFields, register, Robot, tokenRequest } from '../support/oauth.mjs';
import { sleep, until } from '../support/programs.mjs';
import { checkBeside, signInAtProvider, signInBeside, startBeside, startProvider, walkBoth, walked } from '../support/provider.mjs';

const redirectUri = 'http://127.0.0.1:39999/callback';
const status = async (server, token) => (await modern(server, token, 'tools/list')).status;
const now = () => Math.floor(Date.now() / 1000);

describe('tokens in direct mode', () => {
  let provider;
  let server;
  let good;
  let beside;
  const claims = (more = {}) => ({ iss: provider.issuer, sub: 'ada', aud: [server.mcp], exp: now() + 300, iat: now(), scope: 'mcp', azp: 'gatehouse-direct', ...more });
  before(async () => {
    provider = await startProvider({ shape: 'authentik' });
    server = await startBeside(provider, { mode: 'direct' });
    good = await provider.sign(claims());
    beside = await clientBeside(server, { token: good });
  });
  after(async () => { await server?.stop(); await provider?.stop(); });

  const evil = {
    'an ID token (nonce)': () => provider.sign(claims({ nonce: 'n' })),
    'an ID token (at_hash)': () => provider.sign(claims({ at_hash: 'x' })),
    'no scope': () => provider.sign(claims({ scope: undefined })),
    'the audience of another client': () => provider.sign(claims({ aud: 'gatehouse-direct' })),
    'an audience that begins alike': () => provider.sign(claims({ aud: `${server.mcp}/more` })),
    'another issuer, signed with the right key': () => provider.sign(claims({ iss: `${provider.issuer}x` })),
    'no expiry': () => provider.sign(claims({ exp: undefined })),
    'an expiry that is a text': () => provider.sign(claims({ exp: String(now() + 300) })),
    'expired': () => provider.sign(claims({ exp: now() - 90 })),
    'from the future': () => provider.sign(claims({ iat: now() + 600 })),
    'the type of a logout token': () => provider.sign(claims(), { typ: 'logout+jwt' }),
    'a critical extension': () => provider.sign(claims(), { crit: ['exp'] }),
    'no subject': () => provider.sign(claims({ sub: undefined })),
    'alg none': async () => unsigned({ alg: 'none', typ: 'JWT' }, claims()),
    'alg HS256': () => provider.sign(claims(), { alg: 'HS256' }),
    'the alg of another key type': () => provider.sign(claims(), { alg: 'PS256' }),
  };
  for (const [what, make] of Object.entries(evil)) test(`${what} is refused`, async () => { assert.equal(await status(server, await make()), 401); });
  test('a symmetric signature with the published key is refused, whichever bytes of it', async () => {
    const { keys: [jwk] } = (await get(`${provider.issuer}jwks/`)).json();
    for (const token of [hs256WithPublicKey(jwk, { typ: 'JWT', kid: jwk.kid }, claims())].flat()) assert.equal(await status(server, token), 401);
  });
  test('a key in the header is not looked at', async () => {
    const stranger = strangerKey('ES256');
    const { kid } = (await get(`${provider.issuer}jwks/`)).json().keys[0];
    const jwk = (stranger.publicKey ?? stranger).export?.({ format: 'jwk' });
    for (const header of [{ kid, jwk }, { jwk }, { kid, jku: `${provider.url}/evil` }]) {
      assert.equal(await status(server, signWith(stranger.privateKey ?? stranger, { alg: 'ES256', typ: 'JWT', ...header }, claims())), 401);
    }
  });
  test('after all that the good one opens, as before', async () => { assert.equal(await status(server, good), 200); });
  test('all that time a client beside was served', (t) => beside.end(t));
});

describe('made-up keys', () => {
  test('a remembered token dies with its key', async () => {
    const provider = await startProvider({ shape: 'authentik' });
    const server = await startBeside(provider, { mode: 'direct' });
    const claims = { iss: provider.issuer, sub: 'ada', aud: [server.mcp], exp: now() + 300, iat: now(), scope: 'mcp' };
    const old = await provider.sign(claims);
    assert.equal(await status(server, old), 200);
    assert.equal(await status(server, old), 200);
    await provider.rotateKeys();
    assert.equal(await status(server, await provider.sign(claims)), 200, 'the new key is fetched');
    assert.equal(await status(server, old), 401);
    await server.stop();
    await provider.stop();
  });
  test('a few of them do not keep a new key out, and tokens that are wrong anyway ask for none', async () => {
    const provider = await startProvider({ shape: 'authentik' });
    const server = await startBeside(provider, { mode: 'direct' });
    const claims = { iss: provider.issuer, sub: 'ada', aud: [server.mcp], exp: now() + 300, iat: now(), scope: 'mcp' };
    const asked = async () => (await provider.requests('jwks')).length;
    const before = await asked();
    for (const wrong of [{ iss: 'https://evil.example/' }, { aud: 'https://evil.example/mcp' }, { exp: now() - 600 }, { exp: undefined }, { nbf: now() + 600 }]) {
      for (let i = 0; i < 5; i++) assert.equal(await status(server, await provider.sign({ ...claims, ...wrong }, { kid: randomUUID() })), 401);
    }
    assert.equal(await asked(), before);
    for (let i = 0; i < 2; i++) assert.equal(await status(server, await provider.sign(claims, { kid: randomUUID() })), 401);
    await provider.rotateKeys();
    assert.equal(await status(server, await provider.sign(claims)), 200);
    assert.equal(await asked(), before + 3);
    await server.stop();
    await provider.stop();
  });
  test('they neither hammer the provider nor hold every thread while it hangs', async () => {
    const provider = await startProvider({ shape: 'authentik' });
    const server = await startBeside(provider, { mode: 'direct', args: ['--workers', '64'] });
    const claims = { iss: provider.issuer, sub: 'ada', aud: [server.mcp], exp: now() + 300, iat: now(), scope: 'mcp' };
    const good = await provider.sign(claims);
    const bad = await Promise.all(Array.from({ length: 150 }, () => provider.sign(claims, { kid: randomUUID() })));
    assert.equal(await status(server, good), 200);
    await provider.fault({ path: 'jwks', times: 100, hang: true });
    const before = (await provider.requests('jwks')).length;
    const flood = bad.map((token) => status(server, token).catch(() => 0));
    await sleep(300);
    for (let i = 0; i < 5; i++) {
      const began = Date.now();
      assert.equal(await status(server, good), 200);
      assert.equal((await get(`${server.url}/healthz`)).status, 200);
      assert.ok(Date.now() - began < 2500, `${Date.now() - began} ms`);
    }
    const ends = await Promise.all(flood);
    assert.ok(ends.every((one) => [0, 401, 503].includes(one)), ends.join(' '));
    assert.ok(ends.includes(503), 'who cannot be answered is told to try again');
    assert.ok((await provider.requests('jwks')).length - before <= 2);
    await provider.clearFaults();
    assert.equal(await status(server, good), 200);
    await server.stop();
    await provider.stop();
  });
});

describe('a provider that hangs', () => {
  let provider;
  let server;
  before(async () => {
    provider = await startProvider({ shape: 'authentik' });
    server = await startBeside(provider, { args: ['--workers', '64'] });
  });
  after(async () => { await server?.stop(); await provider?.stop(); });

  test('many refreshes of one sign-in do not hold every thread, and nothing is rotated', async () => {
    const mine = await signInBeside(server);
    await provider.fault({ path: 'token', times: 100, hang: true });
    const flood = Array.from({ length: 120 }, () => tokenRequest(server, refreshFields(mine)).then((reply) => reply.status, () => 0));
    await sleep(500);
    for (let i = 0; i < 5; i++) {
      const began = Date.now();
      assert.equal(await status(server, mine.tokens.access_token), 200);
      assert.ok(Date.now() - began < 2500, `${Date.now() - began} ms`);
    }
    const ends = await Promise.all(flood);
    assert.ok(ends.every((one) => [0, 503].includes(one)), ends.join(' '));
    await provider.clearFaults();
    assert.equal((await tokenRequest(server, refreshFields(mine))).status, 200);
  });

  test('it stops within seconds while a sign-in waits', async () => {
    const client = await register(server, redirectUri);
    await provider.fault({ path: 'token', times: 100, hang: true });
    const walk = walkBoth(authorizeUrl(server, { clientId: client.client_id, redirectUri, challenge: newPkce().challenge }), redirectUri).catch(() => null);
    await sleep(1500);
    const began = Date.now();
    await server.stop();
    assert.ok(Date.now() - began < 12_000, `${Date.now() - began} ms`);
    await walk;
    server = undefined;
  });
});

describe('the way there and back', () => {
  let provider;
  let server;
  let client;
  before(async () => {
    provider = await startProvider({ shape: 'authentik' });
    server = await startBeside(provider);
    client = await register(server, redirectUri, { client_name: '<img src=x onerror=alert(1)>"\'' });
  });
  after(async () => { await server?.stop(); await provider?.stop(); });
  const begin = (more = {}) => authorizeUrl(server, { clientId: client.client_id, redirectUri, challenge: newPkce().challenge, ...more });
  const untilCallback = (robot = new Robot(), more = {}) => walkBoth(begin(more), redirectUri, { robot, stopAt: (url) => url.startsWith(`${server.url}/callback`) });

  test('the address of the provider, sent to somebody else, signs nobody in to the attacker\'s client', async () => {
    const { url } = await walkBoth(begin(), redirectUri, { stopAt: (to) => to.startsWith(provider.url) });
    const victim = await walkBoth(url, redirectUri, { robot: new Robot() });
    assert.equal(victim.redirect, undefined);
    assert.equal(victim.reply.status, 400);
  });
  test('the attacker\'s code does not fit the victim\'s state, nor the other way round', async () => {
    const [attacker, victim] = [new Robot(), new Robot()];
    const [a, v] = [await untilCallback(attacker), await untilCallback(victim)];
    const [attackers, victims] = [new URL(a.url), new URL(v.url)];
    victims.searchParams.set('code', attackers.searchParams.get('code'));
    const reply = await victim.get(victims.href);
    assert.equal(new URL(reply.headers.location).searchParams.get('code'), null, 'PKCE and nonce bind the code');
    assert.equal((await victim.get(attackers.href)).status, 400);
  });
  test('a name of the client is text on every page', async () => {
    const { pages } = await walkBoth(begin(), redirectUri, { consent: 'deny' });
    for (const { reply } of pages) assert.ok(!reply.text.includes('<img'), reply.text);
  });
  test('before the consent no error redirects to a website by itself', async () => {
    const web = await register(server, 'https://client.example/callback');
    for (const extra of [{ response_type: 'token' }, { scope: 'nothing' }, { resource: 'http://localhost:1/mcp' }, { prompt: 'none' }, { code_challenge_method: 'plain' }]) {
      const reply = await get(authorizeUrl(server, { clientId: web.client_id, redirectUri: 'https://client.example/callback', challenge: newPkce().challenge, extra }));
      assert.equal(reply.headers.location, undefined, JSON.stringify(extra));
      assert.equal(reply.status, 400);
    }
    const here = await get(begin({ extra: { scope: 'nothing' } }));
    assert.equal(new URL(here.headers.location).searchParams.get('error'), 'invalid_scope');
  });
  test('what the provider says of an error neither breaks the log nor reaches the client', async () => {
    const robot = new Robot();
    const there = await walkBoth(begin(), redirectUri, { robot, stopAt: (to) => to.startsWith(provider.url) });
    const state = new URL(there.url).searchParams.get('state');
    const evil = 'x\r\n2026-01-01 forged line\u001b[31m<script>';
    const reply = await robot.get(`${server.url}/callback?${new URLSearchParams({ state, error: 'invalid_scope', error_description: evil })}`);
    const location = new URL(reply.headers.location);
    assert.equal(location.searchParams.get('error'), 'server_error');
    assert.ok(!/forged|%3C|</i.test(location.href), location.href);
    assert.ok(!/^2026-01-01 forged/m.test(server.stderr()) && !server.stderr().includes('\u001b'));
  });
  test('claims that are markup or control characters do no harm', async () => {
    await provider.account('grace', { name: '<script>alert(1)</script>', email: 'a@b\r\nX-Evil: 1' });
    const mine = await signInBeside(server, { account: 'grace' });
    assert.equal(await status(server, mine.tokens.access_token), 200);
  });
});

test('a sign-in that cannot be asked about at the provider later is warned of', async () => {
  const provider = await startProvider({ shape: 'authentik' });
  const server = await startBeside(provider, { args: ['--scopes', 'openid profile email'] });
  await signInBeside(server);
  await until(() => /WARN: .*no refresh token.*offline_access/.test(server.stderr()), 'the warning');
  await server.stop();
  await provider.stop();
});

describe('the facade beside a provider that names itself in its answers', () => {
  const announce = { discovery: { authorization_response_iss_parameter_supported: true } };
  test('it starts, warns, and check has a cross with a remedy', async () => {
    const provider = await startProvider({ shape: 'authentik', ...announce });
    const server = await startBeside(provider, { mode: 'facade' });
    await until(() => /warn.*authorization_response_iss_parameter_supported.*--auth proxy/i.test(server.stderr()), 'the warning');
    assert.ok(await server.ready(), 'and serves');
    await server.stop();
    const check = await checkBeside(provider, { mode: 'facade' });
    assert.ok(check.code > 0);
    assert.match(check.stdout, /✗ issuer in answers[^\n]*\n\s+Use --auth proxy/);
    await provider.stop();
  });
  test('beside one that does not, there is a tick and no warning; other modes say nothing of it', async () => {
    const provider = await startProvider({ shape: 'authentik' });
    const check = await checkBeside(provider, { mode: 'facade' });
    assert.match(check.stdout, /✓ issuer in answers/);
    await provider.discovery(announce.discovery);
    const proxy = await checkBeside(provider);
    assert.ok(!proxy.stdout.includes('issuer in answers'));
    await provider.stop();
  });
});
