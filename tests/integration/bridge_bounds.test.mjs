// Large messages pass, and the bridge's memory is bounded whatever the server does.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { describe, test } from 'node:test';
import { bridgePath, cleanEnv, sanitized, sleep, tempDir } from '../support/programs.mjs';
import { begin, openFake, peakMb, startSession } from '../support/raw_server.mjs';

describe('bounds', () => {
  const limit = sanitized ? Infinity : 1;

  test('messages of 16 MB pass both ways', async () => {
    const text = 'x'.repeat(16 * 1024 * 1024 - 300);
    const fake = await openFake({ mcp: (message) => (message?.method === 'tools/call' ? { json: { jsonrpc: '2.0', id: message.id, result: { size: message.params.arguments.text.length, text: message.params.arguments.text } } } : undefined) });
    const bridge = await begin(fake.mcp);
    bridge.send({ jsonrpc: '2.0', id: 'big', method: 'tools/call', params: { name: 'x', arguments: { text } } });
    const reply = await bridge.reply('big', 60_000);
    assert.equal(reply.result?.size, text.length, reply.error?.message);
    assert.equal(reply.result.text, text);
    assert.ok(peakMb(bridge.child.pid) < 200 * limit, `${peakMb(bridge.child.pid)} MB`);
    await bridge.stop();
    await fake.stop();
  });

  const endless = {
    headers: ['HTTP/1.1 200 OK\r\n', (n) => `X-Header-${n}: ${'y'.repeat(1000)}\r\n`],
    'one header': ['HTTP/1.1 200 OK\r\nX-Header: ', () => 'y'.repeat(4000)],
    'a JSON body': ['HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n', () => ' '.repeat(64_000)],
    'a page': ['HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n', () => '<p>'.repeat(20_000)],
    'one line of a stream': ['HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: ', () => 'y'.repeat(64_000)],
    'one event of a stream': ['HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n', () => `data: ${'y'.repeat(1000)}\n`.repeat(60)],
    'an event id': ['HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nid: ', () => 'y'.repeat(64_000)],
    'interim replies': ['', () => 'HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n'.repeat(500)],
  };
  const stream = (socket, [head, more]) => {
    let number = 0;
    const push = () => {
      while (!socket.destroyed && socket.write(more(number++)));
    };
    socket.on('drain', push);
    socket.write(head);
    push();
  };
  for (const [name, speech] of Object.entries(endless)) {
    test(`a server that never ends ${name}`, async () => {
      const server = await startSession((socket, message) => {
        if (message?.method !== 'tools/call') return undefined;
        stream(socket, speech);
        return true;
      });
      const bridge = await begin(server.mcp, { args: ['--max-message', '1m', '--request-timeout', '5s'] });
      bridge.send({ jsonrpc: '2.0', id: 'call', method: 'tools/call', params: { name: 'x' } });
      assert.ok((await bridge.reply('call', 30_000)).error.message);
      assert.ok(peakMb(bridge.child.pid) < 40 * limit, `${peakMb(bridge.child.pid)} MB`);
      await bridge.stop();
      await server.stop();
    });
  }
  test('a server that never ends its messages while nobody reads them', async () => {
    const server = await startSession((socket, message) => {
      if (message) return undefined;
      stream(socket, ['HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n', (n) => `data: ${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: `${n}${'z'.repeat(1000)}` } })}\n\n`.repeat(20)]);
      return true;
    });
    const child = spawn(bridgePath, ['--no-browser', '--max-message', '1m', '--state-dir', tempDir(), server.mcp], { env: cleanEnv({ HOME: tempDir() }), stdio: ['pipe', 'pipe', 'ignore'] });
    child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } } })}\n${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' })}\n`);
    await sleep(3000);
    assert.ok(peakMb(child.pid) < 60 * limit, `${peakMb(child.pid)} MB`);
    child.kill('SIGKILL');
    await server.stop();
  });
});
