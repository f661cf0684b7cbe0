// POST /register: what real clients send, and what nobody should.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { postForm, request } from '../support/http.mjs';
import { register } from '../support/oauth.mjs';
import { startGatehouse } from '../support/programs.mjs';

let server;
before(async () => { server = await startGatehouse(); });
after(() => server.stop());

const tryRegister = (body, headers) => request(`${server.url}/register`, { method: 'POST', body, headers });
const withRedirect = (uri) => tryRegister({ client_name: 'x', redirect_uris: [uri], token_endpoint_auth_method: 'none' });

describe('accepted', () => {
  for (const uri of [
    'http://localhost:3118/callback', 'http://127.0.0.1:41234/callback', 'http://127.0.0.1:41234/callback/4f2a',
    'http://127.0.0.1:33418/', 'http://[::1]:5000/callback', 'https://vscode.dev/redirect',
    'cursor://anysphere.cursor-mcp/oauth/callback',
  ]) {
    test(`${uri} is registered and echoed`, async () => {
      const reply = await withRedirect(uri);
      assert.equal(reply.status, 201, reply.text);
      assert.deepEqual(reply.json().redirect_uris, [uri]);
      assert.match(reply.headers['cache-control'], /no-store/);
    });
  }

  test('the answer says who the client is, and holds no null', async () => {
    const client = await register(server, 'http://127.0.0.1:1/callback');
    assert.ok(client.client_id);
    assert.equal(typeof client.client_id_issued_at, 'number');
    assert.equal(client.token_endpoint_auth_method, 'none');
    assert.ok(!('client_secret' in client));
    assert.ok(!Object.values(client).includes(null));
  });

  test('unknown members are ignored', async () => {
    const client = await register(server, 'http://127.0.0.1:1/callback', { software_id: 'a', x: { y: [1] }, application_type: 'native' });
    assert.ok(client.client_id);
  });

  test('two registrations are two clients', async () => {
    const [one, two] = [await register(server, 'http://127.0.0.1:1/a'), await register(server, 'http://127.0.0.1:1/a')];
    assert.notEqual(one.client_id, two.client_id);
  });
});

describe('refused', () => {
  for (const uri of [
    'javascript:alert(1)', 'data:text/html,x', 'file:///etc/passwd', 'blob:https://example.com/1', 'vbscript:x',
    'http://evil.example/callback', 'http://user@localhost:1/callback', 'https://user:pw@example.com/', 'http://localhost:1/cb#fragment',
    'unknownapp://callback', '/callback', 'callback', '', 'http://', 'http://localhost:99999/', 'http://localhost.evil.example/',
    'http://127.0.0.1.evil.example/', 'http://localhost:1/a\nb', 'http://local host/', 'https://*.example.com/',
  ]) {
    test(`${JSON.stringify(uri)} is invalid_redirect_uri`, async () => {
      const reply = await withRedirect(uri);
      assert.equal(reply.status, 400, reply.text);
      assert.equal(reply.json().error, 'invalid_redirect_uri');
      assert.ok(reply.json().error_description);
    });
  }

  const wrong = {
    'no redirect_uris': {}, 'redirect_uris is a string': { redirect_uris: 'http://localhost:1/' },
    'redirect_uris is empty': { redirect_uris: [] }, 'redirect_uris holds a number': { redirect_uris: [1] },
    'client_name is an object': { redirect_uris: ['http://localhost:1/'], client_name: {} },
    'an implicit client': { redirect_uris: ['http://localhost:1/'], response_types: ['token'] },
    'a password client': { redirect_uris: ['http://localhost:1/'], grant_types: ['password'] },
  };
  for (const [what, body] of Object.entries(wrong)) {
    test(`${what}: 400 with a reason`, async () => {
      const reply = await tryRegister(body);
      assert.equal(reply.status, 400, reply.text);
      assert.match(reply.json().error, /^invalid_(client_metadata|redirect_uri)$/);
    });
  }

  test('too many redirect URIs', async () => {
    const reply = await tryRegister({ redirect_uris: Array.from({ length: 1000 }, (_, i) => `http://localhost:1/${i}`) });
    assert.ok([400, 413].includes(reply.status), String(reply.status));
  });

  test('JSON only: a form, text and nothing are refused', async () => {
    const form = await postForm(`${server.url}/register`, { redirect_uris: 'http://localhost:1/' });
    assert.ok([400, 415].includes(form.status), String(form.status));
    const text = await request(`${server.url}/register`, { method: 'POST', body: '{"redirect_uris":["http://localhost:1/"]}', headers: { 'Content-Type': 'text/plain' } });
    assert.ok([400, 415].includes(text.status), String(text.status));
    for (const reply of [form, text]) assert.ok(reply.json().error);
  });

  for (const body of ['', '{', '[]', '"x"', 'null', `{"a":${'['.repeat(5000)}${']'.repeat(5000)}}`, '{"redirect_uris":["http://localhost:1/"]} x', '{"client_name":"\\u0000","redirect_uris":["http://localhost:1/"]}']) {
    test(`a body of ${JSON.stringify(body.slice(0, 30))} is refused in JSON`, async () => {
      const reply = await tryRegister(body, { 'Content-Type': 'application/json' });
      assert.equal(reply.status, 400, reply.text);
      assert.ok(reply.json().error);
    });
  }
});
