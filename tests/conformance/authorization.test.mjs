// @modelcontextprotocol/conformance, its authorization scenarios. Without a client id the suite passes
// without a login, so that each scenario is asked for by name here.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { runAuthorizationSuite } from '../support/conformance.mjs';
import { register, walk } from '../support/oauth.mjs';
import { freePort } from '../support/ports.mjs';
import { startGatehouse } from '../support/programs.mjs';
import { shapes, startBeside, startProvider, walkBoth, walked } from '../support/provider.mjs';

async function assertConforms(server, signIn) {
  const port = await freePort();
  const client = await register(server, `http://127.0.0.1:${port}/callback`);
  const result = await runAuthorizationSuite({ issuer: server.url, clientId: client.client_id, port, signIn });
  assert.equal(result.urls.length, 1, `one sign-in was asked for:\n${result.output}`);
  const [good, bad] = result.passed['authorization-server-metadata-endpoint'] ?? [];
  assert.ok(good >= 1 && bad === 0, result.output);
  assert.deepEqual(result.passed['authorization-code-grant'], [1, 0], result.output);
  assert.equal(result.code, 0, result.output);
  return result;
}

describe('dev mode', () => {
  let server;
  before(async () => { server = await startGatehouse(); });
  after(() => server.stop());

  test('passes the authorization scenarios', async () => {
    const { urls } = await assertConforms(server, async (url, redirectUri) => (await walk(url, redirectUri)).redirect);
    const query = new URL(urls[0]).searchParams;
    assert.deepEqual([query.get('scope'), query.get('resource')], [null, null], 'the suite names neither: both have defaults');
  });

  test('the suite notices a login that did not happen', async () => {
    const port = await freePort();
    const client = await register(server, `http://127.0.0.1:${port}/callback`);
    const result = await runAuthorizationSuite({
      issuer: server.url, clientId: client.client_id, port,
      signIn: async (url, redirectUri) => (await walk(url, redirectUri, { decision: 'deny' })).redirect,
    });
    assert.notDeepEqual(result.passed['authorization-code-grant'], [1, 0], result.output);
  });
});

describe('proxy mode', () => {
  for (const shape of shapes) {
    test(`passes the authorization scenarios beside the ${shape} provider`, async () => {
      const provider = await startProvider({ shape });
      try {
        const server = await startBeside(provider, { mode: 'proxy' });
        await assertConforms(server, async (url, redirectUri) => walked(await walkBoth(url, redirectUri)));
        await server.stop();
      } finally {
        await provider.stop();
      }
    });
  }
});
