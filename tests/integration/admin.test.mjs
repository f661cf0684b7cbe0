// The commands beside a running server: what they show, and that the server heeds them at once.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { get } from '../support/http.mjs';
import { decode } from '../support/jwt.mjs';
import { modern } from '../support/mcp.mjs';
import { ownModes } from '../support/modes.mjs';
import { authorizeUrl, newPkce, refreshFields, tokenRequest } from '../support/oauth.mjs';
import { cleanEnv, gatehousePath, runToEnd, startGatehouse, tempDir } from '../support/programs.mjs';
import { besideArguments } from '../support/provider.mjs';

const optionsOf = {
  dev: (server, store) => ['--auth', 'dev', '--store', `sqlite:${store}`],
  proxy: (server) => besideArguments(server.provider, 'proxy', server.stateHome),
};
const calls = async (server, token) => (await modern(server, token, 'tools/list')).status;

for (const [mode, make] of Object.entries(ownModes)) {
  describe(`${mode} mode`, () => {
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
    const run = (words, more = []) => runToEnd(gatehousePath, [...optionsOf[mode](server, world.storeOf(server)), ...more, ...words], { env: cleanEnv({ HOME: tempDir() }) });
    const good = async (...words) => {
      const end = await run(words);
      assert.equal(end.code, 0, end.stderr);
      return end.stdout;
    };

    test('grants list shows who allowed what, and no secret', async () => {
      const session = await world.signIn(server);
      const line = (await good('grants', 'list')).split('\n').find((one) => one.includes(session.client.client_id));
      assert.match(line, /Ada Lovelace/);
      assert.match(line, /Test client/);
      assert.match(line, /\bmcp offline_access\b/);
      for (const one of [session.code, session.tokens.access_token, session.tokens.refresh_token]) assert.ok(!line.includes(one));
    });

    test('grants revoke ends one sign-in at once, and no other', async () => {
      const [mine, other] = [await world.signIn(server), await world.signIn(server)];
      const { gid } = decode(mine.tokens.access_token).payload;
      assert.equal(await calls(server, mine.tokens.access_token), 200);
      assert.ok((await good('grants', 'revoke', gid)).includes(gid));
      assert.equal(await calls(server, mine.tokens.access_token), 401);
      assert.equal((await tokenRequest(server, refreshFields(mine))).json().error, 'invalid_grant');
      assert.equal(await calls(server, other.tokens.access_token), 200);
      assert.ok(!(await good('grants', 'list')).includes(gid));
      const again = await run(['grants', 'revoke', gid]);
      assert.equal(again.code, 1);
      assert.match(again.stderr, /grants list/);
    });

    test('clients remove takes a client away, with everything that was granted to it', async () => {
      const [mine, other] = [await world.signIn(server), await world.signIn(server)];
      const { client_id: id } = mine.client;
      const line = (await good('clients', 'list')).split('\n').find((one) => one.includes(id));
      assert.match(line, /Test client/);
      assert.ok(line.includes(mine.redirectUri));
      await good('clients', 'remove', id);
      assert.equal(await calls(server, mine.tokens.access_token), 401);
      assert.equal((await tokenRequest(server, refreshFields(mine))).json().error, 'invalid_client');
      assert.equal((await get(authorizeUrl(server, { clientId: id, redirectUri: mine.redirectUri, challenge: newPkce().challenge }))).status, 400);
      assert.equal(await calls(server, other.tokens.access_token), 200);
      assert.equal((await run(['clients', 'remove', id])).code, 1);
    });

    test('keys rotate: new tokens have the new key, older ones stay good', async () => {
      const before = await world.signIn(server);
      const [kid] = /(?<=key is )[\w-]+/.exec(await good('keys', 'rotate'));
      assert.equal(await calls(server, before.tokens.access_token), 200);
      await server.stop(); // a running server looks every minute, one that starts at once
      server = await world.start({ stateHome: server.stateHome });
      const fresh = await world.signIn(server);
      assert.equal(decode(fresh.tokens.access_token).header.kid, kid);
      assert.notEqual(decode(before.tokens.access_token).header.kid, kid);
      for (const one of [before, fresh]) assert.equal(await calls(server, one.tokens.access_token), 200);
      const { keys } = (await get(`${server.url}/jwks`)).json();
      assert.deepEqual(keys.map((key) => key.kid).sort(), [before, fresh].map((one) => decode(one.tokens.access_token).header.kid).sort());
    });

    test('words that mean nothing, and a store that is not there', async () => {
      for (const words of [['grants'], ['keys', 'list'], ['clients', 'remove']]) assert.equal((await run(words)).code, 64, words.join(' '));
      const nowhere = path.join(tempDir(), 'mistyped.db');
      const end = await run(['grants', 'list'], ['--store', `sqlite:${nowhere}`]);
      assert.equal(end.code, 1);
      assert.ok(end.stderr.includes(nowhere), end.stderr);
      assert.ok(!existsSync(nowhere));
    });
  });
}

describe('healthcheck', () => {
  const healthcheck = (listen) => runToEnd(gatehousePath, ['healthcheck'], { env: cleanEnv({ HOME: tempDir(), GATEHOUSE_LISTEN: listen }) });
  for (const host of ['127.0.0.1', 'localhost', '127.0.0.2']) {
    test(`asks the server that listens on ${host}, and fails when it is gone`, async () => {
      const server = await startGatehouse({ listen: `${host}:0`, args: ['--store', 'memory'] });
      const port = /listening on \S+?:(\d+)/.exec(server.stderr())[1];
      const end = await healthcheck(`${host}:${port}`);
      assert.equal(end.code, 0, end.stderr);
      await server.stop();
      const gone = await healthcheck(`${host}:${port}`);
      assert.equal(gone.code, 1);
      assert.match(gone.stderr, /^gatehouse: .+/);
    });
  }
  test('with the settings of a container, which listens everywhere', async () => {
    const server = await startGatehouse({ listen: '127.0.0.1:0', args: ['--store', 'memory'] });
    const env = { GATEHOUSE_LISTEN: `0.0.0.0:${server.port}`, GATEHOUSE_AUTH: 'direct', GATEHOUSE_ISSUER: 'http://localhost:9000/application/o/gatehouse/', GATEHOUSE_PUBLIC_URL: 'http://localhost:8080' };
    const end = await runToEnd(gatehousePath, ['healthcheck'], { env: cleanEnv({ HOME: tempDir(), ...env }) });
    assert.equal(end.code, 0, end.stderr);
    await server.stop();
  });
});
