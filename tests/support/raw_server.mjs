// Servers of raw bytes for the bridge, without authorization, and clients that go straight to work.
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { startBridge } from './bridge.mjs';
import { startFake } from './fake_server.mjs';

export const begin = async (url, { args = [], ...options } = {}) => {
  const bridge = startBridge(url, { args: ['--no-browser', ...args], ...options });
  const opened = await bridge.initialize();
  bridge.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
  return Object.assign(bridge, { opened });
};
export const call = (bridge, id, method = 'tools/call') => {
  bridge.send({ jsonrpc: '2.0', id, method, ...(method === 'tools/call' && { params: { name: 'x', arguments: {} } }) });
  return bridge.reply(id);
};
// A server without authorization; `mcp(message, incoming)` as in startFake.
export const openFake = ({ mcp, ...change } = {}) => startFake({
  ...change,
  mcp: (incoming, body, fake) => {
    fake.accepted.add(undefined);
    return incoming.method === 'POST' ? mcp?.(JSON.parse(body), incoming, fake) : mcp?.(undefined, incoming, fake);
  },
});
// Raw TCP: `speak(socket, head)` once the head of each request is there.
export const startRaw = (speak) => new Promise((resolve) => {
  const sockets = new Set();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    let text = '';
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1');
      const end = text.indexOf('\r\n\r\n');
      if (end < 0) return;
      const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0);
      if (text.length < end + 4 + length) return;
      const request = { head: text.slice(0, end), body: text.slice(end + 4, end + 4 + length) };
      text = text.slice(end + 4 + length);
      speak(socket, request);
    });
  });
  server.listen(0, '127.0.0.1', () => resolve({
    mcp: `http://127.0.0.1:${server.address().port}/mcp`,
    port: server.address().port,
    stop: () => new Promise((done) => { for (const socket of sockets) socket.destroy(); server.close(done); }),
  }));
});
export const result = (id, value = {}) => JSON.stringify({ jsonrpc: '2.0', id, result: value });
export const answerInitialize = { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: { name: 'raw', version: '1' } };
const json = (socket, text, more = '') => socket.write(`HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\n${more}\r\n${text}`);
// Answers what opens a session; the rest is up to `speak(socket, message, request)`.
export const startSession = (speak) => startRaw((socket, request) => {
  const message = request.body ? JSON.parse(request.body) : undefined;
  if (message?.method === 'initialize') json(socket, result(message.id, answerInitialize));
  else if (message?.method === 'notifications/initialized') socket.write('HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n');
  else if (speak(socket, message, request) === undefined && !message) socket.write('HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n');
});
// The most memory that the process has used.
export const peakMb = (pid) => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;
