// Clients that dawdle, and clients that come in crowds.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { get, openRaw } from '../support/http.mjs';
import { sleep, startGatehouse } from '../support/programs.mjs';

let server;
before(async () => { server = await startGatehouse({ args: ['--workers', '16'] }); });
after(() => server.stop());

const dribble = async (raw, text, ms, limit) => {
  const began = Date.now();
  for (const char of text) {
    if (raw.isClosed() || Date.now() - began > limit) break;
    raw.send(char);
    await sleep(ms);
  }
  await raw.read(() => false, Math.max(0, limit - (Date.now() - began)));
  return { closed: raw.isClosed(), ms: Date.now() - began };
};

test('a head sent one byte at a time is cut', async () => {
  const raw = openRaw(server.port);
  await raw.connected;
  const end = await dribble(raw, `GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ${'a'.repeat(500)}`, 200, 60_000);
  assert.ok(end.closed, 'closed by the server');
});

test('a body sent one byte at a time is cut', async () => {
  const raw = openRaw(server.port);
  await raw.connected;
  raw.send(`POST /token HTTP/1.1\r\nHost: ${new URL(server.url).host}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100000\r\n\r\n`);
  const end = await dribble(raw, 'a'.repeat(1000), 200, 90_000);
  assert.ok(end.closed, 'closed by the server');
});

test('a crowd of idle connections starves nobody', async () => {
  const crowd = Array.from({ length: 100 }, () => openRaw(server.port));
  await Promise.all(crowd.map((raw) => raw.connected.catch(() => {})));
  for (const raw of crowd) raw.send(`GET /healthz HTTP/1.1\r\nHost: ${new URL(server.url).host}\r\n\r\n`);
  await Promise.all(crowd.map((raw) => raw.read((text) => text.includes('200 OK'), 20_000)));
  const answered = crowd.filter((raw) => raw.text().includes('200 OK')).length;
  assert.equal(answered, 100);
  const reply = await get(`${server.url}/healthz`);
  assert.equal(reply.status, 200);
  for (const raw of crowd) raw.close();
});
