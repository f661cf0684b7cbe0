// /metrics as Prometheus sees it: what is counted, where it can be read and by whom.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import path from 'node:path';
import { exchangeRaw, get, openRaw, request } from '../support/http.mjs';
import { legacy, modern, modernRequest } from '../support/mcp.mjs';
import { refreshFields, signIn, tokenRequest } from '../support/oauth.mjs';
import { fixturePath, gatehousePath, runToEnd, startGatehouse, tempDir, until } from '../support/programs.mjs';
import { metricsUrl, parseMetrics, scrape } from '../support/prometheus.mjs';
import { startBeside, startProvider } from '../support/provider.mjs';
import { bearer, openStream } from '../support/sse.mjs';

const METRICS = ['--metrics-listen', '127.0.0.1:0'];

describe('what is counted', () => {
  let server;
  let token;
  let session;
  before(async () => {
    server = await startGatehouse({ args: [...METRICS, '--plugin', fixturePath, '--store', 'memory'] });
    session = await signIn(server);
    token = session.tokens.access_token;
  });
  after(() => server?.stop());
  const tool = (name, args = {}) => modern(server, token, 'tools/call', { name, arguments: args });

  test('an answer that Prometheus can read, with what runs here', async () => {
    const reply = await get(metricsUrl(server));
    assert.equal(reply.status, 200);
    assert.equal(reply.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
    assert.equal(reply.headers['access-control-allow-origin'], undefined);
    const all = parseMetrics(reply.text);
    const version = (await runToEnd(gatehousePath, ['--version'])).stdout.trim().split(' ')[1];
    assert.equal(all.value('gatehouse_build_info', { version, auth: 'dev' }), 1);
    assert.equal(all.value('gatehouse_ready'), 1);
    assert.equal(all.value('gatehouse_store_up'), 1);
    assert.equal(all.value('gatehouse_store_operations_failed_total'), 0);
    assert.ok(all.value('gatehouse_store_operations_total') > 5);
    assert.equal(all.value('gatehouse_http_workers'), 256);
    assert.equal(all.value('gatehouse_jwks_age_seconds'), undefined, 'there is no provider');
    assert.ok(Math.abs(all.value('process_start_time_seconds') - Date.now() / 1000) < 600);
    assert.ok(all.value('process_resident_memory_bytes') > 2e6);
    assert.ok(all.value('process_open_fds') > 5);
    assert.ok(all.value('process_cpu_seconds_total') >= 0);
  });

  test('requests by route and status, and how long they took', async () => {
    const was = await scrape(server);
    const paths = { '/healthz': 200, '/nowhere': 404, '/mcp': 401 };
    for (const [where, status] of Object.entries(paths)) assert.equal((await get(`${server.url}${where}`)).status, status);
    await exchangeRaw(server.port, 'BREW / HTTP/1.1\r\nHost: x\r\n\r\n');
    const is = await until(async () => {
      const now = await scrape(server);
      return now.sum('gatehouse_http_requests_total') - was.sum('gatehouse_http_requests_total') >= 4 && now;
    }, 'the requests to be counted');
    const more = (name, labels) => is.sum(name, labels) - was.sum(name, labels);
    assert.equal(more('gatehouse_http_requests_total', { method: 'GET', route: '/healthz', status: '200' }), 1);
    assert.equal(more('gatehouse_http_requests_total', { method: 'GET', route: '/mcp', status: '401' }), 1);
    assert.equal(more('gatehouse_http_requests_total', { route: 'other', status: '404' }), 1, 'what a caller asks for makes no label');
    assert.equal(more('gatehouse_http_requests_total', { route: 'other', status: '501' }), 1);
    assert.equal(more('gatehouse_http_request_duration_seconds_count', { route: '/healthz' }), 1);
    assert.ok(more('gatehouse_http_request_duration_seconds_sum', { route: '/healthz' }) > 0);
    assert.equal(more('gatehouse_bearer_checks_total', { outcome: 'missing' }), 1);
    assert.ok(!JSON.stringify([...is.families.values()]).includes('nowhere'));
  });

  test('tokens by outcome', async () => {
    const was = await scrape(server);
    assert.equal((await modern(server, `${token}x`, 'tools/list')).status, 401);
    assert.equal((await modern(server, token, 'tools/list')).status, 200);
    const fresh = await signIn(server, { client: session.client });
    assert.equal((await tokenRequest(server, refreshFields(fresh))).status, 200);
    assert.equal((await tokenRequest(server, refreshFields(fresh, 'nonsense'))).status, 400);
    assert.equal((await tokenRequest(server, { grant_type: 'password', client_id: session.client.client_id })).status, 400);
    const is = await scrape(server);
    const more = (name, labels) => is.sum(name, labels) - was.sum(name, labels);
    assert.equal(more('gatehouse_bearer_checks_total', { outcome: 'invalid' }), 1);
    assert.equal(more('gatehouse_bearer_checks_total', { outcome: 'ok' }), 1);
    assert.equal(more('gatehouse_token_requests_total', { grant_type: 'authorization_code', outcome: 'issued' }), 1);
    assert.equal(more('gatehouse_token_requests_total', { grant_type: 'refresh_token', outcome: 'issued' }), 1);
    assert.equal(more('gatehouse_token_requests_total', { grant_type: 'refresh_token', outcome: 'refused' }), 1);
    assert.equal(more('gatehouse_token_requests_total', { grant_type: 'other', outcome: 'refused' }), 1);
  });

  test('tool calls by tool and outcome, whoever makes them', async () => {
    const was = await scrape(server);
    await tool('sayHello', { name: 'Ada' });
    await tool('sayHello', { name: 7 });
    await tool('test_error_handling');
    await tool('test_protocol_error');
    await tool('no_such_tool');
    const old = await legacy(server, token);
    await old.call('tools/call', { name: 'sayHello', arguments: { name: 'Ada' } });
    await old.end();
    const is = await scrape(server);
    const more = (name, outcome) => is.sum('gatehouse_tool_calls_total', { tool: name, outcome }) - was.sum('gatehouse_tool_calls_total', { tool: name, outcome });
    assert.equal(more('sayHello', 'ok'), 2);
    assert.equal(more('sayHello', 'refused'), 1);
    assert.equal(more('test_error_handling', 'error'), 1);
    assert.equal(more('test_protocol_error', 'failed'), 1);
    assert.equal(is.value('gatehouse_tool_call_duration_seconds_count', { tool: 'sayHello' }), is.sum('gatehouse_tool_calls_total', { tool: 'sayHello' }) - is.sum('gatehouse_tool_calls_total', { tool: 'sayHello', outcome: 'refused' }));
    assert.equal(is.value('gatehouse_tool_calls_total', { tool: 'no_such_tool' }), undefined);
  });

  test('sessions, streams, threads and what was cancelled', async () => {
    const old = await legacy(server, token);
    const stream = await openStream(server.mcp, { headers: { ...old.headers, ...bearer(token) } });
    const call = openStream(server.mcp, { method: 'POST', ...modernRequest(token, 'tools/call', { name: 'test_cancellation', arguments: { ms: 60_000 } }, { meta: { progressToken: 1 } }) });
    await (await call).wait((event) => event.message?.method === 'notifications/progress', 'progress');
    const busy = await scrape(server);
    assert.ok(busy.value('gatehouse_mcp_sessions') >= 1);
    assert.equal(busy.value('gatehouse_mcp_streams'), 1);
    assert.equal(busy.value('gatehouse_call_threads_busy'), 1);
    assert.equal(busy.value('gatehouse_call_threads_written_off'), 0);
    assert.ok(busy.value('gatehouse_http_connections') >= 2);
    const took = busy.sum('gatehouse_http_request_duration_seconds_count', { route: '/mcp', method: 'GET' });
    stream.cut();
    (await call).cut();
    const idle = await until(async () => {
      const now = await scrape(server);
      return now.value('gatehouse_mcp_streams') === 0 && now.sum('gatehouse_tool_calls_total', { tool: 'test_cancellation', outcome: 'cancelled' }) === 1
        && now.sum('gatehouse_http_requests_total', { route: '/mcp', method: 'GET', status: '200' }) === 1
        && now.value('gatehouse_call_threads_busy') === 0 && now;
    }, 'all to end');
    assert.equal(idle.sum('gatehouse_http_request_duration_seconds_count', { route: '/mcp', method: 'GET' }), took, 'how long a stream was open is no duration');
    await old.end();
  });

  test('the log is not full of scrapers', async () => {
    await scrape(server);
    await until(() => server.stderr().includes('[HTTP REQUEST]'), 'the log');
    assert.ok(!server.stderr().includes('Path: /metrics'));
  });
});

describe('who may read it', () => {
  test('nobody where clients come in, nor anywhere unless asked for', async () => {
    const server = await startGatehouse({ args: METRICS });
    assert.equal((await get(`${server.url}/metrics`)).status, 404);
    await server.stop();
    const without = await startGatehouse();
    assert.equal((await get(`${without.url}/metrics`)).status, 404);
    assert.equal(metricsUrl(without), undefined);
    await without.stop();
  });

  test('GET and HEAD, under a loopback name, from no web page', async () => {
    const server = await startGatehouse({ args: METRICS });
    const url = metricsUrl(server);
    const { port } = new URL(url);
    const head = await request(url, { method: 'HEAD' });
    assert.equal(head.status, 200);
    assert.equal(head.text, '');
    for (const method of ['POST', 'PUT', 'DELETE']) assert.equal((await request(url, { method, body: 'x' })).status, 405, method);
    assert.equal((await get(`${new URL(url).origin}/mcp`)).status, 404);
    for (const host of [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`]) assert.equal((await get(url, { Host: host })).status, 200, host);
    for (const host of [`evil.example:${port}`, 'localhost.evil.example', '192.168.1.1', 'x y']) assert.notEqual((await get(url, { Host: host })).status, 200, host);
    assert.equal((await get(url, { Origin: 'https://evil.example' })).status, 403);
    await server.stop();
  });

  test('with a token, from other machines, those who show it', async () => {
    const file = path.join(tempDir(), 'token');
    writeFileSync(file, 'a-token-of-some-length\n', { mode: 0o600 });
    const server = await startGatehouse({ args: ['--metrics-listen', '0.0.0.0:0', '--metrics-token-file', file] });
    const url = metricsUrl(server).replace('0.0.0.0', '127.0.0.1');
    for (const Authorization of [undefined, 'Bearer wrong', 'Bearer a-token-of-some-lengti', 'Bearer a-token-of-some-length2', 'Basic a-token-of-some-length', 'a-token-of-some-length', 'Bearer']) {
      const reply = await get(url, { ...(Authorization && { Authorization }), Host: 'gatehouse.internal:9464' });
      assert.equal(reply.status, 401, Authorization);
      assert.match(reply.headers['www-authenticate'], /^Bearer/);
    }
    const reply = await get(url, { Authorization: 'bearer a-token-of-some-length', Host: 'gatehouse.internal:9464' });
    assert.equal(reply.status, 200);
    parseMetrics(reply.text);
    assert.ok(!server.stderr().includes('a-token-of-some-length'));
    await server.stop();
  });

  test('from other machines it needs a token, and a good one', async () => {
    const file = path.join(tempDir(), 'token');
    writeFileSync(file, 'short\n', { mode: 0o600 });
    const refused = async (args, pattern) => {
      const run = await runToEnd(gatehousePath, ['--store', 'memory', ...args]);
      assert.equal(run.code, 78, run.stderr);
      assert.match(run.stderr, pattern);
    };
    await refused(['--metrics-listen', '0.0.0.0:0'], /--metrics-token-file/);
    await refused(['--metrics-listen', '0.0.0.0:0', '--metrics-token-file', file], /16 characters/);
    await refused(['--metrics-token-file', file], /--metrics-listen/);
  });

  test('slow scrapers hold up no other', async () => {
    const server = await startGatehouse({ args: METRICS });
    const { port } = new URL(metricsUrl(server));
    const slow = Array.from({ length: 3 }, () => openRaw(Number(port)));
    await Promise.all(slow.map(({ connected }) => connected));
    for (const raw of slow) raw.send('GET /metrics HTTP/1.1\r\nHost: loc');
    await scrape(server);
    await Promise.all(slow.map((raw) => raw.read()));
    for (const raw of slow) raw.close();
    await server.stop();
  });
});

test('an identity provider: whether it is there, and how old its keys are', async () => {
  const provider = await startProvider();
  const server = await startBeside(provider, { mode: 'direct', args: METRICS });
  const all = await scrape(server);
  assert.equal(all.value('gatehouse_idp_up'), 1);
  assert.ok(all.value('gatehouse_jwks_age_seconds') < 60);
  assert.equal(all.value('gatehouse_store_up'), undefined, 'this mode keeps nothing');
  await server.stop();
  await provider.stop();
});
