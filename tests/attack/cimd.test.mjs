// Client ID metadata documents: a client id that is an https URL, fetched with the rules against SSRF.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import https from 'node:https';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { clientBeside } from '../support/beside.mjs';
import { get } from '../support/http.mjs';
import { authorizeUrl, newPkce, tokenRequest } from '../support/oauth.mjs';
import { cleanEnv, runToEnd, startGatehouse } from '../support/programs.mjs';
import { selfSigned } from '../support/provider.mjs';

const redirectUri = 'http://127.0.0.1:39999/callback';

describe('addresses that must not be asked', () => {
  let server;
  let trap;
  let port;
  let knocks = 0;
  let beside;
  before(async () => {
    server = await startGatehouse();
    beside = await clientBeside(server);
    const { key, cert } = selfSigned();
    trap = https.createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (_request, response) => response.end('{}'));
    trap.on('connection', () => { knocks++; });
    await new Promise((resolve) => { trap.listen(0, '127.0.0.1', resolve); });
    ({ port } = trap.address());
  });
  after(async () => {
    await server?.stop();
    trap?.close();
  });
  const refused = async (clientId) => {
    const reply = await get(authorizeUrl(server, { clientId, redirectUri, challenge: newPkce().challenge }));
    assert.equal(reply.status, 400, `${clientId}: ${reply.status}`);
    assert.match(reply.headers['content-type'], /^text\/html/);
    assert.ok(!reply.headers.location);
  };

  test('the metadata offer it', async () => {
    assert.equal((await get(`${server.url}/.well-known/oauth-authorization-server`)).json().client_id_metadata_document_supported, true);
  });
  test('this machine and private networks', async () => {
    for (const host of ['127.0.0.1', 'localhost', '[::1]', '127.1', '2130706433', '0x7f000001', '0177.0.0.1', '0.0.0.0', '[::]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]',
      'localhost.', '127.0.0.1.', 'LOCALHOST', '[64:ff9b::7f00:1]']) await refused(`https://${host}:${port}/client.json`);
    for (const host of ['10.0.0.1', '172.16.0.1', '192.168.0.1', '169.254.169.254', '100.64.0.1', '198.18.0.1', '224.0.0.1', '255.255.255.255', '[fe80::1]', '[fc00::1]', '[ff02::1]']) await refused(`https://${host}/client.json`);
    assert.equal(knocks, 0, 'nothing was connected to');
  });
  test('URLs that are no client ids', async () => {
    for (const url of [`http://127.0.0.1:${port}/client.json`, 'http://example.com/client.json', 'https://example.com', 'https://example.com/', 'https://user:pw@example.com/client.json', 'https://example.com/client.json#x',
      'https://example.com/a/../client.json', 'https://example.com/./client.json', 'ftp://example.com/client.json', 'file:///etc/passwd', 'https:///client.json', 'https://exa mple.com/c', `https://example.com/${'a'.repeat(3000)}`]) await refused(url);
    assert.equal(knocks, 0);
  });
  test('the token endpoint fetches nothing either', async () => {
    const reply = await tokenRequest(server, { grant_type: 'authorization_code', code: 'x', client_id: `https://127.0.0.1:${port}/client.json`, redirect_uri: redirectUri, code_verifier: 'x'.repeat(43) });
    assert.equal(reply.status, 401);
    assert.equal(reply.json().error, 'invalid_client');
    assert.equal(knocks, 0);
  });

  test('all that time a client beside was served', (t) => beside.end(t));
});

// A public address that leads to this machine needs a network of our own, and root to make it.
const canMakeNetwork = () => process.getuid() === 0 && existsSync('/etc/ssl/certs/ca-certificates.crt') && spawnSync('unshare', ['-n', '-m', 'true']).status === 0;

test('a client with a document signs in (in a network of its own)', { skip: canMakeNetwork() ? false : 'needs root and namespaces' }, async () => {
  const script = fileURLToPath(new URL('../support/cimd_network.mjs', import.meta.url));
  const end = await runToEnd('unshare', ['-n', '-m', process.execPath, script], { env: cleanEnv({ TEST_BIN_DIR: process.env.TEST_BIN_DIR ?? '' }), timeout: 60_000 });
  assert.equal(end.code, 0, end.stdout + end.stderr);
  for (const step of ['signed in', 'cached', 'redirects are not followed', 'large documents are refused', 'slow documents are given up', 'a document must name itself', 'secrets are refused', 'a redirect that it does not list is refused']) assert.ok(end.stdout.includes(`ok: ${step}\n`), `${step}:\n${end.stdout}${end.stderr}`);
});
