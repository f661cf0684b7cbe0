// A server that drops, stalls, truncates, redirects, lies and never ends. Whatever it does to one call, each id
// gets exactly one reply, other calls go through, and the bridge lives on.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { startBridge } from '../support/bridge.mjs';
import { startFake } from '../support/fake_server.mjs';
import { sleep, until } from '../support/programs.mjs';

const result = (id, more = { fine: true }) => ({ jsonrpc: '2.0', id, result: more });
const event = (message) => `data: ${JSON.stringify(message)}\n\n`;
const usual = (message) => {
  if (message.id === undefined || !message.method) return { status: 202 };
  if (message.method === 'server/discover') return { status: 404, json: { jsonrpc: '2.0', id: message.id, error: { code: -32601, message: 'no such method' } } };
  return { json: result(message.id, message.method === 'initialize' ? { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'fake', version: '1' } } : { usual: message.method }) };
};

// A server without a login, of which one tool does what `fault(message, fake)` says.
const startFaulty = (fault) => startFake({
  mcp: (incoming, body, fake) => {
    if (incoming.method !== 'POST') return { status: incoming.method === 'DELETE' ? 204 : 405 };
    const message = JSON.parse(body);
    return message.params?.name === 'faulty' ? fault(message, fake, incoming) : usual(message);
  },
});
const faulty = (id) => ({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'faulty', arguments: {} } });
const replies = (bridge, id) => bridge.messages().filter((one) => one.id === id && !one.method);

// Calls the faulty tool between two good calls. -> its reply
async function through(fault, { args = ['--request-timeout', '1s', '--max-message', '256k'], calls = 1 } = {}) {
  const fake = await startFaulty(fault);
  const bridge = startBridge(fake.mcp, { args });
  await bridge.initialize();
  bridge.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
  const ids = Array.from({ length: calls }, (_, at) => `bad-${at}`);
  for (const id of ids) bridge.send(faulty(id));
  bridge.send({ jsonrpc: '2.0', id: 'beside', method: 'tools/list' });
  const answers = await Promise.all(ids.map((id) => bridge.reply(id, 8000)));
  assert.ok((await bridge.reply('beside', 8000)).result, 'a call beside it');
  assert.ok((await bridge.call('tools/list', undefined, 8000)).result, 'a call after it');
  await sleep(150);
  for (const id of [...ids, 'beside']) assert.equal(replies(bridge, id).length, 1, `one reply to ${id}`);
  for (const line of bridge.lines()) assert.equal(JSON.parse(line).jsonrpc, '2.0', line);
  const sent = fake.seen.filter((one) => one.body.includes('"bad-0"')).length;
  assert.equal((await bridge.stop()).code, 0, bridge.stderr());
  await fake.stop();
  return { answer: answers[0], answers, bridge, fake, sent };
}

async function isRefused(fault, options) {
  const done = await through(fault, options);
  for (const answer of done.answers) {
    assert.ok(answer.error, JSON.stringify(answer));
    assert.ok(Number.isInteger(answer.error.code));
    assert.ok(answer.error.message.length > 10, answer.error.message);
  }
  return done;
}
async function isAnswered(fault, options) {
  const done = await through(fault, options);
  assert.deepEqual(done.answer.result, { fine: true }, JSON.stringify(done.answer));
  return done;
}

// Raw bytes on the connection instead of a response.
const bytes = (text, then = 'destroy') => () => ({ raw: (outgoing, incoming) => {
  incoming.socket.write(text);
  if (then === 'destroy') setTimeout(() => incoming.socket.destroy(), 50);
  if (then === 'end') incoming.socket.end();
} });
const head = (length, type = 'application/json') => `HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nContent-Length: ${length}\r\n\r\n`;
const chunked = (type = 'application/json') => `HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nTransfer-Encoding: chunked\r\n\r\n`;
const chunk = (text) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
const eventStream = (text, { open = false } = {}) => () => ({ raw: (outgoing) => {
  outgoing.writeHead(200, { 'Content-Type': 'text/event-stream' });
  outgoing.write(text);
  if (!open) outgoing.end();
} });

describe('drops', { concurrency: 4 }, () => {
  for (const [what, fault] of Object.entries({
    'before a byte': () => ({ destroy: true }),
    'within the status line': bytes('HTTP/1.1 20'),
    'within the headers': bytes('HTTP/1.1 200 OK\r\nContent-Type: appl'),
    'within the body': bytes(head(500) + '{"jsonrpc":"2.0",'),
    'within a chunk': bytes(`${chunked()}40\r\n{"json`),
    'between two chunks': bytes(chunked() + chunk('{"jsonrpc":')),
    'before the first event': bytes(chunked('text/event-stream')),
    'within an event': bytes(chunked('text/event-stream') + chunk('data: {"jsonrpc":"2.0","id":"bad-0","res')),
    'within an event, in order': eventStream('data: {"jsonrpc":"2.0","id":"bad-0","result":{"fine":true}}'),
    'after a comment': eventStream(': hello\n\n'),
    'without TCP\'s good manners': () => ({ raw: (outgoing, incoming) => incoming.socket.resetAndDestroy() }),
  })) {
    test(what, async () => {
      const { sent } = await isRefused(fault);
      assert.equal(sent, 1, 'what may have been carried out is not sent again');
    });
  }
});

describe('stalls', { concurrency: 4 }, () => {
  for (const [what, fault] of Object.entries({
    'without a byte': () => ({ hang: true }),
    'within the headers': bytes('HTTP/1.1 200 OK\r\nContent-Type: appl', 'stay'),
    'within the body': bytes(head(500) + '{"jsonrpc":"2.0",', 'stay'),
    'within a chunk': bytes(`${chunked()}40\r\n{"json`, 'stay'),
    'before the first event': eventStream('', { open: true }),
    'within an event': eventStream('data: {"jsonrpc":"2.0","id":"bad-0",', { open: true }),
  })) {
    test(what, async () => {
      const began = Date.now();
      await isRefused(fault);
      assert.ok(Date.now() - began < 6000, `${Date.now() - began} ms`);
    });
  }
  test('32 calls at once that stall do not hold up the rest for ever', async () => {
    await isRefused(() => ({ hang: true }), { calls: 40 });
  });
});

describe('lies', { concurrency: 4 }, () => {
  const good = (message) => JSON.stringify(result(message.id));
  const raw = (make, then) => (message) => bytes(make(good(message)), then)();
  const refused = {
    'a body that is shorter than its length': raw((text) => head(text.length + 100) + text, 'end'),
    'a length that is shorter than the body': raw((text) => head(10) + text, 'end'),
    'a length that is no number': raw((text) => head('ten') + text, 'end'),
    'two lengths that differ': raw((text) => head(text.length).replace('\r\n\r\n', '\r\nContent-Length: 5\r\n\r\n') + text, 'end'),
    'a chunk size that is no number': raw((text) => `${chunked()}zz\r\n${text}\r\n0\r\n\r\n`, 'end'),
    'a coding nobody asked for': (message) => ({ raw: (outgoing) => outgoing.writeHead(200, { 'Content-Type': 'application/json', 'Content-Encoding': 'br' }).end(brotliCompressSync(good(message))) }),
    'HTML': () => ({ type: 'text/html', text: '<!doctype html><title>Sign in to the Wi-Fi</title>' }),
    'HTML that calls itself JSON': () => ({ text: '<html>' }),
    'JSON without a type': (message) => bytes(`HTTP/1.1 200 OK\r\nContent-Length: ${good(message).length}\r\n\r\n${good(message)}`, 'end')(),
    'JSON as plain text': (message) => ({ type: 'text/plain', text: good(message) }),
    'nothing with 200': () => ({ status: 200, text: '' }),
    'nothing with 202': () => ({ status: 202 }),
    'nothing with 204': () => ({ status: 204 }),
    'a JSON text that is cut off': (message) => ({ text: good(message).slice(0, -2) }),
    'a JSON text with something behind it': (message) => ({ text: `${good(message)} x` }),
    'bytes that are no UTF-8': (message) => ({ raw: (outgoing) => outgoing.writeHead(200, { 'Content-Type': 'application/json' }).end(Buffer.concat([Buffer.from(`{"jsonrpc":"2.0","id":"${message.id}","result":{"x":"`), Buffer.from([0xff, 0xfe, 0xc0]), Buffer.from('"}}')])) }),
    'a JSON text of 50,000 brackets': () => ({ text: '['.repeat(50_000) }),
    'no JSON-RPC': () => ({ json: { hello: 'world' } }),
    'JSON-RPC 1.0': (message) => ({ json: { id: message.id, result: { fine: true } } }),
    'a result and an error': (message) => ({ json: { ...result(message.id), error: { code: 1, message: 'x' } } }),
    'neither a result nor an error': (message) => ({ json: { jsonrpc: '2.0', id: message.id } }),
    'another id': () => ({ json: result('somebody-else') }),
    'the id of a call before it': () => ({ json: result(1) }),
    'no id': () => ({ json: { jsonrpc: '2.0', result: {} } }),
    'HTTP/0.9': raw((text) => text, 'end'),
    'a header of 1 MB': raw((text) => head(text.length).replace('\r\n\r\n', `\r\nX-Long: ${'y'.repeat(1 << 20)}\r\n\r\n`) + text, 'end'),
    'headers without end': () => ({ raw: (outgoing, incoming) => {
      const { socket } = incoming;
      socket.on('error', () => {});
      socket.write('HTTP/1.1 200 OK\r\n');
      const more = () => { while (!socket.destroyed && socket.write('X: y\r\n'.repeat(1000)));  };
      socket.on('drain', more);
      more();
    } }),
  };
  for (const [what, fault] of Object.entries(refused)) test(what, () => isRefused(fault));

  const answered = {
    'early hints before the answer': raw((text) => `HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n${head(text.length)}${text}`, 'end'),
    'a type with a charset': (message) => ({ type: 'Application/JSON; charset=utf-8', json: result(message.id) }),
    'gzip that is gzip': (message) => ({ raw: (outgoing, incoming) => (/gzip/.test(incoming.headers['accept-encoding'] ?? '')
      ? outgoing.writeHead(200, { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' }).end(gzipSync(good(message)))
      : outgoing.writeHead(200, { 'Content-Type': 'application/json' }).end(good(message))) }),
    'a message in many chunks': (message) => ({ raw: async (outgoing) => {
      outgoing.writeHead(200, { 'Content-Type': 'application/json' });
      for (const letter of good(message)) { outgoing.write(letter); await sleep(2); }
      outgoing.end();
    } }),
    'an answer twice': (message) => eventStream(event(result(message.id)) + event(result(message.id, { second: true })))(),
    'an answer and then an error': (message) => eventStream(event(result(message.id)) + event({ jsonrpc: '2.0', id: message.id, error: { code: 1, message: 'no' } }))(),
    'others\' answers before it': (message) => eventStream(event(result('beside')) + event(result(1)) + event(result(99)) + event(result(message.id)))(),
    'nonsense before it': (message) => eventStream(`data: <html>\n\ndata: 7\n\ndata: []\n\nevent: x\ndata: {\n\n${event(result(message.id))}`)(),
    'a stream that stays open after it': (message) => eventStream(event(result(message.id)), { open: true })(),
  };
  for (const [what, fault] of Object.entries(answered)) test(`${what}: the answer arrives`, () => isAnswered(fault));

  test('calls at once that are answered in the opposite order', async () => {
    const waiting = [];
    const { answers } = await through((message) => ({ raw: (outgoing) => {
      waiting.push(() => outgoing.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(result(message.id, { for: message.id }))));
      if (waiting.length === 20) for (const answer of waiting.reverse()) answer();
    } }), { calls: 20, args: ['--request-timeout', '20s'] });
    for (const answer of answers) assert.equal(answer.result.for, answer.id);
  });
  test('two calls at once whose answers are on each other\'s stream', async () => {
    const open = new Map();
    const { answers } = await through((message) => ({ raw: (outgoing) => {
      outgoing.writeHead(200, { 'Content-Type': 'text/event-stream' });
      open.set(message.id, outgoing);
      if (open.size < 2) return;
      open.get('bad-0').end(event(result('bad-1', { crossed: true })));
      open.get('bad-1').end(event(result('bad-0', { crossed: true })));
    } }), { calls: 2, args: ['--request-timeout', '20s'] });
    for (const answer of answers) assert.ok(answer.error || answer.result.crossed, JSON.stringify(answer));
  });
});

describe('refuses', { concurrency: 4 }, () => {
  for (const status of [400, 402, 403, 404, 405, 406, 408, 409, 410, 413, 415, 418, 429, 431, 451, 500, 501, 502, 503, 504, 507, 511, 599, 999]) {
    test(`with ${status} and a page`, async () => {
      const { answer } = await isRefused(() => ({ status, type: 'text/html', text: '<h1>no</h1>' }));
      assert.ok(answer.error.message.includes(String(status)), answer.error.message);
      assert.doesNotMatch(answer.error.message, /<h1>/);
    });
  }
  test('with a JSON-RPC error in a 400: handed on as it is', async () => {
    const { answer } = await isRefused((message) => ({ status: 400, json: { jsonrpc: '2.0', id: message.id, error: { code: -31999, message: 'the server\'s own words', data: { kept: [1] } } } }));
    assert.deepEqual(answer.error, { code: -31999, message: 'the server\'s own words', data: { kept: [1] } });
  });
  test('a call with 503 and Retry-After: carried out when the server is ready', async () => {
    const at = [];
    const { answer } = await through((message) => {
      at.push(Date.now());
      return at.length === 1 ? { status: 503, headers: { 'Retry-After': '1' } } : { json: result(message.id) };
    }, { args: [] });
    if (at.length === 1) assert.ok(answer.error, 'not repeated: an error');
    else assert.ok(at[1] - at[0] >= 900, `asked again after ${at[1] - at[0]} ms`);
  });
  test('every call with 401 without a challenge', () => isRefused(() => ({ status: 401 }), { args: ['--no-browser', '--login-timeout', '1s'] }));
});

describe('redirects', { concurrency: 4 }, () => {
  for (const status of [301, 302, 303, 307, 308]) {
    test(`with ${status}: nothing follows it`, async () => {
      const elsewhere = await startFake({ mcp: () => ({ json: result('bad-0', { stolen: true }) }) });
      await isRefused(() => ({ status, headers: { Location: elsewhere.mcp } }));
      assert.equal(elsewhere.seen.length, 0);
      await elsewhere.stop();
    });
  }
  test('to itself, for ever', async () => {
    const { sent } = await isRefused((message, fake) => ({ status: 307, headers: { Location: fake.mcp } }));
    assert.equal(sent, 1);
  });
  test('to a file', () => isRefused(() => ({ status: 302, headers: { Location: 'file:///etc/passwd' } })));
});

describe('never ends', () => {
  const peak = (bridge) => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${bridge.child.pid}/status`, 'utf8'))[1]);
  const pour = (type, text, before = '') => () => ({ raw: (outgoing) => {
    outgoing.writeHead(200, { 'Content-Type': type });
    outgoing.write(before);
    const more = () => { while (!outgoing.destroyed && outgoing.write(text)); };
    outgoing.on('drain', more);
    more();
  } });
  const ended = {
    'a body of blanks': pour('application/json', ' '.repeat(65536)),
    'a JSON text': pour('application/json', '"x",'.repeat(16384), '['),
    'an event': pour('text/event-stream', 'y'.repeat(65536), 'data: '),
    'an event of a thousand lines a time': pour('text/event-stream', 'data: z\n'.repeat(1000)),
    'a page': pour('text/html', '<p>'.repeat(20000)),
  };
  for (const [what, fault] of Object.entries(ended)) {
    test(`${what}: an error, and no more memory than its limit`, async () => {
      const fake = await startFaulty(fault);
      const bridge = startBridge(fake.mcp, { args: ['--max-message', '1m', '--request-timeout', '20s'] });
      await bridge.initialize();
      const before = peak(bridge);
      bridge.send(faulty(7));
      assert.ok((await bridge.reply(7, 10_000)).error);
      assert.ok(peak(bridge) - before < 12_000, `${peak(bridge) - before} KB more`);
      assert.ok((await bridge.call('tools/list')).result);
      assert.equal(replies(bridge, 7).length, 1);
      assert.equal((await bridge.stop()).code, 0);
      await fake.stop();
    });
  }
  test('a stream of comments: the call stays open, cancelling it ends it', async () => {
    const fake = await startFaulty(pour('text/event-stream', ':\n'.repeat(100)));
    const bridge = startBridge(fake.mcp);
    await bridge.initialize();
    bridge.send(faulty(7));
    await sleep(500);
    assert.equal(replies(bridge, 7).length, 0);
    bridge.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 7 } });
    assert.ok((await bridge.call('tools/list')).result);
    assert.equal((await bridge.stop()).code, 0);
    assert.equal(replies(bridge, 7).length, 0);
    await fake.stop();
  });
});

describe('a cancelled call gets no reply', () => {
  for (const [what, wait] of Object.entries({ 'when its answer comes all the same': 50, 'at the end of the input': undefined })) {
    test(what, async () => {
      let answer;
      const fake = await startFaulty((message) => ({ raw: (outgoing) => { answer = () => outgoing.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(result(message.id))); } }));
      const bridge = startBridge(fake.mcp);
      await bridge.initialize();
      bridge.send(faulty('gone'));
      await until(() => answer, 'the call');
      bridge.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'gone' } });
      await sleep(100);
      if (wait) { answer(); await sleep(wait); }
      await bridge.stop();
      assert.equal(replies(bridge, 'gone').length, 0);
      await fake.stop();
    });
  }
});

describe('the server\'s own stream', () => {
  const listening = (onGet) => startFake({ mcp: (incoming, body) => {
    if (incoming.method === 'GET') return onGet();
    return incoming.method === 'POST' ? usual(JSON.parse(body)) : { status: 204 };
  } });
  const start = (bridge) => {
    bridge.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
    bridge.send({ jsonrpc: '2.0', id: 'first', method: 'tools/call', params: { name: 'x' } });
  };
  test('is open before the first call: what the server asks meanwhile would be lost', async () => {
    for (let round = 0; round < 5; round++) {
      const fake = await listening(() => ({ raw: (outgoing) => { outgoing.writeHead(200, { 'Content-Type': 'text/event-stream' }); outgoing.flushHeaders(); } }));
      const bridge = startBridge(fake.mcp);
      await bridge.initialize();
      start(bridge);
      await bridge.reply('first');
      const order = fake.seen.map((one) => (one.method === 'GET' ? 'stream' : JSON.parse(one.body || '{}').method));
      assert.ok(order.indexOf('stream') > 0 && order.indexOf('stream') < order.indexOf('tools/call'), order.join(' '));
      await bridge.stop();
      await fake.stop();
    }
  });
  for (const [what, answer] of Object.entries({ 'is never answered': { hang: true }, 'is refused': { status: 405 }, 'breaks off': { destroy: true }, 'fails': { status: 500 } })) {
    test(`${what}: calls go all the same, and soon`, async () => {
      const fake = await listening(() => answer);
      const bridge = startBridge(fake.mcp);
      await bridge.initialize();
      const began = Date.now();
      start(bridge);
      assert.ok((await bridge.reply('first')).result);
      assert.ok(Date.now() - began < 1000, `${Date.now() - began} ms`);
      await bridge.stop();
      await fake.stop();
    });
  }
});

test('a server that is away for 3 seconds is not noticed', async () => {
  const fake = await startFake({ mcp: (incoming, body) => (incoming.method === 'POST' ? usual(JSON.parse(body)) : { status: 405 }) });
  const { port } = new URL(fake.url);
  const bridge = startBridge(fake.mcp);
  await bridge.initialize();
  await fake.stop();
  bridge.send({ jsonrpc: '2.0', id: 'later', method: 'tools/call', params: { name: 'x' } });
  await sleep(3000);
  const again = await startFake({ port: Number(port), mcp: (incoming, body) => (incoming.method === 'POST' ? usual(JSON.parse(body)) : { status: 405 }) });
  assert.ok((await bridge.reply('later', 10_000)).result, bridge.stderr());
  assert.equal(again.seen.filter((one) => one.body.includes('"later"')).length, 1);
  await bridge.stop();
  await again.stop();
});

test('a message of 16 MB passes in both directions', async () => {
  const text = 'm'.repeat(16 * 1024 * 1024 - 4096);
  const fake = await startFake({ mcp: (incoming, body) => {
    const message = JSON.parse(body);
    return message.method === 'tools/call' ? { json: result(message.id, { text: message.params.arguments.text }) } : usual(message);
  } });
  const bridge = startBridge(fake.mcp, { args: ['--log-level', 'warn'] });
  await bridge.initialize();
  const { result: got } = await bridge.call('tools/call', { name: 'echo', arguments: { text } }, 30_000);
  assert.ok(got.text === text);
  await bridge.stop();
  await fake.stop();
});
