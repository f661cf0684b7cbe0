// Plugins that hang, or answer nonsense: one call fails, and the server goes on.
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { get } from '../support/http.mjs';
import { legacy, modern, modernRequest, post } from '../support/mcp.mjs';
import { cleanEnv, fixturePath, gatehousePath, root, runToEnd, sanitized, sleep, startGatehouse, tempDir, until } from '../support/programs.mjs';
import { openStream } from '../support/sse.mjs';

const folder = tempDir();
const faults = path.join(folder, 'faults.so');
const server = { current: undefined };
async function compile(target, ...flags) {
  const built = await runToEnd('cc', ['-shared', '-fPIC', `-I${root}/include`, '-o', target, ...flags, path.join(root, 'tests/integration/plugins/faults.c'), '-lm'], { timeout: 60_000 });
  assert.equal(built.code, 0, built.stderr);
}
const startOpen = (...args) => startGatehouse({ auth: 'none', args: ['--store', 'memory', ...args] });
const call = (name, args = {}, to = server.current) => modern(to, undefined, 'tools/call', { name, arguments: args });
before(() => compile(faults));

describe('nonsense', () => {
  before(async () => { server.current = await startOpen('--plugin', faults); });
  after(() => server.current?.stop());

  for (const how of ['returns 7', 'text NULL', 'text not UTF-8', 'block of no type', 'block without its text', 'block that is no object',
    'two blocks in one', 'meta that is no object', 'meta that ends its object', 'structured that ends its object', 'a prompt\'s message',
    'a completion', 'a reserved error code', 'error data that is no JSON', 'state too large']) {
    test(`${how}: -32603 without details`, async () => {
      const reply = await call('fault', { how });
      assert.equal(reply.message?.error?.code, -32603, reply.text);
      assert.doesNotMatch(reply.text, /banana|faults\.so|isError/);
      await until(() => /Tool fault of \S*faults\.so/.test(server.current.stderr()), 'a line in the log');
      assert.equal((await call('sayHello')).status, 200);
    });
  }

  test('what is said while it works is dropped when it is nonsense', async () => {
    const stream = await openStream(server.current.mcp, { method: 'POST', ...modernRequest(undefined, 'tools/call', { name: 'fault', arguments: { how: 'while working' } }, { meta: { progressToken: 1, 'io.modelcontextprotocol/logLevel': 'debug' } }) });
    await stream.end;
    const heard = stream.messages().filter((message) => message.method === 'notifications/progress').map((message) => message.params.progress);
    assert.equal(heard[0], 2);
    assert.equal(heard.at(-1), 5);
    assert.deepEqual([...heard].sort((a, b) => a - b), heard, 'progress only grows');
    assert.equal(stream.messages().at(-1).result.content[0].text, 'survived');
    const session = await legacy(server.current, undefined, '2025-06-18'); // which is not let go
    assert.match((await session.call('tools/call', { name: 'fault', arguments: { how: 'while working' } })).text, /survived/);
  });

  test('it cannot ask for what no client answers, nor touch what is not its own', async () => {
    for (const how of ['asks what nobody answers', 'asks without JSON']) {
      const reply = await call('fault', { how });
      assert.ok(reply.message.error?.code === -32603 || reply.message.result?.content[0].text === 'refused', `${how}: ${reply.text}`);
    }
    for (const how of ['adds what is there', 'takes away what is not its own']) {
      assert.equal((await call('fault', { how })).message.result.content[0].text, 'refused', how);
    }
    assert.match((await call('sayHello')).message.result.content[0].text, /Hello/);
  });

  test('structured content that its schema does not allow, or that is missing: -32603', async () => {
    for (const args of [{}, { how: '{}' }, { how: '{"n":"1"}' }, { how: '[]' }, { how: 'null' }, { how: '{"n":1.5}' }]) {
      assert.equal((await call('wrong_shape', args)).message.error?.code, -32603, JSON.stringify(args));
    }
    assert.deepEqual((await call('wrong_shape', { how: '{"n":1}' })).message.result.structuredContent, { n: 1 });
  });

  test('nothing where there should be something, and too much', async () => {
    const nothing = await modern(server.current, undefined, 'resources/read', { uri: 'fault://nothing' });
    assert.ok(nothing.message.error?.code === -32603 || nothing.message.result.contents.length === 0, nothing.text);
    const messages = await modern(server.current, undefined, 'prompts/get', { name: 'nothing' });
    assert.ok(messages.message.error?.code === -32603 || messages.message.result.messages.length === 0, messages.text);
    const many = await modern(server.current, undefined, 'completion/complete', { ref: { type: 'ref/prompt', name: 'nothing' }, argument: { name: 'a', value: '' } });
    assert.equal(many.message.result.completion.values.length, 100);
    assert.equal(many.message.result.completion.hasMore, true);
  });
});

describe('a plugin that hangs', () => {
  test('loses its call at the deadline, while others are served', async () => {
    const mine = await startOpen('--plugin', faults, '--plugin', fixturePath);
    const began = Date.now();
    const hanging = Array.from({ length: 8 }, () => call('block', { ms: 4000 }, mine));
    await sleep(50);
    for (let i = 0; i < 20; i++) {
      const since = Date.now();
      assert.equal((await call(i % 2 ? 'sayHello' : 'test_multiple_content_types', {}, mine)).status, 200);
      assert.ok(Date.now() - since < 1000, 'others are served at once');
    }
    for (const reply of await Promise.all(hanging)) assert.equal(reply.message.error?.code, -32603, reply.text);
    assert.ok(Date.now() - began < 3500, 'nobody waits for the end of it');
    assert.match((await call('block', { ms: 10 }, mine)).text, /Done at last/);
    await mine.stop();
  });

  test('a session hears of it as well', async () => {
    const mine = await startOpen('--plugin', faults);
    const session = await legacy(mine, undefined);
    const reply = await session.call('tools/call', { name: 'block', arguments: { ms: 2000 } });
    assert.equal(reply.message.error?.code, -32603, reply.text);
    await mine.stop();
  });

  test('--call-timeout holds for tools without a time of their own', async () => {
    const mine = await startOpen('--plugin', fixturePath, '--call-timeout', '500ms');
    const began = Date.now();
    const reply = await call('test_cancellation', { ms: 10_000, label: 'slow' }, mine);
    assert.equal(reply.message.error?.code, -32603, reply.text);
    assert.ok(Date.now() - began < 3000);
    await until(() => mine.stderr().includes('test_cancellation slow: cancelled'), 'the handler to hear of it');
    await mine.stop();
  });

  test('more calls than threads and queue: refused, not lost; then served again', async () => {
    const mine = await startOpen('--plugin', faults, '--call-threads', '2', '--call-queue', '2');
    const replies = await Promise.all(Array.from({ length: 12 }, () => call('block', { ms: 1000 }, mine)));
    for (const reply of replies) assert.ok(reply.message?.error && [200, 500, 503].includes(reply.status), `${reply.status} ${reply.text}`);
    assert.ok(replies.some((reply) => reply.status === 503), 'some were refused');
    assert.equal((await get(`${mine.url}/healthz`)).status, 200);
    await until(async () => (await call('block', { ms: 1 }, mine)).message.result, 'a call that is served', 8000);
    await mine.stop();
  });

  test('does not keep the server from stopping', async () => {
    const mine = await startOpen('--plugin', faults, '--drain-timeout', '1s');
    const hanging = call('block', { ms: 60_000 }, mine);
    await hanging;
    const began = Date.now();
    mine.kill('SIGTERM');
    const how = await mine.exited;
    assert.equal(how.code, 0, JSON.stringify(how) + mine.stderr());
    assert.ok(Date.now() - began < 6000);
  });
});

describe('what the log says', () => {
  test('of a call that comes back too late, and of one that never got a thread', async () => {
    const mine = await startOpen('--plugin', faults, '--call-threads', '1');
    await call('block', { ms: 900 }, mine);
    await until(() => /Tool block of \S*faults\.so returned after (0\.9|1\.\d) s, too late/.test(mine.stderr()), 'the late return', 5000);
    await mine.stop();
    const busy = await startOpen('--plugin', faults, '--plugin', fixturePath, '--call-threads', '1', '--call-timeout', '2s');
    const first = call('test_cancellation', { ms: 1500, label: 'long' }, busy);
    await until(() => busy.stderr().includes('test_cancellation long'), 'the first call', 5000).catch(() => {});
    const second = await call('block', { ms: 1 }, busy);
    assert.equal(second.message.error?.code, -32603, second.text);
    assert.match(second.message.error.message, /waited 0\.3 s for a free thread/);
    await until(() => /Tool block of \S*faults\.so was not called: it waited 0\.3 s for a free thread \(--call-threads\)/.test(busy.stderr()), 'a line in the log');
    await first;
    await busy.stop();
  });

  test('of a handler that asks without an end', async () => {
    const mine = await startOpen('--plugin', faults);
    const session = await legacy(mine, undefined, '2025-11-25', { roots: {} });
    const stream = await openStream(mine.mcp, { method: 'POST', headers: session.headers, body: { jsonrpc: '2.0', id: 'it', method: 'tools/call', params: { name: 'insatiable' } } });
    for (let i = 0; i < 64; i++) {
      await until(() => stream.messages().filter((message) => message.method === 'roots/list').length > i, `question ${i + 1}`, 5000);
      const asked = stream.messages().filter((message) => message.method === 'roots/list')[i];
      await post(mine, undefined, { jsonrpc: '2.0', id: asked.id, result: { roots: [] } }, session.headers);
    }
    await stream.end;
    assert.equal(stream.messages().at(-1).error?.code, -32603);
    await until(() => /Tool insatiable of \S*faults\.so asked 64 times without an end/.test(mine.stderr()), 'a line in the log');
    await mine.stop();
  });

  test('of what is called, at the level debug', async () => {
    const mine = await startOpen('--plugin', faults, '--log-level', 'debug');
    await call('sayHello', {}, mine);
    const session = await legacy(mine, undefined);
    await session.call('tools/call', { name: 'no\nsuch tool' });
    await modern(mine, undefined, 'resources/read', { uri: 'fault://nothing?secret=1' });
    await until(() => /RESPONSE\].*resources\/read/.test(mine.stderr()), 'the lines');
    assert.match(mine.stderr(), /\[REQUEST\] Session: - \| Method: tools\/call \| Target: sayHello\n/);
    assert.match(mine.stderr(), /\[RESPONSE\] Session: - \| Method: tools\/call \| Target: sayHello \| Status: OK/);
    assert.doesNotMatch(mine.stderr(), /^such tool/m, 'a line stays one line');
    assert.match(mine.stderr(), /Target: fault:\/\/nothing…/);
    assert.doesNotMatch(mine.stderr(), /secret=1/);
    await mine.stop();
  });

  test('of a client that leaves', async () => {
    const mine = await startOpen('--plugin', fixturePath);
    const leaving = new AbortController();
    const { headers, body } = modernRequest(undefined, 'tools/call', { name: 'test_cancellation', arguments: { ms: 5000, label: 'left' } });
    const gone = fetch(mine.mcp, { method: 'POST', signal: leaving.signal, body: JSON.stringify(body), headers: { ...headers, 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream' } });
    await sleep(300);
    leaving.abort();
    await assert.rejects(gone);
    await until(() => /Status: 499 .*Note: client left/.test(mine.stderr()), () => mine.stderr(), 5000);
    assert.doesNotMatch(mine.stderr(), /Status: 500/);
    await mine.stop();
  });
});

describe('a plugin that ends the process', { skip: sanitized }, () => {
  const SIGNALS = { memory: 'SIGSEGV', stack: 'SIGSEGV', abort: 'SIGABRT', number: 'SIGFPE' };
  for (const [tool, ways] of [['crash', Object.keys(SIGNALS)], ['crash_quick', ['memory', 'stack']]]) {
    for (const how of ways) {
      test(`${how}: the log names the tool ${tool}`, async () => {
        const mine = await startOpen('--plugin', faults);
        await call(tool, { how }, mine).catch(() => {});
        assert.deepEqual(await mine.exited, { code: null, signal: SIGNALS[how] });
        assert.match(mine.stderr(), new RegExp(`^gatehouse: crashed in Tool ${tool} of \\S*faults\\.so$`, 'm'));
        assert.match(mine.stderr(), /Method: tools\/call/, 'what was logged before is there');
      });
    }
  }
  test('exit: the same, with its code', async () => {
    const mine = await startOpen('--plugin', faults);
    await call('crash', { how: 'exit' }, mine).catch(() => {});
    assert.deepEqual(await mine.exited, { code: 3, signal: null });
    assert.match(mine.stderr(), /^gatehouse: a plugin ended the process: Tool crash of \S*faults\.so$/m);
  });
  test('in its init', async () => {
    for (const [how, pattern] of [['memory', /^gatehouse: crashed in the start of plugin \S*faults\.so$/m], ['stack', /crashed in the start of plugin/], ['exit', /^gatehouse: a plugin ended the process: the start of plugin \S*faults\.so$/m]]) {
      const end = await runToEnd(gatehousePath, ['--auth', 'none', '--listen', '127.0.0.1:0', '--store', 'memory', '--plugin', faults], { env: cleanEnv({ HOME: tempDir(), PLUGIN_CRASH: how }) });
      assert.notEqual(end.code, 0);
      assert.match(end.stderr, pattern);
    }
  });
  test('a crash of the server itself blames no plugin', async () => {
    const mine = await startOpen('--plugin', faults);
    mine.kill('SIGSEGV');
    assert.deepEqual(await mine.exited, { code: null, signal: 'SIGSEGV' });
    assert.match(mine.stderr(), /^gatehouse: crashed outside of plugins$/m);
  });
});

describe('a plugin that cannot be used', () => {
  const refused = async (args, pattern) => {
    const end = await runToEnd(gatehousePath, ['--auth', 'none', '--listen', '127.0.0.1:0', '--store', 'memory', ...args], { env: cleanEnv({ HOME: tempDir() }), cwd: folder });
    assert.equal(end.code, 78, JSON.stringify(end));
    assert.match(end.stderr, pattern);
    assert.doesNotMatch(end.stderr, /listening on/);
  };
  test('missing', () => refused(['--plugin', './none.so'], /none\.so/));
  test('of another version', async () => {
    const other = path.join(folder, 'other.so');
    await compile(other, '-DABI=99');
    await refused(['--plugin', other], /other\.so.*version 99/);
  });
  test('no shared object', async () => {
    writeFileSync(path.join(folder, 'text.so'), 'not an object file');
    await refused(['--plugin', './text.so'], /text\.so/);
  });
  test('twice the same tools', () => refused(['--plugin', faults, '--plugin', (copyFileSync(faults, path.join(folder, 'again.so')), path.join(folder, 'again.so'))], /block/));
  test('in a folder', async () => {
    const plugins = path.join(folder, 'plugins');
    mkdirSync(plugins);
    copyFileSync(faults, path.join(plugins, 'b.so'));
    copyFileSync(fixturePath, path.join(plugins, 'a.so'));
    writeFileSync(path.join(plugins, 'README'), 'not a plugin');
    const mine = await startOpen('--plugin-dir', plugins);
    const names = (await modern(mine, undefined, 'tools/list')).message.result.tools.map((tool) => tool.name);
    assert.ok(names.indexOf('test_simple_text') > 0 && names.indexOf('test_simple_text') < names.indexOf('block'), 'by name');
    await mine.stop();
    writeFileSync(path.join(plugins, 'c.so'), 'not an object file');
    await refused(['--plugin-dir', plugins], /c\.so/);
    await refused(['--plugin-dir', path.join(folder, 'none')], /none/);
  });
});
