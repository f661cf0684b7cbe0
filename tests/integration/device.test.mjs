// RFC 8628: a machine without a browser asks, a person elsewhere allows. In dev and proxy modes.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { get, postForm } from '../support/http.mjs';
import { decode } from '../support/jwt.mjs';
import { modern } from '../support/mcp.mjs';
import { ownModes } from '../support/modes.mjs';
import { fillForm, parseForms, person, refreshFields, register, Robot, tokenRequest } from '../support/oauth.mjs';
import { sleep } from '../support/programs.mjs';

const grantType = 'urn:ietf:params:oauth:grant-type:device_code';
const redirectUri = 'http://127.0.0.1:39999/callback';

// Walks the pages from `url` with the code until one without a form.
async function decide(url, userCode, { decision = 'approve', robot = new Robot(), account = 'ada', login = 'yes' } = {}) {
  const pages = [];
  let here = url;
  let reply = await robot.get(here);
  for (let step = 0; step < 20; step++) {
    while ([302, 303].includes(reply.status)) {
      here = new URL(reply.headers.location, here).href;
      reply = await robot.get(here);
    }
    const forms = parseForms(reply.text);
    pages.push({ url: here, reply, forms });
    if (reply.status !== 200 || forms.length === 0) break;
    const [form] = forms;
    const theirs = form.buttons.some((button) => button.name === 'answer');
    const asksCode = form.inputs.some((input) => input.name === 'user_code' && input.type !== 'hidden');
    if (asksCode && pages.filter((page) => page.forms[0]?.inputs.some((input) => input.name === 'user_code' && input.type !== 'hidden')).length > 1) break;
    const fields = theirs ? { ...fillForm(form, { username: account, password: 'x' }), answer: login } : fillForm(form, { ...person, user_code: userCode }, decision);
    here = new URL(form.action ?? '', here).href;
    reply = await robot.submit(here, fields);
  }
  return { pages, last: pages.at(-1), robot, text: pages.map((page) => page.reply.text).join('\n') };
}

for (const [mode, make] of Object.entries(ownModes)) {
  describe(`${mode} mode`, () => {
    let server;
    let world;
    let client;
    before(async () => {
      world = await make();
      server = await world.start();
      client = await register(server, redirectUri, { client_name: 'Headless box', grant_types: ['authorization_code', 'refresh_token', grantType] });
    });
    after(async () => {
      await server?.stop();
      await world?.stop();
    });
    const ask = async (more = {}) => {
      const reply = await postForm(`${server.url}/device_authorization`, { client_id: client.client_id, scope: 'mcp offline_access', ...more });
      return { reply, ...(reply.status === 200 ? reply.json() : {}) };
    };
    const poll = (device, more = {}) => tokenRequest(server, { grant_type: grantType, device_code: device.device_code, client_id: client.client_id, ...more });
    const pollError = async (device, more) => (await poll(device, more)).json().error;

    test('the metadata offer it', async () => {
      const metadata = (await get(`${server.url}/.well-known/oauth-authorization-server`)).json();
      assert.equal(metadata.device_authorization_endpoint, `${server.url}/device_authorization`);
      assert.ok(metadata.grant_types_supported.includes(grantType));
    });

    test('the answer has everything, and a user code that is easy to type and hard to guess', async () => {
      const codes = new Set();
      for (let i = 0; i < 20; i++) {
        const { reply, ...device } = await ask();
        assert.equal(reply.status, 200, reply.text);
        assert.match(reply.headers['cache-control'], /no-store/);
        assert.equal(device.verification_uri, `${server.url}/device`);
        assert.ok(device.verification_uri_complete.startsWith(`${server.url}/device?`) && device.verification_uri_complete.includes(device.user_code));
        assert.ok(device.expires_in > 0 && device.interval >= 5 && device.device_code.length >= 43);
        codes.add(device.user_code);
      }
      assert.equal(codes.size, 20);
      const letters = new Set([...codes].join('').replace(/[^A-Z0-9]/g, ''));
      const length = [...codes][0].replace(/[^A-Z0-9]/g, '').length;
      assert.ok([...codes].every((code) => /^[A-Z0-9-]+$/.test(code)));
      assert.ok(!/[AEIOU]/.test([...letters].join('')), 'no words');
      assert.ok(length * Math.log2(letters.size) >= 33, `${length} of about ${letters.size}`);
    });

    test('pending, allowed once, and then the tokens work and refresh', async () => {
      const device = await ask();
      assert.equal(await pollError(device), 'authorization_pending');
      const { last, text } = await decide(device.verification_uri, device.user_code);
      assert.equal(last.reply.status, 200, last.reply.text);
      assert.match(text, /Headless box/);
      assert.match(text, /\bmcp\b/);
      assert.match(text, /did you start/i);
      await sleep(5200);
      const reply = await poll(device);
      assert.equal(reply.status, 200, reply.text);
      const tokens = reply.json();
      assert.deepEqual([decode(tokens.access_token).payload.aud].flat(), [server.mcp]);
      const said = await modern(server, tokens.access_token, 'tools/call', { name: 'whoami', arguments: {} });
      assert.match(said.text, /ada@example\.com/);
      assert.equal((await tokenRequest(server, refreshFields({ client, tokens }))).status, 200);
      assert.ok(['invalid_grant', 'expired_token'].includes(await pollError(device)), 'once');
    });

    test('the complete URI asks too, and shows the code', async () => {
      const device = await ask();
      const reply = await new Robot().get(device.verification_uri_complete);
      assert.equal(reply.status, 200);
      assert.ok(reply.text.includes(device.user_code));
      assert.equal(await pollError(device), 'authorization_pending', 'looking at it allows nothing');
      const { text } = await decide(device.verification_uri_complete, device.user_code);
      assert.match(text, /did you start/i);
    });

    test('a code is taken in small letters and without its dash', async () => {
      const device = await ask();
      const { text } = await decide(device.verification_uri, device.user_code.toLowerCase().replaceAll('-', ' '));
      assert.match(text, /Headless box/);
    });

    test('a refusal is access_denied, once', async () => {
      const device = await ask();
      await decide(device.verification_uri, device.user_code, { decision: 'deny' });
      assert.equal(await pollError(device), 'access_denied');
      assert.notEqual((await poll(device)).status, 200);
    });

    test('asking too often is slow_down', async () => {
      const device = await ask();
      assert.equal(await pollError(device), 'authorization_pending');
      assert.equal(await pollError(device), 'slow_down');
    });

    test('nobody else can use the device code', async () => {
      const device = await ask();
      const other = await register(server, redirectUri);
      const reply = await poll(device, { client_id: other.client_id });
      assert.notEqual(reply.status, 200);
      assert.equal((await tokenRequest(server, { grant_type: grantType, device_code: device.user_code, client_id: client.client_id })).json().error, 'invalid_grant');
      assert.equal((await poll({ device_code: 'x'.repeat(43) })).json().error, 'invalid_grant');
      assert.equal((await tokenRequest(server, { grant_type: grantType, client_id: client.client_id })).json().error, 'invalid_request');
    });

    test('bad requests get their OAuth error', async () => {
      const error = async (fields) => { const reply = await postForm(`${server.url}/device_authorization`, fields); return [reply.status, reply.json().error]; };
      assert.deepEqual(await error({ client_id: 'nobody' }), [401, 'invalid_client']);
      assert.equal((await error({}))[0] >= 400, true);
      assert.deepEqual(await error({ client_id: client.client_id, scope: 'everything' }), [400, 'invalid_scope']);
      assert.deepEqual(await error({ client_id: client.client_id, resource: 'https://elsewhere.example/mcp' }), [400, 'invalid_target']);
    });

    test('another browser cannot send the form, and it cannot be framed', async () => {
      const device = await ask();
      const robot = new Robot();
      const first = await robot.get(device.verification_uri_complete);
      assert.match(first.headers['content-security-policy'], /frame-ancestors 'none'/);
      const [form] = parseForms(first.text);
      const reply = await new Robot().submit(new URL(form.action ?? '', device.verification_uri_complete).href, fillForm(form, { ...person, user_code: device.user_code }, 'approve'));
      assert.ok([400, 403].includes(reply.status), String(reply.status));
      assert.equal(await pollError(device), 'authorization_pending');
    });

    test('guessing codes is stopped', async () => {
      const device = await ask();
      let stopped = false;
      for (let i = 0; i < 120 && !stopped; i++) {
        const guess = await decide(device.verification_uri, `BBBB-${String(i).padStart(4, '0').replace(/\d/g, (digit) => 'BCDFGHJKLM'[digit])}`);
        stopped = guess.pages.some((page) => page.reply.status === 429);
      }
      assert.ok(stopped, 'within 120 guesses');
    });
  });
}
