// DNS rebinding: a web page whose name leads to this machine. Its requests carry its own Host, and Origin where the
// browser sends one; neither may reach anything.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { clientBeside } from '../support/beside.mjs';
import { exchangeRaw } from '../support/http.mjs';
import { modernRequest } from '../support/mcp.mjs';
import { signIn } from '../support/oauth.mjs';
import { startGatehouse } from '../support/programs.mjs';

let server;
let open;
let token;
let beside;
before(async () => {
  server = await startGatehouse();
  open = await startGatehouse({ auth: 'none' });
  token = (await signIn(server)).tokens.access_token;
  beside = await clientBeside(server);
});
after(async () => { await open.stop(); await server.stop(); });

const list = modernRequest(undefined, 'tools/list');
const text = JSON.stringify(list.body);
// `to`: the server; `host` and `origin` as a page would have them.
const ask = (to, method, path, { host, origin, bearer, body = '', type = 'application/json' }) => exchangeRaw(to.port, [
  `${method} ${path} HTTP/1.1`, `Host: ${host}`, ...(origin ? [`Origin: ${origin}`] : []), ...(bearer ? [`Authorization: Bearer ${bearer}`] : []),
  'Accept: application/json, text/event-stream', ...Object.entries(list.headers).map((pair) => pair.join(': ')), `Content-Type: ${type}`, `Content-Length: ${body.length}`, 'Connection: close', '', body].join('\r\n'));
const right = (to) => new URL(to.url).host;

const foreign = (to) => ['evil.example', `evil.example:${to.port}`, `rebind.127.0.0.1.nip.example:${to.port}`, `localhost.evil.example:${to.port}`, `${right(to)}.evil.example`,
  `evil.example@${right(to)}`, `${right(to)}@evil.example`, `${right(to)}, evil.example`, `evil.example#${right(to)}`, `0.0.0.0:${to.port}`, `127.1:${to.port}`, `2130706433:${to.port}`, `[::]:${to.port}`, `127.0.0.1.:${to.port}`];

for (const [method, path, body, type] of [['POST', '/mcp', text], ['GET', '/mcp'], ['DELETE', '/mcp'], ['GET', '/.well-known/oauth-authorization-server'], ['GET', '/.well-known/oauth-protected-resource'],
  ['GET', '/authorize?client_id=x'], ['POST', '/token', 'grant_type=x', 'application/x-www-form-urlencoded'], ['POST', '/register', '{"redirect_uris":["http://127.0.0.1/cb"]}'], ['GET', '/jwks'], ['GET', '/']]) {
  test(`${method} ${path.split('?')[0]} under a foreign name: refused, with a good token too`, async () => {
    for (const host of foreign(server)) {
      for (const bearer of [undefined, token]) {
        const reply = await ask(server, method, path, { host, bearer, body, type });
        assert.ok([400, 403, 421].includes(reply?.status), `${host}: ${reply?.status} ${reply?.body}`);
        assert.ok(!/"tools"|client_id"|"keys"|authorization_endpoint/.test(reply.body), reply.body);
        assert.equal(reply.headers['access-control-allow-origin'], undefined);
      }
    }
  });
}

test('where nobody signs in, a page under a foreign name or origin calls nothing either', async () => {
  for (const host of foreign(open)) assert.ok([400, 403, 421].includes((await ask(open, 'POST', '/mcp', { host, body: text }))?.status), host);
  for (const origin of ['https://evil.example', 'null', 'http://evil.example', `http://${right(open)}.evil.example`, `https://${right(open)}`, 'file://', 'chrome-extension://x']) {
    const reply = await ask(open, 'POST', '/mcp', { host: right(open), origin, body: text });
    assert.equal(reply?.status, 403, origin);
    assert.ok(!reply.body.includes('"tools"'));
  }
  // What a page may send without asking first: no preflight, a plain type.
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
    assert.ok([403, 415].includes((await ask(open, 'POST', '/mcp', { host: right(open), origin: 'https://evil.example', body: text, type }))?.status));
  }
  assert.equal((await ask(open, 'POST', '/mcp', { host: right(open), body: text }))?.status, 200, 'a client on this machine does');
});

test('all that time a client beside was served', (t) => beside.end(t));
