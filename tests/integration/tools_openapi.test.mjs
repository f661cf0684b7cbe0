// OpenAPI descriptions that nobody here wrote, turned into tools that the official SDK lists and calls, against an API
// that notes what it is asked.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import YAML from 'yaml';
import { kinds, openClient } from '../support/clients.mjs';
import { readBody } from '../support/http.mjs';
import { legacy, modern } from '../support/mcp.mjs';
import { signIn } from '../support/oauth.mjs';
import { cleanEnv, gatehousePath, root, runToEnd, sanitized, startGatehouse, until } from '../support/programs.mjs';
import { bearer, openStream } from '../support/sse.mjs';
import { toolsFile } from '../support/toolfiles.mjs';

const examples = path.join(root, 'tests/node_modules/@readme/oas-examples');
const petstore = path.join(examples, '3.0/json/petstore.json');
const trains = path.join(examples, '3.1/yaml/train-travel.yaml');
const KEY = 'special-key-of-the-petstore';
const textOf = (result) => result.content.map((block) => block.text ?? block.type).join('\n');

// `answers`: "METHOD /path" -> (request) => [status, JSON]. -> { url, seen, stop() }
async function startMock(answers) {
  const seen = [];
  const listener = http.createServer(async (request, outgoing) => {
    const url = new URL(request.url, 'http://mock');
    const entry = { method: request.method, raw: request.url, path: url.pathname, query: url.searchParams, headers: request.headers, body: await readBody(request) };
    seen.push(entry);
    const [status, value] = await answers[`${request.method} ${url.pathname}`]?.(entry) ?? [404, { code: 1, type: 'error', message: 'not here' }];
    const text = typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value);
    outgoing.writeHead(status, { ...(text && { 'Content-Type': typeof value === 'string' && !value.startsWith('openapi') ? 'text/plain' : 'application/json' }) }).end(text);
  });
  await new Promise((resolve) => { listener.listen(0, '127.0.0.1', resolve); });
  return { url: `http://127.0.0.1:${listener.address().port}`, port: listener.address().port, seen, answers, stop: () => new Promise((resolve) => { listener.closeAllConnections(); listener.close(resolve); }) };
}

const rex = { id: 7, name: 'Rex', photoUrls: ['https://example.com/rex.png'], category: { id: 1, name: 'Dogs' }, tags: [{ id: 1, name: 'good' }], status: 'available' };
const startPets = () => startMock({
  'GET /v2/pet/7': () => [200, rex],
  'GET /v2/pet/8': () => [200, { id: 'not a number', name: 8 }],
  'GET /v2/pet/findByStatus': () => [200, [rex]],
  'POST /v2/pet': ({ body }) => [200, { ...JSON.parse(body), id: 9 }],
  'POST /v2/pet/7': () => [200, undefined],
  'DELETE /v2/pet/7': () => [200, undefined],
  'POST /v2/store/order': ({ body }) => [200, { ...JSON.parse(body), id: 3 }],
  'GET /v2/store/inventory': () => [200, { available: 1 }],
  'PUT /v2/user/a%2Fb%20c': () => [200, undefined],
});

describe('the petstore, OpenAPI 3.0', () => {
  let api;
  let server;
  let token;
  before(async () => {
    api = await startPets();
    const { file } = toolsFile({ upstreams: { pets: { url: `${api.url}/v2`, credential: { type: 'header', name: 'api_key', valueFile: 'key' } } } }, { key: `${KEY}\n` });
    server = await startGatehouse({ args: ['--tools', file, '--openapi', petstore, '--openapi-select', 'tag:pet', '--openapi-select', 'tag:store', '--openapi-select', 'updateUser', '--openapi-select', '!deleteOrder', '--openapi-upstream', 'pets'] });
    token = (await signIn(server, { scope: 'mcp offline_access read:pets write:pets' })).tokens.access_token;
  });
  after(async () => { await server?.stop(); await api?.stop(); });

  for (const kind of Object.keys(kinds)) {
    test(`${kind} lists and calls it`, async () => {
      const client = await openClient(kind, { url: server.mcp, token });
      const { tools } = await client.client.listTools();
      const names = tools.map((one) => one.name);
      for (const name of ['addPet', 'updatePet', 'findPetsByStatus', 'findPetsByTags', 'getPetById', 'updatePetWithForm', 'deletePet', 'getInventory', 'placeOrder', 'getOrderById', 'updateUser']) assert.ok(names.includes(name), `${name} in ${names}`);
      for (const name of ['deleteOrder', 'loginUser', 'createUser']) assert.ok(!names.includes(name), `${name} was not selected`);
      const one = tools.find((tool) => tool.name === 'getPetById');
      assert.equal(one.title, 'Find pet by ID');
      assert.equal(one.annotations.readOnlyHint, true);
      assert.equal(one.inputSchema.properties.petId.type, 'integer');
      assert.ok(one.outputSchema.properties.photoUrls);

      api.seen.length = 0;
      assert.deepEqual((await client.call('getPetById', { petId: 7 })).structuredContent, rex);
      assert.deepEqual((await client.call('findPetsByStatus', { status: ['available', 'sold'] })).structuredContent, { result: [rex] });
      const added = await client.call('addPet', { name: 'Rex', photoUrls: ['https://example.com/1?a=1&b="2"'], category: { id: 1, name: 'Dogs' } });
      assert.equal(added.isError ?? false, false, textOf(added));
      await client.call('updatePetWithForm', { petId: 7, name: 'Max & Söhne', status: 'sold' });
      await client.call('deletePet', { petId: 7 });
      assert.equal((await client.call('placeOrder', { petId: 7, quantity: 2, shipDate: '2026-01-01T00:00:00Z' })).structuredContent.id, 3);
      assert.deepEqual((await client.call('getInventory')).structuredContent, { available: 1 });
      await client.call('updateUser', { username: 'a/b c', body: { firstName: 'Ada' } });

      const [get, find, add, form, remove, order, inventory, user] = api.seen;
      assert.deepEqual([get.method, get.raw, get.body], ['GET', '/v2/pet/7', '']);
      assert.deepEqual(find.query.getAll('status'), ['available', 'sold']);
      assert.deepEqual(JSON.parse(add.body), { name: 'Rex', photoUrls: ['https://example.com/1?a=1&b="2"'], category: { id: 1, name: 'Dogs' } });
      assert.match(add.headers['content-type'], /^application\/json/);
      assert.deepEqual(Object.fromEntries(new URLSearchParams(form.body)), { name: 'Max & Söhne', status: 'sold' });
      assert.equal(form.headers['content-type'], 'application/x-www-form-urlencoded');
      assert.deepEqual([remove.method, remove.path], ['DELETE', '/v2/pet/7']);
      assert.deepEqual(JSON.parse(order.body), { petId: 7, quantity: 2, shipDate: '2026-01-01T00:00:00Z' });
      assert.equal(inventory.raw, '/v2/store/inventory');
      assert.equal(user.raw, '/v2/user/a%2Fb%20c');
      assert.deepEqual(JSON.parse(user.body), { firstName: 'Ada' });
      for (const entry of api.seen) { assert.equal(entry.headers.api_key, KEY); assert.equal(entry.headers.authorization, undefined); }
      await client.close();
    });
  }

  const call = async (name, args, as = token) => modern(server, as, 'tools/call', { name, arguments: args });
  test('errors are those that the description names', async () => {
    const { result } = (await call('getPetById', { petId: 77 })).message;
    assert.equal(result.isError, true);
    assert.match(textOf(result), /Pet not found/);
  });
  test('arguments that do not fit the description are not sent', async () => {
    const before = api.seen.length;
    for (const [name, args] of [['getPetById', {}], ['getPetById', { petId: '../x' }], ['getPetById', { petId: 7, more: 1 }], ['findPetsByStatus', { status: ['eaten'] }], ['getOrderById', { orderId: 11 }]]) {
      const { result, error } = (await call(name, args)).message;
      assert.ok(error ?? result.isError, name);
    }
    assert.equal(api.seen.length, before);
  });
  test('an answer that breaks the description\'s promise is an error', async () => {
    const { result } = (await call('getPetById', { petId: 8 })).message;
    assert.equal(result.isError, true);
    assert.match(textOf(result), /not what this tool promises/);
  });
  test('the scopes of the description are asked for', async () => {
    const basic = (await signIn(server, { scope: 'mcp' })).tokens.access_token;
    const refused = await call('addPet', { name: 'Rex', photoUrls: [] }, basic);
    assert.equal(refused.status, 403);
    assert.match(refused.headers['www-authenticate'], /insufficient_scope.*scope="mcp (write:pets read:pets|read:pets write:pets)"/);
    assert.equal((await call('getPetById', { petId: 7 }, basic)).status, 200);
  });
  test('what cannot be expressed is in the log, with the operation that it is about', () => {
    const log = server.stderr();
    assert.match(log, /petstore\.json.*POST \/pet\/\{petId\}\/uploadImage: multipart\/form-data/);
    assert.match(log, /petstore\.json.*DELETE \/pet\/\{petId\}: header parameter api_key is left out/);
    assert.doesNotMatch(log, /loginUser|\/user\/login/, 'of what was not selected nothing is said');
    assert.ok(!log.includes(KEY));
  });
});

describe('the train travel API, OpenAPI 3.1 in YAML, named by a tools file', () => {
  let api;
  let server;
  let token;
  const id = 'efdbb9d1-02c2-4bc3-afb7-6788d8782b1e';
  before(async () => {
    api = await startMock({
      'GET /stations': () => [200, { data: [{ id, name: 'Berlin Hauptbahnhof', address: 'Invalidenstraße 10557 Berlin, Germany', country_code: 'DE', timezone: 'Europe/Berlin' }], links: { self: 'https://api.example.com/stations' } }],
      'GET /trips': () => [200, { data: [], links: {} }],
      'POST /bookings': ({ body }) => [201, { id, ...JSON.parse(body) }],
      [`DELETE /bookings/${id}`]: () => [204, undefined],
    });
    const { file } = toolsFile({
      upstreams: { trains: { url: api.url } }, scopes: { write: ['read'] },
      openapi: [{ file: 'trains.yaml', upstream: 'trains', select: ['GET /stations', 'GET /trips', '*booking*'] }],
    }, { 'trains.yaml': readFileSync(trains) });
    server = await startGatehouse({ args: ['--tools', file] });
    token = (await signIn(server, { scope: 'mcp write' })).tokens.access_token;
  });
  after(async () => { await server?.stop(); await api?.stop(); });
  for (const kind of ['SDK 1.x', 'SDK 2.x, 2026-07-28']) {
    test(`${kind} lists and calls it`, async () => {
      const client = await openClient(kind, { url: server.mcp, token });
      const names = (await client.client.listTools()).tools.map((one) => one.name);
      assert.ok(names.includes('get-stations') && names.includes('create-booking') && names.includes('delete-booking'), names.join(' '));
      api.seen.length = 0;
      const stations = await client.call('get-stations');
      assert.equal(stations.structuredContent.data[0].name, 'Berlin Hauptbahnhof', textOf(stations));
      await client.call('get-trips', { origin: id, destination: id, date: '2026-02-01T09:00:00+01:00', dogs: true });
      await client.call('create-booking', { trip_id: id, passenger_name: 'Ada "the" Lovelace', has_dog: false });
      const gone = await client.call('delete-booking', { bookingId: id });
      assert.equal(gone.isError ?? false, false, textOf(gone));
      assert.deepEqual(Object.fromEntries(api.seen[1].query), { origin: id, destination: id, date: '2026-02-01T09:00:00+01:00', dogs: 'true' });
      assert.deepEqual(JSON.parse(api.seen[2].body), { trip_id: id, passenger_name: 'Ada "the" Lovelace', has_dog: false });
      assert.deepEqual([api.seen[3].method, api.seen[3].raw], ['DELETE', `/bookings/${id}`]);
      const missing = await client.call('get-booking', { bookingId: '1725ff48-ab45-4bb5-9d02-88745177dedb' });
      assert.equal(missing.isError, true);
      assert.match(textOf(missing), /no such thing \(404\).*Check the arguments.*not here/, 'more than the "Not Found" of the description');
      await client.close();
    });
  }
});

describe('--openapi with a URL', () => {
  let site;
  let server;
  let token;
  let description;
  let gate;
  const base = () => YAML.parse(readFileSync(petstore, 'utf8'));
  before(async () => {
    description = base();
    site = await startMock({ 'GET /openapi.json': () => gate ?? (description === undefined ? [500, 'no'] : [200, typeof description === 'string' ? description : { ...description, servers: [{ url: '/v2' }] }]), 'GET /v2/pet/7': () => [200, rex], 'GET /v2/store/inventory': () => [200, { here: 1 }] });
    server = await startGatehouse({ args: args() });
    token = (await signIn(server)).tokens.access_token;
  });
  const args = () => ['--openapi', `${site.url}/openapi.json`, '--openapi-select', 'GET /pet/{petId}', '--openapi-select', 'GET /store/*'];
  after(async () => { await server?.stop(); await site?.stop(); });
  const names = async () => (await modern(server, token, 'tools/list')).message.result.tools.map((one) => one.name);
  const reload = async (mark) => {
    const before = server.stderr().length;
    server.kill('SIGHUP');
    await until(() => mark.test(server.stderr().slice(before)), () => `the reload:\n${server.stderr().slice(before)}`);
  };

  test('a relative server is at that URL', async () => {
    assert.ok((await names()).includes('getPetById'));
    assert.deepEqual((await modern(server, token, 'tools/call', { name: 'getPetById', arguments: { petId: 7 } })).message.result.structuredContent, rex);
    assert.ok(!site.seen.some(({ headers }) => headers.authorization));
  });
  test('SIGHUP fetches it again; clients are told', async () => {
    const session = await legacy(server, token);
    await session.notify('notifications/initialized');
    const stream = await openStream(server.mcp, { headers: { ...session.headers, ...bearer(token) } });
    delete description.paths['/store/order/{orderId}'];
    description.paths['/store/new'] = { get: { operationId: 'getNew', responses: { 200: { description: 'new' } } } };
    await reload(/read again/);
    await stream.wait((event) => event.message?.method === 'notifications/tools/list_changed', 'the announcement');
    const list = await names();
    assert.ok(list.includes('getNew') && !list.includes('getOrderById'), list.join(' '));
    stream.cut();
    await session.end();
  });
  test('what cannot be had or read leaves all as it was', async () => {
    const before = await names();
    const whole = description;
    for (const [broken, pattern] of [[undefined, /ERROR.*(500|cannot)/], ['{"openapi": "3.0.0", "paths"', /ERROR.*openapi\.json.*line 1/], [{ ...whole, openapi: '4.0.0' }, /ERROR.*OpenAPI 4\.0\.0/], [{ ...whole, paths: {} }, /ERROR.*(no operations|selected)/]]) {
      description = broken;
      await reload(pattern);
      assert.deepEqual(await names(), before);
    }
    description = whole;
    await reload(/read again/);
    assert.deepEqual(await names(), before);
  });
  test('while it does not come, all goes on; the next SIGHUP is not lost, and the end does not wait', async () => {
    const other = await startGatehouse({ args: args() });
    let come;
    gate = new Promise((resolve) => { come = resolve; });
    await reload(/being fetched/);
    server.kill('SIGHUP');
    other.kill('SIGHUP');
    await until(() => /being fetched/.test(other.stderr()), 'the other to read');
    const began = Date.now();
    await other.stop();
    assert.ok(Date.now() - began < (sanitized ? 8000 : 3000), `${Date.now() - began} ms`);
    assert.ok((await names()).includes('getPetById'));
    const before = server.stderr().length;
    gate = undefined;
    come([500, 'no']);
    await until(() => /stays as it was: .*500[^]*read again/.test(server.stderr().slice(before)), () => server.stderr().slice(before));
  });
  test('signals that come all the time keep nobody from what has been read', async () => {
    let come;
    gate = new Promise((resolve) => { come = resolve; });
    const before = server.stderr().length;
    await reload(/being fetched/);
    gate = undefined;
    const often = setInterval(() => server.kill('SIGHUP'), 300);
    try {
      come([500, 'no']);
      await until(() => /stays as it was: .*500[^]*read again/.test(server.stderr().slice(before)), () => server.stderr().slice(before));
    } finally {
      clearInterval(often);
    }
  });
  test('plain http elsewhere is refused at the start', async () => {
    const { code, stderr } = await runToEnd(gatehousePath, ['--auth', 'none', '--listen', '127.0.0.1:0', '--openapi', 'http://api.example.com/openapi.json'], { env: cleanEnv({ HOME: '/nonexistent' }) });
    assert.notEqual(code, 0);
    assert.match(stderr, /http/);
  });
});

test('every example of the package becomes tools that `gatehouse tools check` accepts, or is refused with a sentence', async () => {
  const files = ['3.0/json', '3.0/yaml', '3.1/json', '3.1/yaml'].flatMap((folder) => readdirSync(path.join(examples, folder)).filter((name) => /\.(json|yaml)$/.test(name)).map((name) => path.join(folder, name)));
  assert.ok(files.length > 100, `${files.length} files`);
  const refused = [];
  const worker = async () => {
    for (let name = files.pop(); name; name = files.pop()) {
      const { file } = toolsFile({ upstreams: { api: { url: 'https://api.example.com/v1' } }, openapi: [{ file: 'description', upstream: 'api' }] }, { description: readFileSync(path.join(examples, name)) });
      const { code, stdout, stderr } = await runToEnd(gatehousePath, ['tools', 'check', file], { env: cleanEnv() });
      if (code === 0) assert.match(stdout, /\d+ tools?, /, name);
      else { assert.equal(code, 1, `${name}: ${stderr}`); assert.match(stderr, /description: /, name); refused.push(`${name}: ${stderr.trim().split('\n').at(-1)}`); }
    }
  };
  await Promise.all([worker(), worker(), worker()]);
  assert.ok(refused.every((one) => /no operations/.test(one)), refused.join('\n'));
});
