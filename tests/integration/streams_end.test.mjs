// How long streams last: as long as their token, their grant, the server; and what is sent when nothing happens.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { postForm } from '../support/http.mjs';
import { legacy, modern, modernRequest } from '../support/mcp.mjs';
import { signIn } from '../support/oauth.mjs';
import { fixturePath, sleep, startGatehouse } from '../support/programs.mjs';
import { bearer, openStream } from '../support/sse.mjs';

const args = ['--plugin', fixturePath, '--store', 'memory'];
const within = (promise, ms, what) => Promise.race([promise, new Promise((_, reject) => { setTimeout(() => reject(new Error(`${what}: not within ${ms} ms`)), ms).unref(); })]);

async function openBoth(server, token) {
  const listening = await openStream(server.mcp, { method: 'POST', ...modernRequest(token, 'subscriptions/listen', { notifications: { toolsListChanged: true } }, { id: 'mine' }) });
  const session = await legacy(server, token);
  await session.notify('notifications/initialized');
  const standalone = await openStream(server.mcp, { headers: { ...session.headers, ...bearer(token) } });
  assert.deepEqual([listening.status, standalone.status], [200, 200]);
  return { listening, standalone, session };
}

describe('streams', { concurrency: true }, () => {
  test('end with their token', async () => {
    const server = await startGatehouse({ args: [...args, '--access-token-ttl', '3s'] });
    const { tokens } = await signIn(server);
    const { listening, standalone } = await openBoth(server, tokens.access_token);
    const began = Date.now();
    await within(Promise.all([listening.end, standalone.end]), 10_000, 'the end');
    assert.ok(Date.now() - began > 1000, 'not at once');
    await server.stop();
  });

  test('end with their grant', async () => {
    const server = await startGatehouse({ args });
    const { tokens, client } = await signIn(server);
    const other = await signIn(server, { client });
    const mine = await openBoth(server, tokens.access_token);
    const theirs = await openBoth(server, other.tokens.access_token);
    const reply = await postForm(`${server.url}/revoke`, { token: tokens.refresh_token, client_id: client.client_id });
    assert.equal(reply.status, 200);
    await within(Promise.all([mine.listening.end, mine.standalone.end]), 20_000, 'the end');
    assert.deepEqual([theirs.listening.ended(), theirs.standalone.ended()], [undefined, undefined], 'another login goes on');
    await server.stop();
  });

  test('of one person leave workers for the others', async () => {
    const server = await startGatehouse({ args: [...args, '--workers', '10'] });
    const mine = (await signIn(server)).tokens.access_token;
    const other = (await signIn(server, { answers: { name: 'Grace', email: 'g@example.com' } })).tokens.access_token;
    const session = await legacy(server, mine, undefined, { elicitation: {} });
    const streams = [];
    for (let id = 1; id <= 12; id++) {
      streams.push(await openStream(server.mcp, { method: 'POST', headers: { ...session.headers, ...bearer(mine) }, body: { jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'test_elicitation', arguments: { message: 'Well?' } } } }));
    }
    assert.deepEqual(streams.map(({ status }) => status), [...Array(8).fill(200), ...Array(4).fill(429)]);
    assert.equal(streams[8].headers['retry-after'], '5');
    assert.equal((await modern(server, other, 'tools/call', { name: 'whoami' })).status, 200);
    assert.equal((await session.end()).status, 204);
    await Promise.all(streams.map(({ end }) => end));
    assert.equal((await modern(server, mine, 'tools/call', { name: 'whoami' })).status, 200);
    await server.stop();
  });

  test('end well with the server', async () => {
    const server = await startGatehouse({ args });
    const { tokens } = await signIn(server);
    const { listening, standalone } = await openBoth(server, tokens.access_token);
    const call = openStream(server.mcp, { method: 'POST', ...modernRequest(tokens.access_token, 'tools/call', { name: 'test_many_events', arguments: { count: 10, ms: 100 } }, { meta: { progressToken: 1 } }) });
    await (await call).wait((event) => event.message?.method === 'notifications/progress', 'progress');
    const began = Date.now();
    const stopped = server.stop();
    assert.equal(await within(listening.end, 5000, 'the end'), 'complete');
    assert.deepEqual(listening.messages().at(-1), { jsonrpc: '2.0', id: 'mine', result: { ...listening.messages().at(-1).result, resultType: 'complete' } });
    assert.equal(listening.messages().at(-1).result._meta['io.modelcontextprotocol/subscriptionId'], 'mine');
    assert.equal(await within(standalone.end, 5000, 'the end'), 'complete');
    await (await call).end;
    assert.match((await call).text(), /That was all/, 'a call that runs may finish');
    await stopped;
    assert.ok(Date.now() - began < 9000);
  });

  test('say that they are there when nothing else is to be said', async () => {
    const server = await startGatehouse({ args });
    const { tokens } = await signIn(server);
    const { listening, standalone } = await openBoth(server, tokens.access_token);
    for (const stream of [listening, standalone]) await stream.wait((event) => event.comments.length > 0, 'a comment', 25_000);
    await server.stop();
  });

  test('keep their session alive, which else ends when it is idle', async () => {
    const server = await startGatehouse({ args: [...args, '--session-idle', '1s'] });
    const { tokens } = await signIn(server);
    const { standalone, session } = await openBoth(server, tokens.access_token);
    const idle = await legacy(server, tokens.access_token);
    await sleep(3500);
    assert.equal((await idle.call('ping')).status, 404);
    assert.equal((await session.call('ping')).status, 200);
    assert.equal(standalone.ended(), undefined);
    await server.stop();
  });

  test('wait for a person as long as the server says, not longer', async () => {
    const server = await startGatehouse({ args: [...args, '--input-timeout', '1s'] });
    const { tokens } = await signIn(server);
    const session = await legacy(server, tokens.access_token, '2025-11-25', { elicitation: {} });
    const reply = await session.call('tools/call', { name: 'test_elicitation', arguments: { message: 'Hello?' } });
    assert.ok(reply.message.error, reply.text);
    assert.match(reply.text, /elicitation\/create/, 'it was asked');
    await server.stop();
  });
});
