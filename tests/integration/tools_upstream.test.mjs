// APIs that misbehave in every way that HTTP allows: each call ends in time, as an error that a model can act on,
// and neither what the server knows nor what another user does comes to harm.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { legacy, modern, modernRequest, post } from '../support/mcp.mjs';
import { signIn } from '../support/oauth.mjs';
import { sanitized, sleep, startGatehouse, until } from '../support/programs.mjs';
import { startRaw } from '../support/raw_server.mjs';
import { openStream } from '../support/sse.mjs';
import { object, toolsFile } from '../support/toolfiles.mjs';

const KEY = 'the-key-of-this-api';
const LIMIT = 64 * 1024;
const png = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');
const wav = Buffer.concat([Buffer.from('RIFF\x24\0\0\0WAVEfmt ', 'latin1'), Buffer.alloc(28)]);
const text = { type: 'string' };

// --- what the API does, by path: (socket) => ... ---
const head = (status, headers = {}) => `HTTP/1.1 ${status} X\r\n${Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
const answer = (status, body = '', headers = {}) => (socket) => {
  const bytes = Buffer.from(body);
  socket.write(Buffer.concat([Buffer.from(head(status, { 'Content-Length': bytes.length, ...headers })), bytes]));
};
const json = (status, value, headers = {}) => answer(status, typeof value === 'string' ? value : JSON.stringify(value), { 'Content-Type': 'application/json', ...headers });
const typed = (type, body) => answer(200, body, { 'Content-Type': type });
const then = (socket, ms, action) => { const timer = setTimeout(() => { if (!socket.destroyed) action(); }, ms); socket.once('close', () => clearTimeout(timer)); };
// Bytes without end, for as long as they are taken.
const pour = (socket, chunk = Buffer.alloc(16 * 1024, 'x')) => {
  const more = () => { while (!socket.destroyed && socket.writable) if (!socket.write(chunk)) { socket.once('drain', more); return; } };
  more();
};
const chunked = (socket, piece) => pour(socket, Buffer.from(`${piece.length.toString(16)}\r\n${piece}\r\n`));
const problem = { title: 'No good', detail: 'total must be positive; ask 10.1.2.3:8080 or 192.168.0.9' };
const say = {
  fine: json(200, { fine: true }),
  empty: answer(204),
  nothing: () => {},
  'slow-head': (socket) => then(socket, 4000, () => json(200, { late: true })(socket)),
  'mid-head': (socket) => { socket.write('HTTP/1.1 200 OK\r\nContent-Type: appl'); },
  'mid-body': (socket) => { socket.write(`${head(200, { 'Content-Type': 'application/json', 'Content-Length': 100 })}{"a":`); },
  trickle: (socket) => { socket.write(head(200, { 'Content-Type': 'text/plain', 'Content-Length': 60_000 })); const timer = setInterval(() => socket.write('x'), 50); socket.once('close', () => clearInterval(timer)); },
  'huge-said': (socket) => { socket.write(head(200, { 'Content-Type': 'text/plain', 'Content-Length': 1 << 30 })); pour(socket); },
  'huge-chunked': (socket) => { socket.write(head(200, { 'Content-Type': 'text/plain', 'Transfer-Encoding': 'chunked' })); chunked(socket, 'x'.repeat(16_384)); },
  'huge-till-close': (socket) => { socket.write(head(200, { 'Content-Type': 'text/plain' })); pour(socket); },
  'huge-error': (socket) => { socket.write(head(422, { 'Content-Type': 'text/plain', 'Content-Length': 1 << 30 })); pour(socket); },
  'huge-head': (socket) => { socket.write('HTTP/1.1 200 OK\r\n'); pour(socket, Buffer.from(`X-Filler: ${'y'.repeat(8000)}\r\n`)); },
  'one-too-many': typed('text/plain', 'x'.repeat(LIMIT + 1)),
  'just-right': typed('text/plain', 'x'.repeat(LIMIT)),
  short: (socket) => { socket.end(`${head(200, { 'Content-Type': 'application/json', 'Content-Length': 100 })}{"a":1}`); },
  long: (socket) => { socket.end(`${head(200, { 'Content-Type': 'application/json', 'Content-Length': 7 })}{"a":1}HTTP/1.1 200 OK\r\n\r\nsmuggled`); },
  'bad-length': (socket) => { socket.end('HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{}'); },
  'two-lengths': (socket) => { socket.end('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nContent-Length: 7\r\n\r\n{"a":1}'); },
  'bad-chunk': (socket) => { socket.end(`${head(200, { 'Content-Type': 'application/json', 'Transfer-Encoding': 'chunked' })}zz\r\n{}\r\n0\r\n\r\n`); },
  'cut-chunk': (socket) => { socket.end(`${head(200, { 'Content-Type': 'application/json', 'Transfer-Encoding': 'chunked' })}64\r\n{"a":`); },
  reset: (socket) => socket.resetAndDestroy(),
  'reset-mid-body': (socket) => { socket.write(`${head(200, { 'Content-Type': 'application/json', 'Content-Length': 100 })}{"a":`); then(socket, 30, () => socket.resetAndDestroy()); },
  garbage: (socket) => { socket.end(Buffer.from([0, 1, 2, 255, 254, 10, 13, 10, 13, 10])); },
  'not-http': (socket) => { socket.end('220 mail.internal ESMTP ready\r\n'); },
  'http-0.9': (socket) => { socket.end('<html>hello</html>'); },
  html: typed('application/json', '<!doctype html><title>Sign in</title>'),
  'html-said': typed('text/html', '<!doctype html><title>Sign in at 10.0.0.1</title>'),
  'not-an-image': typed('image/png', 'this is text'),
  'not-a-sound': typed('audio/wav', 'this is text'),
  'invalid-utf8': typed('application/json', Buffer.from([0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xff, 0xfe, 0x22, 0x7d])),
  'invalid-text': typed('text/plain; charset=utf-8', Buffer.from([0x61, 0xc0, 0xaf])),
  'nul-text': typed('text/plain', 'a\0b'),
  'wrong-charset': typed('text/plain; charset=utf-16', Buffer.from('hello', 'utf16le')),
  latin1: typed('text/plain; charset=ISO-8859-1', Buffer.from('Grüße', 'latin1')),
  twice: typed('application/json', '{"a":1,"a":2}'),
  deep: typed('application/json', `${'['.repeat(5000)}${']'.repeat(5000)}`),
  truncated: typed('application/json', '{"a":'),
  pdf: typed('application/pdf', '%PDF-1.7'),
  gzip: (socket) => answer(200, gzipSync('{"a":1}'), { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' })(socket),
  bomb: (socket) => answer(200, gzipSync(Buffer.alloc(20 << 20)), { 'Content-Type': 'text/plain', 'Content-Encoding': 'gzip' })(socket),
  echo: json(200, { you: KEY }),
  'echo-error': json(422, { detail: `the key ${KEY} is old` }),
  image: typed('image/png', png),
  sound: typed('audio/x-wav', wav),
  list: json(200, [1, 2]),
  promise: json(200, { id: 7 }),
};
for (const status of [400, 401, 403, 404, 409, 410, 412, 413, 418, 422, 500, 501]) say[status] = json(status, problem, { 'Content-Type': 'application/problem+json' });
for (const status of [502, 503, 504]) say[status] = json(status, problem);
say[429] = json(429, problem);
say['429-soon'] = json(429, problem, { 'Retry-After': 1 });
say['429-later'] = json(429, problem, { 'Retry-After': 3600 });
say['503-later'] = json(503, problem, { 'Retry-After': 120 });
say['100'] = (socket) => { socket.write('HTTP/1.1 100 Continue\r\n\r\n'.repeat(3)); json(200, { fine: true })(socket); };
say['103-forever'] = (socket) => pour(socket, Buffer.from('HTTP/1.1 103 Early Hints\r\n\r\n'));
say['999'] = answer(999);

// --- the tools ---
const tool = (name, request = {}, more = {}) => ({ name, description: name, inputSchema: object({ what: text }, ['what']), request: { method: 'GET', path: '/{what}', maxResponseBytes: LIMIT, ...request }, ...more });
const description = (url) => ({
  upstreams: { api: { url, credential: { type: 'header', name: 'X-Api-Key', valueFile: 'key' } }, other: { url, credential: 'none' } },
  tools: [
    tool('ask', { upstream: 'api' }),
    tool('hurry', { upstream: 'api', timeoutMs: 1500, retries: 0 }),
    tool('send', { upstream: 'api', method: 'POST', body: { json: { a: 1 } } }),
    tool('sendHurry', { upstream: 'api', method: 'POST', timeoutMs: 1500, body: { json: { a: 1 } } }),
    tool('sendAgain', { upstream: 'api', method: 'POST', retries: 2, body: { json: { a: 1 } } }),
    tool('often', { upstream: 'api', retries: 4 }),
    tool('asJson', { upstream: 'api' }, { response: { type: 'json' } }),
    tool('asText', { upstream: 'api' }, { response: { type: 'text' } }),
    tool('asImage', { upstream: 'api' }, { response: { type: 'image' } }),
    tool('asSound', { upstream: 'api' }, { response: { type: 'audio' } }),
    tool('strict', { upstream: 'api' }, { outputSchema: object({ id: text }, ['id']) }),
    tool('words', { upstream: 'api' }, { response: { errors: { 404: 'There is no {what}.', '4xx': 'No.', '5xx': 'Down.' } } }),
    tool('large', { upstream: 'api', maxResponseBytes: 4 << 20, timeoutMs: 20_000 }, { response: { type: 'text' } }),
    tool('patient', { upstream: 'api', timeoutMs: 30_000 }),
  ],
  resources: [
    { uri: 'api://fine', name: 'fine', mimeType: 'application/json', request: { upstream: 'api', path: '/fine' } },
    { uri: 'api://broken', name: 'broken', request: { upstream: 'api', path: '/html' }, response: { type: 'json' } },
    { uri: 'api://huge', name: 'huge', request: { upstream: 'api', path: '/huge-said' } },
  ],
  resourceTemplates: [{ uriTemplate: 'api://of/{what}', name: 'any', request: { upstream: 'api', path: '/{what}' } }],
});

let api;
let server;
let ada;
let grace;
const seen = []; // { path, head, body }
const closed = new Map(); // path -> when the last connection of it closed
const sent = new Map(); // path -> bytes that went out on it
const custom = new Map(); // path -> (socket, request, count)
before(async () => {
  api = await startRaw((socket, request) => {
    const path = decodeURIComponent(/^\S+ \/v1\/(\S*) /.exec(request.head)?.[1] ?? '');
    seen.push({ path, ...request });
    const began = socket.bytesWritten;
    socket.setMaxListeners(0);
    socket.once('close', () => { closed.set(path, Date.now()); sent.set(path, socket.bytesWritten - began); });
    const mine = custom.get(path) ?? say[path];
    if (mine) mine(socket, request); else answer(500)(socket);
  });
  const tools = toolsFile(description(`http://127.0.0.1:${api.port}/v1`), { key: `${KEY}\n` });
  // Large blocks go back to the system at once, so that what stays is what was forgotten.
  const env = { MALLOC_MMAP_THRESHOLD_: '262144', MALLOC_TRIM_THRESHOLD_: '262144' };
  server = await startGatehouse({ env, args: ['--tools', tools.file, '--log-level', 'debug'] });
  ada = (await signIn(server)).tokens.access_token;
  grace = (await signIn(server, { answers: { name: 'Grace Hopper', email: 'grace@example.com' } })).tokens.access_token;
});
after(async () => {
  const log = server?.stderr() ?? '';
  await server?.stop();
  await api?.stop();
  for (const secret of [KEY, ada, grace]) assert.ok(!log.includes(secret), 'a secret in the log');
});

const call = async (name, what, token = ada) => {
  const reply = await modern(server, token, 'tools/call', { name, arguments: { what } });
  assert.equal(reply.status, 200, reply.text);
  assert.ok(reply.message.result, reply.text);
  return reply.message.result;
};
const textOf = (result) => result.content.map((block) => block.text ?? block.type).join('\n');
const count = (path) => seen.filter((one) => one.path === path).length;

// The call fails as `pattern` says, with nothing in it that is nobody's business; meanwhile another user's works.
async function fails(name, what, pattern, requests) {
  const before = count(what);
  const began = Date.now();
  const [result, beside] = await Promise.all([call(name, what), call('ask', 'fine', grace)]);
  const said = textOf(result);
  assert.equal(result.isError, true, said);
  assert.match(said, pattern);
  assert.equal(result.structuredContent, undefined);
  assert.ok(said.length < 1500, `${said.length} characters`);
  assert.doesNotMatch(said, /127\.0\.0\.1|localhost|10\.\d+\.\d+\.\d+|192\.168|X-Api-Key|curl|gh_/i);
  for (const secret of [KEY, ada, String(api.port)]) assert.ok(!said.includes(secret), said);
  assert.deepEqual(beside.structuredContent, { fine: true });
  assert.ok(Date.now() - began < 15_000, 'in time');
  const made = count(what) - before;
  if (requests !== undefined) assert.ok([requests].flat().includes(made), `${made} requests of ${name} ${what}`);
}

describe('time', () => {
  for (const what of ['nothing', 'slow-head', 'mid-head', 'mid-body', 'trickle']) {
    test(`${what}: given up when the time is over, once`, () => fails('hurry', what, /did not answer in time.*Try again later/, 1));
  }
  test('a request that may have done something says so', () => fails('sendHurry', 'nothing', /may have been done.*look before you try again/, 1));
});

describe('size', () => {
  for (const what of ['huge-said', 'huge-chunked', 'huge-till-close', 'one-too-many']) {
    test(`${what}: larger than what is allowed, and no more is read`, async () => {
      await fails('ask', what, /larger than the 65536 bytes.*Ask for less/, 1);
      await until(() => what === 'one-too-many' || sent.has(what), 'the connection to close');
      if (sent.has(what)) assert.ok(sent.get(what) < 8 << 20, `${sent.get(what)} bytes`);
    });
  }
  for (const what of ['huge-head', '103-forever']) test(`${what}: a head without end`, () => fails('hurry', what, /API/, 1));
  test('of an error only the beginning is read', () => fails('ask', 'huge-error', /refused the request \(422\)/, 1));
  test('exactly what is allowed is handed on', async () => assert.equal(textOf(await call('ask', 'just-right')).length, LIMIT));
});

describe('lengths that are lies', () => {
  for (const what of ['short', 'cut-chunk', 'reset-mid-body']) test(what, () => fails('ask', what, /closed the connection before its answer was complete/));
  for (const what of ['bad-length', 'two-lengths', 'bad-chunk']) test(what, () => fails('ask', what, /API/));
  test('what comes after the end is nobody\'s answer', async () => {
    assert.deepEqual((await call('ask', 'long')).structuredContent, { a: 1 });
    assert.deepEqual((await call('ask', 'fine')).structuredContent, { fine: true });
  });
});

describe('types that are lies', () => {
  const cases = [
    ['ask', 'html', /not the JSON that it should be/], ['asJson', 'html-said', /not the JSON/], ['asJson', 'just-right', /not the JSON/],
    ['ask', 'not-an-image', /not the image/], ['asImage', 'list', /not the image/], ['asImage', 'sound', /not the image/],
    ['ask', 'not-a-sound', /not the sound/], ['asSound', 'image', /not the sound/],
    ['ask', 'invalid-utf8', /not the JSON/], ['ask', 'invalid-text', /not the text/], ['ask', 'nul-text', /not the text/],
    ['ask', 'wrong-charset', /character set/], ['ask', 'twice', /not the JSON/], ['ask', 'deep', /deeply nested/], ['ask', 'truncated', /not the JSON/],
    ['ask', 'pdf', /application\/pdf.*cannot be shown/], ['ask', 'gzip', /compressed/], ['ask', 'bomb', /compressed|larger/],
    ['strict', 'promise', /not what this tool promises.*id/], ['strict', 'list', /not what this tool promises/],
  ];
  for (const [name, what, pattern] of cases) test(`${name}: ${what}`, () => fails(name, what, pattern, 1));
  test('nobody asked for compression', async () => { await call('ask', 'fine'); assert.doesNotMatch(seen.at(-1).head, /accept-encoding/i); });
});

describe('connections', () => {
  for (const what of ['garbage', 'not-http', 'http-0.9']) test(what, () => fails('ask', what, /API/));
  test('reset: a GET is sent again, a POST is not', async () => {
    await fails('ask', 'reset', /closed the connection|cannot be reached/, [2, 3]); // one more when a connection was used again
    await fails('send', 'reset', /may have been done all the same/, 1);
    await fails('sendAgain', 'reset', /closed the connection|may have been/, 3);
  });
  test('an idle connection that the API has closed costs nobody an answer', async () => {
    for (let i = 0; i < 5; i++) {
      custom.set('goes', (socket) => { json(200, { i })(socket); setTimeout(() => socket.destroy(), 20); });
      assert.deepEqual((await call('ask', 'goes')).structuredContent, { i });
      await sleep(60);
    }
  });
});

describe('statuses', () => {
  const cases = {
    400: [/refused the request \(400\).*No good: total must be positive; ask \[internal address\]/, 1],
    401: [/does not accept this server's own credential \(401\)/, 1],
    403: [/does not allow.*\(403\)/, 1],
    404: [/no such thing \(404\).*Check the arguments/, 1],
    409: [/conflicts.*\(409\)/, 1],
    410: [/no such thing \(410\)/, 1],
    412: [/conflicts.*\(412\)/, 1],
    413: [/too large.*\(413\)/, 1],
    418: [/refused the request \(418\)/, 1],
    422: [/refused the request \(422\).*total must be positive/, 1],
    500: [/The API failed \(500\)/, 1],
    501: [/The API failed \(501\)/, 1],
    502: [/The API failed \(502\)/, 2],
    503: [/The API failed \(503\)/, 2],
    504: [/The API failed \(504\)/, 2],
    429: [/too many requests \(429\)\. Try again later/, 1],
    '429-soon': [/too many requests \(429\)\. Try again in 1 second\./, 2],
    '429-later': [/too many requests \(429\)\. Try again in 3600 seconds/, 1],
    '503-later': [/failed \(503\)\. Try again in 120 seconds/, 1],
    999: [/API/, undefined],
    'echo-error': [/refused the request \(422\)\.$/, 1],
  };
  for (const [what, [pattern, requests]] of Object.entries(cases)) test(`GET ${what}`, () => fails('ask', what, pattern, requests));
  for (const what of ['429-soon', '500', '502', '503', '504']) test(`POST ${what} is sent once`, () => fails('send', what, /\(\d{3}\)/, 1));
  test('as often as the file says, and then the answer counts', async () => {
    let left = 3;
    custom.set('flaky', (socket) => (left-- > 0 ? say[503] : say.fine)(socket));
    assert.deepEqual((await call('often', 'flaky')).structuredContent, { fine: true });
    assert.equal(count('flaky'), 4);
  });
  test('the file\'s own words', async () => {
    assert.equal(textOf(await call('words', '404')), 'There is no 404.');
    assert.equal(textOf(await call('words', '422')), 'No.');
    assert.equal(textOf(await call('words', '503')), 'Down.');
  });
  test('an answer that repeats the key is not shown', () => fails('ask', 'echo', /repeats the secret/, 1));
  test('1xx before the answer do no harm', async () => assert.deepEqual((await call('ask', '100')).structuredContent, { fine: true }));
});

describe('redirects', () => {
  const to = (location, status = 302) => answer(status, '', { Location: location });
  let elsewhere;
  let knocks = 0;
  before(async () => { elsewhere = await startRaw((socket) => { knocks++; json(200, { elsewhere: true })(socket); }); });
  after(() => elsewhere.stop());
  test('on the same origin, below the base: followed', async () => {
    custom.set('moved', to('/v1/fine'));
    custom.set('moved-307', to('fine', 307));
    assert.deepEqual((await call('ask', 'moved')).structuredContent, { fine: true });
    assert.deepEqual((await call('ask', 'moved-307')).structuredContent, { fine: true });
    assert.match(seen.at(-1).head, new RegExp(`X-Api-Key: ${KEY}`));
  });
  test('anywhere else: not', async () => {
    const targets = { port: `http://127.0.0.1:${elsewhere.port}/v1/fine`, name: `http://localhost:${api.port}/v1/fine`, scheme: 'file:///etc/passwd', above: '/admin', up: '../fine', encoded: '/v1/%2e%2e/admin',
      slashes: `//127.0.0.1:${elsewhere.port}/`, user: `http://127.0.0.1@127.0.0.1:${elsewhere.port}/`, tls: `https://127.0.0.1:${api.port}/v1/fine`, backslash: `\\\\127.0.0.1:${elsewhere.port}\\`, metadata: 'http://169.254.169.254/latest/' };
    for (const [name, location] of Object.entries(targets)) {
      custom.set(`to-${name}`, to(location));
      await fails('ask', `to-${name}`, /redirect \(302\) that is not followed/, 1);
    }
    assert.equal(knocks, 0);
    assert.ok(!seen.some((one) => / \/admin/.test(one.head)));
  });
  test('of a POST: not', async () => { custom.set('post-moved', to('/v1/fine', 307)); await fails('send', 'post-moved', /redirect \(307\)/, 1); });
  test('in a circle: a few times', async () => { custom.set('circle', to('/v1/circle')); await fails('ask', 'circle', /redirect \(302\)/, 4); });
});

describe('a client that goes away', () => {
  // As soon as the API has the request, the client is cut off; the API sees it within two seconds (more when the machine is busy).
  const cutOff = async (what) => {
    const before = count(what);
    closed.delete(what);
    const { headers, body } = modernRequest(ada, 'tools/call', { name: 'patient', arguments: { what } });
    const payload = JSON.stringify(body);
    const request = http.request(server.mcp, { method: 'POST', agent: false, headers: { ...headers, Accept: 'application/json, text/event-stream', 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(payload) } });
    request.on('error', () => {});
    request.end(payload);
    await until(() => count(what) > before, 'the API to be asked');
    const cut = Date.now();
    request.destroy();
    return (await until(() => closed.get(what), 'the API to be let go', 8000)) - cut;
  };
  for (const what of ['nothing', 'mid-body', 'trickle']) {
    test(`${what}: the API's connection is closed`, async () => {
      const ms = await cutOff(what);
      assert.ok(ms < 4000, `${ms} ms`);
    });
  }
  test('a session cancels by a notification', async () => {
    const session = await legacy(server, ada);
    closed.delete('nothing');
    const before = count('nothing');
    const pending = post(server, ada, { jsonrpc: '2.0', id: 'mine', method: 'tools/call', params: { name: 'patient', arguments: { what: 'nothing' } } }, session.headers);
    await until(() => count('nothing') > before, 'the API to be asked');
    await session.notify('notifications/cancelled', { requestId: 'mine', reason: 'not any more' });
    await until(() => closed.get('nothing'), 'the API to be let go', 8000);
    await pending;
    await session.end();
  });
});

describe('what a large reply is told about while it is read', () => {
  test('progress, with the total when the API says it', async () => {
    const size = 1 << 20;
    custom.set('big', (socket) => {
      socket.write(head(200, { 'Content-Type': 'text/plain', 'Content-Length': size }));
      let left = 16;
      const timer = setInterval(() => { if (left-- > 0) socket.write(Buffer.alloc(size / 16, 'x')); else clearInterval(timer); }, 120);
      socket.once('close', () => clearInterval(timer));
    });
    const { headers, body } = modernRequest(ada, 'tools/call', { name: 'large', arguments: { what: 'big' } }, { meta: { progressToken: 'p1' } });
    const stream = await openStream(server.mcp, { method: 'POST', headers, body });
    assert.equal(await stream.end, 'complete');
    const told = stream.messages().filter((one) => one.method === 'notifications/progress').map((one) => one.params);
    assert.ok(told.length >= 2, `${told.length} notifications`);
    for (const [i, one] of told.entries()) {
      assert.equal(one.progressToken, 'p1');
      assert.equal(one.total, size);
      assert.ok(one.progress <= size && (i === 0 || one.progress > told[i - 1].progress));
    }
    assert.equal(textOf(stream.messages().at(-1).result).length, size);
  });
  test('nothing without a token for it', async () => {
    const { headers, body } = modernRequest(ada, 'tools/call', { name: 'large', arguments: { what: 'big' } });
    const stream = await openStream(server.mcp, { method: 'POST', headers, body });
    await stream.end;
    assert.ok(!stream.text().includes('notifications/progress'));
  });
});

test('50 huge answers leave no trace in memory', { skip: sanitized }, async () => {
  custom.set('four', (socket) => { socket.write(head(200, { 'Content-Type': 'text/plain', 'Content-Length': 3 << 20 })); socket.write(Buffer.alloc(3 << 20, 'y')); });
  const rss = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))[1]) / 1024;
  const round = async (times) => { for (let i = 0; i < times; i++) await Promise.all([call('large', 'four'), call('ask', 'huge-said', grace)]); };
  await round(5);
  const before = rss();
  await round(25);
  assert.ok(rss() - before < 24, `${before} MiB, then ${rss()} MiB`);
});

describe('images and sounds come as such', () => {
  test('an image', async () => assert.deepEqual((await call('ask', 'image')).content, [{ type: 'image', data: png.toString('base64'), mimeType: 'image/png' }]));
  test('a sound, by its usual name', async () => assert.deepEqual((await call('asSound', 'sound')).content, [{ type: 'audio', data: wav.toString('base64'), mimeType: 'audio/wav' }]));
  test('text of another charset', async () => assert.equal(textOf(await call('ask', 'latin1')), 'Grüße'));
  test('no content', async () => assert.match(textOf(await call('ask', 'empty')), /Done/));
  test('a list goes under a name', async () => assert.deepEqual((await call('ask', 'list')).structuredContent, { result: [1, 2] }));
});

describe('resources of the API', () => {
  const read = async (uri) => (await modern(server, ada, 'resources/read', { uri })).message;
  test('as text and as bytes', async () => {
    assert.deepEqual(JSON.parse((await read('api://fine')).result.contents[0].text), { fine: true });
    const [{ blob, mimeType }] = (await read('api://of/image')).result.contents;
    assert.deepEqual([blob, mimeType], [png.toString('base64'), 'image/png']);
    assert.equal((await read('api://of/pdf')).result.contents[0].mimeType, 'application/pdf');
  });
  test('what fails is an error of the protocol, in words', async () => {
    for (const [uri, pattern] of [['api://broken', /not the JSON/], ['api://huge', /larger than/], ['api://of/503', /failed \(503\)/]]) {
      const { error } = await read(uri);
      assert.match(error.message, pattern);
      assert.ok(!JSON.stringify(error).includes(KEY) && !JSON.stringify(error).includes('127.0.0.1'));
    }
    assert.equal((await read('api://of/404')).error.code, -32602);
  });
});
