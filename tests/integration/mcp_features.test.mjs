// Everything that the fixture plugin has, listed and called by the official clients over HTTP, and through the
// bridge.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startBridge, signInThrough, signInUrl } from '../support/bridge.mjs';
import { kinds, openClient } from '../support/clients.mjs';
import { signIn } from '../support/oauth.mjs';
import { bridgePath, cleanEnv, fixturePath, startGatehouse, tempDir, until } from '../support/programs.mjs';

const INSTRUCTIONS = 'Ask the fixture for \u{1F4A1}.';
let server;
let token;
before(async () => {
  server = await startGatehouse({ args: ['--plugin', fixturePath, '--store', 'memory', '--instructions', INSTRUCTIONS, '--page-size', '7'] });
  token = (await signIn(server)).tokens.access_token;
});
after(() => server?.stop());

const text = (result) => result.content[0].text;
// All pages, each asked for with the cursor of the one before.
async function pages(list) {
  const found = [];
  let cursor = '';
  do {
    const page = await list(cursor ? { cursor } : undefined);
    found.push(page);
    cursor = page.nextCursor;
  } while (cursor && found.length < 100);
  return found;
}

// `mirrors`: the client, or what it speaks through, repeats arguments in headers.
function features(open, { mirrors = true } = {}) {
  let it;
  before(async () => { it = await open(); });
  after(() => it?.close());

  test('what the server says of itself', () => {
    const capabilities = it.client.getServerCapabilities();
    assert.deepEqual([capabilities.tools, capabilities.prompts, capabilities.resources],
      [{ listChanged: true }, { listChanged: true }, { listChanged: true, subscribe: true }]);
    assert.ok(capabilities.logging && capabilities.completions);
    assert.equal(capabilities.tasks, undefined);
    assert.equal(it.client.getInstructions(), INSTRUCTIONS);
    assert.equal(it.client.getServerVersion().name, 'gatehouse');
  });

  test('lists, page by page and whole', async () => {
    const raw = (method, key) => pages((params) => it.client.request({ method, ...(params && { params }) }, { parse: (value) => value, safeParse: (value) => ({ success: true, data: value }), '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } })).then((all) => all.map((page) => page[key]));
    const tools = await raw('tools/list', 'tools');
    assert.ok(tools.length > 5 && tools.slice(0, -1).every((page) => page.length === 7), `pages of ${tools.map((page) => page.length)}`);
    const names = tools.flat().map((item) => item.name);
    assert.equal(names[0], 'sayHello');
    assert.equal(new Set(names).size, names.length);
    for (const name of ['test_simple_text', 'greet', 'slow_compute', 'test_input_required_result_multi_round', 'test_update_resource']) assert.ok(names.includes(name), name);
    const simple = tools.flat().find((item) => item.name === 'test_simple_text');
    assert.equal(simple.title, 'Simple text');
    assert.deepEqual(simple.annotations, { readOnlyHint: true, idempotentHint: true, openWorldHint: false });
    assert.equal(simple.icons[0].src, 'https://example.org/icon.png');
    assert.equal(simple._meta['example.org/kind'], 'text');
    assert.deepEqual((await raw('resources/list', 'resources')).flat().map((item) => item.uri), ['test://static-text', 'test://static-binary', 'test://watched-resource', 'test://folder', 'test://guarded']);
    assert.deepEqual((await raw('resources/templates/list', 'resourceTemplates')).flat().map((item) => item.uriTemplate), ['test://template/{id}/data']);
    assert.equal((await raw('prompts/list', 'prompts')).flat().length, 6);
    const first = (await it.client.listResources()).resources[0];
    assert.deepEqual([first.title, first.size, first.annotations.priority], ['Static text', 48, 0.8]);
  });

  test('every kind of content', async () => {
    assert.equal(text(await it.call('test_simple_text')), 'This is a simple text response for testing.');
    const [image] = (await it.call('test_image_content')).content;
    assert.deepEqual([image.type, image.mimeType, Buffer.from(image.data, 'base64').subarray(1, 4).toString()], ['image', 'image/png', 'PNG']);
    const [audio] = (await it.call('test_audio_content')).content;
    assert.deepEqual([audio.type, audio.mimeType, Buffer.from(audio.data, 'base64').subarray(0, 4).toString()], ['audio', 'audio/wav', 'RIFF']);
    const [embedded] = (await it.call('test_embedded_resource')).content;
    assert.deepEqual(embedded.resource, { uri: 'test://embedded-resource', mimeType: 'text/plain', text: 'This is an embedded resource content.' });
    assert.deepEqual((await it.call('test_multiple_content_types')).content.map((block) => block.type), ['text', 'image', 'resource']);
    const links = await it.call('test_resource_link');
    assert.deepEqual(links.content.map((block) => block.type), ['resource_link', 'resource', 'text']);
    assert.equal(links.content[2].annotations.priority, 0.5);
    assert.equal(links._meta['example.org/kind'], 'links');
    const structured = await it.call('test_structured_content');
    assert.deepEqual(structured.structuredContent, { temperature: 22.5, conditions: ['dry', 'windy'] });
    assert.deepEqual(JSON.parse(text(structured)), structured.structuredContent);
    assert.equal(text(await it.call('greet', { name: 'J\u00f6rg "<\u{1F600}>' })), 'Hello, J\u00f6rg "<\u{1F600}>!');
  });

  test('errors: the tool\'s, wrong arguments, the plugin\'s own, no such tool', async () => {
    const failed = await it.call('test_error_handling');
    assert.deepEqual([failed.isError, text(failed)], [true, 'This tool intentionally returns an error for testing']);
    const wrong = await it.call('greet', { name: 5 });
    assert.equal(wrong.isError, true);
    assert.match(text(wrong), /name/);
    await assert.rejects(it.call('test_protocol_error'), (error) => error.code === 42 && error.message.includes('The answer.'));
    await assert.rejects(it.call('no_such_tool'), (error) => error.code === -32602);
  });

  if (mirrors) test('arguments that go into headers', async () => {
    await it.client.listTools();
    const args = { region: 'eu \u00fc', priority: 3, verbose: false, where: { city: ' K\u00f6ln ' } };
    assert.deepEqual(JSON.parse(text(await it.call('test_custom_headers', args))), args);
  });

  test('a schema of 2020-12', async () => {
    const form = { name: 'Ada', contactMethod: 'phone', phone: '1', address: { city: 'x' } };
    assert.deepEqual(JSON.parse(text(await it.call('json_schema_2020_12_tool', form))), form);
    assert.equal((await it.call('json_schema_2020_12_tool', { contactMethod: 'phone', email: 'a' })).isError, true);
  });

  test('progress', async () => {
    const seen = [];
    await it.call('test_tool_with_progress', {}, { onprogress: (progress) => seen.push(progress) });
    assert.deepEqual(seen.map(({ progress, total }) => [progress, total]), [[0, 100], [50, 100], [100, 100]]);
    assert.equal(seen[1].message, 'Half of it');
  });

  test('logging, from the level that the client wants', async () => {
    const level = async (wanted) => {
      it.heard.length = 0;
      if (it.modern) await it.call('test_logging_tool', {}, undefined, { 'io.modelcontextprotocol/logLevel': wanted });
      else {
        await it.client.setLoggingLevel(wanted);
        await it.call('test_logging_tool');
      }
      return it.heard.filter((message) => message.method === 'notifications/message').map((message) => message.params);
    };
    assert.deepEqual((await level('warning')).map((params) => params.level), ['warning', 'error', 'critical', 'alert', 'emergency']);
    const all = await level('debug');
    assert.equal(all.length, 8);
    assert.deepEqual([all[0].logger, all[0].data], ['fixture', { level: 0 }]);
    if (it.modern) {
      it.heard.length = 0;
      await it.call('test_logging_tool');
      assert.deepEqual(it.heard, [], 'none unless asked for');
    }
  });

  test('cancellation', async () => {
    const label = `features-${Math.random()}`;
    const stop = new AbortController();
    const call = it.call('test_cancellation', { ms: 30_000, label }, { signal: stop.signal });
    await until(() => server.stderr().includes(`${label}: started`), 'the start');
    stop.abort('enough');
    await assert.rejects(call);
    await until(() => server.stderr().includes(`${label}: cancelled`), 'the cancellation');
  });

  test('elicitation, sampling and roots', async () => {
    it.asked.length = 0;
    assert.match(text(await it.call('test_elicitation', { message: 'Who are "you"?' })), /"username":"ada".*"email":"ada@example\.com"/s);
    assert.equal(it.asked[0].params.message, 'Who are "you"?');
    assert.equal(text(await it.call('test_sampling', { prompt: 'Capital?' })), 'LLM response: Paris.');
    assert.equal(it.asked[1].params.messages[0].content.text, 'Capital?');
    assert.match(text(await it.call('test_list_roots')), /file:\/\/\/project/);
    assert.match(text(await it.call('test_elicitation_sep1034_defaults')), /^Elicitation completed: action=accept, .*36/);
    assert.equal(text(await it.call('test_input_required_result_multi_round')), 'Ada likes blue.');
    assert.match(text(await it.call('test_input_required_result_multiple_inputs')), /^Paris\. Ada, your roots: /);
    assert.equal(text(await it.call('test_input_required_result_request_state')), 'state-ok');
    assert.equal(text(await it.call('test_streaming_elicitation')), 'Hello, Ada!');
    assert.equal(text(await it.call('confirm_delete', { filename: 'x"y' })), 'Deleted x"y.');
  });

  test('resources', async () => {
    const read = async (uri) => (await it.client.readResource({ uri })).contents;
    assert.deepEqual(await read('test://static-text'), [{ uri: 'test://static-text', mimeType: 'text/plain', text: 'This is the content of the static text resource.' }]);
    assert.match((await read('test://static-binary'))[0].blob, /^iVBORw0KGgo/);
    assert.deepEqual((await read('test://folder')).map((content) => content.uri), ['test://folder/a.txt', 'test://folder/b.png']);
    assert.equal(JSON.parse((await read('test://template/a%20%22b%C3%BC/data'))[0].text).id, 'a "b\u00fc');
    assert.equal((await read('test://guarded'))[0].text, 'Ada');
    for (const uri of ['test://none', 'test://template/a/b/data', 'test://template/missing/data', 'test://template//data']) {
      await assert.rejects(it.client.readResource({ uri }), (error) => [-32602, -32002].includes(error.code), uri);
    }
  });

  test('prompts and completion', async () => {
    const get = async (name, args) => (await it.client.getPrompt({ name, ...(args && { arguments: args }) }));
    const both = await get('test_prompt_with_arguments', { arg1: 'a', arg2: '"b"' });
    assert.deepEqual(both.messages, [{ role: 'user', content: { type: 'text', text: 'Prompt with arguments: arg1=\'a\', arg2=\'"b"\'' } }]);
    assert.equal(both.description, 'With both arguments');
    assert.equal((await get('test_prompt_with_embedded_resource', { resourceUri: 'test://x' })).messages[0].content.resource.uri, 'test://x');
    assert.equal((await get('test_prompt_with_image')).messages[0].content.type, 'image');
    assert.deepEqual((await get('test_prompt_conversation')).messages.map((message) => message.role), ['user', 'assistant']);
    assert.equal((await get('test_input_required_result_prompt')).messages[0].content.text, 'Use this context: a test');
    await assert.rejects(get('test_prompt_with_arguments', { arg1: 'a' }), (error) => error.code === -32602);
    await assert.rejects(get('none'), (error) => error.code === -32602);
    const complete = async (ref, name, value, context) => (await it.client.complete({ ref, argument: { name, value }, ...(context && { context: { arguments: context } }) })).completion;
    const prompt = { type: 'ref/prompt', name: 'test_prompt_with_arguments' };
    assert.deepEqual((await complete(prompt, 'arg1', 'par')).values, ['paris', 'park', 'party']);
    const second = await complete(prompt, 'arg2', '', { arg1: 'x' });
    assert.deepEqual([second.values, second.total, second.hasMore], [['x'], 150, true]);
    assert.deepEqual((await complete({ type: 'ref/resource', uri: 'test://template/{id}/data' }, 'id', '12')).values, ['12', '123']);
    assert.deepEqual((await complete({ type: 'ref/prompt', name: 'test_prompt_with_embedded_resource' }, 'resourceUri', 'x')).values, []);
    await assert.rejects(complete(prompt, 'arg3', ''), (error) => error.code === -32602);
    await assert.rejects(complete({ type: 'ref/prompt', name: 'none' }, 'x', ''), (error) => error.code === -32602);
  });

  test('changes are heard of', async () => {
    it.heard.length = 0;
    let listening;
    if (it.modern) {
      listening = await it.client.listen({ toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true, resourceSubscriptions: ['test://watched-resource'] });
      assert.deepEqual(listening.honoredFilter.resourceSubscriptions, ['test://watched-resource']);
    } else {
      assert.deepEqual(await it.client.subscribeResource({ uri: 'test://watched-resource' }), {});
    }
    const hears = (method) => until(() => it.methods().includes(method), () => `${method} among ${it.methods()}`);
    const before = (await it.client.readResource({ uri: 'test://watched-resource' }, { cacheMode: 'refresh' })).contents[0].text;
    await it.call('test_update_resource');
    await hears('notifications/resources/updated');
    assert.notEqual((await it.client.readResource({ uri: 'test://watched-resource' }, { cacheMode: 'refresh' })).contents[0].text, before);
    for (const [trigger, method] of [['tool', 'tools'], ['prompt', 'prompts'], ['resource', 'resources']]) {
      assert.equal(text(await it.call(`test_trigger_${trigger}_change`)), 'Added.');
      await hears(`notifications/${method}/list_changed`);
    }
    assert.equal(text(await it.call('test_added_tool')), 'I was not always here.');
    assert.equal((await it.client.readResource({ uri: 'test://added-resource' })).contents[0].text, 'I was not always here.');
    assert.equal((await it.client.getPrompt({ name: 'test_added_prompt' })).messages.length, 1);
    for (const trigger of ['tool', 'prompt', 'resource']) assert.equal(text(await it.call(`test_trigger_${trigger}_change`)), 'Removed.');
    await assert.rejects(it.call('test_added_tool'), (error) => error.code === -32602);
    if (listening) {
      await listening.close();
      assert.equal(await listening.closed, 'local');
    } else {
      assert.deepEqual(await it.client.unsubscribeResource({ uri: 'test://watched-resource' }), {});
    }
  });

  test('a tool for clients that know tasks', async () => {
    const call = it.call('failing_job');
    if (it.modern) await assert.rejects(call, (error) => error.code === -32021);
    else assert.equal((await call).isError, true, 'a session waits');
    assert.match(text(await it.call('slow_compute', { seconds: 0.1, label: 'x' })), /^Computed x/);
  });
}

for (const kind of Object.keys(kinds)) {
  describe(`${kind}, over HTTP`, () => features(() => openClient(kind, { url: server.mcp, token })));
}

describe('through the bridge', () => {
  let stateDir;
  before(async () => {
    const bridge = startBridge(server.mcp, { before: ['login'], args: ['--no-browser'] });
    await signInThrough(await signInUrl(bridge));
    assert.equal((await bridge.exited).code, 0, bridge.stderr());
    stateDir = bridge.stateDir;
  });
  for (const kind of Object.keys(kinds)) {
    describe(kind, () => features(() => openClient(kind, { command: bridgePath, args: ['--no-browser', '--state-dir', stateDir, server.mcp], env: cleanEnv({ HOME: tempDir() }) }), { mirrors: !kinds[kind].modern }));
  }
});

describe('all that is listed', () => {
  const capabilities = { elicitation: { form: {}, url: {} }, sampling: {}, roots: {} };
  const args = {
    greet: { name: 'Ada' }, json_schema_2020_12_tool: { contactMethod: 'phone', phone: '1' }, slow_compute: { seconds: 0.1, label: 'x' }, test_cancellation: { ms: 10 }, test_custom_headers: { region: 'eu' },
    test_elicitation: { message: 'Who?' }, test_many_events: { count: 3 }, test_reconnection: { ms: 50 }, test_sampling: { prompt: 'Capital?' },
  };
  const refused = { test_protocol_error: [42], protocol_error_job: [-32603], failing_job: [-32021], test_tool_with_task: [-32021] };
  for (const kind of Object.keys(kinds)) {
    test(`${kind}: every tool is called, every resource read, every prompt got`, async () => {
      const it = await openClient(kind, { url: server.mcp, token }, { capabilities });
      const all = async (list, key) => (await pages((params) => it.client[list](params))).flatMap((page) => page[key]);
      // Those that come and go have a test of their own.
      const tools = (await all('listTools', 'tools')).filter(({ name }) => !/^test_(trigger|added)_/.test(name));
      assert.ok(tools.length > 40, String(tools.length));
      for (const { name } of tools) {
        const outcome = await it.call(name, args[name]).catch((error) => error);
        if (outcome instanceof Error) assert.ok(refused[name]?.includes(outcome.code), `${name}: ${outcome.code} ${outcome.message}`);
        else assert.ok(Array.isArray(outcome.content) && (!outcome.isError || ['test_error_handling', 'failing_job'].includes(name)), `${name}: ${JSON.stringify(outcome)}`);
      }
      for (const { uri } of await all('listResources', 'resources')) assert.ok((await it.client.readResource({ uri })).contents.length > 0, uri);
      for (const { uriTemplate } of await all('listResourceTemplates', 'resourceTemplates')) {
        assert.equal((await it.client.readResource({ uri: uriTemplate.replace(/\{\w+\}/g, '7') })).contents.length, 1);
      }
      for (const { name, arguments: wanted = [] } of await all('listPrompts', 'prompts')) {
        const prompt = await it.client.getPrompt({ name, arguments: Object.fromEntries(wanted.map((one) => [one.name, 'test://x'])) });
        assert.ok(prompt.messages.length > 0, name);
      }
      await it.close();
    });
  }
});

describe('a page that the user has to visit', () => {
  for (const kind of Object.keys(kinds)) {
    test(kind, async () => {
      const it = await openClient(kind, { url: server.mcp, token }, { capabilities: { elicitation: { form: {}, url: {} } } });
      for (let i = 0; i < 2; i++) assert.match(text(await it.call('test_elicitation_url')), /action=accept/);
      const ids = it.asked.map(({ params }) => {
        assert.deepEqual([params.mode, params.url], ['url', 'https://example.org/confirm']);
        return params.elicitationId;
      });
      if (it.modern) assert.deepEqual(ids, [undefined, undefined]);
      else assert.ok(ids[0].length > 16 && ids[0] !== ids[1], ids.join());
      await it.close();
    });
  }
});

describe('a client that can do nothing', () => {
  for (const kind of Object.keys(kinds)) {
    test(kind, async () => {
      const it = await openClient(kind, { url: server.mcp, token }, { capabilities: {} });
      for (const [name, args, lacks] of [['test_sampling', { prompt: 'x' }, 'sampling'], ['test_elicitation', { message: 'x' }, 'elicitation'], ['test_list_roots', {}, 'roots']]) {
        const outcome = await it.call(name, args).then((result) => (result.isError ? text(result) : assert.fail(name)), (error) => {
          if (it.modern) assert.equal(error.code, -32021);
          return error.message + JSON.stringify(error.data ?? '');
        });
        assert.match(outcome, new RegExp(lacks));
      }
      await it.close();
    });
  }
});
