// proxy mode: this server's own consent, tokens and registrations, with the login at an identity provider.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Client as ModernClient, StreamableHTTPClientTransport as ModernHttp } from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { signInUrl, startBridge } from '../support/bridge.mjs';
import { get } from '../support/http.mjs';
import { decode } from '../support/jwt.mjs';
import { modern } from '../support/mcp.mjs';
import { authorizeUrl, newPkce, refreshFields, register, tokenRequest } from '../support/oauth.mjs';
import { sleep, tempDir } from '../support/programs.mjs';
import { HostsRobot, secret, selfSigned, shapes, signInBeside, startBeside, startProvider, walkBoth, walked } from '../support/provider.mjs';

const textOf = (reply) => JSON.stringify(reply.message ?? reply.text);
const whoami = async (server, token) => textOf(await modern(server, token, 'tools/call', { name: 'whoami', arguments: {} }));
const asksConsent = (page) => page.forms.some((form) => form.buttons.some((button) => button.name === 'decision'));

function everyFile(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    .map((entry) => readFileSync(path.join(entry.parentPath, entry.name), 'latin1')).join('\n');
}

for (const shape of shapes) {
  describe(`beside the ${shape} provider`, () => {
    let provider;
    let server;
    let session;
    before(async () => {
      provider = await startProvider({ shape });
      server = await startBeside(provider);
      session = await signInBeside(server);
    });
    after(async () => {
      await server?.stop();
      await provider?.stop();
    });
    // The server's own probe of the redirect URI has prompt=none; a person's request has not.
    const asked = async () => (await provider.requests('auth')).filter((one) => one.query.client_id && one.query.prompt !== 'none');

    test('consent comes first and here, the login afterwards and there, and the end is the client\'s redirect', () => {
      const [first] = session.pages;
      assert.equal(new URL(first.url).origin, server.url);
      assert.ok(asksConsent(first), first.reply.text);
      const origins = session.pages.map((page) => new URL(page.url).origin);
      assert.ok(origins.slice(1).every((origin) => origin === provider.url), origins.join(' '));
      const query = session.redirect.searchParams;
      assert.equal(query.get('state'), 'state-1');
      assert.equal(query.get('iss'), server.url);
    });

    test('the consent page says where the login will be, without an input for a password', () => {
      const [{ forms, reply }] = session.pages;
      assert.ok(forms[0].inputs.every((input) => input.type === 'hidden'), JSON.stringify(forms[0].inputs));
      assert.ok(reply.text.includes('Test client'));
      assert.ok(reply.text.includes('127.0.0.1'));
    });

    test('the provider is asked with PKCE, state, nonce and the one redirect URI, and is told nothing of the resource', async () => {
      const [{ query }] = await asked();
      assert.equal(query.client_id, 'gatehouse');
      assert.equal(query.redirect_uri, `${server.url}/callback`);
      assert.equal(query.response_type, 'code');
      assert.equal(query.code_challenge_method, 'S256');
      assert.ok(query.state.length >= 22 && query.nonce.length >= 22);
      assert.ok(query.scope.split(' ').includes('openid'));
      assert.equal(query.resource, undefined);
    });

    test('the code is exchanged with the verifier that belongs to the challenge', async () => {
      const [{ query }] = await asked();
      const { form } = (await provider.requests('token')).find((one) => one.form.grant_type === 'authorization_code');
      assert.equal(createHash('sha256').update(form.code_verifier).digest('base64url'), query.code_challenge);
      assert.equal(form.redirect_uri, query.redirect_uri);
    });

    test('the token is this server\'s own, for its resource; nothing of the provider\'s is handed out', () => {
      const { header, payload } = decode(session.tokens.access_token);
      assert.equal(header.typ, 'at+jwt');
      assert.equal(payload.iss, server.url);
      assert.deepEqual([payload.aud].flat(), [server.mcp]);
      assert.equal(payload.client_id, session.client.client_id);
      assert.ok(!('id_token' in session.tokens));
    });

    test('tools know the person by the provider\'s word', async () => {
      const said = await whoami(server, session.tokens.access_token);
      assert.match(said, /Ada Lovelace/);
      assert.match(said, /ada@example\.com/);
    });

    test('two people are two subjects, and one is one', async () => {
      const again = await signInBeside(server);
      const other = await signInBeside(server, { account: 'grace' });
      const subject = (one) => decode(one.tokens.access_token).payload.sub;
      assert.equal(subject(again), subject(session));
      assert.notEqual(subject(other), subject(session));
      assert.match(await whoami(server, other.tokens.access_token), /Grace Hopper/);
    });

    test('in a browser that is signed in there, consent is asked again and the password is not', async () => {
      const again = await signInBeside(server, { robot: session.robot });
      assert.equal(new URL(again.pages[0].url).origin, server.url);
      assert.ok(asksConsent(again.pages[0]));
      assert.ok(!again.pages.some((page) => page.forms.some((form) => form.inputs.some((input) => input.type === 'password'))));
    });

    test('every hop out of a form is a 303', () => {
      for (const hop of session.hops.filter(({ from }) => new URL(from).origin === server.url)) assert.ok([302, 303].includes(hop.status), JSON.stringify(hop));
      const toProvider = session.hops.find(({ to }) => to.startsWith(provider.url));
      assert.equal(toProvider.status, 303);
    });

    test('a refusal on the consent page never reaches the provider', async () => {
      const before = (await asked()).length;
      const { verifier, challenge } = newPkce();
      const done = await walkBoth(authorizeUrl(server, { clientId: session.client.client_id, redirectUri: session.redirectUri, challenge }), session.redirectUri, { consent: 'deny' });
      assert.ok(verifier);
      assert.equal(walked(done).searchParams.get('error'), 'access_denied');
      assert.equal(walked(done).searchParams.get('iss'), server.url);
      assert.equal((await asked()).length, before);
    });

    test('a refresh gives new tokens, twice', async () => {
      let { tokens } = await signInBeside(server);
      const client = session.client;
      const mine = await signInBeside(server, { client });
      tokens = mine.tokens;
      for (let round = 0; round < 2; round++) {
        const reply = await tokenRequest(server, refreshFields({ client, tokens }));
        assert.equal(reply.status, 200, reply.text);
        assert.notEqual(reply.json().refresh_token, tokens.refresh_token);
        tokens = reply.json();
        assert.match(await whoami(server, tokens.access_token), /Ada Lovelace/);
      }
    });

    test('no secret of anyone is in the log, nor in clear in the store', async () => {
      const mine = await signInBeside(server);
      await tokenRequest(server, refreshFields(mine));
      const forms = (await provider.requests('token')).map((one) => one.form);
      const secrets = [secret, mine.tokens.access_token, mine.tokens.refresh_token, mine.code, ...forms.flatMap((form) => [form.code, form.code_verifier, form.refresh_token])].filter(Boolean);
      assert.ok(forms.some((form) => form.refresh_token), 'the provider was asked for a refresh');
      const kept = everyFile(server.stateHome);
      for (const one of secrets) {
        assert.ok(!server.stderr().includes(one), 'in the log');
        assert.ok(!kept.includes(one), 'in the store');
      }
    });

    test('the key file is for its owner alone', () => assert.equal(statSync(path.join(server.stateHome, 'secret-key')).mode & 0o777, 0o600));

    test('registrations and grants outlive a restart', async () => {
      const mine = await signInBeside(server);
      await server.stop();
      server = await startBeside(provider, { stateHome: server.stateHome });
      const reply = await tokenRequest(server, refreshFields(mine));
      assert.equal(reply.status, 200, reply.text);
      const again = await signInBeside(server, { client: mine.client });
      assert.ok(again.tokens.access_token);
    });

    test('the metadata are this server\'s, with nothing null', async () => {
      const metadata = (await get(`${server.url}/.well-known/oauth-authorization-server`)).json();
      assert.equal(metadata.issuer, server.url);
      for (const name of ['authorization_endpoint', 'token_endpoint', 'registration_endpoint', 'revocation_endpoint', 'jwks_uri']) assert.ok(metadata[name].startsWith(`${server.url}/`), name);
      assert.equal(metadata.authorization_response_iss_parameter_supported, true);
      assert.deepEqual(metadata.code_challenge_methods_supported, ['S256']);
      assert.doesNotMatch(JSON.stringify(metadata), /:null/);
      const resource = (await get(`${server.url}/.well-known/oauth-protected-resource/mcp`)).json();
      assert.deepEqual(resource.authorization_servers, [server.url]);
      assert.equal(resource.resource, server.mcp);
    });

    test('the bridge signs in and calls', async () => {
      const bridge = startBridge(server.mcp, { args: ['--no-browser'] });
      bridge.send({ jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } } });
      const url = await signInUrl(bridge);
      const done = await walkBoth(url, new URL(url).searchParams.get('redirect_uri'));
      assert.equal((await fetch(walked(done))).status, 200);
      bridge.send({ jsonrpc: '2.0', id: 2, method: 'tools/call', params: { name: 'sayHello', arguments: {} } });
      assert.match(JSON.stringify((await bridge.reply(2)).result), /Ada Lovelace/);
      assert.equal((await bridge.stop()).code, 0);
    });

    for (const [name, Transport, Made] of [['legacy SDK', StreamableHTTPClientTransport, Client], ['new SDK', ModernHttp, ModernClient]]) {
      test(`${name}: registers, signs in, calls, refreshes`, async () => {
        const client = new SdkLogin();
        const transport = new Transport(new URL(server.mcp), { authProvider: client });
        await assert.rejects(new Made(sdk).connect(transport), { name: /UnauthorizedError|Error/ });
        const redirect = walked(await walkBoth(client.url.href, client.redirectUrl));
        await transport.finishAuth(Made === Client ? redirect.searchParams.get('code') : redirect.searchParams);
        for (let round = 0; round < 2; round++) {
          const user = new Made(sdk);
          await user.connect(new Transport(new URL(server.mcp), { authProvider: client }));
          assert.match((await user.callTool({ name: 'sayHello', arguments: {} })).content[0].text, /Ada Lovelace/);
          await user.close();
          client.saved = { ...client.saved, access_token: 'no longer good' };
        }
      });
    }
  });
}

const sdk = { name: 'sdk-test', version: '1.0.0' };
class SdkLogin {
  redirectUrl = 'http://localhost:39998/callback';
  clientMetadata = { client_name: 'SDK', redirect_uris: [this.redirectUrl], grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'], token_endpoint_auth_method: 'none', scope: 'mcp offline_access' };
  clientInformation() { return this.client; }
  saveClientInformation(client) { this.client = client; }
  tokens() { return this.saved; }
  saveTokens(tokens) { this.saved = tokens; }
  redirectToAuthorization(url) { this.url = url; }
  saveCodeVerifier(verifier) { this.verifier = verifier; }
  codeVerifier() { return this.verifier; }
  state() { return 'sdk-state'; }
}

describe('who may enter', () => {
  test('--require-claim lets the group in and nobody else, and says so to the others', async () => {
    const provider = await startProvider({ shape: 'authentik' });
    const server = await startBeside(provider, { args: ['--require-claim', 'groups=mcp'] });
    assert.ok((await signInBeside(server, { account: 'ada' })).tokens.access_token);
    const client = await register(server, 'http://127.0.0.1:39999/callback');
    const done = await walkBoth(authorizeUrl(server, { clientId: client.client_id, redirectUri: 'http://127.0.0.1:39999/callback', challenge: newPkce().challenge }), 'http://127.0.0.1:39999/callback', { account: 'grace' });
    if (done.redirect) assert.equal(done.redirect.searchParams.get('error'), 'access_denied');
    else assert.equal(done.reply.status, 403);
    assert.ok(!done.redirect?.searchParams.get('code'));
    await server.stop();
    await provider.stop();
  });
  test('who leaves the group is out at the next refresh', async () => {
    const provider = await startProvider({ shape: 'authentik' });
    const server = await startBeside(provider, { args: ['--require-claim', 'groups=mcp'] });
    const session = await signInBeside(server, { account: 'ada' });
    await provider.account('ada', { groups: ['analysts'] });
    const reply = await tokenRequest(server, refreshFields(session));
    assert.equal(reply.status, 400, reply.text);
    assert.equal(reply.json().error, 'invalid_grant');
    await server.stop();
    await provider.stop();
  });
});

describe('where the provider is', () => {
  test('--idp-connect-to reaches it elsewhere under its public name', async () => {
    const host = 'auth.example.org';
    const provider = await startProvider({ shape: 'authentik', host });
    const server = await startBeside(provider, { args: ['--idp-connect-to', `${host}:${provider.port}:127.0.0.1:${provider.port}`, '--allow-insecure-http'] });
    const session = await signInBeside(server, { robot: new HostsRobot([host]) });
    assert.match(await whoami(server, session.tokens.access_token), /Ada Lovelace/);
    for (const one of await provider.requests()) assert.equal(one.host, `${host}:${provider.port}`, one.path);
    await server.stop();
    await provider.stop();
  });
  test('over TLS with --ca-file; without it the certificate is not trusted', async () => {
    const tls = selfSigned();
    const provider = await startProvider({ shape: 'authentik', tls });
    const server = await startBeside(provider, { args: ['--ca-file', tls.cert] });
    await server.stop();
    const blind = await startBeside(provider, { wait: 'listening' });
    await sleep(1500);
    const ready = await get(`${blind.url}/readyz`);
    assert.equal(ready.status, 503);
    assert.match(ready.text + blind.stderr(), /certificate|TLS|SSL/i);
    await blind.stop();
    await provider.stop();
  });
  for (const alg of ['PS256', 'ES256', 'ES384', 'EdDSA']) {
    test(`it signs with ${alg}`, async () => {
      const provider = await startProvider({ shape: 'authentik', alg });
      const server = await startBeside(provider);
      assert.ok((await signInBeside(server)).tokens.access_token);
      await server.stop();
      await provider.stop();
    });
  }
});

describe('the key that seals the provider\'s tokens', () => {
  let provider;
  let stateHome;
  before(async () => {
    provider = await startProvider({ shape: 'authentik' });
    stateHome = tempDir();
    const server = await startBeside(provider, { stateHome });
    await signInBeside(server);
    await server.stop();
  });
  after(() => provider?.stop());
  for (const [what, key] of [['another', `${'0f'.repeat(32)}\n`], ['an unreadable', 'not a key\n'], ['an empty', '']]) {
    test(`${what} key refuses to start and says why`, async () => {
      const file = path.join(tempDir(), 'key');
      writeFileSync(file, key, { mode: 0o600 });
      const run = await startBeside(provider, { stateHome, args: ['--secret-key-file', file], wait: 'nothing' });
      const timer = setTimeout(() => run.kill('SIGKILL'), 10_000);
      const end = await run.exited;
      clearTimeout(timer);
      assert.ok(end.code > 0, run.stderr());
      assert.match(run.stderr(), /key/i);
    });
  }
  test('a lost key refuses to start, says why, and no new one takes its place', async () => {
    const file = path.join(tempDir(), 'key');
    const run = await startBeside(provider, { stateHome, args: ['--secret-key-file', file], wait: 'nothing' });
    const timer = setTimeout(() => run.kill('SIGKILL'), 10_000);
    const end = await run.exited;
    clearTimeout(timer);
    assert.ok(end.code > 0, run.stderr());
    assert.match(run.stderr(), /--secret-key-file/);
    assert.ok(!existsSync(file));
  });
});
