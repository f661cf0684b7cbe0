// The bridge's side of HTTP: what happens when the server is away, lies or never ends, what is sent along, and
// which way it takes.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { signInUrl, startBridge } from '../support/bridge.mjs';
import { startFake } from '../support/fake_server.mjs';
import { readBody } from '../support/http.mjs';
import { freePort } from '../support/ports.mjs';
import { bridgePath, cleanEnv, runToEnd, sleep, tempDir, until } from '../support/programs.mjs';
import { answerInitialize, begin, call, openFake, result, startSession } from '../support/raw_server.mjs';


describe('every request gets exactly one reply', () => {
  const faults = {
    'HTTP 500 with a page': () => ({ status: 500, text: '<h1>Oops</h1>', type: 'text/html' }),
    'HTTP 502 of a proxy': () => ({ status: 502, text: 'bad gateway', type: 'text/plain' }),
    'a page instead of JSON': () => ({ text: '<html>Log in</html>', type: 'text/html' }),
    'an empty 200': () => ({ status: 200 }),
    'a 202': () => ({ status: 202 }),
    'JSON that breaks off': (message) => ({ text: result(message.id).slice(0, -3) }),
    'another id': () => ({ text: result('someone else\'s') }),
    'no JSON-RPC': () => ({ json: { hello: 1 } }),
    'a redirect': () => ({ status: 302, headers: { Location: 'http://127.0.0.1:1/' } }),
    'a closed connection': () => ({ destroy: true }),
    'a stream that ends without the answer': () => ({ text: ': hello\n\n', type: 'text/event-stream' }),
    'a stream that breaks off in the answer': (message) => ({ text: `data: ${result(message.id)}`, type: 'text/event-stream' }),
    'a body that is shorter than it says': (message) => ({ text: result(message.id), headers: { 'Content-Length': '5000' } }),
  };
  let fake;
  let bridge;
  let fault;
  before(async () => {
    fake = await openFake({ mcp: (message) => (message?.method === 'tools/call' && fault ? faults[fault](message) : undefined) });
    bridge = await begin(fake.mcp);
  });
  after(async () => {
    await bridge.stop();
    await fake.stop();
  });
  for (const name of Object.keys(faults)) {
    test(name, async () => {
      const calls = () => fake.seen.filter((one) => one.body.includes('tools/call')).length;
      const sent = calls();
      fault = name;
      const reply = await call(bridge, name);
      fault = undefined;
      assert.ok(reply.error.message.length > 10);
      assert.equal(calls(), sent + 1, 'it is not repeated');
      assert.ok((await call(bridge, `${name}, after`)).result);
      assert.equal(bridge.messages().filter((message) => message.id === name).length, 1);
    });
  }
});

describe('a server that is away for a moment', () => {
  test('three seconds are invisible', async () => {
    const port = await freePort();
    let fake = await openFake({ port });
    const bridge = await begin(fake.mcp);
    await call(bridge, 'before');
    await fake.stop();
    bridge.send({ jsonrpc: '2.0', id: 'meanwhile', method: 'tools/call', params: { name: 'x' } });
    await sleep(3000);
    fake = await openFake({ port });
    assert.ok((await bridge.reply('meanwhile')).result);
    await bridge.stop();
    await fake.stop();
  });
  test('what changes nothing is repeated after a lost connection, a tool call is not', async () => {
    let lost = 0;
    const fake = await openFake({ mcp: (message) => (['tools/list', 'tools/call'].includes(message?.method) && lost++ === 0 ? { destroy: true } : undefined) });
    const bridge = await begin(fake.mcp);
    assert.ok((await call(bridge, 'list', 'tools/list')).result);
    assert.equal(lost, 2);
    lost = 0;
    assert.match((await call(bridge, 'call')).error.message, /may have been carried out/);
    assert.equal(lost, 1);
    await bridge.stop();
    await fake.stop();
  });
  test('a proxy without its server (502, 503, 504) is asked again for what changes nothing', async () => {
    let count = 0;
    const fake = await openFake({ mcp: (message) => (message?.method === 'tools/list' && count < 3 ? { status: 502 + count++ } : undefined) });
    const bridge = await begin(fake.mcp);
    assert.ok((await call(bridge, 'list', 'tools/list')).result);
    assert.equal(count, 3);
    await bridge.stop();
    await fake.stop();
  });
  test('Retry-After is waited out, for a call, too', async () => {
    const times = [];
    const fake = await openFake({
      mcp: (message) => {
        if (message?.method !== 'tools/call') return undefined;
        times.push(Date.now());
        return times.length === 1 ? { status: 503, headers: { 'Retry-After': '1' } } : undefined;
      },
    });
    const bridge = await begin(fake.mcp);
    assert.ok((await call(bridge, 'call')).result);
    assert.ok(times[1] - times[0] >= 1000, `${times[1] - times[0]} ms`);
    await bridge.stop();
    await fake.stop();
  });
  test('a long Retry-After is told instead', async () => {
    const fake = await openFake({ mcp: (message) => (message?.method === 'tools/call' ? { status: 429, headers: { 'Retry-After': '300' } } : undefined) });
    const bridge = await begin(fake.mcp);
    assert.match((await call(bridge, 'call')).error.message, /300 seconds/);
    await bridge.stop();
    await fake.stop();
  });
  test('a stream that breaks off is resumed with Last-Event-ID after `retry`', async () => {
    const gets = [];
    let broken;
    const server = await startSession((socket, message, request) => {
      if (message?.method === 'tools/call') {
        socket.end('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\nid: e-7\nretry: 700\ndata:\n\n');
        broken = Date.now();
        return true;
      }
      const lastId = /last-event-id: (\S+)/i.exec(request.head)?.[1];
      if (!message && lastId) {
        gets.push({ lastId, after: Date.now() - broken });
        socket.end(`HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\nid: e-8\ndata: ${result('call', { late: true })}\n\n`);
        return true;
      }
      return undefined;
    });
    const bridge = await begin(server.mcp);
    assert.deepEqual((await call(bridge, 'call')).result, { late: true });
    assert.equal(gets[0].lastId, 'e-7');
    assert.ok(gets[0].after >= 600, `${gets[0].after} ms`);
    await bridge.stop();
    await server.stop();
  });
  test('open streams are watched by TCP keep-alive', async () => {
    const server = await startSession((socket, message) => {
      if (message) return undefined;
      socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: hello\n\n');
      return true;
    });
    const bridge = await begin(server.mcp);
    const remote = `0100007F:${server.port.toString(16).toUpperCase().padStart(4, '0')}`;
    // The kernel's table: the timer field of a connection with keep-alive is 02.
    await until(() => readFileSync('/proc/net/tcp', 'utf8').split('\n').some((row) => {
      const [, , peer, state, , timer] = row.trim().split(/\s+/);
      return peer === remote && state === '01' && timer?.startsWith('02');
    }), 'a connection with the keep-alive timer');
    await bridge.stop();
    await server.stop();
  });
});

describe('headers of one\'s own', () => {
  const secret = 'very-secret-value-4711';
  const seenBy = (fake) => fake.seen.map((one) => one.headers['x-key']);

  test('are sent with every request to the MCP server\'s origin, and to no other', async () => {
    const other = await startFake();
    const fake = await startFake({ resource: (document) => ({ ...document, authorization_servers: [other.url] }) });
    const bridge = startBridge(fake.mcp, { args: ['--browser', 'curl -sL -o /dev/null', '--header', 'X-Key: a ${MY_KEY}', '--log-level', 'debug'], env: { MY_KEY: secret } });
    assert.ok((await bridge.initialize()).result);
    await call(bridge, 'call');
    await bridge.stop();
    assert.ok(fake.seen.length >= 3);
    for (const value of seenBy(fake)) assert.equal(value, `a ${secret}`);
    assert.ok(other.seen.length >= 3);
    for (const value of seenBy(other)) assert.equal(value, undefined);
    assert.ok(!bridge.stderr().includes(secret) && !bridge.stdout().includes(secret));
    await fake.stop();
    await other.stop();
  });
  test('may stand in a file that nobody else can read; the command line wins', async () => {
    const file = path.join(tempDir(), 'headers');
    writeFileSync(file, `# mine\nX-Key: from-file\r\n\nX-Other: b:c\n`, { mode: 0o600 });
    const fake = await openFake();
    const bridge = await begin(fake.mcp, { args: ['--header-file', file, '--header', 'x-key: from-line'] });
    assert.equal(fake.seen[0].headers['x-key'], 'from-line');
    assert.equal(fake.seen[0].headers['x-other'], 'b:c');
    await bridge.stop();
    await fake.stop();
    chmodSync(file, 0o644);
    const end = await runToEnd(bridgePath, ['--header-file', file, 'http://localhost:1/mcp'], { env: cleanEnv({ HOME: tempDir() }), input: '' });
    assert.ok(end.code > 0);
    assert.match(end.stderr, /chmod 600|other users/);
  });
  test('an Authorization of one\'s own takes the place of the login', async () => {
    const fake = await startFake();
    fake.accepted.add('mine');
    const bridge = await begin(fake.mcp, { args: ['--header', 'Authorization: Bearer mine'] });
    assert.ok(bridge.opened.result);
    fake.accepted.delete('mine');
    const reply = await call(bridge, 'call');
    assert.match(reply.error.message, /Authorization header.*401/);
    assert.ok(!fake.seen.some((one) => one.path !== '/mcp'), 'no discovery');
    assert.doesNotMatch(bridge.stderr(), /Open this URL/);
    await bridge.stop();
    const tool = (command, value) => runToEnd(bridgePath, [command, '--header', `Authorization: Bearer ${value}`, '--state-dir', tempDir(), fake.mcp], { env: cleanEnv({ HOME: tempDir() }), input: '' });
    fake.accepted.add('other');
    assert.equal((await tool('check', 'other')).code, 0);
    assert.match((await tool('check', 'mine')).stdout, /Authorization header that was given/);
    assert.match((await tool('login', 'other')).stderr, /no sign-in is made/);
    await fake.stop();
  });
  test('what cannot be a header is refused, and no value is shown', async () => {
    for (const [header, pattern] of [['nonsense', /Name: value/], ['X Y: secret-1', /characters/], ['X: a\r\nY: secret-1', /control|characters/], ['Host: secret-1', /sets it itself/], ['mcp-session-id: secret-1', /sets it itself/],
      ['X: ${NOT_THERE_AT_ALL}', /NOT_THERE_AT_ALL/], ['X: ***', /mask/], [': secret-1', /characters/]]) {
      const end = await runToEnd(bridgePath, ['--header', header, 'http://localhost:1/mcp'], { env: cleanEnv({ HOME: tempDir() }), input: '' });
      assert.ok(end.code > 0, header);
      assert.match(end.stderr, pattern, header);
      assert.doesNotMatch(end.stderr, /secret-1/);
    }
  });
  test('--print-config masks them', async () => {
    const end = await runToEnd(bridgePath, ['--print-config', '--header', `X-Key: ${secret}`, '--header', 'X-Other: ${MY_KEY}', 'http://localhost:1/mcp'], { env: cleanEnv({ HOME: tempDir(), MY_KEY: secret }) });
    assert.equal(end.code, 0, end.stderr);
    assert.deepEqual(JSON.parse(end.stdout).header, ['X-Key: ***', 'X-Other: ***']);
    assert.ok(!end.stdout.includes(secret));
  });
});

describe('proxies', () => {
  const startProxy = async () => {
    const seen = [];
    const server = http.createServer(async (incoming, outgoing) => {
      const body = await readBody(incoming);
      seen.push({ method: incoming.method, url: incoming.url, headers: incoming.headers });
      const message = body ? JSON.parse(body) : {};
      outgoing.writeHead(message.id === undefined ? 202 : 200, { 'Content-Type': 'application/json' });
      outgoing.end(message.id === undefined ? '' : result(message.id, message.method === 'initialize' ? answerInitialize : {}));
    });
    server.on('connect', (incoming, socket) => {
      seen.push({ method: 'CONNECT', url: incoming.url, headers: incoming.headers });
      socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n');
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    return { url: `http://127.0.0.1:${server.address().port}`, seen, stop: () => new Promise((done) => { server.closeAllConnections(); server.close(done); }) };
  };
  test('http_proxy is used for http, https_proxy and ALL_PROXY for https', async () => {
    const proxy = await startProxy();
    const plain = await begin('http://mcp.example.test/mcp', { args: ['--allow-http', '--enable-proxy'], env: { http_proxy: proxy.url } });
    assert.ok(plain.opened.result);
    assert.equal(proxy.seen[0].url, 'http://mcp.example.test/mcp');
    await plain.stop();
    for (const name of ['https_proxy', 'HTTPS_PROXY', 'ALL_PROXY']) {
      proxy.seen.length = 0;
      const bridge = startBridge('https://mcp.example.test/mcp', { args: ['--no-browser', '--header', 'X-Key: secret'], env: { [name]: proxy.url } });
      bridge.send({ jsonrpc: '2.0', id: 1, method: 'ping' });
      await until(() => proxy.seen.length, 'the proxy');
      assert.equal(proxy.seen[0].url, 'mcp.example.test:443', name);
      assert.equal(proxy.seen[0].headers['x-key'], undefined, 'the proxy does not see the headers');
      await bridge.stop();
    }
    await proxy.stop();
  });
  test('no_proxy and loopback go past it', async () => {
    const proxy = await startProxy();
    const fake = await openFake();
    const env = { http_proxy: proxy.url, ALL_PROXY: proxy.url };
    const near = await begin(fake.mcp, { env });
    assert.ok(near.opened.result);
    await near.stop();
    const far = startBridge('http://mcp.example.test/mcp', { args: ['--no-browser', '--allow-http'], env: { ...env, no_proxy: 'example.test' } });
    far.send({ jsonrpc: '2.0', id: 1, method: 'ping' });
    await sleep(500);
    far.closeStdin();
    await far.stop();
    assert.equal(proxy.seen.length, 0);
    await fake.stop();
    await proxy.stop();
  });
  test('plain http to another machine needs --allow-http', async () => {
    const end = await runToEnd(bridgePath, ['http://mcp.example.test/mcp'], { env: cleanEnv({ HOME: tempDir() }), input: '' });
    assert.equal(end.code, 64);
    assert.match(end.stderr, /--allow-http/);
  });
});

describe('TLS', () => {
  const folder = tempDir();
  const at = (name) => path.join(folder, name);
  let server;
  let mcp;
  before(async () => {
    const openssl = (...args) => execFileSync('openssl', args, { stdio: 'ignore' });
    const key = (name) => ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', at(`${name}.key`)];
    openssl('req', '-x509', ...key('ca'), '-out', at('ca.pem'), '-subj', '/CN=Test CA', '-days', '2');
    for (const name of ['server', 'client']) {
      writeFileSync(at(`${name}.ext`), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
      openssl('req', '-new', ...key(name), '-out', at(`${name}.csr`), '-subj', `/CN=${name}`);
      openssl('x509', '-req', '-in', at(`${name}.csr`), '-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial', '-out', at(`${name}.pem`), '-days', '2', '-extfile', at(`${name}.ext`));
      chmodSync(at(`${name}.key`), 0o600);
    }
    server = https.createServer({ key: readFileSync(at('server.key')), cert: readFileSync(at('server.pem')), ca: readFileSync(at('ca.pem')), requestCert: true, rejectUnauthorized: false }, async (incoming, outgoing) => {
      const body = await readBody(incoming);
      const message = body ? JSON.parse(body) : {};
      outgoing.writeHead(message.id === undefined ? 202 : 200, { 'Content-Type': 'application/json' });
      outgoing.end(message.id === undefined ? '' : result(message.id, { ...answerInitialize, client: incoming.socket.getPeerCertificate()?.subject?.CN ?? 'nobody' }));
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    mcp = `https://localhost:${server.address().port}/mcp`;
  });
  after(() => { server.closeAllConnections(); server.close(); });

  test('an unknown CA is refused; --cacert and --ca-file name it', async () => {
    const doubtful = startBridge(mcp, { args: ['--no-browser'] });
    assert.match((await doubtful.initialize()).error.message, /certificate/);
    await doubtful.stop();
    for (const option of ['--cacert', '--ca-file']) {
      const bridge = await begin(mcp, { args: [option, at('ca.pem')] });
      assert.equal(bridge.opened.result?.client, 'nobody', option);
      await bridge.stop();
    }
  });
  test('the client certificate is shown, with its key in the same file, too', async () => {
    const bridge = await begin(mcp, { args: ['--cacert', at('ca.pem'), '--tls-cert', at('client.pem'), '--tls-key', at('client.key')] });
    assert.equal(bridge.opened.result.client, 'client');
    await bridge.stop();
    writeFileSync(at('both.pem'), readFileSync(at('client.pem')) + readFileSync(at('client.key')), { mode: 0o600 });
    const other = await begin(mcp, { args: ['--cacert', at('ca.pem'), '--tls-cert', at('both.pem')] });
    assert.equal(other.opened.result.client, 'client');
    await other.stop();
  });
  test('a key that others can read, or that is not there, or does not fit, is said', async () => {
    writeFileSync(at('open.key'), readFileSync(at('client.key')), { mode: 0o644 });
    for (const [args, pattern] of [[['--tls-cert', at('client.pem'), '--tls-key', at('open.key')], /chmod 600/], [['--tls-cert', at('absent.pem')], /absent\.pem/], [['--tls-key', at('client.key')], /--tls-cert/]]) {
      const end = await runToEnd(bridgePath, [...args, mcp], { env: cleanEnv({ HOME: tempDir() }), input: '' });
      assert.ok(end.code > 0);
      assert.match(end.stderr, pattern);
    }
    const bridge = startBridge(mcp, { args: ['--no-browser', '--cacert', at('ca.pem'), '--tls-cert', at('client.pem'), '--tls-key', at('server.key')] });
    assert.match((await bridge.initialize()).error.message, /client certificate/);
    await bridge.stop();
  });
});

describe('mcp-remote\'s flags', () => {
  const complain = (args) => runToEnd(bridgePath, args, { env: cleanEnv({ HOME: tempDir() }), input: '' });
  test('a whole configuration of it works after the command is changed', async () => {
    const fake = await startFake();
    const port = await freePort();
    const bridge = startBridge(fake.mcp, {
      args: ['--no-browser', '--transport', 'http-first', '--host', 'localhost', '--callback-path', '/oauth/callback', '--auth-timeout', '60', '--enable-proxy', '--debug', '--protocol', 'auto',
        '--resource', fake.mcp, '--authorize-param', 'prompt=consent', '--header', 'X-Key:${KEY}', '--static-oauth-client-metadata', '{"client_name":"Moved"}', '--ignore-tool', 'delete*'],
      env: { KEY: 'abc' },
      after: [String(port)],
    });
    bridge.send({ jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } } });
    const query = new URL(await signInUrl(bridge)).searchParams;
    assert.equal(query.get('redirect_uri'), `http://localhost:${port}/oauth/callback`);
    assert.equal(query.get('prompt'), 'consent');
    assert.equal(fake.seen[0].headers['x-key'], 'abc');
    await fetch((await fetch(await signInUrl(bridge), { redirect: 'manual' })).headers.get('location'));
    assert.ok((await call(bridge, 'call')).result);
    await bridge.stop();
    await fake.stop();
  });
  test('each has its meaning', async () => {
    const config = async (...args) => JSON.parse((await runToEnd(bridgePath, [...args, '--print-config'], { env: cleanEnv({ HOME: tempDir() }) })).stdout);
    assert.equal((await config('http://localhost:1/mcp', '--auth-timeout', '90'))['login-timeout'], '90s');
    assert.equal((await config('http://localhost:1/mcp', '--debug'))['log-level'], 'debug');
    assert.equal((await config('http://localhost:1/mcp', '--silent'))['log-level'], 'error');
    assert.equal((await config('http://localhost:1/mcp', '--device-code')).device, true);
    assert.equal((await config('http://localhost:1/mcp', '--disable-resource-parameter'))['no-resource'], true);
    assert.equal((await config('http://localhost:1/mcp', '--protocol', 'legacy')).protocol, 'legacy');
    assert.equal((await config('http://localhost:1/mcp', '3334'))['callback-port'], 3334);
    assert.equal((await config('http://localhost:1/mcp', '--host', '127.0.0.1'))['callback-host'], '127.0.0.1');
  });
  test('what it does not know is an error that names the nearest', async () => {
    for (const [flag, pattern] of [['--auth-timeot', /--auth-timeout/], ['--enable-proxi', /--enable-proxy/], ['--heder', /--header/], ['--transprt', /--transport/], ['--nonsense-of-mine', /--help/]]) {
      const end = await complain([flag, 'x', 'http://localhost:1/mcp']);
      assert.equal(end.code, 64);
      assert.match(end.stderr, pattern);
    }
    assert.match((await complain(['--host', 'example.com', 'http://localhost:1/mcp'])).stderr, /127\.0\.0\.1 ::1 localhost/);
    assert.match((await complain(['--callback-path', 'x', 'http://localhost:1/mcp'])).stderr, /--callback-path/);
    assert.match((await complain(['http://localhost:1/mcp', '70000'])).stderr, /one argument too many/);
  });
});
