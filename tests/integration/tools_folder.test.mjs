// Resources that are files: text and bytes, new files without a reload, and no way out of the folder.
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { execFileSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { legacy, modern } from '../support/mcp.mjs';
import { cleanEnv, gatehousePath, runToEnd, startGatehouse, tempDir, until } from '../support/programs.mjs';
import { toolsFile } from '../support/toolfiles.mjs';

const png = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');
const SECRET = 'what is outside is nobody\'s business';
let tools;
let server;
let outside;
let session;
const links = {
  'link.txt': () => path.join(outside, 'secret.txt'), linked: () => outside, 'relative.txt': () => '../beside.txt', 'environ.txt': () => '/proc/self/environ', 'loop.txt': () => 'loop.txt',
};
before(async () => {
  outside = tempDir();
  writeFileSync(path.join(outside, 'secret.txt'), SECRET);
  tools = toolsFile({
    resources: [
      { uri: 'book://start', name: 'start', mimeType: 'text/markdown', text: '# Start here' },
      { uri: 'book://logo', name: 'logo', file: 'logo.png' },
      { folder: 'pages', uri: 'book://pages/', name: 'pages' },
    ],
  }, {
    'logo.png': png, 'beside.txt': SECRET, 'pages/one.md': '# One', 'pages/deep/two.txt': 'two', 'pages/a name.txt': 'spaced', 'pages/naïve.txt': 'accent', 'pages/100%25.txt': 'percent',
    'pages/image.png': png, 'pages/.hidden': SECRET, 'pages/.git/config': SECRET, 'pages/not-utf8.txt': Buffer.from([0x61, 0xff]),
  });
  const inside = (name) => path.join(tools.folder, 'pages', name);
  symlinkSync('one.md', inside('alias.md'));
  execFileSync('mkfifo', [inside('pipe.txt')]);
  server = await startGatehouse({ auth: 'none', args: ['--tools', tools.file] });
  session = await legacy(server);
  // These come while it runs.
  for (const [name, target] of Object.entries(links)) symlinkSync(target(), inside(name));
});
after(async () => { await session?.end(); await server?.stop(); });
const read = async (uri) => (await modern(server, undefined, 'resources/read', { uri })).message;
const textOf = async (uri) => { const { result, error } = await read(uri); assert.ok(result, JSON.stringify(error)); return result.contents[0].text; };

test('text and files are listed and read', async () => {
  const { resources } = (await modern(server, undefined, 'resources/list')).message.result;
  const uris = resources.map((one) => one.uri);
  for (const uri of ['book://start', 'book://logo', 'book://pages/one.md', 'book://pages/image.png']) assert.ok(uris.includes(uri), uris.join('\n'));
  assert.ok(!uris.some((uri) => /hidden|\.git|link|relative|environ|loop|pipe/.test(uri)), uris.join('\n'));
  assert.equal(await textOf('book://start'), '# Start here');
  assert.equal(await textOf('book://pages/one.md'), '# One');
  assert.equal(await textOf('book://pages/a%20name.txt'), 'spaced');
  assert.equal(await textOf('book://pages/na%C3%AFve.txt'), 'accent');
  const { contents: [logo] } = (await read('book://logo')).result;
  assert.deepEqual([logo.blob, logo.mimeType], [png.toString('base64'), 'image/png']);
  assert.equal((await read('book://pages/image.png')).result.contents[0].blob, png.toString('base64'));
});

test('each resource of the list can be read by the URI that it shows', async () => {
  const { resources } = (await modern(server, undefined, 'resources/list')).message.result;
  for (const { uri } of resources) assert.ok((await read(uri)).result, uri);
});

test('a link to another file of the folder is a file like any other', async () => assert.equal(await textOf('book://pages/alias.md'), '# One'));

test('what is not UTF-8 comes as bytes or not at all', async () => {
  const { result } = await read('book://pages/not-utf8.txt');
  if (result) assert.equal(result.contents[0].blob, Buffer.from([0x61, 0xff]).toString('base64'));
});

test('no way leads out', async () => {
  const names = ['../beside.txt', '%2e%2e/beside.txt', '..%2fbeside.txt', '%2e%2e%2fbeside.txt', '%252e%252e%252fbeside.txt', 'deep/../../beside.txt', 'deep/%2e%2e/%2e%2e/beside.txt', '..\\beside.txt', '..%5cbeside.txt',
    './../beside.txt', '.../../beside.txt', `/${outside}/secret.txt`, `${outside}/secret.txt`, '%2fetc%2fpasswd', '//etc/passwd', 'link.txt', 'linked/secret.txt', 'relative.txt', 'environ.txt', 'loop.txt', 'pipe.txt', '.hidden', '.git/config', 'deep/../.hidden',
    '%2ehidden', 'one.md%00.txt', 'one.md/', 'one.md/x', 'deep', 'deep/', 'deep/two.txt', 'deep%2ftwo.txt', '', '.', '..', '%2e', '..;/beside.txt', '\u2025/beside.txt', '%c0%ae%c0%ae/beside.txt', 'one.md?x', 'one.md#x', 'x'.repeat(5000)];
  for (const name of names) {
    const uri = `book://pages/${name}`;
    const message = (await modern(server, undefined, 'resources/read', { uri }, { headers: { 'Mcp-Name': Buffer.from(uri).toString('latin1') } })).message;
    const old = (await session.call('resources/read', { uri })).message;
    for (const one of [message, old]) {
      assert.ok(one.error, `${name}: ${JSON.stringify(one).slice(0, 300)}`);
      assert.ok(!JSON.stringify(one).includes(SECRET) && !/root:|HOME=/.test(JSON.stringify(one)), name);
    }
  }
  for (const uri of [`file://${outside}/secret.txt`, 'file:///etc/passwd', 'book://beside.txt', 'book:///etc/passwd', 'book://pages']) assert.ok((await read(uri)).error, uri);
});

test('a file that comes later is there; one that goes is gone', async () => {
  const file = path.join(tools.folder, 'pages/later.md');
  assert.ok((await read('book://pages/later.md')).error);
  writeFileSync(file, 'later');
  assert.equal(await textOf('book://pages/later.md'), 'later');
  rmSync(file);
  assert.ok((await read('book://pages/later.md')).error);
});

test('a link that leads out is refused at the start, by its name', async () => {
  for (const [name, target] of Object.entries(links).filter(([one]) => one !== 'linked')) {
    const { file, folder } = toolsFile({ resources: [{ folder: 'pages', uri: 'book://', name: 'pages' }] }, { 'beside.txt': SECRET, 'pages/one.md': 'x' });
    symlinkSync(target(), path.join(folder, 'pages', name));
    const { code, stderr } = await runToEnd(gatehousePath, ['tools', 'check', file], { env: cleanEnv() });
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`line \\d+.*${name}`));
  }
});

test('a file of the list that becomes a link, a pipe or a folder while the server runs', async () => {
  const file = path.join(tools.folder, 'pages/a name.txt');
  rmSync(file);
  symlinkSync(path.join(outside, 'secret.txt'), file);
  assert.ok((await read('book://pages/a%20name.txt')).error);
  rmSync(file);
  execFileSync('mkfifo', [file]);
  assert.ok((await read('book://pages/a%20name.txt')).error);
  rmSync(file);
  mkdirSync(file);
  assert.ok((await read('book://pages/a%20name.txt')).error);
});

test('what is too large or may not be read is refused in words', async () => {
  const large = path.join(tools.folder, 'pages/large.txt');
  writeFileSync(large, Buffer.alloc(5 << 20, 'x'));
  assert.match((await read('book://pages/large.txt')).error.message, /cannot be read/);
  await until(() => /WARN.*large\.txt: .*(large|limit)/.test(server.stderr()), () => server.stderr().slice(-500));
  rmSync(large);
  if (process.getuid() !== 0) {
    const closed = path.join(tools.folder, 'pages/closed.txt');
    writeFileSync(closed, 'x');
    chmodSync(closed, 0);
    assert.ok((await read('book://pages/closed.txt')).error);
  }
});
