// Finding the provider: down at the start, found later, found and useless; and `gatehouse check`.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { get } from '../support/http.mjs';
import { decode, signWith, strangerKey } from '../support/jwt.mjs';
import { modern } from '../support/mcp.mjs';
import { authorizeUrl, newPkce, register } from '../support/oauth.mjs';
import { until } from '../support/programs.mjs';
import { checkBeside, discover, signInAtProvider, signInBeside, startBeside, startProvider, usualClients, walkBoth } from '../support/provider.mjs';

const redirectUri = 'http://127.0.0.1:39999/callback';

// How the program ended, which it has to within 15 s.
async function ended(run) {
  const timer = setTimeout(() => run.kill('SIGKILL'), 15_000);
  const how = await run.exited;
  clearTimeout(timer);
  assert.equal(how.signal, null, `it went on:\n${run.stderr()}`);
  return how;
}

describe('the provider is down at the start', () => {
  test('/healthz is fine, /readyz says why not, and it becomes ready by itself', async () => {
    const provider = await startProvider({ shape: 'authentik' });
    await provider.close();
    const server = await startBeside(provider, { wait: 'listening' });
    assert.equal((await get(`${server.url}/healthz`)).status, 200);
    const reply = await until(async () => {
      const one = await get(`${server.url}/readyz`);
      return one.status === 503 && one.text.includes(String(provider.port)) && one;
    }, 'the reason', 10_000);
    assert.doesNotMatch(reply.text, /secret/);
    const client = await register(server, redirectUri);
    const early = await walkBoth(authorizeUrl(server, { clientId: client.client_id, redirectUri, challenge: newPkce().challenge }), redirectUri);
    if (early.redirect) assert.equal(early.redirect.searchParams.get('error'), 'temporarily_unavailable');
    else assert.equal(early.reply.status, 503);
    await provider.open();
    await until(() => server.ready(), 'the server to be ready', 40_000);
    assert.ok((await signInBeside(server, { client })).tokens.access_token);
    await server.stop();
    await provider.stop();
  });
  test('it stops at once while it waits', async () => {
    const provider = await startProvider({ shape: 'authentik' });
    await provider.fault({ path: '', hang: true, times: 100 });
    const server = await startBeside(provider, { wait: 'listening' });
    const began = Date.now();
    await server.stop();
    assert.ok(Date.now() - began < 5000);
    await provider.stop();
  });
});

describe('what cannot work', () => {
  const hopeless = [
    ['no signing key: HS256 and an empty JWKS', { noSigningKey: true }, /sign|key|HS256/i],
    ['an issuer that calls itself otherwise', { discovery: { issuer: 'http://localhost:1/application/o/other/' } }, /issuer/i],
    ['no S256', { discovery: { code_challenge_methods_supported: ['plain'] } }, /S256/],
    ['no token endpoint', { discovery: { token_endpoint: null } }, /token_endpoint/],
  ];
  for (const [what, options, pattern] of hopeless) {
    test(`${what}: refused at the first contact with a remedy, and by check`, async () => {
      const provider = await startProvider({ shape: 'authentik', ...options });
      const run = await startBeside(provider, { wait: 'nothing' });
      const end = await ended(run);
      assert.equal(end.code, 78, run.stderr());
      assert.match(run.stderr(), pattern);
      const check = await checkBeside(provider);
      assert.ok(check.code > 0);
      assert.match(check.stdout, pattern);
      await provider.stop();
    });
  }
  test('a provider that was waited for and then cannot work: that is the first contact', async () => {
    const provider = await startProvider({ shape: 'authentik', noSigningKey: true });
    await provider.close();
    const run = await startBeside(provider, { wait: 'listening' });
    await until(async () => (await get(`${run.url}/readyz`)).text.includes(String(provider.port)), 'the first attempt', 10_000);
    await provider.open();
    assert.equal((await ended(run)).code, 78, run.stderr());
    assert.match(run.stderr(), /Signing Key/);
    await provider.stop();
  });
  test('an issuer without its trailing slash: the message has the right one', async () => {
    const provider = await startProvider({ shape: 'authentik' });
    const right = provider.issuer;
    const run = await startBeside({ ...provider, issuer: right.slice(0, -1) }, { wait: 'nothing' });
    assert.equal((await ended(run)).code, 78, run.stderr());
    assert.ok(run.stderr().includes(right), run.stderr());
    await provider.stop();
  });
  test('a redirect URI that the provider rejects', async () => {
    const provider = await startProvider({ shape: 'authentik', clients: usualClients('authentik', 'http://localhost:1') });
    const run = await startBeside(provider, { wait: 'nothing' });
    assert.equal((await ended(run)).code, 78, run.stderr());
    assert.ok(run.stderr().includes(`${provider.gatehouseUrl}/callback`), run.stderr());
    const check = await checkBeside(provider);
    assert.ok(check.code > 0);
    assert.match(check.stdout, /redirect/i);
    await provider.stop();
  });
  test('plain http off this machine, unless it was allowed', async () => {
    const provider = await startProvider({ shape: 'authentik', host: 'auth.example.org' });
    const run = await startBeside(provider, { wait: 'nothing' });
    const end = await ended(run);
    assert.ok([64, 78].includes(end.code), `${end.code} ${run.stderr()}`);
    assert.match(run.stderr(), /--allow-insecure-http/);
    await provider.stop();
  });
  test('what breaks later turns /readyz red with the reason, serves on, and passes', async () => {
    const provider = await startProvider({ shape: 'authentik' });
    const server = await startBeside(provider, { mode: 'direct' });
    const { tokens } = await signInAtProvider(await discover(provider), { clientId: 'gatehouse-direct', resource: server.mcp });
    const list = async (token) => (await modern(server, token, 'tools/list')).status;
    await provider.fault({ path: 'jwks', status: 503, times: 1000 });
    const { header, payload } = decode(tokens.access_token);
    assert.equal(await list(signWith(strangerKey('EdDSA'), { ...header, alg: 'EdDSA', kid: 'unknown' }, payload)), 401);
    const red = await until(async () => {
      const one = await get(`${server.url}/readyz`);
      return one.status === 503 && one;
    }, '/readyz to turn red', 10_000);
    assert.match(red.json().error_description, /503/);
    assert.equal(await list(tokens.access_token), 200);
    assert.equal((await get(`${server.url}/healthz`)).status, 200);
    await provider.clearFaults();
    await until(() => server.ready(), 'the server to be ready again', 40_000);
    await server.stop();
    await provider.stop();
  });
  test('check is all ticks beside a provider that is right', async () => {
    const provider = await startProvider({ shape: 'authentik' });
    const end = await checkBeside(provider);
    assert.equal(end.code, 0, end.stdout + end.stderr);
    for (const word of [/issuer/i, /key/i, /S256/, /redirect/i]) assert.match(end.stdout, word);
    await provider.stop();
  });
  test('check says so when the provider is down', async () => {
    const provider = await startProvider({ shape: 'authentik' });
    await provider.close();
    const end = await checkBeside(provider);
    assert.ok(end.code > 0);
    assert.ok((end.stdout + end.stderr).includes(String(provider.port)));
    await provider.stop();
  });
});
