// --keyring with a libsecret of the tests' own in the place of the real one.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { startBridge } from '../support/bridge.mjs';
import { startFake } from '../support/fake_server.mjs';
import { bridgePath, cleanEnv, runToEnd, sleep, tempDir } from '../support/programs.mjs';
import { begin } from '../support/raw_server.mjs';

describe('--keyring', () => {
  const fakeLibrary = path.join(path.dirname(bridgePath), 'tests/libsecret');
  const env = (folder, mode = '') => ({ LD_LIBRARY_PATH: fakeLibrary, FAKE_SECRET_DIR: folder, FAKE_SECRET_MODE: mode });
  const files = (folder) => execFileSync('find', [folder, '-type', 'f', '-size', '+0', '!', '-name', '*.lock'], { encoding: 'utf8' }).split('\n').filter(Boolean);
  const signIn = async (fake, { stateDir, ...rest }) => {
    const end = await runToEnd(bridgePath, ['login', '--keyring', '--browser', 'curl -sL -o /dev/null', '--state-dir', stateDir, fake.mcp], { env: cleanEnv({ HOME: tempDir(), ...rest }), input: '' });
    assert.equal(end.code, 0, end.stderr);
    return end;
  };
  const withTokens = (folder) => files(folder).filter((file) => readFileSync(file, 'utf8').includes('refresh-'));

  test('the tokens are in the keyring and in no file; the next start finds them there', async () => {
    const fake = await startFake();
    const [secrets, stateDir] = [tempDir(), tempDir()];
    await signIn(fake, { stateDir, ...env(secrets) });
    assert.equal(withTokens(secrets).length, 1);
    assert.equal(withTokens(stateDir).length, 0);
    const posts = fake.requests('/token').length;
    const bridge = await begin(fake.mcp, { stateDir, args: ['--keyring'], env: env(secrets) });
    assert.ok(bridge.opened.result);
    assert.equal(fake.requests('/token').length, posts);
    await bridge.stop();
    const end = await runToEnd(bridgePath, ['logout', '--keyring', '--state-dir', stateDir, fake.mcp], { env: cleanEnv({ HOME: tempDir(), ...env(secrets) }) });
    assert.equal(end.code, 0, end.stderr);
    assert.equal(withTokens(secrets).length, 0);
    await fake.stop();
  });
  test('without a Secret Service, or without libsecret, the file is used and that is said', async () => {
    const fake = await startFake();
    const empty = tempDir();
    writeFileSync(path.join(empty, 'libsecret-1.so.0'), 'not a library');
    for (const broken of [env(tempDir(), 'refuse'), { LD_LIBRARY_PATH: empty }]) {
      const stateDir = tempDir();
      const end = await signIn(fake, { stateDir, ...broken });
      assert.match(end.stderr, /kept in a file/);
      assert.equal(withTokens(stateDir).length, 1);
    }
    await fake.stop();
  });
  test('a login that was kept in a file moves into the keyring with the next tokens', async () => {
    const fake = await startFake({ token: (form, self) => ({ json: { access_token: `token-${++self.tokens}`, token_type: 'Bearer', expires_in: 1, refresh_token: `refresh-${self.tokens}` } }) });
    const [secrets, stateDir] = [tempDir(), tempDir()];
    await signIn(fake, { stateDir, ...env(secrets, 'refuse') });
    assert.equal(withTokens(stateDir).length, 1);
    await sleep(1100);
    const bridge = await begin(fake.mcp, { stateDir, args: ['--keyring'], env: env(secrets) });
    assert.ok(bridge.opened.result);
    await bridge.stop();
    assert.equal(withTokens(stateDir).length, 0);
    assert.equal(withTokens(secrets).length, 1);
    await fake.stop();
  });
  test('a keyring that does not answer is waited for once, for three seconds', async () => {
    const fake = await startFake();
    for (const mode of ['hang', 'stuck']) {
      const began = Date.now();
      const bridge = startBridge(fake.mcp, { args: ['--keyring', '--browser', 'curl -sL -o /dev/null'], env: env(tempDir(), mode) });
      bridge.send({ jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } } });
      assert.ok((await bridge.reply(1, 20_000)).result, bridge.stderr());
      assert.ok(Date.now() - began < 6000, `${Date.now() - began} ms`);
      assert.match(bridge.stderr(), /is it locked/);
      await bridge.stop();
    }
    await fake.stop();
  });
  test('SIGTERM is not kept waiting by it', async () => {
    const bridge = startBridge('http://127.0.0.1:9/mcp', { args: ['--keyring'], env: env(tempDir(), 'stuck') });
    await sleep(500);
    const began = Date.now();
    bridge.child.kill('SIGTERM');
    await bridge.exited;
    assert.ok(Date.now() - began < 1000, `${Date.now() - began} ms`);
  });
});
