// Descriptions that nobody here wrote: the examples of an npm package, in 3.0 and 3.1, JSON and YAML.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import Ajv2020 from 'ajv/dist/2020.js';
import YAML from 'yaml';
import { cleanEnv, gatehousePath, root } from '../support/programs.mjs';

const run = promisify(execFile);
const converter = path.join(path.dirname(gatehousePath), 'openapi_convert');
const examples = path.join(root, 'tests/node_modules/@readme/oas-examples');
const methods = ['get', 'put', 'post', 'delete', 'patch', 'head', 'options', 'trace'];

function files() {
  const found = [];
  for (const version of ['3.0', '3.1']) {
    for (const form of ['json', 'yaml']) {
      const folder = path.join(examples, version, form);
      for (const file of readdirSync(folder)) {
        if (path.extname(file) === `.${form}`) found.push(path.join(folder, file));
      }
    }
  }
  return found;
}

async function convert(file, ...options) {
  const { stdout, stderr } = await run(converter, [file, ...options], { env: cleanEnv(), maxBuffer: 64 << 20, timeout: 60_000 });
  return { made: JSON.parse(stdout), told: stderr.split('\n').filter(Boolean) };
}

// As it is; or, where all servers are http, with an upstream that somebody named.
async function convertAny(file) {
  try {
    return await convert(file, '--base', 'https://api.example.com/openapi');
  } catch (error) {
    assert.match(error.stderr, /server http:.* cannot be used[^]*no server of the description can be used/, file);
    return convert(file, '--upstream', 'api');
  }
}

// The operations as `METHOD path`, through references of path items within the document.
function operationsOf(description) {
  const found = [];
  for (const [at, given] of Object.entries(description.paths ?? {})) {
    let item = given;
    while (item.$ref) {
      const parts = item.$ref.slice(2).split('/').map((part) => decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~'));
      item = parts.reduce((node, part) => node[part], description);
    }
    for (const method of methods) if (item[method]) found.push(`${['options', 'trace'].includes(method) ? method : method.toUpperCase()} ${at}`);
  }
  return found;
}

test('there are examples in both versions and both forms', () => {
  const all = files();
  for (const part of ['3.0/json', '3.0/yaml', '3.1/json', '3.1/yaml']) {
    assert.ok(all.filter((file) => file.includes(`/${part}/`)).length >= 12, part);
  }
});

test('every operation of every example is a tool or is reported', async () => {
  let tools = 0;
  for (const file of files()) {
    const description = YAML.parse(readFileSync(file, 'utf8'));
    const operations = operationsOf(description);
    if (operations.length === 0) {
      await assert.rejects(convert(file, '--base', 'https://api.example.com/openapi'), /it has no operations/);
      continue;
    }
    const { made, told } = await convertAny(file);
    const leftOut = operations.filter((where) => told.some((line) => line.startsWith(`${where}: left out: `)));
    assert.equal(made.tools.length + leftOut.length, operations.length, `${file}\n${told.join('\n')}`);
    tools += made.tools.length;
  }
  assert.ok(tools > 800, `${tools} tools`);
});

test('their schemas are JSON Schema 2020-12 to others, and their names legal', async () => {
  for (const file of files().filter((one) => one.endsWith('.json'))) {
    if (file.endsWith('webhooks.json')) continue;
    const { made } = await convertAny(file);
    const names = new Set();
    // what engines read alike without the "u" flag is taken as well
    const ajv = new Ajv2020({ strict: false, validateFormats: false, unicodeRegExp: false });
    for (const tool of made.tools) {
      assert.match(tool.name, /^[A-Za-z0-9_-]{1,64}$/, file);
      assert.ok(!names.has(tool.name), `${file}: ${tool.name} twice`);
      names.add(tool.name);
      for (const schema of [tool.inputSchema, tool.outputSchema]) {
        if (!schema) continue;
        assert.equal(schema.type, 'object', `${file}: ${tool.name}`);
        assert.ok(ajv.validateSchema(schema), `${file}: ${tool.name}: ${ajv.errorsText()}`);
        ajv.compile(schema);
      }
      for (const name of Object.keys(tool.inputSchema.properties)) assert.match(name, /^[A-Za-z0-9_-]{1,64}/, file);
    }
  }
});

test('YAML is read as another parser reads it', async () => {
  for (const file of files().filter((one) => one.endsWith('.yaml'))) {
    const { made } = await convert(file, '--json');
    assert.deepEqual(made, YAML.parse(readFileSync(file, 'utf8')), file);
  }
});

test('the same description gives the same tools in JSON and in YAML', async () => {
  let compared = 0;
  for (const file of files().filter((one) => one.endsWith('.yaml'))) {
    const twin = file.replaceAll('yaml', 'json');
    if (!existsSync(twin) || file.endsWith('webhooks.yaml')) continue;
    const same = JSON.stringify(YAML.parse(readFileSync(file, 'utf8'))) === JSON.stringify(JSON.parse(readFileSync(twin, 'utf8')));
    if (!same) continue;
    const [yaml, json] = await Promise.all([file, twin].map((one) => convertAny(one)));
    assert.deepEqual(yaml, json, file);
    compared++;
  }
  assert.ok(compared > 20, `${compared} compared`);
});

test('Swagger 2.0 is refused with what to do about it', async () => {
  for (const file of ['2.0/json/petstore.json', '2.0/yaml/petstore.yaml']) {
    await assert.rejects(convert(path.join(examples, file)), /it is of Swagger 2\.0; convert it to OpenAPI 3 first/);
  }
});
