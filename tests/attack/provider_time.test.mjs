// The clocks of server and provider, and a provider that is away for long.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fakeClock, noClock } from '../support/clock.mjs';
import { get } from '../support/http.mjs';
import { modern } from '../support/mcp.mjs';
import { authorizeUrl, newPkce, refreshFields, register, tokenRequest } from '../support/oauth.mjs';
import { until } from '../support/programs.mjs';
import { signInBeside, startBeside, startProvider, walkBoth, walked } from '../support/provider.mjs';

const redirectUri = 'http://127.0.0.1:39999/callback';
const HOUR = 3600;
const list = (server, token) => modern(server, token, 'tools/list');
const begin = (server, client) => walkBoth(authorizeUrl(server, { clientId: client.client_id, redirectUri, challenge: newPkce().challenge }), redirectUri);

describe('the server\'s clock is off by two minutes', { skip: noClock }, () => {
  test('behind: what the provider issued now is from the future, and both sides are told of the clocks', async () => {
    const { env, move } = fakeClock();
    const provider = await startProvider({ shape: 'authentik' });
    const server = await startBeside(provider, { env });
    const client = await register(server, redirectUri);
    const early = await signInBeside(server, { client });
    move(-120);
    const { searchParams: answer } = walked(await begin(server, client));
    assert.equal(answer.get('error'), 'server_error');
    assert.equal(answer.get('state'), 'state-1');
    assert.equal(answer.get('iss'), server.url);
    assert.match(answer.get('error_description'), /sign in again/);
    await until(() => /ID token.*future.*clocks/.test(server.stderr()), () => `the reason in the log:\n${server.stderr()}`);
    // What was given out before goes on, and so do refreshes: nobody is signed out for a clock.
    assert.equal((await list(server, early.tokens.access_token)).status, 401, 'its own token is from the future too');
    const refreshed = await tokenRequest(server, refreshFields(early));
    assert.equal(refreshed.status, 200, refreshed.text);
    assert.equal((await list(server, refreshed.json().access_token)).status, 200);
    move(0);
    assert.equal((await list(server, refreshed.json().access_token)).status, 200);
    assert.ok((await signInBeside(server, { client })).tokens.access_token);
    await server.stop();
    await provider.stop();
  });
  test('ahead: sign-ins, calls and refreshes go on', async () => {
    const { env, move } = fakeClock();
    const provider = await startProvider({ shape: 'authentik' });
    const server = await startBeside(provider, { env });
    move(120);
    const session = await signInBeside(server);
    assert.equal((await list(server, session.tokens.access_token)).status, 200);
    assert.equal((await tokenRequest(server, refreshFields(session))).status, 200);
    await server.stop();
    await provider.stop();
  });
  test('direct mode: 401 with the reason while it is behind, and a token that has just ended there ends here', async () => {
    const { env, move } = fakeClock();
    const provider = await startProvider({ shape: 'authentik' });
    const server = await startBeside(provider, { mode: 'direct', env });
    const now = Math.floor(Date.now() / 1000);
    const token = (iat, exp) => provider.sign({ iss: provider.issuer, sub: 'ada', aud: server.mcp, scope: 'mcp', iat, exp });
    const [fresh, brief] = [await token(now, now + 600), await token(now - 600, now + 30)];
    const status = async (one, why) => {
      const reply = await list(server, one);
      if (why) assert.match(reply.headers['www-authenticate'], why);
      return reply.status;
    };
    move(-120);
    assert.equal(await status(fresh, /error="invalid_token".*clocks/), 401);
    assert.equal(await status(brief), 200);
    move(120);
    assert.equal(await status(fresh), 200);
    assert.equal(await status(brief, /error="invalid_token".*expired/), 401);
    move(0);
    for (const one of [fresh, brief]) assert.equal(await status(one), 200);
    await server.stop();
    await provider.stop();
  });
});

describe('an hour without the provider', { skip: noClock }, () => {
  test('proxy mode: nobody is signed out, and nothing is rotated', async () => {
    const { env, move } = fakeClock();
    const provider = await startProvider({ shape: 'authentik', env });
    const server = await startBeside(provider, { env });
    const client = await register(server, redirectUri);
    const session = await signInBeside(server, { client });
    await provider.close();
    for (let minutes = 0; minutes <= 60; minutes += 20) {
      move(minutes * 60);
      const reply = await list(server, session.tokens.access_token);
      assert.equal(reply.status, minutes === 0 ? 200 : 401);
      if (minutes > 0) assert.match(reply.headers['www-authenticate'], /error="invalid_token".*expired/);
      const refused = await tokenRequest(server, refreshFields(session));
      assert.equal(refused.status, 503, refused.text);
      assert.equal(refused.json().error, 'temporarily_unavailable');
      assert.ok(refused.headers['retry-after'] > 0);
    }
    assert.equal((await get(`${server.url}/healthz`)).status, 200);
    await provider.open();
    const again = await until(async () => {
      const one = await tokenRequest(server, refreshFields(session));
      return one.status === 200 && one;
    }, 'the refresh to work again', 15_000);
    assert.equal((await list(server, again.json().access_token)).status, 200);
    assert.ok((await signInBeside(server, { client })).tokens.access_token);
    await server.stop();
    await provider.stop();
  });
  test('direct mode: what it signed opens /mcp as long as it says, also for the first time', async () => {
    const { env, move } = fakeClock();
    const provider = await startProvider({ shape: 'authentik', env });
    const server = await startBeside(provider, { mode: 'direct', env });
    const now = Math.floor(Date.now() / 1000);
    const token = (jti, lasts) => provider.sign({ iss: provider.issuer, sub: 'ada', aud: server.mcp, scope: 'mcp', jti, iat: now, exp: now + lasts });
    const [known, unknown, brief] = [await token('1', 2 * HOUR), await token('2', 2 * HOUR), await token('3', 600)];
    assert.equal((await list(server, known)).status, 200);
    await provider.close();
    move(HOUR);
    for (const [one, status] of [[known, 200], [unknown, 200], [brief, 401]]) assert.equal((await list(server, one)).status, status);
    await provider.open();
    await server.stop();
    await provider.stop();
  });
});
