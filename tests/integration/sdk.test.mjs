// The official TypeScript SDK, both generations, directly and through the bridge.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Client as ModernClient, StreamableHTTPClientTransport as ModernHttp } from '@modelcontextprotocol/client';
import { StdioClientTransport as ModernStdio } from '@modelcontextprotocol/client/stdio';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { startBridge, signInThrough, signInUrl } from '../support/bridge.mjs';
import { signIn, walk } from '../support/oauth.mjs';
import { bridgePath, cleanEnv, startGatehouse, tempDir } from '../support/programs.mjs';

const info = { name: 'sdk-test', version: '1.0.0' };
let server;
let token;
let stateDir;
before(async () => {
  server = await startGatehouse();
  token = (await signIn(server)).tokens.access_token;
  const bridge = startBridge(server.mcp, { before: ['login'], args: ['--no-browser'] });
  await signInThrough(await signInUrl(bridge));
  assert.equal((await bridge.exited).code, 0, bridge.stderr());
  stateDir = bridge.stateDir;
});
after(() => server.stop());

const headers = () => ({ requestInit: { headers: { Authorization: `Bearer ${token}` } } });
const stdio = () => ({ command: bridgePath, args: ['--no-browser', '--state-dir', stateDir, server.mcp], env: cleanEnv({ HOME: tempDir() }), stderr: 'ignore' });
const modernOptions = { versionNegotiation: { mode: { pin: '2026-07-28' } } };

async function useTools(client, transport) {
  await client.connect(transport);
  const { tools } = await client.listTools();
  assert.ok(tools.some((tool) => tool.name === 'sayHello'));
  const hello = await client.callTool({ name: 'sayHello', arguments: {} });
  assert.match(hello.content[0].text, /Ada Lovelace/);
  const me = await client.callTool({ name: 'whoami', arguments: {} });
  assert.match(JSON.stringify(me.structuredContent), /ada@example\.com/);
  await client.close();
}

describe('directly, with a token', () => {
  test('legacy SDK', () => useTools(new Client(info), new StreamableHTTPClientTransport(new URL(server.mcp), headers())));
  test('new SDK in its legacy mode', () => useTools(new ModernClient(info), new ModernHttp(new URL(server.mcp), headers())));
  test('new SDK, 2026-07-28', async () => {
    const client = new ModernClient(info, modernOptions);
    await useTools(client, new ModernHttp(new URL(server.mcp), headers()));
  });
  test('new SDK finds the modern era by itself', async () => {
    const client = new ModernClient(info, { versionNegotiation: { mode: 'auto' } });
    await client.connect(new ModernHttp(new URL(server.mcp), headers()));
    assert.equal(client.getNegotiatedProtocolVersion(), '2026-07-28');
    await client.close();
  });
  test('legacy SDK ends its session', async () => {
    const client = new Client(info);
    const transport = new StreamableHTTPClientTransport(new URL(server.mcp), headers());
    await client.connect(transport);
    assert.ok(transport.sessionId);
    await transport.terminateSession();
    await client.close();
  });
});

describe('through the bridge', () => {
  test('legacy SDK', () => useTools(new Client(info), new StdioClientTransport(stdio())));
  test('new SDK in its legacy mode', () => useTools(new ModernClient(info), new ModernStdio(stdio())));
  test('new SDK, 2026-07-28', () => useTools(new ModernClient(info, modernOptions), new ModernStdio(stdio())));
  test('new SDK finds the modern era by itself', async () => {
    const client = new ModernClient(info, { versionNegotiation: { mode: 'auto' } });
    await client.connect(new ModernStdio(stdio()));
    assert.equal(client.getNegotiatedProtocolVersion(), '2026-07-28');
    await client.close();
  });
});

// The SDK's own OAuth client, which does discovery, registration, PKCE and refresh in its own way.
class Provider {
  redirectUrl = 'http://localhost:39998/callback';
  clientMetadata = {
    client_name: 'SDK', redirect_uris: [this.redirectUrl], grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'], token_endpoint_auth_method: 'none', scope: 'mcp offline_access',
  };
  clientInformation() { return this.client; }
  saveClientInformation(client) { this.client = client; }
  tokens() { return this.saved; }
  saveTokens(tokens) { this.saved = tokens; }
  redirectToAuthorization(url) { this.url = url; }
  saveCodeVerifier(verifier) { this.verifier = verifier; }
  codeVerifier() { return this.verifier; }
  state() { return 'sdk-state'; }
}

describe('the SDK\'s own login', () => {
  for (const [name, Transport, Made] of [['legacy SDK', StreamableHTTPClientTransport, Client], ['new SDK', ModernHttp, ModernClient]]) {
    test(`${name}: registers, logs in, calls, refreshes`, async () => {
      const provider = new Provider();
      const transport = new Transport(new URL(server.mcp), { authProvider: provider });
      await assert.rejects(new Made(info).connect(transport), (error) => error instanceof UnauthorizedError || error.name === 'UnauthorizedError');
      const { redirect } = await walk(provider.url.href, provider.redirectUrl);
      if (Made === Client) await transport.finishAuth(redirect.searchParams.get('code'));
      else await transport.finishAuth(redirect.searchParams);
      assert.ok(provider.saved.refresh_token);
      await useTools(new Made(info), new Transport(new URL(server.mcp), { authProvider: provider }));
      const before = provider.saved.access_token;
      provider.saved = { ...provider.saved, access_token: 'expired' };
      await useTools(new Made(info), new Transport(new URL(server.mcp), { authProvider: provider }));
      assert.notEqual(provider.saved.access_token, before);
    });
  }
});
