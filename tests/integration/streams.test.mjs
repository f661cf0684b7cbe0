// Streams as they are on the wire: who gets which events, what happens when a connection is cut, and when a
// stream ends.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { request } from '../support/http.mjs';
import { legacy, modern, modernRequest, post } from '../support/mcp.mjs';
import { signIn } from '../support/oauth.mjs';
import { fixturePath, sleep, startGatehouse, until } from '../support/programs.mjs';
import { bearer, openStream } from '../support/sse.mjs';

const SUBSCRIPTION = 'io.modelcontextprotocol/subscriptionId';
let server;
let token;
before(async () => {
  server = await startGatehouse({ args: ['--plugin', fixturePath, '--store', 'memory'] });
  token = (await signIn(server)).tokens.access_token;
});
after(() => server?.stop());

let labels = 0;
const newLabel = () => `label-${++labels}`;
const noted = (label, what) => server.stderr().includes(`test_cancellation ${label}: ${what}`);
const hasNoted = (label, what, ms = 5000) => until(() => noted(label, what), () => `${label} to be ${what}:\n${server.stderr().slice(-2000)}`, ms);
const tool = (name) => modern(server, token, 'tools/call', { name, arguments: {} });

async function openSession(version, capabilities) {
  const session = await legacy(server, token, version, capabilities);
  assert.equal((await session.notify('notifications/initialized')).status, 202);
  session.auth = { ...session.headers, ...bearer(token) };
  session.stream = (headers) => openStream(server.mcp, { headers: { ...session.auth, ...headers } });
  let id = 1000;
  session.start = (name, args, { progress, id: own = ++id } = {}) => openStream(server.mcp, {
    method: 'POST', headers: session.auth,
    body: { jsonrpc: '2.0', id: own, method: 'tools/call', params: { name, arguments: args, ...(progress !== undefined && { _meta: { progressToken: progress } }) } },
  });
  session.reply = (to, result) => post(server, token, { jsonrpc: '2.0', id: to, ...result }, session.headers);
  return session;
}
const isMethod = (method) => (event) => event.message?.method === method;
const isResponse = (event) => event.message && ('result' in event.message || 'error' in event.message);

describe('the stream of a session (GET)', () => {
  test('brings changed lists and updates of subscribed resources, and nothing else', async () => {
    const session = await openSession();
    const stream = await session.stream();
    assert.equal(stream.status, 200);
    assert.match(stream.headers['content-type'], /^text\/event-stream/);
    assert.match(stream.headers['cache-control'], /no-(cache|store)/);
    await tool('test_update_resource');
    assert.equal((await session.call('resources/subscribe', { uri: 'test://watched-resource' })).status, 200);
    await tool('test_update_resource');
    await stream.wait(isMethod('notifications/resources/updated'), 'the update');
    await tool('test_trigger_tool_change');
    await stream.wait(isMethod('notifications/tools/list_changed'), 'the changed list');
    assert.equal((await session.call('resources/unsubscribe', { uri: 'test://watched-resource' })).status, 200);
    await tool('test_update_resource');
    await tool('test_trigger_tool_change');
    await tool('test_trigger_prompt_change');
    await stream.wait(isMethod('notifications/prompts/list_changed'), 'the changed prompts');
    await tool('test_trigger_prompt_change');
    const methods = stream.messages().map((message) => message.method);
    assert.equal(methods.filter((method) => method === 'notifications/resources/updated').length, 1, methods.join());
    assert.deepEqual(stream.messages()[0], { jsonrpc: '2.0', method: 'notifications/resources/updated', params: { uri: 'test://watched-resource' } });
    assert.ok(stream.messages().every((message) => message.id === undefined && !message.params?._meta?.[SUBSCRIPTION]));
    stream.cut();
    await session.end();
  });

  test('goes on where it was cut', async () => {
    const session = await openSession();
    await session.call('resources/subscribe', { uri: 'test://watched-resource' });
    const stream = await session.stream();
    await tool('test_update_resource');
    const seen = await stream.wait(isMethod('notifications/resources/updated'), 'the update');
    assert.ok(seen.id);
    stream.cut();
    await sleep(100);
    await tool('test_update_resource');
    await tool('test_update_resource');
    const again = await session.stream({ 'Last-Event-ID': seen.id });
    assert.equal(again.status, 200);
    await until(() => again.messages().length === 2, 'what was missed');
    await tool('test_update_resource');
    await until(() => again.messages().length === 3, 'what is new');
    assert.equal(new Set([seen.id, ...again.events.filter((event) => event.message).map((event) => event.id)]).size, 4, 'each has an id of its own');
    again.cut();
    await session.end();
  });

  test('ends with the session', async () => {
    const session = await openSession();
    const stream = await session.stream();
    await session.end();
    assert.equal(await stream.end, 'complete');
  });

  test('needs a session, of the same person, and an Accept that allows it', async () => {
    const session = await openSession();
    const other = (await signIn(server, { answers: { name: 'Mallory', email: 'm@example.com' } })).tokens.access_token;
    const status = async (headers, method = 'GET') => (await request(server.mcp, { method, headers: { Accept: 'text/event-stream', ...headers } })).status;
    assert.equal(await status({ ...session.headers, ...bearer(other) }), 404);
    assert.equal(await status({ ...session.auth, 'Mcp-Session-Id': 'A'.repeat(43) }), 404);
    assert.equal(await status(bearer(token)), 405);
    assert.equal(await status({ ...session.auth, 'MCP-Protocol-Version': '2026-07-28' }), 405);
    assert.ok([405, 406].includes(await status({ ...session.auth, Accept: 'application/json' })));
    assert.equal(await status(session.headers), 401);
    const mine = await session.stream();
    assert.equal(mine.status, 200);
    mine.cut();
    await session.end();
  });
});

describe('the stream of a call in a session', () => {
  test('begins with an event to come back to, since 2025-11-25', async () => {
    for (const version of ['2025-11-25', '2025-06-18']) {
      const session = await openSession(version);
      const stream = await session.start('test_tool_with_progress', {}, { progress: 'p' });
      await stream.end;
      const [first] = stream.events;
      if (version === '2025-11-25') assert.deepEqual([first.data, Boolean(first.id)], ['', true], stream.text());
      else assert.ok(first.message, stream.text());
      assert.deepEqual(stream.messages().slice(0, -1).map((message) => message.params.progress), [0, 50, 100]);
      assert.ok(isResponse(stream.events.at(-1)));
      await session.end();
    }
  });

  test('goes on after a cut, from any event, to the response; nothing comes twice', async () => {
    const session = await openSession();
    const stream = await session.start('test_many_events', { count: 20, ms: 50 }, { progress: 7, id: 'mine' });
    const fifth = await stream.wait((event) => event.message?.params?.progress === 5, 'the fifth event');
    stream.cut();
    const rest = await session.stream({ 'Last-Event-ID': fifth.id });
    assert.equal(rest.status, 200);
    assert.equal(await rest.end, 'complete');
    assert.deepEqual(rest.messages().slice(0, -1).map((message) => message.params.progress), Array.from({ length: 15 }, (_, i) => i + 6));
    assert.equal(rest.messages().at(-1).id, 'mine');
    const once = await session.stream({ 'Last-Event-ID': rest.events.at(-2).id });
    await once.end;
    assert.deepEqual(once.messages().map((message) => message.id), ['mine'], 'and again, after it has ended');
    await session.end();
  });

  test('is not for others', async () => {
    const session = await openSession();
    const second = await openSession();
    const other = (await signIn(server, { answers: { name: 'Mallory', email: 'm@example.com' } })).tokens.access_token;
    const stream = await session.start('test_many_events', { count: 3 }, { progress: 1 });
    await stream.end;
    const id = stream.events[0].id;
    for (const headers of [{ ...session.headers, ...bearer(other) }, second.auth]) {
      const reply = await openStream(server.mcp, { headers: { ...headers, 'Last-Event-ID': id } });
      if (reply.status === 200) {
        await sleep(300);
        assert.deepEqual(reply.messages(), [], 'nothing of the other session');
        reply.cut();
      } else assert.ok([400, 404].includes(reply.status), String(reply.status));
    }
    for (const wrong of ['garbage', '1-', '-1', '99999999999999999999-1', `${id.split('-')[0]}-999`, '999-1', '1-1-1', ' ']) {
      const reply = await session.stream({ 'Last-Event-ID': wrong });
      assert.ok([200, 400, 404].includes(reply.status), `${wrong}: ${reply.status}`);
      if (reply.status === 200) assert.ok([' '].includes(wrong), wrong);
      reply.cut();
    }
    await session.end();
    await second.end();
  });

  test('a cut is no cancellation, the notification is one', async () => {
    const session = await openSession();
    const [left, cancelled] = [newLabel(), newLabel()];
    const first = await session.start('test_cancellation', { ms: 1200, label: left }, { progress: 1, id: 51 });
    const second = await session.start('test_cancellation', { ms: 20_000, label: cancelled }, { progress: 2, id: 52 });
    await hasNoted(cancelled, 'started');
    first.cut();
    const stranger = await openSession();
    await stranger.notify('notifications/cancelled', { requestId: 52 });
    await sleep(200);
    assert.ok(!noted(cancelled, 'cancelled'), 'another session cancels nothing');
    assert.equal((await session.notify('notifications/cancelled', { requestId: 52, reason: 'enough' })).status, 202);
    await hasNoted(cancelled, 'cancelled');
    await second.end;
    assert.ok(!second.events.some(isResponse), 'there is no response to what was cancelled');
    await hasNoted(left, 'finished');
    await session.end();
    await stranger.end();
  });

  test('the server lets go of it when the tool says so, and the client comes back', async () => {
    const session = await openSession();
    const stream = await session.start('test_reconnection', { ms: 600 }, { id: 77 });
    assert.equal(await stream.end, 'complete');
    assert.ok(!stream.events.some(isResponse), stream.text());
    assert.equal(stream.events.findLast((event) => event.retry)?.retry, '300', stream.text());
    const last = stream.events.findLast((event) => event.id).id;
    const rest = await session.stream({ 'Last-Event-ID': last });
    assert.equal(await rest.end, 'complete');
    assert.equal(rest.messages().at(-1).id, 77);
    for (const version of ['2025-06-18', '2025-03-26']) {
      const older = await openSession(version);
      const whole = await older.start('test_reconnection', { ms: 50 });
      await whole.end;
      assert.match(whole.text(), /Reconnection test completed/, `a client of ${version} waits`);
      await older.end();
    }
    await session.end();
  });
});

describe('what a session\'s client is asked', () => {
  const capabilities = { elicitation: {}, sampling: {}, roots: {} };
  test('comes as requests on the stream; each gets its own answer', async () => {
    const session = await openSession('2025-11-25', capabilities);
    const stream = await session.start('test_input_required_result_multiple_inputs', {}, { id: 5 });
    await until(() => stream.messages().length === 3, () => `three questions:\n${stream.text()}`);
    const asked = Object.fromEntries(stream.messages().map((message) => [message.method, message]));
    assert.equal(new Set(Object.values(asked).map((message) => message.id)).size, 3);
    assert.equal(asked['elicitation/create'].params.message, 'What is your name?');
    assert.equal((await session.reply(asked['roots/list'].id, { result: { roots: [{ uri: 'file:///r' }] } })).status, 202);
    assert.equal((await session.reply(asked['elicitation/create'].id, { result: { action: 'accept', content: { name: 'Ada' } } })).status, 202);
    assert.ok(!stream.events.some(isResponse), 'one answer lacks');
    assert.equal((await session.reply(asked['sampling/createMessage'].id, { result: { role: 'assistant', model: 'm', content: { type: 'text', text: 'Hi' } } })).status, 202);
    await stream.end;
    assert.match(stream.messages().at(-1).result.content[0].text, /^Hi Ada, your roots: .*file:\/\/\/r/);
    await session.end();
  });

  test('is asked round after round', async () => {
    const session = await openSession('2025-06-18', capabilities);
    const stream = await session.start('test_input_required_result_multi_round', {});
    const first = await stream.wait(isMethod('elicitation/create'), 'the first question');
    await session.reply(first.message.id, { result: { action: 'accept', content: { name: 'Ada' } } });
    const second = await stream.wait((event) => isMethod('elicitation/create')(event) && event.message.id !== first.message.id, 'the second');
    await session.reply(second.message.id, { result: { action: 'accept', content: { color: 'blue' } } });
    await stream.end;
    assert.equal(stream.messages().at(-1).result.content[0].text, 'Ada likes blue.');
    await session.end();
  });

  test('declined, and answered with an error', async () => {
    const session = await openSession('2025-11-25', capabilities);
    for (const reply of [{ result: { action: 'decline' } }, { error: { code: -1, message: 'no' } }]) {
      const stream = await session.start('confirm_delete', { filename: 'a.txt' });
      const asked = await stream.wait(isMethod('elicitation/create'), 'the question');
      await session.reply(asked.message.id, reply);
      await stream.end;
      assert.equal(stream.messages().at(-1).result?.content[0].text, 'Kept a.txt.', stream.text());
    }
    await session.end();
  });

  test('is answered by nobody else, and not twice', async () => {
    const session = await openSession('2025-11-25', capabilities);
    const stranger = await openSession('2025-11-25', capabilities);
    const stream = await session.start('test_streaming_elicitation', {});
    const asked = await stream.wait(isMethod('elicitation/create'), 'the question');
    const evil = { result: { action: 'accept', content: { name: 'Eve' } } };
    await stranger.reply(asked.message.id, evil);
    await session.reply('unknown', evil);
    await session.reply(asked.message.id, { result: { action: 'accept', content: { name: 'Ada' } } });
    await session.reply(asked.message.id, evil);
    await stream.end;
    assert.equal(stream.messages().at(-1).result.content[0].text, 'Hello, Ada!');
    await session.end();
    await stranger.end();
  });

  test('a client that cannot be asked hears what it lacks', async () => {
    const session = await openSession();
    const reply = await session.call('tools/call', { name: 'test_sampling', arguments: { prompt: 'x' } });
    assert.match(JSON.stringify(reply.message), /sampling/);
    assert.ok(reply.message.error || reply.message.result.isError, reply.text);
    await session.end();
  });
});

describe('2026-07-28', () => {
  const listen = (notifications, id, auth = token) => openStream(server.mcp, { method: 'POST', ...modernRequest(auth, 'subscriptions/listen', { notifications }, { id }) });

  test('a cut cancels the call', async () => {
    const [streaming, silent] = [newLabel(), newLabel()];
    const call = (label, extra) => modernRequest(token, 'tools/call', { name: 'test_cancellation', arguments: { ms: 20_000, label } }, extra);
    const stream = await openStream(server.mcp, { method: 'POST', ...call(streaming, { meta: { progressToken: 'p' } }) });
    await stream.wait(isMethod('notifications/progress'), 'progress');
    stream.cut();
    await hasNoted(streaming, 'cancelled');
    const { headers, body } = call(silent);
    const gone = request(server.mcp, { method: 'POST', headers: { ...headers, Accept: 'application/json, text/event-stream' }, body, timeout: 1000 });
    await hasNoted(silent, 'started');
    await assert.rejects(gone);
    await hasNoted(silent, 'cancelled');
  });

  test('a stream opens at its first event; without events there is plain JSON', async () => {
    const call = (more) => openStream(server.mcp, { method: 'POST', ...modernRequest(token, 'tools/call', { name: 'test_tool_with_progress', arguments: {} }, more) });
    const plain = await call({});
    await plain.end;
    assert.match(plain.headers['content-type'], /^application\/json/);
    const events = await call({ meta: { progressToken: 1 } });
    await events.end;
    assert.match(events.headers['content-type'], /^text\/event-stream/);
    assert.ok(events.events.every((event) => event.id === undefined), 'nothing to come back to');
    const lacking = await modern(server, token, 'tools/call', { name: 'test_missing_capability', arguments: {} });
    assert.deepEqual([lacking.status, lacking.message.error.code, lacking.message.error.data], [400, -32021, { requiredCapabilities: { sampling: {} } }]);
  });

  test('listen: acknowledged first, tagged with the id as it came, filtered', async () => {
    for (const id of ['a "b" \u65e5', 9007199254740991, 0]) {
      const stream = await listen({ toolsListChanged: true, resourceSubscriptions: ['test://watched-resource'], nonsense: true }, id);
      assert.equal(stream.status, 200);
      const first = await stream.wait(() => true, 'the acknowledgement');
      assert.deepEqual(first.message, { jsonrpc: '2.0', method: 'notifications/subscriptions/acknowledged',
        params: { _meta: { [SUBSCRIPTION]: id }, notifications: { toolsListChanged: true, resourceSubscriptions: ['test://watched-resource'] } } });
      await tool('test_trigger_prompt_change');
      await tool('test_update_resource');
      await stream.wait(isMethod('notifications/resources/updated'), 'the update');
      await tool('test_trigger_tool_change');
      await stream.wait(isMethod('notifications/tools/list_changed'), 'the list');
      assert.deepEqual(stream.messages().map((message) => message.method).slice(1), ['notifications/resources/updated', 'notifications/tools/list_changed']);
      assert.ok(stream.messages().every((message) => message.params._meta[SUBSCRIPTION] === id));
      assert.equal(stream.messages()[1].params.uri, 'test://watched-resource');
      stream.cut();
    }
  });

  test('listen: to nothing at all, to what is no filter', async () => {
    const stream = await listen({}, 1);
    const first = await stream.wait(() => true, 'the acknowledgement');
    assert.deepEqual(first.message.params.notifications, {});
    stream.cut();
    for (const notifications of [undefined, 5, [], { toolsListChanged: 'yes' }, { resourceSubscriptions: 'test://x' }, { resourceSubscriptions: [5] }]) {
      const reply = await listen(notifications, 2);
      assert.match(reply.headers['content-type'], /^application\/json/, JSON.stringify(notifications));
      await reply.end;
      assert.equal(reply.json().error.code, -32602);
    }
  });

  test('listen: many at once, and calls are still served', async () => {
    const streams = await Promise.all(Array.from({ length: 40 }, (_, i) => listen({ toolsListChanged: true }, i + 1)));
    assert.ok(streams.every((stream) => stream.status === 200));
    await tool('test_announce_changes');
    await Promise.all(streams.map((stream) => stream.wait(isMethod('notifications/tools/list_changed'), 'the list')));
    for (const stream of streams) stream.cut();
  });
});
