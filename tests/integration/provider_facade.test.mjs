// facade mode: this server's name on the metadata, the provider's endpoints in it, one client id for all.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { signInUrl, startBridge } from '../support/bridge.mjs';
import { get, request } from '../support/http.mjs';
import { decode } from '../support/jwt.mjs';
import { modern } from '../support/mcp.mjs';
import { register, vscode } from '../support/oauth.mjs';
import { besideArguments, discover, shapes, signInAtProvider, startBeside, startProvider, walkBoth, walked } from '../support/provider.mjs';
import { cleanEnv, gatehousePath, runToEnd, tempDir } from '../support/programs.mjs';


for (const shape of shapes) {
  describe(`beside the ${shape} provider`, () => {
    let provider;
    let server;
    before(async () => {
      provider = await startProvider({ shape });
      server = await startBeside(provider, { mode: 'facade' });
    });
    after(async () => {
      await server?.stop();
      await provider?.stop();
    });
    const metadata = async () => (await get(`${server.url}/.well-known/oauth-authorization-server`)).json();

    test('the metadata name this server as issuer and the provider\'s endpoints', async () => {
      const [mine, theirs] = [await metadata(), await discover(provider)];
      assert.equal(mine.issuer, server.url);
      assert.equal(mine.authorization_endpoint, theirs.authorization_endpoint);
      assert.equal(mine.token_endpoint, theirs.token_endpoint);
      assert.equal(mine.registration_endpoint, `${server.url}/register`);
      assert.ok(mine.code_challenge_methods_supported.includes('S256'));
      assert.ok(mine.token_endpoint_auth_methods_supported.includes('none'));
      assert.notEqual(mine.authorization_response_iss_parameter_supported, true, 'nobody sends this issuer\'s name');
      assert.doesNotMatch(JSON.stringify(mine), /:null/);
      const resource = (await get(`${server.url}/.well-known/oauth-protected-resource/mcp`)).json();
      assert.deepEqual(resource.authorization_servers, [server.url]);
    });

    test('/register answers 201 with the one client id and echoes the redirect URIs', async () => {
      const uris = ['http://localhost:3118/callback', 'http://127.0.0.1:1455/callback/c0dex', 'cursor://anysphere.cursor-mcp/oauth/callback'];
      const client = await register(server, uris);
      assert.equal(client.client_id, 'gatehouse-facade');
      assert.deepEqual(client.redirect_uris, uris);
      assert.ok(!('client_secret' in client));
    });

    test('VS Code, which names web pages beside loopback, registers and signs in by loopback', async () => {
      const loopback = ['http://127.0.0.1/', 'http://127.0.0.1:33418/'];
      const client = await register(server, ['https://insiders.vscode.dev/redirect', 'https://vscode.dev/redirect', ...loopback], vscode);
      assert.equal(client.client_id, 'gatehouse-facade');
      assert.deepEqual(client.redirect_uris, loopback);
      const { tokens } = await signInAtProvider(await metadata(), { clientId: client.client_id, redirectUri: loopback[1], resource: server.mcp });
      assert.equal((await modern(server, tokens.access_token, 'tools/list')).status, 200);
    });

    test('/register refuses redirects to elsewhere', async () => {
      for (const uri of ['https://evil.example/callback', 'http://localhost:x@evil.example/callback', 'javascript:alert(1)', 'http://127.0.0.1.evil.example/callback', 'data:text/html,x', 'http://localhost/callback#x']) {
        const reply = await request(`${server.url}/register`, { method: 'POST', body: { client_name: 'x', redirect_uris: [uri], token_endpoint_auth_method: 'none' } });
        assert.equal(reply.status, 400, uri);
        assert.match(reply.json().error, /invalid_redirect_uri|invalid_client_metadata/);
      }
    });

    test('a token that a client gets there opens /mcp, an ID token does not', async () => {
      const { tokens } = await signInAtProvider(await metadata(), { clientId: 'gatehouse-facade', resource: server.mcp });
      const reply = await modern(server, tokens.access_token, 'tools/list');
      assert.equal(reply.status, 200, reply.text);
      if (shape === 'authentik') assert.equal(decode(tokens.access_token).payload.aud, 'gatehouse-facade');
      if (tokens.id_token) assert.equal((await modern(server, tokens.id_token, 'tools/list')).status, 401);
    });

    // A provider that names itself in its responses (RFC 9207) betrays the facade to a client that looks.
    test('the bridge notices that another issuer answers', { skip: shape === 'plain' ? false : 'this provider sends no iss' }, async () => {
      const bridge = startBridge(server.mcp, { args: ['--no-browser'] });
      bridge.send({ jsonrpc: '2.0', id: 2, method: 'tools/list' });
      const url = await signInUrl(bridge);
      assert.equal((await fetch(walked(await walkBoth(url, new URL(url).searchParams.get('redirect_uri'))))).status, 400);
      assert.ok((await bridge.reply(2)).error);
      await bridge.stop();
    });

    test('the bridge registers, signs in and calls', { skip: shape === 'plain' ? 'this provider sends its own iss' : false }, async () => {
      const bridge = startBridge(server.mcp, { args: ['--no-browser'] });
      bridge.send({ jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } } });
      bridge.send({ jsonrpc: '2.0', id: 2, method: 'tools/call', params: { name: 'whoami', arguments: {} } });
      const url = await signInUrl(bridge);
      assert.equal(new URL(url).searchParams.get('client_id'), 'gatehouse-facade');
      assert.equal((await fetch(walked(await walkBoth(url, new URL(url).searchParams.get('redirect_uri'))))).status, 200);
      const reply = await bridge.reply(2);
      assert.ok(reply.result, `${JSON.stringify(reply)} ${bridge.stderr()}`);
      await bridge.stop();
    });

    test('the SDK registers, signs in and calls', async () => {
      const redirectUrl = 'http://localhost:39998/callback';
      const state = {};
      const login = {
        redirectUrl,
        clientMetadata: { client_name: 'SDK', redirect_uris: [redirectUrl], grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'], token_endpoint_auth_method: 'none' },
        clientInformation: () => state.client, saveClientInformation: (client) => { state.client = client; },
        tokens: () => state.tokens, saveTokens: (tokens) => { state.tokens = tokens; },
        redirectToAuthorization: (url) => { state.url = url; },
        saveCodeVerifier: (verifier) => { state.verifier = verifier; }, codeVerifier: () => state.verifier,
      };
      const transport = new StreamableHTTPClientTransport(new URL(server.mcp), { authProvider: login });
      await assert.rejects(new Client({ name: 'sdk', version: '1' }).connect(transport));
      await transport.finishAuth(walked(await walkBoth(state.url.href, redirectUrl)).searchParams.get('code'));
      const client = new Client({ name: 'sdk', version: '1' });
      await client.connect(new StreamableHTTPClientTransport(new URL(server.mcp), { authProvider: login }));
      assert.ok((await client.listTools()).tools.length > 0);
      await client.close();
    });

    test('the log says at the start what this mode gives up', () => {
      const warning = server.stderr().split('\n').find((line) => /WARN.*facade mode:/.test(line));
      assert.match(warning, /any token of client gatehouse-facade/);
      assert.match(warning, /consent/);
    });

    test('there is no authorization server of its own', async () => {
      for (const path of ['/authorize', '/token', '/callback']) assert.equal((await get(`${server.url}${path}`)).status, 404, path);
    });
  });
}

test('it starts only when the client id was accepted as audience', async () => {
  const provider = await startProvider({ shape: 'authentik' });
  const stateHome = tempDir();
  const args = besideArguments(provider, 'facade', stateHome).filter((arg) => arg !== '--accept-client-id-audience');
  const end = await runToEnd(gatehousePath, args, { env: cleanEnv({ HOME: stateHome, XDG_STATE_HOME: stateHome }) });
  assert.ok([64, 78].includes(end.code), `${end.code} ${end.stderr}`);
  assert.match(end.stderr, /--accept-client-id-audience/);
  await provider.stop();
});
