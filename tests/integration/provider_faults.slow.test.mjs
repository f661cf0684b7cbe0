// What only time shows.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refreshFields, tokenRequest } from '../support/oauth.mjs';
import { sleep } from '../support/programs.mjs';
import { signInBeside, startBeside, startProvider } from '../support/provider.mjs';

test('a refresh token used again after more than 30 s is reuse, in proxy mode as well', async () => {
  const provider = await startProvider({ shape: 'authentik' });
  const server = await startBeside(provider);
  const session = await signInBeside(server);
  const second = (await tokenRequest(server, refreshFields(session))).json();
  assert.ok(second.refresh_token);
  await sleep(32_000);
  assert.equal((await tokenRequest(server, refreshFields(session))).json().error, 'invalid_grant');
  assert.equal((await tokenRequest(server, refreshFields(session, second.refresh_token))).json().error, 'invalid_grant');
  await server.stop();
  await provider.stop();
});
