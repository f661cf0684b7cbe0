// Runs inside `unshare -n -m` as root: gives a public address to the loopback interface, trusts a certificate
// for it, and lets clients with metadata documents there sign in. Prints "ok: ..." per step.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import path from 'node:path';
import { get } from './http.mjs';
import { modern } from './mcp.mjs';
import { authorizeUrl, newPkce, signIn } from './oauth.mjs';
import { startGatehouse, tempDir } from './programs.mjs';

if (!process.env.TEST_BIN_DIR) delete process.env.TEST_BIN_DIR;
const address = '93.184.216.34';
const redirectUri = 'http://127.0.0.1:39999/callback';
const ok = (step) => process.stdout.write(`ok: ${step}\n`);

// SIOCSIFFLAGS and SIOCSIFADDR, since not every machine has ip(8).
execFileSync('python3', ['-c', `
import fcntl, socket, struct
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
def up(name):
    fcntl.ioctl(s, 0x8914, struct.pack('16sH14x', name.encode(), 0x1 | 0x8 | 0x40))
up('lo')
fcntl.ioctl(s, 0x8916, struct.pack('16sHH4s8x', b'lo:1', socket.AF_INET, 0, socket.inet_aton('${address}')))
`], { stdio: 'inherit' });

const folder = tempDir();
const [key, cert, bundle] = ['key.pem', 'cert.pem', 'bundle.crt'].map((name) => path.join(folder, name));
execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=client',
  '-addext', `subjectAltName=IP:${address}`, '-keyout', key, '-out', cert], { stdio: 'ignore' });
const system = '/etc/ssl/certs/ca-certificates.crt';
writeFileSync(bundle, readFileSync(system, 'utf8') + readFileSync(cert, 'utf8'));
execFileSync('mount', ['--bind', bundle, system]);

let fetched = 0;
const at = (name) => `https://${address}/${name}`;
const documentFor = (name, changes = {}) => JSON.stringify({ client_id: at(name), client_name: 'Documented client', redirect_uris: [redirectUri], grant_types: ['authorization_code', 'refresh_token'], token_endpoint_auth_method: 'none', ...changes });
const answers = {
  'client.json': (response) => response.end(documentFor('client.json')),
  'moved.json': (response) => response.writeHead(302, { Location: at('client.json') }).end(),
  'large.json': (response) => response.end(documentFor('large.json', { padding: 'x'.repeat(1 << 20) })),
  'slow.json': (response) => { response.write(' '); },
  'other.json': (response) => response.end(documentFor('client.json')),
  'secret.json': (response) => response.end(documentFor('secret.json', { token_endpoint_auth_method: 'client_secret_basic', client_secret: 'x' })),
  'page.json': (response) => response.writeHead(200, { 'Content-Type': 'text/html' }).end('<html>'),
  'gone.json': (response) => response.writeHead(404).end('{}'),
};
const site = https.createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (request, response) => {
  fetched++;
  const name = request.url.slice(1);
  response.setHeader('Content-Type', 'application/json');
  if (answers[name]) answers[name](response);
  else response.writeHead(404).end();
});
await new Promise((resolve) => { site.listen(443, address, resolve); });

const server = await startGatehouse();
const session = await signIn(server, { client: { client_id: at('client.json') }, redirectUri });
assert.equal((await modern(server, session.tokens.access_token, 'tools/list')).status, 200);
const text = session.pages.map((page) => page.reply.text).join('\n');
assert.ok(text.includes('Documented client') && text.includes(address), 'the consent page names the client and its host');
ok('signed in');

const before = fetched;
await signIn(server, { client: { client_id: at('client.json') }, redirectUri });
assert.equal(fetched, before);
ok('cached');

const refused = async (name, step, redirect = redirectUri, status = 400) => {
  const began = Date.now();
  const reply = await get(authorizeUrl(server, { clientId: at(name), redirectUri: redirect, challenge: newPkce().challenge }));
  assert.equal(reply.status, status, `${name}: ${reply.status}`);
  assert.ok(Date.now() - began < 12_000, 'in time');
  ok(step);
};
await refused('moved.json', 'redirects are not followed');
await refused('large.json', 'large documents are refused');
await refused('slow.json', 'slow documents are given up', redirectUri, 503);
await refused('other.json', 'a document must name itself');
await refused('secret.json', 'secrets are refused');
await refused('page.json', 'a web page is no document');
await refused('gone.json', 'a missing document');
await refused('client.json', 'a redirect that it does not list is refused', 'http://127.0.0.1:39999/other');
await server.stop();
site.closeAllConnections();
site.close();
