// The compose files and authentik/setup fit together: they are valid, and every variable is
// written by setup and listed in .env.example.
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import Ajv from 'ajv';
import { parseDocument } from 'yaml';
import { loadBlueprint } from '../support/blueprint.mjs';
import { composeSchema } from '../support/compose_schema.mjs';
import { cleanEnv, gatehousePath, runToEnd, tempDir } from '../support/programs.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const files = ['authentik/docker-compose.yml', 'docker/compose.yml', 'docker/compose.dev.yml', 'docker/compose.tls.yml'];
const reset = { tag: '!reset', collection: 'seq', resolve: () => [] };
const textOf = (file) => readFileSync(path.join(root, file), 'utf8');
function load(file) {
  const document = parseDocument(textOf(file), { merge: true, customTags: [reset] });
  assert.deepEqual([...document.errors, ...document.warnings].map(String), [], file);
  return document.toJS();
}
const variablesOf = (text) => [...text.replaceAll('$$', '').matchAll(/\$\{(\w+)([^}]*)\}/g)].map(([, name, rest]) => ({ name, rest }));
const parseEnv = (text) => Object.fromEntries(text.split('\n').filter((line) => /^\w+=/.test(line)).map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));

// authentik/setup in a copy of the tree's two folders. -> { folder, env, run(...args) }
async function setUp(...args) {
  const folder = tempDir();
  for (const name of ['authentik', 'docker']) {
    mkdirSync(path.join(folder, name));
    for (const file of ['setup', '.env.example', 'docker-compose.yml', 'compose.yml']) if (existsSync(path.join(root, name, file))) cpSync(path.join(root, name, file), path.join(folder, name, file));
  }
  const run = (...more) => runToEnd('sh', [path.join(folder, 'authentik/setup'), ...more], { env: cleanEnv() });
  const end = await run(...args);
  const file = path.join(folder, 'authentik/.env');
  return { folder, file, end, run, env: existsSync(file) ? parseEnv(readFileSync(file, 'utf8')) : {} };
}

const validate = new Ajv({ allErrors: true, strict: false }).compile(composeSchema);
const problemsOf = (compose) => (validate(compose) ? [] : validate.errors.map((error) => `${error.instancePath} ${error.message} ${JSON.stringify(error.params)}`));

describe('the compose files', () => {
  for (const file of files) {
    test(`${file} is valid by the schema, and its volumes are declared`, () => {
      const compose = load(file);
      assert.deepEqual(problemsOf(compose), []);
      for (const included of compose.include ?? []) assert.ok(existsSync(path.join(root, path.dirname(file), included)), included);
      const known = { ...Object.assign({}, ...(compose.include ?? []).map((included) => load(path.join(path.dirname(file), included)).services)), ...compose.services };
      for (const [name, service] of Object.entries(compose.services)) {
        if (!file.endsWith('tls.yml') || name === 'caddy') assert.ok(service.image || service.build, name);
        if (service.build) assert.ok(existsSync(path.join(root, path.dirname(file), service.build, 'Dockerfile')) || service.build === '..', name);
        for (const volume of service.volumes ?? []) {
          const [from, to, mode] = volume.split(':');
          assert.ok(to.startsWith('/') && [undefined, 'ro'].includes(mode), volume);
          if (from.startsWith('.')) assert.ok(existsSync(path.join(root, path.dirname(file), from)), volume);
          else assert.ok(from in (compose.volumes ?? {}), `${volume} is not declared`);
        }
        for (const other of Object.keys(service.depends_on ?? {})) assert.ok(other in known, `${name} depends on ${other}`);
      }
    });

    test(`${file} publishes on this machine only, unless it is the TLS proxy`, () => {
      for (const [name, service] of Object.entries(load(file).services)) {
        for (const port of service.ports ?? []) if (name !== 'caddy') assert.match(port, /^127\.0\.0\.1:\$?\{?[\w:-]+\}?:\d+$/, `${name} ${port}`);
      }
    });

    test(`${file} has no secret in it, and none with a default`, () => {
      for (const { name, rest } of variablesOf(textOf(file))) if (/SECRET|PASS|_KEY/.test(name)) assert.match(rest, /^:\?/, name);
      assert.doesNotMatch(textOf(file), /(SECRET|PASSWORD|SECRET_KEY): (?!\$\{)\S/);
    });
  }

  test('the schema notices a wrong key, type and choice', () => {
    for (const changes of [{ read_only: 'yes' }, { envrionment: {} }, { environment: { A: 1 } }, { ports: ['80'] }, { restart: 'sometimes' }, { volumes: ['state'] }, { depends_on: ['server'] }, { healthcheck: { interval: '5s' } }, { stop_grace_period: 15 }]) {
      const compose = load('docker/compose.yml');
      Object.assign(compose.services.gatehouse, changes);
      assert.notDeepEqual(problemsOf(compose), [], JSON.stringify(changes));
    }
    assert.notDeepEqual(problemsOf({ ...load('docker/compose.yml'), volume: {} }), []);
  });

  test('gatehouse and caddy run without privileges on a read-only root', () => {
    for (const [file, name] of [['docker/compose.yml', 'gatehouse'], ['docker/compose.dev.yml', 'gatehouse'], ['docker/compose.tls.yml', 'caddy']]) {
      const service = load(file).services[name];
      assert.equal(service.read_only, true, file);
      assert.deepEqual(service.cap_drop, ['ALL'], file);
      assert.deepEqual(service.security_opt, ['no-new-privileges:true'], file);
    }
  });

  test('PostgreSQL is healthy before Authentik starts', () => {
    const { services } = load('authentik/docker-compose.yml');
    for (const name of ['server', 'worker']) assert.equal(services[name].depends_on.postgresql.condition, 'service_healthy');
    assert.ok(services.postgresql.healthcheck.test);
    assert.ok(!Object.keys(services).some((name) => /redis/.test(name)));
  });

  test('the worker has the blueprint and every variable that it reads', () => {
    const { worker } = load('authentik/docker-compose.yml').services;
    assert.ok(worker.volumes.includes('./blueprints:/blueprints/custom:ro'));
    for (const name of loadBlueprint().envs) assert.ok(name in worker.environment, name);
    for (const name of ['AUTHENTIK_BOOTSTRAP_PASSWORD', 'AUTHENTIK_BOOTSTRAP_EMAIL', 'AUTHENTIK_SECRET_KEY', 'AUTHENTIK_POSTGRESQL__PASSWORD']) assert.ok(name in worker.environment, name);
  });

  test('Caddy knows both names, and passes events on as they come', () => {
    const caddyfile = textOf('docker/Caddyfile');
    const { caddy } = load('docker/compose.tls.yml').services;
    const names = [...caddyfile.matchAll(/\{\$(\w+)\}/g)].map(([, name]) => name);
    assert.deepEqual(names.sort(), Object.keys(caddy.environment).sort());
    assert.match(caddyfile, /reverse_proxy gatehouse:8080 \{[^}]*flush_interval -1/);
  });
});

describe('authentik/setup', () => {
  test('writes every variable of .env.example and of the compose files, 0600, each secret another', async () => {
    const { file, end, env, folder } = await setUp();
    assert.equal(end.code, 0, end.stderr);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    const listed = parseEnv(textOf('authentik/.env.example'));
    assert.deepEqual(Object.keys(env).sort(), Object.keys(listed).sort());
    for (const compose of files) for (const { name } of variablesOf(textOf(compose))) assert.ok(name in env, `${compose}: ${name}`);
    const secrets = Object.keys(env).filter((name) => /SECRET|PASS/.test(name));
    assert.equal(secrets.length, 4);
    for (const name of secrets) {
      assert.match(env[name], /^[0-9a-f]{64}$/, name);
      assert.equal(listed[name], '', `${name} has no default`);
      assert.ok(!(end.stdout + end.stderr).includes(env[name]), 'not on the terminal');
    }
    assert.equal(new Set(secrets.map((name) => env[name])).size, secrets.length);
    assert.equal(readlinkSync(path.join(folder, 'docker/.env')), '../authentik/.env');
    assert.equal(readFileSync(path.join(folder, 'docker/.env'), 'utf8'), readFileSync(file, 'utf8'));
  });

  test('a second run changes nothing; two runs elsewhere have other secrets', async () => {
    const one = await setUp();
    const before = readFileSync(one.file, 'utf8');
    assert.equal((await one.run()).code, 0);
    assert.equal(readFileSync(one.file, 'utf8'), before);
    assert.notEqual((await setUp()).env.GATEHOUSE_CLIENT_SECRET, one.env.GATEHOUSE_CLIENT_SECRET);
  });

  test('public host names, and what is no host name', async () => {
    const { env } = await setUp('me@example.org', 'mcp.example.org', 'auth.example.org');
    assert.deepEqual([env.GATEHOUSE_PUBLIC_URL, env.GATEHOUSE_HOST, env.AUTHENTIK_HOST, env.AUTHENTIK_BOOTSTRAP_EMAIL], ['https://mcp.example.org', 'mcp.example.org', 'auth.example.org', 'me@example.org']);
    for (const args of [['a@example.org', 'x'], ['a@example.org', 'a b', 'c'], ['a@example.org', 'x$(id)', 'c'], ['a\nB=1']]) {
      const wrong = await setUp(...args);
      assert.equal(wrong.end.code, 64, args.join(' '));
      assert.ok(!existsSync(wrong.file));
    }
  });
});

describe('gatehouse\'s environment', () => {
  const filled = (environment, env) => Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, value.replace(/\$\{(\w+)(?::-([^}]*)|:\?[^}]*)?\}/g, (_whole, variable, fallback) => env[variable] || fallback || '')]));
  for (const [what, args, layers] of [['on this machine', [], ['docker/compose.yml']], ['on public host names', ['a@example.org', 'mcp.example.org', 'auth.example.org'], ['docker/compose.yml', 'docker/compose.tls.yml']]]) {
    test(`${what} is what the program takes`, async () => {
      const { env } = await setUp(...args);
      const environment = filled(Object.assign({}, ...layers.map((file) => load(file).services.gatehouse.environment)), env);
      const end = await runToEnd(gatehousePath, ['--print-config'], { env: cleanEnv({ HOME: tempDir(), ...environment }) });
      assert.equal(end.code, 0, end.stderr);
      for (const name of ['GATEHOUSE_PUBLIC_URL', 'GATEHOUSE_ISSUER', 'GATEHOUSE_CLIENT_ID', 'GATEHOUSE_IDP_CONNECT_TO']) assert.ok(end.stdout.includes(environment[name]), name);
      assert.ok(!end.stdout.includes(env.GATEHOUSE_CLIENT_SECRET));
      assert.equal(environment.GATEHOUSE_PUBLIC_URL, env.GATEHOUSE_PUBLIC_URL);
    });
  }
});
