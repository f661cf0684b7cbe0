// The authorization-code flow through login and consent, and every way in which it must not go.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { get, postForm } from '../support/http.mjs';
import { decode } from '../support/jwt.mjs';
import { authorizeUrl, fillForm, newPkce, parseForms, person, refreshFields, register, Robot, signIn, tokenRequest, walk } from '../support/oauth.mjs';
import { modern } from '../support/mcp.mjs';
import { sleep, startGatehouse } from '../support/programs.mjs';

const redirectUri = 'http://127.0.0.1:39999/callback';
let server;
let client;
before(async () => {
  server = await startGatehouse();
  client = await register(server, redirectUri);
});
after(() => server.stop());

const begin = (changes = {}) => {
  const pkce = newPkce();
  const { extra, ...rest } = changes;
  return { pkce, url: authorizeUrl(server, { clientId: client.client_id, redirectUri, challenge: pkce.challenge, extra, ...rest }) };
};
const errorRedirect = async (changes) => {
  const done = await walk(begin(changes).url, changes?.redirectUri ?? redirectUri);
  assert.ok(done.redirect, `no redirect: ${done.reply?.status} ${done.reply?.text}`);
  return done.redirect.searchParams;
};
// An error that must not be redirected: the person sees a page, the client nothing.
const errorPage = async (changes) => {
  const reply = await get(begin(changes).url);
  assert.equal(reply.status, 400);
  assert.ok(!reply.headers.location);
  return reply;
};

describe('a sign-in', () => {
  let session;
  before(async () => { session = await signIn(server); });

  test('ends with state and iss on the redirect', () => {
    assert.equal(session.redirect.searchParams.get('state'), 'state-1');
    assert.equal(session.redirect.searchParams.get('iss'), server.url);
  });

  test('gives tokens that are not stored by anyone between', () => {
    assert.match(session.tokenReply.headers['cache-control'], /no-store/);
    assert.equal(session.tokens.token_type, 'Bearer');
    assert.ok(session.tokens.expires_in > 0 && session.tokens.expires_in <= 600);
    assert.ok(session.tokens.refresh_token);
    assert.ok(session.tokens.scope.split(' ').includes('mcp'));
    assert.ok(!Object.values(session.tokens).includes(null));
  });

  test('the access token is an at+jwt for this resource', () => {
    const { header, payload } = decode(session.tokens.access_token);
    assert.equal(header.typ, 'at+jwt');
    assert.notEqual(header.alg, 'none');
    assert.equal(payload.iss, server.url);
    assert.deepEqual([payload.aud].flat(), [server.mcp]);
    assert.equal(payload.client_id, session.client.client_id);
    assert.ok(payload.exp > payload.iat && payload.sub && payload.jti);
  });

  test('the token opens /mcp', async () => {
    const reply = await modern(server, session.tokens.access_token, 'tools/list');
    assert.equal(reply.status, 200, reply.text);
  });

  test('the same person is the same subject, another is another', async () => {
    const again = await signIn(server);
    const other = await signIn(server, { answers: { name: 'Grace Hopper', email: 'grace@example.com' } });
    const subject = (one) => decode(one.tokens.access_token).payload.sub;
    assert.equal(subject(again), subject(session));
    assert.notEqual(subject(other), subject(session));
  });

  test('without offline_access there is no refresh token', async () => {
    const short = await signIn(server, { scope: 'mcp' });
    assert.ok(!('refresh_token' in short.tokens) || short.tokens.refresh_token, 'never null or empty');
  });
});

describe('the pages', () => {
  let pages;
  before(async () => { pages = (await walk(begin().url, redirectUri)).pages; });

  test('show the client and where it wants to be sent', () => {
    const text = pages.map((page) => page.reply.text).join('\n');
    assert.ok(text.includes('Test client'));
    assert.ok(text.includes('127.0.0.1'));
    assert.match(text, /anyone/i);
  });

  test('cannot be framed, say who may receive the form, and hide where they were', () => {
    for (const { reply } of pages) {
      const policy = reply.headers['content-security-policy'];
      assert.match(policy, /frame-ancestors 'none'/);
      assert.match(policy, /default-src 'none'/);
      assert.match(policy, /form-action [^;]*'self'/);
      assert.equal(reply.headers['referrer-policy'], 'same-origin');
      assert.match(reply.headers['cache-control'], /no-store/);
      assert.equal(reply.headers['x-content-type-options'], 'nosniff');
    }
    const last = pages.at(-1).reply.headers['content-security-policy'];
    assert.match(last, /form-action [^;]*http:\/\/127\.0\.0\.1:39999/);
  });

  test('have no script and no foreign address', () => {
    for (const { reply } of pages) {
      assert.doesNotMatch(reply.text, /<script|\son[a-z]+=/i);
      assert.doesNotMatch(reply.text, /(src|href)="https?:\/\/(?!localhost|127)/i);
      assert.match(reply.text, /<meta name="viewport"/);
    }
  });

  test('cookies are HttpOnly and SameSite=Lax', () => {
    const cookies = pages.flatMap(({ reply }) => reply.headers['set-cookie'] ?? []);
    assert.ok(cookies.length > 0);
    for (const cookie of cookies) {
      assert.match(cookie, /HttpOnly/i);
      assert.match(cookie, /SameSite=Lax/i);
    }
  });

  test('a name full of markup stays text', async () => {
    const bad = await register(server, redirectUri, { client_name: '<b>"x"</b><script>alert(1)</script>&' });
    const shown = await walk(begin({ clientId: bad.client_id }).url, redirectUri);
    for (const { reply } of shown.pages) assert.doesNotMatch(reply.text, /<script|<b>"x"/);
    const odd = await walk(begin().url, redirectUri, { answers: { name: '"><script>alert(1)</script>', email: 'a@example.com' } });
    for (const { reply } of odd.pages) assert.doesNotMatch(reply.text, /<script/);
  });

  test('a form leaves with 303, never 307', async () => {
    const robot = new Robot();
    const { url } = begin();
    const first = await walkToForm(robot, url);
    const reply = await robot.submit(first.action, first.fields);
    assert.ok([200, 303].includes(reply.status), String(reply.status));
  });

  test('nothing is believed without a name and an e-mail address', async () => {
    for (const answers of [{ name: '', email: '' }, { name: 'Ada', email: 'no-address' }, { name: '', email: 'a@example.com' }, { name: 'x'.repeat(5000), email: 'a@example.com' }]) {
      const robot = new Robot();
      const form = await walkToForm(robot, begin().url, answers);
      const reply = await robot.submit(form.action, form.fields);
      assert.ok([200, 400, 413, 422].includes(reply.status), String(reply.status));
      assert.ok(!(reply.headers.location ?? '').startsWith(redirectUri));
      assert.ok(parseForms(reply.text).some((item) => item.inputs.some((input) => input.name === 'email')), 'the form comes again');
    }
  });
});

async function walkToForm(robot, url, answers = person) {
  let reply = await robot.get(url);
  let here = url;
  while (reply.status === 302 || reply.status === 303) {
    here = new URL(reply.headers.location, here).href;
    reply = await robot.get(here);
  }
  const [form] = parseForms(reply.text);
  return { action: new URL(form.action ?? '', here).href, fields: fillForm(form, answers, 'approve'), form };
}

describe('the forms', () => {
  test('another browser cannot send them', async () => {
    const robot = new Robot();
    const form = await walkToForm(robot, begin().url);
    const reply = await new Robot().submit(form.action, form.fields);
    assert.ok([400, 403].includes(reply.status), String(reply.status));
  });

  test('another browser with cookies of its own cannot send them', async () => {
    const victim = new Robot();
    await walkToForm(victim, begin().url);
    const form = await walkToForm(new Robot(), begin().url);
    const reply = await victim.submit(form.action, form.fields);
    assert.ok([400, 403].includes(reply.status), String(reply.status));
  });

  test('a changed token is refused', async () => {
    const robot = new Robot();
    const form = await walkToForm(robot, begin().url);
    for (const input of form.form.inputs.filter((item) => item.type === 'hidden')) {
      const reply = await robot.submit(form.action, { ...form.fields, [input.name]: 'A'.repeat(43) });
      assert.ok([400, 403, 404].includes(reply.status), `${input.name}: ${reply.status}`);
    }
  });

  test('a foreign Origin is refused', async () => {
    const robot = new Robot();
    const form = await walkToForm(robot, begin().url);
    const reply = await robot.submit(form.action, form.fields, { Origin: 'https://evil.example', Referer: 'https://evil.example/' });
    assert.equal(reply.status, 403);
  });

  test('consent is asked again at every login, and cannot be skipped', async () => {
    const robot = new Robot();
    const first = await walk(begin().url, redirectUri, { robot });
    const second = await walk(begin().url, redirectUri, { robot });
    assert.ok(first.redirect && second.redirect);
    const asks = (page) => page.forms.some((form) => form.buttons.some((button) => button.name === 'decision'));
    assert.ok(second.pages.some(asks), 'the second login shows consent too');
  });

  test('a refusal is access_denied, with state and iss', async () => {
    const { redirect } = await walk(begin().url, redirectUri, { decision: 'deny' });
    assert.equal(redirect.searchParams.get('error'), 'access_denied');
    assert.equal(redirect.searchParams.get('state'), 'state-1');
    assert.equal(redirect.searchParams.get('iss'), server.url);
    assert.equal(redirect.searchParams.get('code'), null);
  });

  test('a decision counts once', async () => {
    const robot = new Robot();
    const done = await walk(begin().url, redirectUri, { robot });
    const page = done.pages.at(-1);
    const reply = await robot.submit(new URL(page.forms[0].action ?? '', page.url).href, fillForm(page.forms[0], person, 'approve'));
    assert.ok(!(reply.headers.location ?? '').includes('code='), 'no second code');
    assert.ok(reply.status >= 400 || reply.status === 303 || reply.status === 200);
  });
});

describe('the authorization request', () => {
  test('an unknown client or redirect is told to the person, not to the redirect', async () => {
    await errorPage({ clientId: 'nobody' });
    await errorPage({ redirectUri: 'http://127.0.0.1:39999/other' });
    await errorPage({ redirectUri: 'https://evil.example/callback' });
    await errorPage({ redirectUri: undefined });
    await errorPage({ clientId: undefined });
  });

  test('loopback redirects match on any port, host and path exactly', async () => {
    const other = 'http://127.0.0.1:40001/callback';
    const done = await walk(begin({ redirectUri: other }).url, other);
    assert.ok(done.redirect?.searchParams.get('code'));
    await errorPage({ redirectUri: 'http://localhost:39999/callback' });
    await errorPage({ redirectUri: 'http://[::1]:39999/callback' });
    await errorPage({ redirectUri: 'http://127.0.0.1:39999/callback/' });
    await errorPage({ redirectUri: 'http://127.0.0.1:39999/callback?x=1' });
    await errorPage({ redirectUri: 'http://127.0.0.1:39999@evil.example/callback' });
  });

  test('a redirect that is not loopback matches to the letter', async () => {
    const fixed = await register(server, 'https://vscode.dev/redirect');
    await errorPage({ clientId: fixed.client_id, redirectUri: 'https://vscode.dev:444/redirect' });
    await errorPage({ clientId: fixed.client_id, redirectUri: 'https://vscode.dev/redirect/' });
    const done = await walk(begin({ clientId: fixed.client_id, redirectUri: 'https://vscode.dev/redirect' }).url, 'https://vscode.dev/redirect');
    assert.ok(done.redirect.searchParams.get('code'));
  });

  test('a private scheme receives its code', async () => {
    const uri = 'cursor://anysphere.cursor-mcp/oauth/callback';
    const cursor = await register(server, uri);
    const done = await walk(begin({ clientId: cursor.client_id, redirectUri: uri }).url, uri);
    assert.ok(done.redirect.searchParams.get('code'));
  });

  for (const [what, changes, error] of [
    ['no challenge', { challenge: undefined }, 'invalid_request'],
    ['the plain method', { extra: { code_challenge_method: 'plain' } }, 'invalid_request'],
    ['no method', { extra: { code_challenge_method: undefined } }, 'invalid_request'],
    ['a short challenge', { challenge: 'abc' }, 'invalid_request'],
    ['the implicit flow', { extra: { response_type: 'token' } }, 'unsupported_response_type'],
    ['a foreign resource', { resource: 'https://elsewhere.example/mcp' }, 'invalid_target'],
    ['an unknown scope', { scope: 'everything' }, 'invalid_scope'],
  ]) {
    test(`${what}: ${error} on the redirect, with state and iss`, async () => {
      const { pkce, ...rest } = { ...changes };
      const parameters = { ...rest };
      if ('challenge' in changes) { parameters.extra = { code_challenge: changes.challenge, ...changes.extra }; delete parameters.challenge; }
      const url = authorizeUrl(server, {
        clientId: client.client_id, redirectUri, challenge: 'challenge' in changes ? changes.challenge : newPkce().challenge,
        ...parameters,
      });
      const done = await walk(url, redirectUri);
      assert.ok(done.redirect, `${done.reply?.status} ${done.reply?.text}`);
      assert.equal(done.redirect.searchParams.get('error'), error);
      assert.equal(done.redirect.searchParams.get('state'), 'state-1');
      assert.equal(done.redirect.searchParams.get('iss'), server.url);
    });
  }

  test('unknown scopes beside known ones are left out, and the token says so', async () => {
    const { tokens } = await signIn(server, { scope: 'mcp everything' });
    assert.equal(tokens.scope, 'mcp');
  });

  test('a parameter given twice is refused', async () => {
    const reply = await get(`${begin().url}&client_id=${client.client_id}`);
    assert.ok(reply.status === 400 || /error=invalid_request/.test(reply.headers.location ?? ''), String(reply.status));
  });

  test('no state is no state', async () => {
    const done = await walk(begin({ extra: { state: undefined } }).url.replace(/&state=[^&]*/, ''), redirectUri);
    assert.equal(done.redirect.searchParams.get('state'), null);
  });

  test('a state of any kind comes back as it was', async () => {
    const state = 'a b+c&d=é/?#%00"\'<>';
    const done = await walk(begin({ state }).url, redirectUri);
    assert.equal(done.redirect.searchParams.get('state'), state);
  });

  test('resource may be left out: the token is for this resource all the same', async () => {
    const pkce = newPkce();
    const done = await walk(authorizeUrl(server, { clientId: client.client_id, redirectUri, challenge: pkce.challenge, resource: undefined }), redirectUri);
    const reply = await tokenRequest(server, {
      grant_type: 'authorization_code', code: done.redirect.searchParams.get('code'), redirect_uri: redirectUri,
      client_id: client.client_id, code_verifier: pkce.verifier,
    });
    assert.equal(reply.status, 200, reply.text);
    assert.deepEqual([decode(reply.json().access_token).payload.aud].flat(), [server.mcp]);
  });
});

describe('the token endpoint', () => {
  const freshCode = async (changes) => {
    const { pkce, url } = begin(changes);
    const { redirect } = await walk(url, redirectUri);
    return {
      grant_type: 'authorization_code', code: redirect.searchParams.get('code'), redirect_uri: redirectUri,
      client_id: client.client_id, code_verifier: pkce.verifier, resource: server.mcp,
    };
  };
  const expectError = (reply, status, error) => {
    assert.equal(reply.status, status, reply.text);
    assert.equal(reply.json().error, error);
    assert.match(reply.headers['cache-control'], /no-store/);
  };

  test('a wrong verifier is invalid_grant', async () => {
    expectError(await tokenRequest(server, { ...await freshCode(), code_verifier: newPkce().verifier }), 400, 'invalid_grant');
  });
  test('no verifier is refused', async () => {
    const { code_verifier: _, ...fields } = await freshCode();
    const reply = await tokenRequest(server, fields);
    assert.equal(reply.status, 400);
    assert.match(reply.json().error, /^invalid_(grant|request)$/);
  });
  test('another redirect_uri is invalid_grant', async () => {
    expectError(await tokenRequest(server, { ...await freshCode(), redirect_uri: 'http://127.0.0.1:39998/callback' }), 400, 'invalid_grant');
  });
  test('another client is invalid_grant', async () => {
    const thief = await register(server, redirectUri);
    expectError(await tokenRequest(server, { ...await freshCode(), client_id: thief.client_id }), 400, 'invalid_grant');
  });
  test('an unknown client is 401 invalid_client', async () => {
    expectError(await tokenRequest(server, { ...await freshCode(), client_id: 'nobody' }), 401, 'invalid_client');
  });
  test('a foreign resource is invalid_target', async () => {
    expectError(await tokenRequest(server, { ...await freshCode(), resource: 'https://elsewhere.example/mcp' }), 400, 'invalid_target');
  });
  test('a code works once, and its reuse revokes what it gave', async () => {
    const fields = await freshCode({ scope: 'mcp offline_access' });
    const first = await tokenRequest(server, fields);
    assert.equal(first.status, 200, first.text);
    expectError(await tokenRequest(server, fields), 400, 'invalid_grant');
    const reply = await modern(server, first.json().access_token, 'tools/list');
    assert.equal(reply.status, 401);
  });
  test('other grant types are unsupported_grant_type', async () => {
    expectError(await tokenRequest(server, { grant_type: 'password', client_id: client.client_id, username: 'a', password: 'b' }), 400, 'unsupported_grant_type');
    expectError(await tokenRequest(server, { grant_type: 'client_credentials', client_id: client.client_id }), 400, 'unsupported_grant_type');
  });
  test('a form only, with every parameter once', async () => {
    const fields = await freshCode();
    const json = await postForm(`${server.url}/token`, {}, { 'Content-Type': 'application/json' });
    assert.ok([400, 415].includes(json.status));
    const twice = `${new URLSearchParams(fields)}&code=x`;
    const reply = await postForm(`${server.url}/token`, twice);
    expectError(reply, 400, 'invalid_request');
  });
  test('garbage parameters are errors in JSON', async () => {
    for (const fields of [{}, { grant_type: 'authorization_code' }, { grant_type: 'authorization_code', code: 'x'.repeat(3000), client_id: client.client_id, redirect_uri: redirectUri, code_verifier: newPkce().verifier }, { grant_type: 'refresh_token', refresh_token: '\u0000', client_id: client.client_id }]) {
      const reply = await tokenRequest(server, fields);
      assert.ok([400, 401].includes(reply.status), reply.text);
      assert.ok(reply.json().error);
    }
  });
});

describe('refreshing', () => {
  test('twice in a row, the token works each time', async () => {
    const session = await signIn(server);
    for (let round = 0; round < 2; round++) {
      const reply = await tokenRequest(server, refreshFields(session));
      assert.equal(reply.status, 200, reply.text);
      assert.notEqual(reply.json().refresh_token, session.tokens.refresh_token);
      session.tokens = reply.json();
      assert.equal((await modern(server, session.tokens.access_token, 'tools/list')).status, 200);
    }
  });

  test('the predecessor within 30 s gets the same successor', async () => {
    const session = await signIn(server);
    const one = await tokenRequest(server, refreshFields(session));
    const two = await tokenRequest(server, refreshFields(session));
    assert.equal(two.status, 200, two.text);
    assert.equal(two.json().refresh_token, one.json().refresh_token);
  });

  test('ten at once end with one successor', async () => {
    const session = await signIn(server);
    const replies = await Promise.all(Array.from({ length: 10 }, () => tokenRequest(server, refreshFields(session))));
    for (const reply of replies) assert.equal(reply.status, 200, reply.text);
    assert.equal(new Set(replies.map((reply) => reply.json().refresh_token)).size, 1);
  });

  test('any other reuse revokes the family', async () => {
    const session = await signIn(server);
    const one = (await tokenRequest(server, refreshFields(session))).json();
    const two = (await tokenRequest(server, refreshFields(session, one.refresh_token))).json();
    const reuse = await tokenRequest(server, refreshFields(session));
    assert.equal(reuse.status, 400);
    assert.equal(reuse.json().error, 'invalid_grant');
    assert.equal((await tokenRequest(server, refreshFields(session, two.refresh_token))).status, 400);
    assert.equal((await modern(server, two.access_token, 'tools/list')).status, 401);
  });

  test('another client cannot refresh, nor widen the scope', async () => {
    const session = await signIn(server);
    const thief = await register(server, redirectUri);
    const stolen = await tokenRequest(server, { ...refreshFields(session), client_id: thief.client_id });
    assert.equal(stolen.status, 400);
    assert.equal(stolen.json().error, 'invalid_grant');
    const other = await signIn(server);
    const wide = await tokenRequest(server, { ...refreshFields(other), scope: 'mcp offline_access everything' });
    assert.equal(wide.status, 400);
    assert.equal(wide.json().error, 'invalid_scope');
  });
});

describe('revoking', () => {
  const revoke = (fields) => postForm(`${server.url}/revoke`, fields);

  test('a refresh token takes its grant along, at /mcp at once', async () => {
    const session = await signIn(server);
    const reply = await revoke({ token: session.tokens.refresh_token, client_id: session.client.client_id });
    assert.equal(reply.status, 200);
    assert.equal((await modern(server, session.tokens.access_token, 'tools/list')).status, 401);
    assert.equal((await tokenRequest(server, refreshFields(session))).status, 400);
  });

  test('an access token can be revoked too', async () => {
    const session = await signIn(server);
    assert.equal((await revoke({ token: session.tokens.access_token, client_id: session.client.client_id })).status, 200);
    assert.equal((await modern(server, session.tokens.access_token, 'tools/list')).status, 401);
  });

  test('garbage is 200, as the specification has it', async () => {
    assert.equal((await revoke({ token: 'garbage', client_id: client.client_id })).status, 200);
  });

  test('another client revokes nothing', async () => {
    const session = await signIn(server);
    await revoke({ token: session.tokens.refresh_token, client_id: client.client_id });
    assert.equal((await modern(server, session.tokens.access_token, 'tools/list')).status, 200);
  });
});

describe('the log', () => {
  test('holds no code, token, verifier, cookie or query', async () => {
    const session = await signIn(server);
    await modern(server, session.tokens.access_token, 'tools/list');
    await sleep(200);
    const log = server.stderr();
    for (const secret of [session.code, session.verifier, session.tokens.access_token, session.tokens.refresh_token]) {
      assert.ok(!log.includes(secret.slice(0, 24)));
    }
    assert.doesNotMatch(log, /code_challenge|client_id=|state-1/);
    assert.match(log, /\[HTTP REQUEST\] Method: GET \| Path: \/authorize \| RemoteAddr: 127\.0\.0\.1:\d+/);
  });
});
