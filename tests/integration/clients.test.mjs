// What real clients do, in both modes with an authorization server of this server's own.
import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import { get, request } from '../support/http.mjs';
import { decode } from '../support/jwt.mjs';
import { legacy, modern } from '../support/mcp.mjs';
import { ownModes } from '../support/modes.mjs';
import { authorizeUrl, newPkce, refreshFields, register, tokenRequest, vscode } from '../support/oauth.mjs';
import { cleanEnv, gatehousePath, runToEnd, tempDir } from '../support/programs.mjs';
import { besideArguments, startProvider } from '../support/provider.mjs';

const redirectUri = 'http://127.0.0.1:39999/callback';

for (const [mode, make] of Object.entries(ownModes)) {
  describe(`${mode} mode`, () => {
    let world;
    let server;
    let session;
    before(async () => {
      world = await make();
      server = await world.start();
      session = await world.signIn(server);
    });
    after(async () => {
      await server?.stop();
      await world?.stop();
    });
    const ask = async (changes = {}, client = session.client) => {
      const url = authorizeUrl(server, { clientId: client.client_id, redirectUri, challenge: newPkce().challenge, ...changes });
      return (await world.walk(url, changes.redirectUri ?? redirectUri)).redirect?.searchParams;
    };

    describe('redirects', () => {
      for (const [who, registered, used = registered] of [
        ['Claude Code on a random port', 'http://localhost:3118/callback', 'http://localhost:50411/callback'],
        ['Codex', 'http://127.0.0.1:1455/callback', 'http://127.0.0.1:40455/callback'],
        ['Codex with an id in the path', 'http://127.0.0.1:1455/callback/c0dex', 'http://127.0.0.1:40456/callback/c0dex'],
        ['VS Code on loopback', 'http://127.0.0.1:33418/', 'http://127.0.0.1:41234/'],
        ['VS Code on the web', 'https://vscode.dev/redirect'],
        ['Cursor', 'cursor://anysphere.cursor-mcp/oauth/callback'],
        ['a client on IPv6 loopback', 'http://[::1]:4000/callback', 'http://[::1]:5000/callback'],
      ]) {
        test(`${who} registers (201, its redirect URIs echoed) and signs in`, async () => {
          const reply = await request(`${server.url}/register`, { method: 'POST', body: { client_name: who, redirect_uris: [registered], token_endpoint_auth_method: 'none' } });
          assert.equal(reply.status, 201, reply.text);
          assert.deepEqual(reply.json().redirect_uris, [registered]);
          assert.ok(!Object.values(reply.json()).includes(null));
          assert.ok((await world.signIn(server, { client: reply.json(), redirectUri: used })).tokens.access_token);
        });
      }
      test('VS Code names its web pages beside loopback in one request, all are echoed, and each of them works', async () => {
        const uris = ['https://insiders.vscode.dev/redirect', 'https://vscode.dev/redirect', 'http://127.0.0.1/', 'http://127.0.0.1:33418/'];
        const client = await register(server, uris, vscode);
        assert.deepEqual(client.redirect_uris, uris);
        for (const used of [...uris, 'http://127.0.0.1:50123/']) assert.ok((await world.signIn(server, { client, redirectUri: used })).tokens.access_token, used);
      });
      test('localhost, 127.0.0.1 and [::1] are not interchangeable within one flow', async () => {
        const hosts = ['localhost', '127.0.0.1', '[::1]'];
        for (const one of hosts) {
          const client = await register(server, `http://${one}:3118/callback`);
          for (const other of hosts.filter((host) => host !== one)) {
            const reply = await get(authorizeUrl(server, { clientId: client.client_id, redirectUri: `http://${other}:3118/callback`, challenge: newPkce().challenge }));
            assert.equal(reply.status, 400, `${one} and ${other}`);
          }
        }
        const { verifier, challenge } = newPkce();
        const code = (await ask({ challenge })).get('code');
        const reply = await tokenRequest(server, { grant_type: 'authorization_code', code, code_verifier: verifier, client_id: session.client.client_id, redirect_uri: redirectUri.replace('127.0.0.1', 'localhost') });
        assert.equal(reply.json().error, 'invalid_grant');
      });
      test('private-use schemes are a list; never javascript, data, file, blob, userinfo or a fragment', async () => {
        for (const uri of ['unknownapp://callback', 'javascript:alert(1)', 'data:text/html,x', 'file:///etc/passwd', 'blob:https://example.com/1', 'http://user@localhost:1/callback', 'http://localhost:1/callback#x']) {
          const reply = await request(`${server.url}/register`, { method: 'POST', body: { client_name: 'x', redirect_uris: [uri], token_endpoint_auth_method: 'none' } });
          assert.equal(reply.status, 400, uri);
          assert.equal(reply.json().error, 'invalid_redirect_uri', uri);
        }
      });
    });

    test('iss is announced and sent, with a code and with every error', async () => {
      const metadata = (await get(`${server.url}/.well-known/oauth-authorization-server`)).json();
      assert.equal(metadata.authorization_response_iss_parameter_supported, true);
      assert.equal(session.redirect.searchParams.get('iss'), metadata.issuer);
      const refused = (await world.walk(authorizeUrl(server, { clientId: session.client.client_id, redirectUri, challenge: newPkce().challenge }), redirectUri, { decision: 'deny', consent: 'deny' })).redirect.searchParams;
      for (const [error, answer] of [['access_denied', refused], ['invalid_target', await ask({ resource: 'https://elsewhere.example/mcp' })],
        ['invalid_scope', await ask({ scope: 'everything' })], ['unsupported_response_type', await ask({ extra: { response_type: 'token' } })]]) {
        assert.equal(answer.get('error'), error);
        assert.equal(answer.get('iss'), metadata.issuer, error);
      }
    });

    describe('resource', () => {
      test('a foreign one is invalid_target, at the token endpoint too', async () => {
        assert.equal((await ask({ resource: 'https://elsewhere.example/mcp' })).get('error'), 'invalid_target');
        const { verifier, challenge } = newPkce();
        const code = (await ask({ challenge })).get('code');
        const reply = await tokenRequest(server, { grant_type: 'authorization_code', code, redirect_uri: redirectUri, client_id: session.client.client_id, code_verifier: verifier, resource: 'https://elsewhere.example/mcp' });
        assert.equal(reply.json().error, 'invalid_target');
      });
      test('none, or the one in another spelling that is the same, is not rejected', async () => {
        for (const resource of [undefined, server.mcp, server.mcp.replace('http:', 'HTTP:')]) {
          const { verifier, challenge } = newPkce();
          const answer = await ask({ challenge, resource });
          assert.ok(answer.get('code'), `${resource}: ${answer}`);
          const reply = await tokenRequest(server, { grant_type: 'authorization_code', code: answer.get('code'), redirect_uri: redirectUri, client_id: session.client.client_id, code_verifier: verifier });
          assert.deepEqual([decode(reply.json().access_token).payload.aud].flat(), [server.mcp]);
        }
      });
    });

    test('a client that asks for offline_access refreshes twice', async () => {
      const mine = await world.signIn(server);
      for (let round = 0; round < 2; round++) {
        const reply = await tokenRequest(server, refreshFields(mine));
        assert.equal(reply.status, 200, reply.text);
        assert.notEqual(reply.json().refresh_token, mine.tokens.refresh_token);
        mine.tokens = reply.json();
        assert.equal((await modern(server, mine.tokens.access_token, 'tools/list')).status, 200);
      }
    });

    test('an unknown client at the token endpoint is 401 invalid_client', async () => {
      for (const fields of [{ grant_type: 'refresh_token', refresh_token: 'x' }, { grant_type: 'authorization_code', code: 'x', code_verifier: 'x'.repeat(43), redirect_uri: redirectUri }]) {
        const reply = await tokenRequest(server, { ...fields, client_id: 'nobody' });
        assert.equal(reply.status, 401);
        assert.equal(reply.json().error, 'invalid_client');
      }
    });

    test('a response of the MCP endpoint is passed on as it was made, whatever encodings the client takes', async () => {
      const user = await legacy(server, session.tokens.access_token);
      const plain = await user.call('tools/call', { name: 'sayHello', arguments: { name: 'é😀' } });
      const other = await user.call('tools/call', { name: 'sayHello', arguments: { name: 'é😀' } }, { 'Accept-Encoding': 'gzip, br, zstd', TE: 'trailers, chunked' });
      for (const reply of [plain, other]) {
        assert.equal(reply.status, 200);
        assert.equal(reply.headers['content-encoding'], undefined);
        assert.equal(Number(reply.headers['content-length']), Buffer.byteLength(reply.text));
        assert.match(reply.message.result.content[0].text, /é😀/);
      }
      assert.deepEqual(plain.message.result, other.message.result);
    });

    test('too little scope is 403 insufficient_scope, with all scopes that the operation needs', async () => {
      const mine = await world.signIn(server);
      const store = new DatabaseSync(world.storeOf(server));
      store.prepare("UPDATE grants SET scope = 'offline_access' WHERE client_id = ?").run(mine.client.client_id);
      store.close();
      const { access_token: token, scope } = (await tokenRequest(server, refreshFields(mine))).json();
      assert.equal(scope, 'offline_access');
      const reply = await modern(server, token, 'tools/list');
      assert.equal(reply.status, 403, reply.text);
      assert.match(reply.headers['www-authenticate'], /error="insufficient_scope"/);
      assert.match(reply.headers['www-authenticate'], /scope="mcp"/);
      assert.ok(reply.headers['www-authenticate'].includes(`resource_metadata="${server.url}/`));
    });

    test('registrations and grants outlive a restart', async () => {
      const mine = await world.signIn(server);
      await server.stop();
      server = await world.start({ stateHome: server.stateHome });
      assert.equal((await modern(server, mine.tokens.access_token, 'tools/list')).status, 200);
      const reply = await tokenRequest(server, refreshFields(mine));
      assert.equal(reply.status, 200, reply.text);
      assert.ok((await world.signIn(server, { client: mine.client })).tokens.access_token);
    });
  });
}

describe('a public URL that is plain http off this machine', () => {
  const tryToStart = (args) => {
    const home = tempDir();
    return runToEnd(gatehousePath, args(home), { env: cleanEnv({ HOME: home, XDG_STATE_HOME: home }), timeout: 20_000 });
  };
  test('dev mode refuses to start', async () => {
    const end = await tryToStart(() => ['--auth', 'dev', '--listen', '127.0.0.1:0', '--public-url', 'http://mcp.example.org']);
    assert.equal(end.code, 78, end.stderr);
    assert.match(end.stderr, /--public-url http:\/\/mcp\.example\.org/);
  });
  test('proxy mode refuses to start unless it is told to', async () => {
    const provider = await startProvider({ shape: 'authentik' });
    const end = await tryToStart((home) => besideArguments({ ...provider, gatehouseUrl: 'http://mcp.example.org' }, 'proxy', home));
    assert.equal(end.code, 78, end.stderr);
    assert.match(end.stderr, /--allow-insecure-http/);
    await provider.stop();
  });
});
