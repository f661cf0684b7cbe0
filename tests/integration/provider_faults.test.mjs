// proxy mode when something is wrong with the provider, the network, the clock or the person's intentions.
import assert from 'node:assert/strict';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import { get, request } from '../support/http.mjs';
import { decode, signWith, strangerKey, unsigned } from '../support/jwt.mjs';
import { modern } from '../support/mcp.mjs';
import { authorizeUrl, newPkce, refreshFields, register, Robot, tokenRequest } from '../support/oauth.mjs';
import { until } from '../support/programs.mjs';
import { shapes, signInBeside, startBeside, startProvider, walkBoth, walked } from '../support/provider.mjs';

const redirectUri = 'http://127.0.0.1:39999/callback';
const now = () => Math.floor(Date.now() / 1000);
const works = async (server, token) => assert.equal((await modern(server, token, 'tools/list')).status, 200, 'a valid token goes on working');
const dead = async (server, token) => assert.equal((await modern(server, token, 'tools/list')).status, 401);

for (const shape of shapes) {
  describe(`beside the ${shape} provider`, () => {
    let provider;
    let server;
    let client;
    let session;
    before(async () => {
      provider = await startProvider({ shape });
      server = await startBeside(provider);
      client = await register(server, redirectUri);
      session = await signInBeside(server, { client });
    });
    after(async () => {
      await server?.stop();
      await provider?.stop();
    });
    const userinfo = shape === 'plain' ? '/me' : '/userinfo';
    const begin = () => authorizeUrl(server, { clientId: client.client_id, redirectUri, challenge: newPkce().challenge });
    const toCallback = (url) => url.startsWith(`${server.url}/callback`);

    // A sign-in that has come as far as the provider's door. -> { robot, state, nonce, url }
    async function atTheDoor() {
      const robot = new Robot();
      const stopped = await walkBoth(begin(), redirectUri, { robot, stopAt: (url) => url.startsWith(provider.url) });
      const query = new URL(stopped.url).searchParams;
      return { robot, url: stopped.url, state: query.get('state'), nonce: query.get('nonce') };
    }
    // And one that has come back from it, before this server sees the answer.
    async function onTheWayBack() {
      const robot = new Robot();
      const stopped = await walkBoth(begin(), redirectUri, { robot, stopAt: toCallback });
      return { robot, url: stopped.url };
    }
    const callback = (query) => `${server.url}/callback?${new URLSearchParams(query)}`;
    const isPage = (reply, what) => {
      assert.ok(reply.status >= 400 && reply.status < 500, `${what}: ${reply.status} ${reply.headers.location}`);
      assert.match(reply.headers['content-type'], /^text\/html/);
      assert.doesNotMatch(reply.text, /<script/i);
    };
    // Where a failed sign-in ends: an OAuth error at the client, or a page; never a code.
    const fails = (reply, errors) => {
      const location = reply.headers.location ?? '';
      assert.doesNotMatch(location, /[?&]code=/);
      if (location.startsWith(redirectUri)) {
        const query = new URL(location).searchParams;
        assert.ok(errors.includes(query.get('error')), location);
        assert.equal(query.get('state'), 'state-1');
        assert.equal(query.get('iss'), server.url);
      } else {
        assert.ok(reply.status >= 400, `${reply.status} ${location}`);
        assert.match(reply.headers['content-type'], /^text\/html/);
      }
    };
    const stillFine = async () => {
      await works(server, session.tokens.access_token);
      assert.ok((await signInBeside(server, { client })).tokens.access_token, 'the next sign-in works');
    };

    test('the person says no there: access_denied at the client', async () => {
      const redirect = walked(await walkBoth(begin(), redirectUri, { login: 'no' }));
      assert.equal(redirect.searchParams.get('error'), 'access_denied');
      assert.equal(redirect.searchParams.get('state'), 'state-1');
      assert.equal(redirect.searchParams.get('iss'), server.url);
    });

    for (const [error, mapped] of [
      ['access_denied', ['access_denied']], ['login_required', ['access_denied', 'server_error', 'login_required']], ['server_error', ['server_error', 'temporarily_unavailable']],
      ['temporarily_unavailable', ['temporarily_unavailable']], ['invalid_scope', ['server_error', 'invalid_scope']], ['unauthorized_client', ['server_error', 'unauthorized_client']], ['<script>alert(1)</script>', ['server_error', 'access_denied']],
    ]) {
      test(`the provider answers ${error}`, async () => {
        const { robot, state } = await atTheDoor();
        const reply = await robot.get(callback({ error, error_description: '"><script>alert(2)</script>', state, ...(shape === 'plain' && { iss: provider.issuer }) }));
        fails(reply, mapped);
        assert.doesNotMatch(reply.text + (reply.headers.location ?? ''), /<script/);
      });
    }

    describe('the way back', () => {
      test('in another browser it ends on a page', async () => {
        const { url } = await onTheWayBack();
        isPage(await new Robot().get(url), 'no cookies');
        const { robot: other } = await atTheDoor();
        isPage(await other.get((await onTheWayBack()).url), 'cookies of another sign-in');
        await stillFine();
      });
      test('a second time it ends on a page, without a second code', async () => {
        const { robot, url } = await onTheWayBack();
        const first = await robot.get(url);
        assert.match(first.headers.location, /[?&]code=/);
        isPage(await robot.get(url), 'replayed');
      });
      test('with an unknown, empty, doubled or missing state it ends on a page', async () => {
        const { robot, url } = await onTheWayBack();
        const code = new URL(url).searchParams.get('code');
        for (const query of [{ code, state: 'A'.repeat(43) }, { code, state: '' }, { code }, { state: 'x' }, {}]) isPage(await robot.get(callback(query)), JSON.stringify(query));
        isPage(await robot.get(`${url}&state=other`), 'doubled');
        isPage(await robot.get(`${url}&code=other`), 'doubled code');
        isPage(await robot.get(callback({ code, state: 'x'.repeat(7000) })), 'long');
      });
      test('after more than ten minutes it ends on a page that says to start again', async () => {
        const { robot, url } = await onTheWayBack();
        const database = new DatabaseSync(path.join(server.stateHome, 'gatehouse.db'));
        const { name } = database.prepare('SELECT m.name FROM sqlite_master m, pragma_table_info(m.name) p WHERE m.type = \'table\' AND p.name = \'state_hash\'').get();
        database.exec(`UPDATE ${name} SET expires_at = ${now() - 1}`);
        database.close();
        const reply = await robot.get(url);
        isPage(reply, 'expired');
        assert.match(reply.text, /again/i);
      });
      test('before the person approved there is no state to come back with', async () => {
        const robot = new Robot();
        await robot.get(begin());
        isPage(await robot.get(callback({ code: 'x', state: 'A'.repeat(43) })), 'not approved');
      });
      test('a code that the provider does not know gives no code here', async () => {
        const { robot, state } = await atTheDoor();
        fails(await robot.get(callback({ code: 'invented', state, ...(shape === 'plain' && { iss: provider.issuer }) })), ['access_denied', 'server_error']);
        await stillFine();
      });
      test('the name of another issuer is refused (RFC 9207)', { skip: shape === 'plain' ? false : 'this provider sends no iss' }, async () => {
        for (const iss of ['https://evil.example', undefined]) {
          const { robot, url } = await onTheWayBack();
          const changed = new URL(url);
          if (iss) changed.searchParams.set('iss', iss);
          else changed.searchParams.delete('iss');
          fails(await robot.get(changed.href), ['access_denied', 'server_error']);
        }
      });
      test('POST, HEAD and another path are not the callback', async () => {
        const { robot, url } = await onTheWayBack();
        assert.ok((await request(url, { method: 'POST' })).status >= 400);
        assert.equal((await robot.get(url.replace('/callback', '/callback/'))).status, 404);
      });
    });

    describe('the code\'s exchange there fails', () => {
      for (const [what, fault] of [
        ['500', { status: 500, text: 'oops' }], ['503', { status: 503, text: '' }], ['invalid_client', { status: 401, json: { error: 'invalid_client' } }], ['invalid_grant', { status: 400, json: { error: 'invalid_grant' } }],
        ['a web page', { status: 200, text: '<html>proxy login</html>' }], ['broken JSON', { status: 200, text: '{"access_token":', headers: { 'Content-Type': 'application/json' } }],
        ['JSON that is nested 5000 deep', { status: 200, text: '['.repeat(5000), headers: { 'Content-Type': 'application/json' } }], ['8 MB', { status: 200, text: 'x'.repeat(8 << 20) }],
        ['no ID token', { status: 200, json: { access_token: 'x', token_type: 'Bearer' } }], ['null members', { status: 200, json: { access_token: null, id_token: null } }],
        ['another type of token', { status: 200, json: { access_token: 'x', token_type: 'mac', id_token: 'e30.e30.e30' } }],
        ['a redirect', { status: 302, text: '', headers: { Location: '/elsewhere' } }], ['a hang-up', { destroy: true }],
      ]) {
        test(what, async () => {
          const { robot, url } = await onTheWayBack();
          await provider.fault({ path: '/token', ...fault });
          fails(await robot.get(url), ['server_error', 'access_denied', 'temporarily_unavailable']);
          await provider.clearFaults();
          assert.ok(server.alive());
        });
      }
      test('the next sign-in works and valid tokens go on', stillFine);
      test('silence is given up after some seconds', async () => {
        const { robot, url } = await onTheWayBack();
        await provider.fault({ path: '/token', hang: true });
        const began = Date.now();
        fails(await robot.get(url), ['server_error', 'temporarily_unavailable']);
        assert.ok(Date.now() - began < 14_000);
        await stillFine();
      });
    });

    describe('an ID token that must not be believed', () => {
      const claims = (nonce) => ({ iss: provider.issuer, sub: 'mallory', aud: 'gatehouse', iat: now(), exp: now() + 300, nonce, name: 'Mallory', email: 'm@example.com' });
      for (const [what, make] of [
        ['another nonce', (c) => provider.sign({ ...c, nonce: 'other' })], ['no nonce', (c) => provider.sign({ ...c, nonce: undefined })], ['another issuer', (c) => provider.sign({ ...c, iss: 'https://evil.example' })],
        ['another audience', (c) => provider.sign({ ...c, aud: 'other' })], ['several audiences and another azp', (c) => provider.sign({ ...c, aud: ['gatehouse', 'other'], azp: 'other' })],
        ['expired two minutes ago', (c) => provider.sign({ ...c, exp: now() - 120 })], ['no expiry', (c) => provider.sign({ ...c, exp: undefined })], ['no subject', (c) => provider.sign({ ...c, sub: undefined })],
        ['an at_hash of another token', (c) => provider.sign({ ...c, at_hash: 'AAAAAAAAAAAAAAAAAAAAAA' })],
        ['no signature', (c) => unsigned({ alg: 'none', typ: 'JWT' }, c)], ['a stranger\'s signature', (c) => signWith(strangerKey('RS256'), { alg: 'RS256', typ: 'JWT' }, c)],
        ['garbage', () => 'x.y.z'],
      ]) {
        test(what, async () => {
          const { robot, state, nonce } = await atTheDoor();
          const idToken = await make(claims(nonce));
          await provider.fault({ path: '/token', status: 200, json: { access_token: 'a', token_type: 'Bearer', expires_in: 60, id_token: idToken } });
          await provider.fault({ path: userinfo, status: 200, json: { sub: 'mallory', name: 'Mallory' } });
          fails(await robot.get(callback({ code: 'c', state, ...(shape === 'plain' && { iss: provider.issuer }) })), ['server_error', 'access_denied']);
          await provider.clearFaults();
        });
      }
      test('clocks may differ by half a minute', async () => {
        const { robot, state, nonce } = await atTheDoor();
        await provider.fault({ path: '/token', status: 200, json: { access_token: 'a', token_type: 'Bearer', expires_in: 60, id_token: await provider.sign({ ...claims(nonce), iat: now() + 30, exp: now() - 30 }) } });
        await provider.fault({ path: userinfo, status: 200, json: { sub: 'mallory', name: 'Mallory', email: 'm@example.com' } });
        const reply = await robot.get(callback({ code: 'c', state, ...(shape === 'plain' && { iss: provider.issuer }) }));
        assert.match(reply.headers.location ?? '', /[?&]code=/, reply.text);
        await provider.clearFaults();
      });
      test('userinfo of somebody else is not believed', { skip: shape === 'plain' ? false : 'the ID token has it all' }, async () => {
        const { robot, url } = await onTheWayBack();
        await provider.fault({ path: userinfo, status: 200, json: { sub: 'mallory', name: 'Mallory', email: 'm@example.com' } });
        fails(await robot.get(url), ['server_error', 'access_denied']);
        await provider.clearFaults();
      });
    });

    test('keys that were rotated between two sign-ins are fetched', async () => {
      await provider.rotateKeys();
      await stillFine();
    });

    describe('codes and refresh tokens of this server', () => {
      test('a code used twice is invalid_grant, and its tokens die', async () => {
        const mine = await signInBeside(server, { client });
        const reply = await tokenRequest(server, mine.fields);
        assert.equal(reply.json().error, 'invalid_grant');
        await dead(server, mine.tokens.access_token);
        assert.equal((await tokenRequest(server, refreshFields(mine))).json().error, 'invalid_grant');
      });
      test('a refresh token used again at once gives the same successor, and the provider is asked once', async () => {
        const mine = await signInBeside(server, { client });
        const before = (await provider.requests('token')).filter((one) => one.form.grant_type === 'refresh_token').length;
        const replies = await Promise.all([1, 2, 3, 4, 5].map(() => tokenRequest(server, refreshFields(mine))));
        for (const reply of replies) assert.equal(reply.status, 200, reply.text);
        assert.equal(new Set(replies.map((reply) => reply.json().refresh_token)).size, 1);
        const after = (await provider.requests('token')).filter((one) => one.form.grant_type === 'refresh_token').length;
        assert.ok(after - before <= 1, `${after - before} refreshes at the provider`);
        assert.equal((await tokenRequest(server, refreshFields(mine, replies[0].json().refresh_token))).status, 200);
      });
      test('a refresh token whose successor was used is reuse: the grant is revoked', async () => {
        const mine = await signInBeside(server, { client });
        const second = (await tokenRequest(server, refreshFields(mine))).json();
        const third = (await tokenRequest(server, refreshFields(mine, second.refresh_token))).json();
        assert.equal((await tokenRequest(server, refreshFields(mine))).json().error, 'invalid_grant');
        assert.equal((await tokenRequest(server, refreshFields(mine, third.refresh_token))).json().error, 'invalid_grant');
        await dead(server, third.access_token);
      });
    });

    test('an account that was disabled is noticed at the refresh; its tokens die, others\' do not', async () => {
      const mine = await signInBeside(server, { client, account: 'grace' });
      await works(server, mine.tokens.access_token);
      await provider.account('grace', { disabled: true });
      const reply = await tokenRequest(server, refreshFields(mine));
      assert.equal(reply.status, 400, reply.text);
      assert.equal(reply.json().error, 'invalid_grant');
      await dead(server, mine.tokens.access_token);
      await works(server, session.tokens.access_token);
      await provider.account('grace', { disabled: false });
    });

    describe('the provider is away', () => {
      test('a refresh is 503 temporarily_unavailable, and nothing was rotated', async () => {
        const mine = await signInBeside(server, { client });
        await provider.close();
        for (let round = 0; round < 2; round++) {
          const reply = await tokenRequest(server, refreshFields(mine));
          assert.equal(reply.status, 503, reply.text);
          assert.equal(reply.json().error, 'temporarily_unavailable');
        }
        await works(server, mine.tokens.access_token);
        await provider.open();
        const reply = await until(async () => {
          const one = await tokenRequest(server, refreshFields(mine));
          return one.status === 200 && one;
        }, 'the refresh to work again', 15_000);
        assert.notEqual(reply.json().refresh_token, mine.tokens.refresh_token);
      });
      test('so it is when it answers 5xx or nonsense', async () => {
        const mine = await signInBeside(server, { client });
        for (const fault of [{ status: 502, text: 'bad gateway' }, { status: 429, json: { error: 'slow_down' } }, { status: 200, text: '<html>' }]) {
          await provider.fault({ path: '/token', ...fault });
          const reply = await tokenRequest(server, refreshFields(mine));
          assert.equal(reply.status, 503, `${fault.status}: ${reply.text}`);
          assert.equal(reply.json().error, 'temporarily_unavailable');
          await provider.clearFaults();
        }
        assert.equal((await tokenRequest(server, refreshFields(mine))).status, 200);
      });
      test('a sign-in ends at the client as temporarily_unavailable or on a page, and works afterwards', async () => {
        const back = await onTheWayBack();
        await provider.close();
        fails(await back.robot.get(back.url), ['temporarily_unavailable', 'server_error']);
        assert.equal((await get(`${server.url}/healthz`)).status, 200);
        await works(server, session.tokens.access_token);
        await provider.open();
        await stillFine();
      });
    });

    test('nothing of all this left a secret in the log', () => {
      assert.doesNotMatch(server.stderr(), /eyJ|code_verifier=|client_secret=|refresh_token=/);
    });
  });
}

test('a token that the provider signs does not open /mcp in proxy mode', async () => {
  const provider = await startProvider({ shape: 'authentik' });
  const server = await startBeside(provider);
  const session = await signInBeside(server);
  const { payload } = decode(session.tokens.access_token);
  await dead(server, await provider.sign({ ...payload, iss: provider.issuer, scope: 'mcp' }));
  await dead(server, await provider.sign({ ...payload }, { typ: 'at+jwt' }));
  await server.stop();
  await provider.stop();
});
