// The bridge's whole life at every log level, with a server that repeats in its errors what it was sent: no
// token, code, verifier or secret is printed.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { startBridge } from '../support/bridge.mjs';
import { startFake } from '../support/fake_server.mjs';
import { bridgePath, cleanEnv, runToEnd, tempDir } from '../support/programs.mjs';

const secret = (name) => `geheim-${name}-${Math.random().toString(36).slice(2)}`;
const secretFile = (text) => {
  const file = path.join(tempDir(), 'secret');
  writeFileSync(file, text, { mode: 0o600 });
  return file;
};

// A server whose tokens are all its own, and which knows every secret of the story.
async function startTeller({ echo = false } = {}) {
  const known = [];
  const tell = (name) => { const value = secret(name); known.push(value); return value; };
  const state = { known, good: undefined, refuse: false };
  const fake = await startFake({
    metadata: (document) => ({ ...document, token_endpoint_auth_methods_supported: ['client_secret_post'], revocation_endpoint: `${document.issuer}/revoke` }),
    other: (url) => (url.pathname === '/revoke' ? { status: 200 } : undefined),
    register: (body) => ({ status: 201, json: { ...body, client_id: 'the-client', client_secret: tell('client-secret'), token_endpoint_auth_method: 'client_secret_post' } }),
    authorize: (query, one) => ({ status: 302, headers: { Location: `${query.redirect_uri}?${new URLSearchParams({ code: tell('code'), state: query.state, iss: one.url })}` } }),
    token: (form, one) => {
      known.push(...[form.code_verifier, form.client_secret].filter(Boolean));
      if (state.refuse) return { status: 400, json: { error: 'invalid_grant', error_description: echo ? `not good: ${JSON.stringify(form)}` : 'no' } };
      state.good = tell('access');
      one.accepted = new Set([state.good]);
      return { json: { access_token: state.good, token_type: 'Bearer', expires_in: 600, refresh_token: tell('refresh'), scope: 'mcp' } };
    },
    mcp: (incoming, body, one) => {
      const token = /^Bearer (.*)$/.exec(incoming.headers.authorization ?? '')?.[1];
      if (!echo || one.accepted.has(token) || !token) return undefined;
      return { status: 401, headers: { 'WWW-Authenticate': `Bearer error="invalid_token", error_description="${token} is not known", resource_metadata="${one.url}/.well-known/oauth-protected-resource/mcp"` }, json: { error: `what is ${token}?` } };
    },
  });
  return { fake, state };
}

for (const [level, format] of [['error', 'text'], ['warn', 'text'], ['info', 'text'], ['debug', 'text'], ['debug', 'json']]) {
  for (const echo of [false, true]) {
    test(`--log-level ${level} --log-format ${format}${echo ? ', with a server that repeats what it was sent' : ''}`, async () => {
      const { fake, state } = await startTeller({ echo });
      const stateDir = tempDir();
      const options = ['--log-level', level, '--log-format', format, '--state-dir', stateDir, '--browser', 'curl -sL -o /dev/null'];
      const printed = [];
      const command = async (...words) => {
        const done = await runToEnd(bridgePath, [...words, ...options, fake.mcp], { env: cleanEnv({ HOME: tempDir() }) });
        printed.push(done.stdout, done.stderr);
        return done;
      };
      const bridge = startBridge(fake.mcp, { args: options, stateDir });
      await bridge.initialize();
      assert.ok((await bridge.call('tools/list')).result, bridge.stderr());
      fake.accepted.clear(); // a refresh
      assert.ok((await bridge.call('tools/list')).result, bridge.stderr());
      fake.accepted.clear(); // a refresh that is refused, a login that is refused
      state.refuse = true;
      assert.ok((await bridge.call('tools/list')).error);
      state.refuse = false;
      await bridge.stop();
      printed.push(bridge.stdout(), bridge.stderr());
      assert.equal((await command('login')).code, 0, printed.at(-1));
      await command('status');
      await command('check');
      state.refuse = true;
      fake.accepted.clear();
      await command('check');
      await command('logout');
      state.refuse = false;
      const machine = await runToEnd(bridgePath, ['check', ...options.slice(0, 4), '--state-dir', tempDir(), '--client-credentials', '--client-id', 'robot', '--client-secret-file', secretFile(state.known[0]), fake.mcp], { env: cleanEnv({ HOME: tempDir() }) });
      printed.push(machine.stdout, machine.stderr);
      const all = printed.join('\n');
      assert.ok(state.known.length >= 10, `${state.known.length} secrets`);
      for (const value of new Set(state.known)) assert.ok(!all.includes(value), `${value}: ${all.slice(Math.max(0, all.indexOf(value) - 200), all.indexOf(value) + 100)}`);
      await fake.stop();
    });
  }
}

describe('settings', () => {
  test('--print-config masks what is secret', async () => {
    const value = secret('client');
    for (const args of [['--client-secret-file', secretFile(value), '--client-id', 'x'], ['--static-oauth-client-info', JSON.stringify({ client_id: 'x', client_secret: value })]]) {
      const { code, stdout, stderr } = await runToEnd(bridgePath, [...args, '--print-config', 'https://x.example/mcp'], { env: cleanEnv({ HOME: tempDir() }) });
      assert.equal(code, 0, stderr);
      assert.ok(!(stdout + stderr).includes(value));
    }
  });
});
