// What somebody hostile tries: other clients, other browsers, other people's codes, tokens and sessions.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { clientBeside } from '../support/beside.mjs';
import { get, postForm, request } from '../support/http.mjs';
import { authorizeUrl, newPkce, parseForms, person, refreshFields, register, Robot, signIn, tokenRequest, unescapeHtml } from '../support/oauth.mjs';
import { initializeBody, legacy, modern, post } from '../support/mcp.mjs';
import { startGatehouse } from '../support/programs.mjs';

const redirectUri = 'http://127.0.0.1:39999/callback';
let server;
let beside;
before(async () => {
  server = await startGatehouse();
  beside = await clientBeside(server);
});
after(() => server.stop());

const location = (reply) => new URL(reply.headers.location, server.url);
// A login in `robot` up to its consent page. -> { client, verifier, flow, consent, csrf }
async function untilConsent(robot, { client, redirect = redirectUri, who = person } = {}) {
  client ??= await register(server, redirect);
  const pkce = newPkce();
  const login = await robot.get(authorizeUrl(server, { clientId: client.client_id, redirectUri: redirect, challenge: pkce.challenge }));
  const fields = Object.fromEntries(parseForms(login.text)[0].inputs.map((input) => [input.name, input.value ?? '']));
  const signed = await robot.submit(`${server.url}/authorize/login`, { ...fields, ...who });
  assert.equal(signed.status, 303);
  const consent = await robot.get(location(signed).href);
  assert.equal(consent.status, 200);
  const csrf = parseForms(consent.text)[0].inputs.find((input) => input.name === 'csrf').value;
  return { client, verifier: pkce.verifier, flow: fields.flow, loginCsrf: fields.csrf, consent, csrf };
}
const approve = (robot, visit, extra) => robot.submit(`${server.url}/authorize/consent`, { flow: visit.flow, csrf: visit.csrf, decision: 'approve', ...extra });

describe('a link to the server', () => {
  test('never sends anybody to a website that somebody registered', async () => {
    const client = await register(server, 'https://evil.example/landing');
    const bad = { clientId: client.client_id, redirectUri: 'https://evil.example/landing', challenge: 'x' };
    for (const extra of [{}, { response_type: 'token' }, { prompt: 'none' }, { scope: 'nothing' }, { resource: 'https://evil.example/mcp' }]) {
      const reply = await get(authorizeUrl(server, { ...bad, extra }));
      assert.equal(reply.status, 400);
      assert.equal(reply.headers.location, undefined);
      assert.equal(reply.headers.refresh, undefined);
      const [, href] = /<a href="([^"]*)"/.exec(reply.text);
      const link = new URL(unescapeHtml(href));
      assert.equal(link.origin, 'https://evil.example');
      assert.ok(link.searchParams.get('error'));
      assert.equal(link.searchParams.get('iss'), server.url);
    }
  });

  test('puts nothing of the request into the page unescaped', async () => {
    const evil = `"><script>alert(1)</script><img src=x onerror=alert(1)>'&`;
    const redirect = "https://evil.example/a?x='&y=<".replace('<', '%3C');
    const client = await register(server, [redirect, redirectUri], { client_name: evil, client_uri: 'javascript:alert(1)' });
    const robot = new Robot();
    const visit = await untilConsent(robot, { client, redirect, who: { name: evil, email: "o'a&b@example.com" } });
    const { challenge } = newPkce();
    const pages = [visit.consent, await robot.get(`${server.url}/authorize/login?flow=${visit.flow}`),
      await get(authorizeUrl(server, { clientId: client.client_id, redirectUri: redirect, challenge, state: evil, extra: { response_type: evil } }))];
    for (const page of pages) {
      assert.ok(!/<script|<img|onerror=alert\(1\)>'|javascript:/i.test(page.text.replaceAll('&lt;', '')), page.text);
      assert.ok(!/<script|<img/i.test(page.text));
      const policy = page.headers['content-security-policy'];
      assert.match(policy, /default-src 'none'/);
      assert.match(policy, /frame-ancestors 'none'/);
      assert.match(policy, /base-uri 'none'/);
      assert.doesNotMatch(policy, /unsafe|\*/);
      assert.equal(page.headers['x-frame-options'], 'DENY');
    }
    assert.match(visit.consent.headers['content-security-policy'], /form-action 'self' https:\/\/evil\.example;/);
  });

  test('cannot split a header or a policy by what was registered', async () => {
    for (const uri of ['https://evil.example/\r\nX-Evil: 1', 'https://evil.example;script-src */', 'https://evil.example, *', 'https://a b.example/', 'https://evil.example/%0d%0aX-Evil:1']) {
      const reply = await request(`${server.url}/register`, { method: 'POST', body: { redirect_uris: [uri] } });
      if (reply.status === 201) {
        const { challenge } = newPkce();
        const page = await get(authorizeUrl(server, { clientId: reply.json().client_id, redirectUri: uri, challenge }));
        assert.ok(!page.headers['x-evil']);
        assert.doesNotMatch(page.headers['content-security-policy'], /script-src|\*/);
      } else {
        assert.equal(reply.json().error, 'invalid_redirect_uri');
      }
    }
  });
});

describe("another's sign-in", () => {
  test('is of no use without the browser it runs in', async () => {
    const victim = new Robot();
    const visit = await untilConsent(victim);
    const attacker = new Robot();
    await untilConsent(attacker);
    for (const robot of [attacker, new Robot()]) {
      const page = await robot.get(`${server.url}/authorize/consent?flow=${visit.flow}`);
      assert.equal(page.status, 403);
      assert.ok(!page.text.includes(person.email));
      assert.equal((await approve(robot, visit)).status, 403);
      const login = await robot.submit(`${server.url}/authorize/login`, { flow: visit.flow, csrf: visit.loginCsrf, name: 'Mallory', email: 'm@example.com' });
      assert.equal(login.status, 403);
    }
    // None of this has harmed the victim.
    assert.equal((await approve(victim, visit)).status, 303);
  });

  test('cannot be finished in the browser of somebody else (login CSRF)', async () => {
    const attacker = new Robot();
    const visit = await untilConsent(attacker, { who: { name: 'Mallory', email: 'm@example.com' } });
    const victim = new Robot();
    await untilConsent(victim);
    assert.equal((await victim.get(`${server.url}/authorize/consent?flow=${visit.flow}`)).status, 403);
    assert.equal((await approve(victim, visit)).status, 403);
  });

  test('wants the token of the very page: not that of the login, of another flow, person or decision', async () => {
    const robot = new Robot();
    const one = await untilConsent(robot);
    const two = await untilConsent(robot);
    for (const csrf of [one.loginCsrf, two.csrf, '', one.csrf.slice(0, -1), `${one.csrf}x`]) {
      assert.equal((await approve(robot, one, { csrf })).status, 403);
    }
    await robot.submit(`${server.url}/authorize/login`, { flow: one.flow, csrf: one.loginCsrf, name: 'Eve', email: 'eve@example.com' });
    assert.equal((await approve(robot, one)).status, 403, 'the page showed somebody else');
    assert.equal((await approve(robot, two, { decision: 'APPROVE' })).status, 400);
    assert.equal((await approve(robot, two)).status, 303);
    assert.equal((await approve(robot, two)).status, 400, 'a decision counts once');
  });

  test('is not decided by forms of other sites, nor by parameters that occur twice', async () => {
    const robot = new Robot();
    const other = await untilConsent(robot);
    for (const origin of ['https://evil.example', 'null', `${server.url}.evil.example`, `http://localhost:${server.port + 1}`]) {
      const reply = await robot.submit(`${server.url}/authorize/consent`, { flow: other.flow, csrf: other.csrf, decision: 'approve' }, { Origin: origin });
      assert.equal(reply.status, 403, origin);
    }
    const twice = new URLSearchParams([['flow', other.flow], ['csrf', other.csrf], ['decision', 'deny'], ['decision', 'approve']]);
    assert.equal((await robot.submit(`${server.url}/authorize/consent`, [...twice])).status, 400);
    assert.equal((await approve(robot, other)).status, 303);
  });

  test('a second cookie of the same name does not mix two browsers', async () => {
    const attacker = new Robot();
    const hostile = await untilConsent(attacker, { who: { name: 'Mallory', email: 'm@example.com' } });
    const victim = new Robot();
    const visit = await untilConsent(victim);
    const cookie = (robot) => [...robot.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const both = `${cookie(attacker)}; ${cookie(victim)}`;
    const reply = await postForm(`${server.url}/authorize/consent`, { flow: visit.flow, csrf: hostile.csrf, decision: 'approve' }, { Origin: server.url, Cookie: both });
    assert.equal(reply.status, 403);
  });
});

describe("another's code", () => {
  const exchange = (fields, changes) => tokenRequest(server, { ...fields, ...changes });
  async function code() {
    const robot = new Robot();
    const visit = await untilConsent(robot);
    const answer = location(await approve(robot, visit));
    return { grant_type: 'authorization_code', code: answer.searchParams.get('code'), redirect_uri: redirectUri, client_id: visit.client.client_id, code_verifier: visit.verifier, resource: server.mcp };
  }

  test('is of no use to another client, with another verifier or redirect, and dies of the attempt', async () => {
    const other = await register(server, redirectUri);
    for (const changes of [{ client_id: other.client_id }, { code_verifier: newPkce().verifier }, { code_verifier: 'x' }, { redirect_uri: 'http://127.0.0.1:40000/callback' }]) {
      const fields = await code();
      const wrong = await exchange(fields, changes);
      assert.equal(wrong.status, 400);
      assert.equal(wrong.json().error, 'invalid_grant');
      const late = await exchange(fields);
      assert.equal(late.status, 400, JSON.stringify(changes));
    }
  });

  test('is not downgraded by leaving the verifier out', async () => {
    const { code_verifier: verifier, ...fields } = await code();
    for (const changes of [{}, { code_verifier: '' }]) assert.equal((await exchange(fields, changes)).json().error, 'invalid_request');
    assert.equal((await exchange(fields, { code_verifier: verifier })).status, 200);
  });

  test('gives tokens once, however many ask at the same time, and none of them stays good', async () => {
    const fields = await code();
    const replies = await Promise.all(Array.from({ length: 30 }, () => exchange(fields)));
    const good = replies.filter((reply) => reply.status === 200);
    assert.ok(good.length <= 1, `${good.length} replies with tokens`);
    for (const reply of good) {
      const use = await modern(server, reply.json().access_token, 'tools/list');
      assert.equal(use.status, 401);
      const refresh = await tokenRequest(server, { grant_type: 'refresh_token', refresh_token: reply.json().refresh_token, client_id: fields.client_id });
      assert.equal(refresh.json().error, 'invalid_grant');
    }
  });
});

describe("another's tokens", () => {
  test('fifty refreshes at once end in one successor, and an old one ends the family', async () => {
    const session = await signIn(server);
    const replies = await Promise.all(Array.from({ length: 50 }, () => tokenRequest(server, refreshFields(session))));
    assert.ok(replies.every((reply) => reply.status === 200), replies.map((reply) => reply.status).join());
    const successors = new Set(replies.map((reply) => reply.json().refresh_token));
    assert.equal(successors.size, 1);
    const [next] = successors;
    const newest = await tokenRequest(server, refreshFields(session, next));
    assert.equal(newest.status, 200);
    assert.equal((await tokenRequest(server, refreshFields(session))).json().error, 'invalid_grant');
    for (const token of [next, newest.json().refresh_token]) {
      assert.equal((await tokenRequest(server, refreshFields(session, token))).json().error, 'invalid_grant');
    }
    assert.equal((await modern(server, newest.json().access_token, 'tools/list')).status, 401);
  });

  test('cannot be refreshed, widened or revoked by another client', async () => {
    const session = await signIn(server, { scope: 'mcp' });
    const other = await register(server, redirectUri);
    const stolen = { ...refreshFields(session), client_id: other.client_id };
    assert.equal((await tokenRequest(server, stolen)).json().error, 'invalid_grant');
    assert.equal((await tokenRequest(server, { ...refreshFields(session), scope: 'mcp offline_access' })).json().error, 'invalid_scope');
    for (const token of [session.tokens.refresh_token, session.tokens.access_token]) {
      assert.equal((await postForm(`${server.url}/revoke`, { token, client_id: other.client_id })).status, 200);
    }
    assert.equal((await modern(server, session.tokens.access_token, 'tools/list')).status, 200);
    assert.equal((await tokenRequest(server, refreshFields(session))).status, 200);
  });
});

describe("another's MCP session", () => {
  test('cannot be used, ended or fixed', async () => {
    const ada = await signIn(server);
    const mallory = await signIn(server, { answers: { name: 'Mallory', email: 'm@example.com' } });
    const sameClient = await signIn(server, { client: ada.client, answers: { name: 'Mallory', email: 'm@example.com' } });
    const session = await legacy(server, ada.tokens.access_token);
    for (const thief of [mallory, sameClient]) {
      const token = thief.tokens.access_token;
      assert.equal((await post(server, token, { jsonrpc: '2.0', id: 1, method: 'ping' }, session.headers)).status, 404);
      assert.equal((await request(server.mcp, { method: 'DELETE', headers: { ...session.headers, Authorization: `Bearer ${token}` } })).status, 404);
    }
    assert.equal((await session.call('ping')).status, 200);
    const fixed = await post(server, mallory.tokens.access_token, initializeBody(), { 'Mcp-Session-Id': session.session });
    assert.notEqual(fixed.headers['mcp-session-id'], session.session);
  });

  test('is not pushed out by somebody who opens very many', async () => {
    const ada = await signIn(server);
    const mallory = await signIn(server, { answers: { name: 'Mallory', email: 'm@example.com' } });
    const session = await legacy(server, ada.tokens.access_token);
    for (let i = 0; i < 200; i++) await post(server, mallory.tokens.access_token, initializeBody());
    assert.equal((await session.call('ping')).status, 200);
  });
});

describe('at the limit of registrations', () => {
  let small;
  before(async () => { small = await startGatehouse({ args: ['--max-clients', '5', '--store', 'memory'] }); });
  after(() => small.stop());

  test('those who are registered go on, newcomers hear when to come back', async () => {
    const session = await signIn(small);
    const pending = await register(small, redirectUri);
    const body = { redirect_uris: [redirectUri] };
    const replies = await Promise.all(Array.from({ length: 40 }, () => request(`${small.url}/register`, { method: 'POST', body })));
    assert.equal(replies.filter((reply) => reply.status === 201).length, 3);
    const refused = replies.find((reply) => reply.status !== 201);
    assert.equal(refused.status, 503);
    assert.ok(Number(refused.headers['retry-after']) > 0);
    assert.equal((await tokenRequest(small, refreshFields(session))).status, 200);
    assert.equal((await signIn(small, { client: pending })).tokenReply.status, 200);
  });
});

describe('what the log says', () => {
  test('holds no code, token, cookie, verifier or flow', async () => {
    const robot = new Robot();
    const session = await signIn(server, { robot });
    const refreshed = (await tokenRequest(server, refreshFields(session))).json();
    await tokenRequest(server, { ...session.fields, code: 'CODE-THAT-IS-WRONG' });
    const secrets = [session.code, session.verifier, session.tokens.access_token, session.tokens.refresh_token, refreshed.access_token,
      refreshed.refresh_token, ...robot.cookies.values(), 'CODE-THAT-IS-WRONG',
      ...session.pages.flatMap((page) => page.forms.flatMap((form) => form.inputs.filter((input) => input.type === 'hidden').map((input) => input.value)))];
    for (const secret of secrets) assert.ok(secret.length > 10 && !server.stderr().includes(secret));
  });

  test('cannot be given lines of its own', async () => {
    const { tokens } = await signIn(server);
    await register(server, redirectUri, { client_name: 'a\n2026/01/01 00:00:00 forged-by-name' });
    await post(server, tokens.access_token, { jsonrpc: '2.0', id: 1, method: 'x\n2026/01/01 00:00:00 forged-by-method\u001b[2J' }, { 'MCP-Protocol-Version': '2025-11-25' });
    assert.doesNotMatch(server.stderr(), /^2026\/01\/01/m);
    assert.ok(!server.stderr().includes('\u001b'));
  });
});

test('all that time a client beside was served', (t) => beside.end(t));
