// Without signing in: for conformance tests and measurements, on this machine only.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { get, request } from '../support/http.mjs';
import { legacy, modern, post } from '../support/mcp.mjs';
import { cleanEnv, gatehousePath, runToEnd, startGatehouse, tempDir } from '../support/programs.mjs';

describe('--auth none', () => {
  let server;
  before(async () => { server = await startGatehouse({ auth: 'none' }); });
  after(() => server?.stop());

  test('a call needs no token, in both eras', async () => {
    const reply = await modern(server, undefined, 'tools/call', { name: 'whoami', arguments: {} });
    assert.equal(reply.status, 200, reply.text);
    assert.match(reply.text, /anonymous/);
    const session = await legacy(server, undefined);
    assert.equal((await session.call('tools/list')).status, 200);
  });
  test('credentials that a client sends all the same change nothing', async () => {
    assert.equal((await modern(server, 'made-up', 'tools/list')).status, 200);
  });
  test('no metadata leads a client to a sign-in that is not there', async () => {
    for (const path of ['/.well-known/oauth-protected-resource', '/.well-known/oauth-protected-resource/mcp', '/.well-known/oauth-authorization-server', '/authorize', '/register', '/token']) {
      assert.equal((await get(server.url + path)).status, 404, path);
    }
  });
  test('a web page of another origin, or under another name, is kept out', async () => {
    const body = { jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'x', version: '1' } } };
    assert.equal((await post(server, undefined, body, { Origin: 'https://evil.example' })).status, 403);
    const reply = await request(server.mcp, { method: 'POST', headers: { Host: 'evil.example', 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream' }, body: JSON.stringify(body) });
    assert.equal(reply.status, 421);
  });
  test('the start page and the log say that nobody signs in', async () => {
    assert.match((await get(`${server.url}/`)).text, /nobody has to sign in/);
    assert.match(server.stderr(), /nobody signs in/);
  });
  test('it does not start where other machines could reach it', async () => {
    for (const args of [['--listen', '0.0.0.0:0'], ['--public-url', 'http://mcp.example.com']]) {
      const home = tempDir();
      const end = await runToEnd(gatehousePath, ['--auth', 'none', ...args], { env: cleanEnv({ HOME: home, XDG_STATE_HOME: home }) });
      assert.equal(end.code, 78, end.stderr);
      assert.match(end.stderr, /--auth none/);
    }
  });
});
