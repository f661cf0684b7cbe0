// How a client that knows nothing but the URL finds its way: challenge and metadata documents, in both modes with
// an authorization server of this server's own.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { get, request } from '../support/http.mjs';
import { initializeBody, post } from '../support/mcp.mjs';
import { ownModes } from '../support/modes.mjs';

function everyValue(value, visit) {
  visit(value);
  if (value && typeof value === 'object') for (const member of Object.values(value)) everyValue(member, visit);
}

for (const [mode, make] of Object.entries(ownModes)) describe(`${mode} mode`, () => {
  let world;
  let server;
  before(async () => {
    world = await make();
    server = await world.start();
  });
  after(async () => {
    await server?.stop();
    await world?.stop();
  });
  const resourceDocument = () => get(`${server.url}/.well-known/oauth-protected-resource`).then((reply) => reply.json());
  const serverDocument = () => get(`${server.url}/.well-known/oauth-authorization-server`).then((reply) => reply.json());

  describe('the challenge', () => {
    const expectChallenge = (reply) => {
      assert.equal(reply.status, 401);
      const challenge = reply.headers['www-authenticate'];
      assert.match(challenge, /^Bearer realm="mcp"/);
      assert.ok(challenge.includes(`resource_metadata="${server.url}/.well-known/oauth-protected-resource/mcp"`), challenge);
      assert.match(challenge, /scope="[^"]*\bmcp\b[^"]*"/);
      return challenge;
    };

    test('no token: 401 with a challenge that has no error, and a JSON body', async () => {
      const reply = await post(server, undefined, initializeBody());
      assert.doesNotMatch(expectChallenge(reply), /error=/);
      assert.match(reply.headers['content-type'], /^application\/json/);
      assert.ok(reply.json());
    });

    test('a bad token: the challenge says invalid_token', async () => {
      const reply = await post(server, 'garbage', initializeBody());
      assert.match(expectChallenge(reply), /error="invalid_token"/);
    });

    test('the scope of the challenge leaves offline_access out', async () => {
      const reply = await post(server, undefined, initializeBody());
      assert.doesNotMatch(reply.headers['www-authenticate'], /offline_access/);
    });

    test('Codex 0.169: GET /mcp with MCP-Protocol-Version 2024-11-05 gets the challenge too', async () => {
      const reply = await get(server.mcp, { 'MCP-Protocol-Version': '2024-11-05', Accept: 'text/event-stream' });
      assert.doesNotMatch(expectChallenge(reply), /error=/);
    });

    test('DELETE without a token gets the challenge', async () => {
      expectChallenge(await request(server.mcp, { method: 'DELETE' }));
    });

    test('a token in the query is no token', async () => {
      const reply = await request(`${server.mcp}?access_token=abc`, { method: 'POST', body: initializeBody() });
      assert.equal(reply.status, 401);
      assert.doesNotMatch(server.stderr(), /access_token=abc/);
    });

    test('other authentication schemes get the challenge', async () => {
      const reply = await post(server, undefined, initializeBody(), { Authorization: 'Basic YTpi' });
      expectChallenge(reply);
    });
  });

  describe('the documents', () => {
    test('the resource metadata is the same at both places and names this resource and server', async () => {
      const [one, two] = await Promise.all(['', '/mcp'].map((end) => get(`${server.url}/.well-known/oauth-protected-resource${end}`)));
      assert.equal(one.status, 200);
      assert.match(one.headers['content-type'], /^application\/json/);
      assert.deepEqual(one.json(), two.json());
      assert.equal(one.json().resource, server.mcp);
      assert.ok(!one.json().resource.endsWith('/'));
      assert.deepEqual(one.json().bearer_methods_supported ?? ['header'], ['header']);
      assert.ok(one.json().scopes_supported.includes('mcp'));
    });

    test('authorization_servers[0] is the issuer byte for byte', async () => {
      const [resource, issuer] = [await resourceDocument(), await serverDocument()];
      assert.equal(resource.authorization_servers.length, 1);
      assert.equal(resource.authorization_servers[0], issuer.issuer);
    });

    test('the resource metadata leaves offline_access out, the server metadata lists it', async () => {
      assert.ok(!(await resourceDocument()).scopes_supported.includes('offline_access'));
      assert.ok((await serverDocument()).scopes_supported.includes('offline_access'));
    });

    test('the authorization server metadata says what is there', async () => {
      const document = await serverDocument();
      assert.equal(document.issuer, server.url);
      for (const [member, path] of Object.entries({
        authorization_endpoint: '/authorize', token_endpoint: '/token', registration_endpoint: '/register',
        revocation_endpoint: '/revoke', jwks_uri: '/jwks',
      })) assert.equal(document[member], server.url + path, member);
      assert.deepEqual(document.response_types_supported, ['code']);
      assert.deepEqual(document.code_challenge_methods_supported, ['S256']);
      assert.ok(document.token_endpoint_auth_methods_supported.includes('none'));
      assert.deepEqual([...document.grant_types_supported].sort(), ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code']);
      assert.equal(document.authorization_response_iss_parameter_supported, true);
    });

    test('openid-configuration is the same document with what OpenID requires', async () => {
      const plain = await serverDocument();
      const openid = (await get(`${server.url}/.well-known/openid-configuration`)).json();
      for (const [member, value] of Object.entries(plain)) assert.deepEqual(openid[member], value, member);
      assert.ok(openid.subject_types_supported.includes('public'));
      assert.ok(openid.id_token_signing_alg_values_supported.length > 0);
    });

    test('the /mcp variants are the same documents', async () => {
      for (const name of ['oauth-authorization-server', 'openid-configuration']) {
        for (const path of [`/.well-known/${name}/mcp`, `/mcp/.well-known/${name}`]) {
          const reply = await get(server.url + path);
          assert.equal(reply.status, 200, path);
          assert.deepEqual(reply.json(), (await get(`${server.url}/.well-known/${name}`)).json());
        }
      }
    });

    test('no member of any document is null', async () => {
      for (const name of ['oauth-protected-resource', 'oauth-authorization-server', 'openid-configuration']) {
        const reply = await get(`${server.url}/.well-known/${name}`);
        everyValue(reply.json(), (value) => assert.notEqual(value, null, name));
      }
    });

    test('every other probe is a JSON 404', async () => {
      for (const path of ['/mcp/.well-known/oauth-protected-resource', '/mcp/.well-known/none',
        '/.well-known/oauth-authorization-server/other', '/.well-known/none', '/mcp/', '/mcp/x', '/MCP', '//mcp']) {
        const reply = await get(server.url + path);
        assert.equal(reply.status, 404, path);
        assert.match(reply.headers['content-type'], /^application\/json/, path);
        assert.ok(reply.json(), path);
      }
    });

    test('the keys are public keys only', async () => {
      const { keys } = (await get(`${server.url}/jwks`)).json();
      assert.ok(keys.length >= 1);
      for (const key of keys) {
        assert.ok(key.kid && key.kty && key.alg);
        for (const secret of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k']) assert.ok(!(secret in key), secret);
      }
    });

    test('Claude Code 2.1.197 finds all it asks for, in its order', async () => {
      const unauthorized = await post(server, undefined, initializeBody('2025-11-25'));
      const metadataUrl = /resource_metadata="([^"]+)"/.exec(unauthorized.headers['www-authenticate'])[1];
      const resource = (await get(metadataUrl)).json();
      assert.equal(resource.resource, server.mcp);
      const issuer = resource.authorization_servers[0];
      const metadata = (await get(`${issuer}/.well-known/oauth-authorization-server`)).json();
      assert.equal((await get(`${issuer}/.well-known/openid-configuration`)).status, 200);
      const reply = await request(metadata.registration_endpoint, {
        method: 'POST',
        body: {
          client_name: 'Claude Code (gatehouse)', redirect_uris: ['http://localhost:3118/callback'],
          grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'], token_endpoint_auth_method: 'none',
        },
      });
      assert.equal(reply.status, 201);
      assert.deepEqual(reply.json().redirect_uris, ['http://localhost:3118/callback']);
    });
  });

  describe('around it', () => {
    test('health and readiness', async () => {
      for (const path of ['/healthz', '/readyz']) assert.equal((await get(server.url + path)).status, 200, path);
    });

    test('the front page says what this is and how to connect, without a script', async () => {
      const reply = await get(`${server.url}/`);
      assert.equal(reply.status, 200);
      assert.match(reply.headers['content-type'], /^text\/html/);
      assert.ok(reply.text.includes(server.mcp));
      assert.doesNotMatch(reply.text, /<script/i);
    });

    test('a browser at the MCP endpoint gets a page, with the same status and challenge', async () => {
      const reply = await get(server.mcp, { Accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' });
      assert.equal(reply.status, 401);
      assert.ok(reply.headers['www-authenticate'].includes('resource_metadata='));
      assert.match(reply.headers['content-type'], /^text\/html/);
      assert.match(reply.text, /<h1>/);
    });

    test('a method that a route does not have: 405 with Allow', async () => {
      for (const [method, path] of [['PUT', '/mcp'], ['GET', '/token'], ['GET', '/register'], ['POST', '/jwks'], ['PATCH', '/healthz']]) {
        const reply = await request(server.url + path, { method });
        assert.equal(reply.status, 405, `${method} ${path}`);
        assert.ok(reply.headers.allow, `${method} ${path}`);
        assert.ok(reply.json());
      }
    });

    test('HEAD is GET without the body', async () => {
      const reply = await request(`${server.url}/healthz`, { method: 'HEAD' });
      assert.equal(reply.status, 200);
      assert.equal(reply.text, '');
    });
  });
});
