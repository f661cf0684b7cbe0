// What a model writes into arguments, and what names and redirects say, leads nowhere that the tools file does not name.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import net from 'node:net';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { modern } from '../support/mcp.mjs';
import { signIn } from '../support/oauth.mjs';
import { cleanEnv, gatehousePath, runToEnd, startGatehouse, tempDir } from '../support/programs.mjs';
import { startRaw } from '../support/raw_server.mjs';
import { object, toolsFile } from '../support/toolfiles.mjs';

const text = { type: 'string' };
const textOf = (result) => result.content.map((block) => block.text ?? block.type).join('\n');

// --- arguments ---

const tools = [
  { name: 'item', inputSchema: object({ id: {} }, ['id']), request: { path: '/items/{id}' } },
  { name: 'middle', inputSchema: object({ id: {} }, ['id']), request: { path: '/items/{id}/parts' } },
  { name: 'file', inputSchema: object({ id: {} }, ['id']), request: { path: '/files/v-{id}.json' } },
  { name: 'pair', inputSchema: object({ a: text, b: text }, ['a', 'b']), request: { path: '/items/{a}{b}/x' } },
  { name: 'find', inputSchema: object({ q: {} }), request: { path: '/find', query: { q: '{q}', fixed: '1' } } },
  { name: 'deep', inputSchema: object({ q: {} }), request: { path: '/find', query: { q: { value: '{q}', style: 'deepObject' } } } },
  { name: 'header', inputSchema: object({ note: {} }), request: { path: '/header', headers: { 'X-Note': '{note}' } } },
  { name: 'form', inputSchema: object({ q: {} }), request: { method: 'POST', path: '/form', body: { form: { q: '{q}', fixed: '1' } } } },
  { name: 'json', inputSchema: object({ q: {} }), request: { method: 'POST', path: '/json', body: { json: { q: 'said: {q}', whole: '{q}', fixed: 1 } } } },
  { name: 'who', inputSchema: object(), request: { path: '/who', query: { s: '{@subject}', i: '{@issuer}', n: '{@name}', e: '{@email}', c: '{@client}' }, headers: { 'X-Who': '{@subject} {@name} {@client}' } } },
];
const tricks = ['../', '..', '.', '../admin', '../../etc/passwd', '/../admin', '..%2fadmin', '%2e%2e/admin', '%2e%2e%2fadmin', '%252e%252e%252fadmin', '%25252e%25252e', 'a/../../b', 'a/..', '..\\admin', '..%5cadmin', '\\..\\..\\', '..;/admin', '..;', '.;x', '%2e;a',
  '//evil.example/x', '/\\evil.example', '@evil.example', 'user:pw@evil.example', ':8080', 'http://evil.example/', 'https:evil', '?admin=1', 'x?admin=1', '#x', 'x#/../y', '&admin=1', ';admin=1', 'a=b&c=d', '%', '%zz', '%00', 'x\0y', '\0',
  'x\r\nX-Evil: 1', 'x\nX-Evil: 1', 'x\rX-Evil: 1', 'x HTTP/1.1\r\nHost: evil\r\n\r\nGET /admin', '%0d%0aX-Evil: 1', '\u560d\u560aX-Evil: 1', '\u2028X-Evil: 1', ' ', ' x ', 'a b', 'a+b', 'ü', '日本', '\u202e', '\ufeff', '\u2025/', '．．/', '{id}', '{@subject}', '{{', '"', '",admin":"1', '</script>', "'; DROP", '[]', '[a]', 'x'.repeat(3000)];
const others = [0, -0.5, 1e300, true, false, null, [], ['..', '..'], ['a', '/../b'], { '..': '..' }, { 'a\r\nX-Evil': '1' }, { a: { b: '../' } }, [['..']], '', 'x'.repeat(20_000)];

describe('arguments', () => {
  let api;
  let server;
  let token;
  const seen = [];
  before(async () => {
    api = await startRaw((socket, { head, body }) => {
      seen.push({ line: head.split('\r\n')[0], headers: head.split('\r\n').slice(1), body });
      socket.write('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}');
    });
    const { file } = toolsFile({ upstreams: { api: { url: `http://127.0.0.1:${api.port}/base/v1` } }, tools });
    server = await startGatehouse({ args: ['--tools', file] });
    token = (await signIn(server, { answers: { name: 'Zoë "the" O\'Néill', email: 'zoe@example.com' } })).tokens.access_token;
  });
  after(async () => { await server?.stop(); await api?.stop(); });

  // -> the request that was made, or undefined when the call was refused with a sentence.
  const ask = async (name, args) => {
    const before = seen.length;
    const reply = await modern(server, token, 'tools/call', { name, arguments: args });
    assert.ok(reply.message.result ?? reply.message.error, reply.text);
    const failed = reply.message.error ?? (reply.message.result.isError ? reply.message.result : undefined);
    assert.ok(seen.length - before <= 1, 'one request at most');
    if (failed) {
      assert.equal(seen.length, before, `${JSON.stringify(args)} was refused, and sent`);
      assert.ok(!JSON.stringify(failed).includes(`127.0.0.1:${api.port}`));
      return undefined;
    }
    const made = seen.at(-1);
    assert.match(made.line, /^(GET|POST) \/base\/v1\/[\x21-\x7e]+ HTTP\/1\.1$/);
    assert.deepEqual(made.headers.filter((line) => /^host:/i.test(line)), [`Host: 127.0.0.1:${api.port}`]);
    assert.ok(!made.headers.some((line) => /^(x-evil|authorization|cookie)/i.test(line)), made.headers.join('\n'));
    return { ...made, url: new URL(made.line.split(' ')[1], 'http://api') };
  };
  const scalars = [...tricks, ...others];
  let refusals = 0;

  for (const [name, pattern] of [['item', /^\/base\/v1\/items\/([^/]+)$/], ['middle', /^\/base\/v1\/items\/([^/]+)\/parts$/], ['file', /^\/base\/v1\/files\/v-([^/]+)\.json$/]]) {
    test(`a path stays one segment: ${name}`, async () => {
      for (const id of scalars) {
        const made = await ask(name, { id });
        if (!made) { refusals++; continue; }
        const raw = made.line.split(' ')[1];
        const [, segment] = pattern.exec(raw) ?? assert.fail(`${JSON.stringify(id)} became ${raw}`);
        assert.doesNotMatch(segment, /[?#@\\;&]/);
        if (name !== 'file') assert.ok(!/^\.\.?($|;)/.test(decodeURIComponent(segment)), raw);
        assert.equal(made.url.pathname, raw, 'it is what a URL parser makes of it');
        if (typeof id === 'string') assert.equal(decodeURIComponent(segment), id);
      }
    });
  }
  test('what would lead up is refused, and not sent', async () => {
    for (const id of ['..', '.', '../admin', '%2e%2e', '%252e%252e', '..;', '..\\admin', '']) assert.equal(await ask('item', { id }), undefined, id);
    assert.ok(refusals > 10);
    assert.equal(await ask('pair', { a: '.', b: '.' }), undefined);
    assert.equal(await ask('pair', { a: '%2', b: 'e.' }), undefined);
    assert.ok(await ask('pair', { a: 'a', b: '.' }));
  });
  test('a query stays one value', async () => {
    for (const q of scalars) {
      const made = await ask('find', { q });
      if (!made) continue;
      assert.equal(made.url.pathname, '/base/v1/find');
      assert.deepEqual(made.url.searchParams.getAll('fixed'), ['1']);
      assert.equal(made.url.searchParams.has('admin'), false);
      if (typeof q === 'string') assert.deepEqual(made.url.searchParams.getAll('q'), [q]);
      await ask('deep', { q });
    }
  });
  test('a header stays one line', async () => {
    for (const note of scalars) {
      const made = await ask('header', { note });
      const line = made?.headers.filter((one) => /^x-note:/i.test(one));
      if (typeof note === 'string' && /[\r\n\0]/.test(note)) assert.equal(made, undefined, JSON.stringify(note));
      else if (made) assert.ok(line.length <= 1);
    }
  });
  test('forms and JSON hold it as it is', async () => {
    for (const q of scalars) {
      const form = await ask('form', { q });
      if (form && typeof q === 'string') assert.deepEqual([...new URLSearchParams(form.body)], [['q', q], ['fixed', '1']]);
      const json = await ask('json', { q });
      if (!json) continue;
      const body = JSON.parse(Buffer.from(json.body, 'latin1').toString());
      assert.equal(body.fixed, 1);
      assert.ok(Object.keys(body).every((key) => ['q', 'whole', 'fixed'].includes(key)));
      if (typeof q === 'string') assert.deepEqual([body.q, body.whole], [`said: ${q}`, q]);
    }
  });
  test('nothing that the caller sent but its arguments goes on', async () => {
    const made = await ask('who', {});
    assert.equal(made.url.searchParams.get('n'), 'Zoë "the" O\'Néill');
    assert.ok(!JSON.stringify(made).includes(token));
    for (const part of token.split('.')) assert.ok(!JSON.stringify(made).includes(part));
    const reply = await modern(server, token, 'tools/call', { name: 'item', arguments: { id: 'x' } }, { headers: { Cookie: 'a=b', 'X-Api-Key': 'mine', 'X-Forwarded-For': '1.2.3.4', Forwarded: 'for=1.2.3.4', 'Proxy-Authorization': 'Basic eA==' } });
    assert.equal(reply.status, 200);
    const names = seen.at(-1).headers.map((line) => line.split(':')[0].toLowerCase()).sort();
    assert.deepEqual(names, ['accept', 'host', 'user-agent']);
  });
});

// --- a file that would pass on the caller's token ---

describe('a tools file cannot pass on the token that the client sent', () => {
  const base = { url: 'https://api.example.com' };
  const request = (more) => ({ upstreams: { a: base }, tools: [{ name: 't', inputSchema: object({ x: text }), request: { method: 'POST', path: '/', ...more } }] });
  const upstream = (more) => ({ upstreams: { a: { ...base, ...more } }, tools: [{ name: 't', inputSchema: object(), request: { path: '/' } }] });
  const words = ['token', 'passthrough', 'pass-through', 'forward', 'caller', 'bearer', 'Bearer', 'incoming', 'request', 'client-token', '{@token}'];
  const variables = ['{@token}', '{@access_token}', '{@accessToken}', '{@bearer}', '{@authorization}', '{@Authorization}', '{@header.authorization}', '{@raw}', '{@subject.token}', '{@grant}', '{@}', '{@subject }'];
  const names = ['Authorization', 'authorization', 'AUTHORIZATION', 'Proxy-Authorization', 'Cookie', 'Host', 'Content-Length', 'Transfer-Encoding', 'Connection', 'Upgrade', 'TE', 'Trailer', 'Expect', 'X-Forwarded-For', 'X-Forwarded-Access-Token', 'Forwarded', 'Mcp-Session-Id', 'Mcp-Name'];
  const cases = {
    ...Object.fromEntries(words.flatMap((word) => [[`credential ${word}`, upstream({ credential: word })], [`credential of type ${word}`, upstream({ credential: { type: word } })]])),
    ...Object.fromEntries(variables.flatMap((one) => [[`${one} in a header`, request({ headers: { 'X-Token': one } })], [`${one} in a header of the upstream`, upstream({ headers: { 'X-Token': one } })], [`${one} in the path`, request({ path: `/${one}` })],
      [`${one} in the query`, request({ query: { access_token: one } })], [`${one} in the body`, request({ body: { json: { token: one } } })], [`${one} in a form`, request({ body: { form: { token: one } } })], [`${one} as text`, request({ body: { text: one } })]])),
    ...Object.fromEntries(names.flatMap((name) => [[`a header ${name}`, request({ headers: { [name]: 'Bearer {x}' } })], [`a header ${name} of the upstream`, upstream({ headers: { [name]: 'x' } })]])),
    'a member passToken': upstream({ passToken: true }), 'a member forwardHeaders': upstream({ forwardHeaders: ['authorization'] }), 'a member auth': request({ auth: 'caller' }),
    'a variable in the URL': upstream({ url: 'https://{host}/' }), 'a variable in the host': upstream({ url: 'https://api.{@subject}.example.com/' }),
    'an upstream with a user': upstream({ url: 'https://user:pw@api.example.com/' }), 'a path that is a URL': request({ path: 'https://evil.example/' }), 'a path that goes up': request({ path: '/../x' }), 'a path that goes up, encoded': request({ path: '/%2e%2e/x' }),
    'another scheme': upstream({ url: 'file:///etc/passwd' }), 'gopher': upstream({ url: 'gopher://127.0.0.1:25/' }), ...Object.fromEntries(['0x7f000001', '0x7f.1', '2130706433', '127.1', '0177.0.0.1', '127.0.0.1.', '[::1%lo]', 'a b', 'a%2eb', 'ex\u3002ample.com'].map((host) => [`a host ${host}`, upstream({ url: `https://${host}/` })])), 'http to a name': upstream({ url: 'http://api.example.com/' }),
    'a header credential that is a template': { upstreams: { a: { ...base, credential: { type: 'header', name: 'X-T', prefix: 'Bearer {@token}', value: '{@token}' } } }, tools: [] },
  };
  test(`${Object.keys(cases).length} ways are refused`, async () => {
    const pending = Object.entries(cases);
    const worker = async () => {
      for (let next = pending.pop(); next; next = pending.pop()) {
        const [name, description] = next;
        const { file } = toolsFile(description);
        const { code, stderr } = await runToEnd(gatehousePath, ['tools', 'check', file], { env: cleanEnv() });
        assert.equal(code, 1, name);
        assert.match(stderr, /line \d+/, name);
      }
    };
    await Promise.all([worker(), worker(), worker()]);
  });
});

// --- names that lead to this machine ---

const names = ['loop.example.com', 'six.example.com', 'both.example.com', 'inside.example.com', 'metadata.example.com', 'mapped.example.com', 'zero.example.com'];
const hosts = '127.0.0.1 localhost\n127.0.0.1 loop.example.com\n::1 six.example.com\n127.0.0.1 both.example.com\n::1 both.example.com\n10.255.255.1 inside.example.com\n169.254.169.254 metadata.example.com\n::ffff:127.0.0.1 mapped.example.com\n0.0.0.0 zero.example.com\n';
const canMount = () => process.getuid() === 0 && spawnSync('unshare', ['-m', 'true']).status === 0;

describe('names that resolve to private addresses', { skip: canMount() ? false : 'needs root and namespaces' }, () => {
  let api;
  let proxy;
  let server;
  let token;
  let knocks = 0;
  let proxied = 0;
  before(async () => {
    const folder = tempDir();
    const [key, cert, table] = ['key.pem', 'cert.pem', 'hosts'].map((name) => path.join(folder, name));
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=api', '-addext', `subjectAltName=${[...names, 'localhost'].map((name) => `DNS:${name}`).join(',')},IP:127.0.0.1`, '-keyout', key, '-out', cert], { stdio: 'ignore' });
    writeFileSync(table, hosts);
    api = https.createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (_request, response) => response.setHeader('Content-Type', 'application/json').end('{"reached":true}'));
    api.on('connection', () => { knocks++; });
    await new Promise((resolve) => { api.listen(0, '127.0.0.1', resolve); });
    proxy = net.createServer((socket) => { proxied++; socket.destroy(); });
    await new Promise((resolve) => { proxy.listen(0, '127.0.0.1', resolve); });
    const { port } = api.address();
    const upstreams = {};
    const list = [];
    const add = (name, upstream) => { upstreams[name] = { caFile: cert, connectTimeoutMs: 2000, ...upstream }; list.push({ name, inputSchema: object(), request: { upstream: name, path: '/', timeoutMs: 3000, retries: 0 } }); };
    for (const name of names) add(name.split('.')[0], { url: `https://${name}:${port}/` });
    add('named', { url: `https://loop.example.com:${port}/`, allowPrivate: true });
    add('local', { url: `https://localhost:${port}/` });
    add('literal', { url: `https://127.0.0.1:${port}/` });
    const { file } = toolsFile({ upstreams, tools: list });
    const url = `http://127.0.0.1:${proxy.address().port}`;
    server = await startGatehouse({
      through: ['unshare', '-m', 'sh', '-c', 'mount --bind "$0" /etc/hosts && exec "$@"', table], args: ['--tools', file],
      env: { HTTPS_PROXY: url, https_proxy: url, ALL_PROXY: url, NO_PROXY: 'localhost,127.0.0.1,loop.example.com' },
    });
    token = (await signIn(server)).tokens.access_token;
  });
  after(async () => { await server?.stop(); api?.closeAllConnections(); api?.close(); proxy?.close(); });
  const call = async (name) => (await modern(server, token, 'tools/call', { name, arguments: {} })).message.result;

  for (const name of names.map((one) => one.split('.')[0])) {
    test(`${name}: refused before anything is connected to`, async () => {
      const before = [knocks, proxied];
      const result = await call(name);
      assert.equal(result.isError, true, textOf(result));
      assert.match(textOf(result), /cannot be called safely|cannot be reached/);
      assert.doesNotMatch(textOf(result), /127\.0\.0\.1|::1|169\.254|10\.255|example\.com/);
      assert.deepEqual([knocks, proxied], before);
    });
  }
  test('the log says which name it was, for whoever runs the server', () => assert.match(server.stderr(), /WARN.*loop\.example\.com.*is not public/));
  for (const name of ['named', 'local', 'literal']) test(`${name}: allowed, since the file names it`, async () => assert.deepEqual((await call(name)).structuredContent, { reached: true }));
});
