// Peers that hold what they were given and do nothing with it: no head, half a head, half a body, no reading.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { besideAttack } from '../support/beside.mjs';
import { crowd, crowdSize } from '../support/crowd.mjs';
import { exchangeRaw, openRaw, parseResponse } from '../support/http.mjs';
import { MODERN, modernRequest } from '../support/mcp.mjs';
import { signIn } from '../support/oauth.mjs';
import { fixturePath, sanitized, sleep, startGatehouse } from '../support/programs.mjs';

const scale = (n) => (sanitized ? Math.ceil(n / 10) : n);
let server;
const host = () => `Host: ${new URL(server.url).host}\r\n`;
const form = 'Content-Type: application/x-www-form-urlencoded\r\n';
before(async () => { server = await startGatehouse({ args: ['--plugin', fixturePath], keepLog: false }); });
after(() => server.stop());

describe('crowds that outnumber the workers', () => {
  const size = scale(crowdSize());
  test(`${size} connections on which nothing comes`, (t) => besideAttack(t, server, async () => {
    const { opened } = await crowd(server.port, { size });
    assert.ok(opened > 1000 || sanitized, `${opened} were opened`);
  }));
  test(`${size} connections on which a head begins and never ends`, (t) => besideAttack(t, server, () => crowd(server.port, {
    size, act: (socket) => socket.write('GET /healthz HTTP/1.1\r\nX: ') })));
  test('heads that come byte by byte', (t) => besideAttack(t, server, () => crowd(server.port, {
    size: scale(2000), drip: 100, act: (socket) => socket.write(`GET /healthz HTTP/1.1\r\n${host()}X: `) })));
  test('bodies that come byte by byte', (t) => besideAttack(t, server, () => crowd(server.port, {
    size: scale(2000), drip: 100, act: (socket) => socket.write(`POST /token HTTP/1.1\r\n${host()}${form}Content-Length: 60000\r\n\r\ngrant_type=`) })));
  test('bodies of /mcp, with a token that is made up', (t) => besideAttack(t, server, () => crowd(server.port, {
    size: scale(2000), act: (socket) => socket.write(`POST /mcp HTTP/1.1\r\n${host()}Authorization: Bearer eyJhbGciOiJub25lIn0.e30.\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n{`) })));
  test('chunks that never end', (t) => besideAttack(t, server, () => crowd(server.port, {
    size: scale(2000), drip: 100, act: (socket) => socket.write(`POST /register HTTP/1.1\r\n${host()}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nfff0\r\n{`) })));
  test('refused bodies whose rest never comes', (t) => besideAttack(t, server, () => crowd(server.port, {
    size: scale(2000), act: (socket) => socket.write(`POST /token HTTP/1.1\r\n${host()}${form}Content-Length: 600000\r\n\r\nx`) })));
  // Nobody is cut before 200 ms, and connections are kept: these hold every worker as long as they are let.
  const asks = (pause) => (socket) => {
    const ask = () => { if (!socket.destroyed) socket.write(`GET /healthz HTTP/1.1\r\n${host()}\r\n`); };
    socket.on('data', () => (pause ? setTimeout(ask, pause) : ask()));
    ask();
  };
  test('as many as there are workers, each of which asks again before it is cut', (t) => besideAttack(t, server, () => crowd(server.port, { size: 256, ms: 2000, act: asks(150) })));
  test('many that ask again as soon as they are answered', (t) => besideAttack(t, server, () => crowd(server.port, { size: scale(1000), ms: 2000, act: asks(0) })));
  test('requests whose replies nobody reads', (t) => besideAttack(t, server, () => crowd(server.port, {
    size: scale(1000), reads: false, act: (socket) => { socket.pause(); socket.write(`GET /.well-known/oauth-authorization-server HTTP/1.1\r\n${host()}\r\n`.repeat(200)); } })));
});

describe('one user', () => {
  let mallory;
  before(async () => { mallory = (await signIn(server, { answers: { name: 'Mallory', email: 'm@example.com' } })).tokens.access_token; });
  const raw = (method, params = {}, name) => {
    const { body } = modernRequest(mallory, method, params);
    const text = JSON.stringify(body);
    return `POST /mcp HTTP/1.1\r\n${host()}Authorization: Bearer ${mallory}\r\nAccept: application/json, text/event-stream\r\nContent-Type: application/json\r\n`
      + `MCP-Protocol-Version: ${MODERN}\r\nMcp-Method: ${method}\r\n${name ? `Mcp-Name: ${name}\r\n` : ''}Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;
  };

  test('whose replies are large and are not read', (t) => besideAttack(t, server, () => crowd(server.port, {
    size: scale(400), ms: 4000, reads: false, act: (socket) => { socket.pause(); socket.write(raw('tools/list').repeat(20)); } })));
  test('whose large bodies come byte by byte', (t) => besideAttack(t, server, () => crowd(server.port, {
    size: scale(600), ms: 6000, drip: 100,
    act: (socket) => socket.write(`POST /mcp HTTP/1.1\r\n${host()}Authorization: Bearer ${mallory}\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n{`) })));
  test('whose streams are many and are not read', async (t) => {
    let refused = 0;
    await besideAttack(t, server, () => crowd(server.port, { size: scale(400), ms: 4000, act: (socket) => {
      socket.on('data', (chunk) => { if (/^HTTP\/1\.1 (429|503)/.test(chunk.toString('latin1'))) refused++; });
      socket.write(raw('subscriptions/listen', { notifications: { toolsListChanged: true } }));
    } }));
    if (!sanitized) assert.ok(refused > 0, 'beyond a share they are refused');
  });
});

test('who is cut in a crowd hears why, and is not cut when there is none', async () => {
  const small = await startGatehouse({ args: ['--workers', '8'] });
  const begin = `POST /token HTTP/1.1\r\nHost: ${new URL(small.url).host}\r\n${form}Content-Length: 10\r\n\r\nabc`;
  const alone = openRaw(small.port);
  await alone.connected;
  alone.send(begin);
  await sleep(1000);
  assert.ok(!alone.isClosed() && alone.text() === '', 'a slow body has its time');
  const others = [];
  for (let i = 0; i < 16; i++) { const one = openRaw(small.port); await one.connected; one.send(begin); others.push(one); }
  const reply = parseResponse(await alone.read((text) => parseResponse(text) !== undefined, 5000));
  assert.equal(reply?.status, 503);
  assert.ok(Number(reply.headers['retry-after']) > 0);
  assert.equal((await exchangeRaw(small.port, `GET /healthz HTTP/1.1\r\nHost: ${new URL(small.url).host}\r\n\r\n`)).status, 200);
  others.forEach((one) => one.close());
  await small.stop();
});
