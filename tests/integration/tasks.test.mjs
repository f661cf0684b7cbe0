// Tools that become tasks (extension io.modelcontextprotocol/tasks): polling, questions, cancellation, status
// notifications, and whose they are.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { legacy, meta, modern, modernRequest } from '../support/mcp.mjs';
import { signIn } from '../support/oauth.mjs';
import { fixturePath, sleep, startGatehouse, until } from '../support/programs.mjs';
import { openStream } from '../support/sse.mjs';

const capabilities = { elicitation: {}, extensions: { 'io.modelcontextprotocol/tasks': {} } };
const can = { _meta: meta('2026-07-28', { 'io.modelcontextprotocol/clientCapabilities': capabilities }) };
let server;
let token;
let other;
before(async () => {
  server = await startGatehouse({ args: ['--plugin', fixturePath, '--store', 'memory'] });
  token = (await signIn(server)).tokens.access_token;
  other = (await signIn(server, { answers: { name: 'Mallory', email: 'm@example.com' } })).tokens.access_token;
});
after(() => server?.stop());

const task = (method, params, who = token) => modern(server, who, method, { ...params, ...can }, { headers: { 'Mcp-Name': String(params.taskId) } });
const begin = async (name, args = {}, who = token) => {
  const { message } = await modern(server, who, 'tools/call', { name, arguments: args, ...can });
  assert.equal(message.result?.resultType, 'task', JSON.stringify(message));
  return message.result;
};
const get = async (taskId) => (await task('tasks/get', { taskId })).message.result;
const settled = (taskId, from = ['working']) => until(async () => {
  const state = await get(taskId);
  return from.includes(state.status) ? undefined : state;
}, `the task to be something else than ${from}`);
const tamper = (text, at) => `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`;

describe('a task', () => {
  test('is worked on, then completed; its result stays', async () => {
    const made = await begin('slow_compute', { seconds: 0.3, label: 'x' });
    assert.ok(made.taskId.length >= 22 && made.ttlMs > 0 && made.pollIntervalMs > 0, JSON.stringify(made));
    const working = await get(made.taskId);
    assert.deepEqual([working.status, working.taskId, working.statusMessage, working.createdAt], ['working', made.taskId, 'Computing', made.createdAt]);
    const done = await settled(made.taskId);
    assert.deepEqual([done.status, done.result.content[0].text, done.error], ['completed', 'Computed x for 0.3 s.', undefined]);
    assert.ok(Date.parse(done.lastUpdatedAt) > Date.parse(made.createdAt));
    assert.deepEqual(await get(made.taskId), done);
  });
  test('fails as tools do, or breaks down', async () => {
    const failed = await settled((await begin('failing_job')).taskId);
    assert.deepEqual([failed.status, failed.result.isError], ['completed', true]);
    const broken = await settled((await begin('protocol_error_job')).taskId);
    assert.deepEqual([broken.status, broken.error, broken.result], ['failed', { code: -32603, message: 'The job broke down.' }, undefined]);
  });
  test('goes on when the client is gone', async () => {
    const { taskId } = await begin('slow_compute', { seconds: 0.5, label: 'y' });
    await sleep(800);
    assert.equal((await get(taskId)).status, 'completed');
  });
  test('asks, and goes on with the answer', async () => {
    const { taskId } = await begin('confirm_delete', { filename: 'a.txt' });
    const asking = await settled(taskId);
    assert.equal(asking.status, 'input_required');
    const [[key, asked]] = Object.entries(asking.inputRequests);
    assert.deepEqual([asked.method, asked.params.message], ['elicitation/create', 'a.txt']);
    assert.equal((await task('tasks/update', { taskId, inputResponses: { [key]: { action: 'accept', content: { confirm: true } } } })).message.result.resultType, 'complete');
    assert.equal((await settled(taskId, ['working', 'input_required'])).result.content[0].text, 'Deleted a.txt.');
  });
  test('is what a session never gets', async () => {
    const session = await legacy(server, token, '2025-11-25', { ...capabilities, tasks: {} });
    assert.equal(session.hello.message.result.capabilities.tasks, undefined);
    assert.match((await session.call('tools/call', { name: 'slow_compute', arguments: { seconds: 0.1 }, task: { ttl: 1000 } })).text, /Computed/);
    assert.equal((await session.call('tasks/get', { taskId: 'x' })).message.error.code, -32601);
    await session.end();
  });
  test('is announced to those who listen for it', async () => {
    const { taskId } = await begin('confirm_delete', { filename: 'b.txt' });
    const listen = (who, ids, more = capabilities) => openStream(server.mcp, { method: 'POST', ...modernRequest(who, 'subscriptions/listen', { notifications: { taskIds: ids } }, { id: 'tasks', capabilities: more }) });
    const stream = await listen(token, [taskId]);
    const stranger = await listen(other, [taskId]);
    const acknowledged = await stream.wait(() => true, 'the acknowledgement');
    assert.deepEqual(acknowledged.message.params.notifications, { taskIds: [taskId] });
    const [key] = Object.keys((await settled(taskId)).inputRequests);
    await task('tasks/update', { taskId, inputResponses: { [key]: { action: 'decline' } } });
    const last = await stream.wait((event) => event.message?.method === 'notifications/tasks' && event.message.params.status === 'completed', 'the end of the task');
    assert.equal(last.message.params.taskId, taskId);
    assert.equal(last.message.params._meta['io.modelcontextprotocol/subscriptionId'], 'tasks');
    assert.equal(last.message.params.result.content[0].text, 'Kept b.txt.');
    await sleep(200);
    assert.ok(!stranger.text().includes('notifications/tasks"'), 'nobody else hears of it');
    stream.cut();
    stranger.cut();
    const without = await listen(token, [taskId], {});
    await without.end;
    assert.deepEqual([without.status, without.json().error.code], [400, -32021]);
  });
});

describe('tasks', () => {
  test('are their owner\'s, and unknown to everybody else', async () => {
    const { taskId } = await begin('slow_compute', { seconds: 30 });
    for (const method of ['tasks/get', 'tasks/cancel', 'tasks/update']) {
      const params = { taskId, ...(method === 'tasks/update' && { inputResponses: {} }) };
      assert.equal((await task(method, params, other)).message.error?.code, -32602, method);
      assert.equal((await task(method, { ...params, taskId: tamper(taskId, taskId.length - 1) })).message.error?.code, -32602, method);
    }
    assert.equal((await task('tasks/get', { taskId })).message.result.status, 'working');
    assert.equal((await task('tasks/cancel', { taskId })).message.result.resultType, 'complete');
    assert.equal((await task('tasks/get', { taskId })).message.result.status, 'cancelled');
  });
  test('answers that are none: -32602; those of other keys are ignored', async () => {
    const { taskId } = await begin('confirm_delete', { filename: 'a' });
    for (const inputResponses of [5, [], 'x', { confirm: 5 }]) assert.equal((await task('tasks/update', { taskId, inputResponses })).message.error?.code, -32602, JSON.stringify(inputResponses));
    assert.equal((await task('tasks/update', { taskId })).message.error?.code, -32602);
    assert.equal((await task('tasks/update', { taskId, inputResponses: { other: {} } })).message.result.resultType, 'complete');
    await task('tasks/cancel', { taskId });
  });
  test('a second question under the same key has a key of its own', async () => {
    const { taskId } = await begin('test_task_rounds');
    const pending = () => settled(taskId);
    const [first] = Object.keys((await pending()).inputRequests);
    await task('tasks/update', { taskId, inputResponses: { [first]: { action: 'accept', content: { name: 'Ada' } } } });
    const [second] = Object.keys((await pending()).inputRequests);
    assert.notEqual(second, first);
    await task('tasks/update', { taskId, inputResponses: { [first]: { action: 'accept', content: { name: 'Eve' } } } });
    await task('tasks/update', { taskId, inputResponses: { [second]: { action: 'accept', content: { name: 'Bob' } } } });
    assert.equal((await pending()).result.content[0].text, 'Ada and Bob');
  });
});
