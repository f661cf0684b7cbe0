// The host of the official suite's client scenarios: an SDK client that starts the bridge with the scenario's
// URL and does what a person at that host would. The suite calls it with the URL as its last argument.
// Exit 0: everything went as it should, refusals of what must be refused included.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client as ModernClient } from '@modelcontextprotocol/client';
import { StdioClientTransport as ModernStdio } from '@modelcontextprotocol/client/stdio';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as LegacyStdio } from '@modelcontextprotocol/sdk/client/stdio.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';

const url = process.argv.at(-1);
const scenario = process.env.MCP_CONFORMANCE_SCENARIO;
const version = process.env.MCP_CONFORMANCE_PROTOCOL_VERSION ?? '2025-11-25';
const context = JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT ?? '{}');
// The host's era is the scenario's, unless the test wants the bridge to translate.
const era = process.env.TEST_HOST_ERA ?? (version === '2026-07-28' ? 'modern' : 'legacy');

const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-host-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const fileOf = (name, text) => {
  const file = path.join(folder, name);
  writeFileSync(file, text, { mode: 0o600 });
  return file;
};

// What the scenario was told out of band becomes options.
function loginOptions() {
  const client = () => [
    '--client-id', context.client_id,
    ...(context.client_secret ? ['--client-secret-file', fileOf('secret', context.client_secret)] : []),
    ...(context.private_key_pem ? ['--client-key', fileOf('key.pem', context.private_key_pem)] : []),
  ];
  switch (scenario) {
    case 'auth/client-credentials-jwt':
    case 'auth/client-credentials-basic':
      return ['--client-credentials', ...client()];
    case 'auth/wif-jwt-bearer':
      return ['--assertion-file', fileOf('assertion', context.valid_jwt), ...client()];
    case 'auth/enterprise-managed-authorization':
      return ['--idp', context.idp_issuer, '--idp-client-id', context.idp_client_id, '--idp-token-file', fileOf('id-token', context.idp_id_token), ...client()];
    case 'auth/pre-registration':
      return ['--issuer', context.issuer, ...client()];
    case 'auth/dpop':
    case 'auth/dpop-nonce':
      return ['--dpop'];
    default:
      return [];
  }
}

const server = {
  command: process.env.TEST_BRIDGE,
  args: ['--state-dir', path.join(folder, 'state'), '--browser', 'curl -sL', '--log-level', 'debug', '--login-timeout', '30s',
    '--client-metadata-url', 'https://conformance-test.local/client-metadata.json', ...loginOptions(), url],
  env: { PATH: process.env.PATH, HOME: folder, LANG: 'C.UTF-8' },
  stderr: 'inherit',
};

const capabilities = { roots: {}, sampling: {}, elicitation: { form: { applyDefaults: true } } };
const answers = { duringElicitation: async () => {} };
async function onElicit(request) {
  await answers.duringElicitation(request);
  return { action: 'accept', content: request.params.requestedSchema.properties.confirmed ? { confirmed: true } : {} };
}

// The SDK's own transport finds out the era with a process that it ends at once, in the middle of a sign-in even;
// another class is asked in place.
class ModernInPlace extends ModernStdio {}

// -> a connected client of the host's era
async function connect() {
  const info = { name: 'conformance-host', version: '1.0.0' };
  const modern = era === 'modern';
  const client = modern
    ? new ModernClient(info, { capabilities, versionNegotiation: { mode: { pin: '2026-07-28' } } })
    : new LegacyClient(info, { capabilities });
  client.setRequestHandler(modern ? 'elicitation/create' : ElicitRequestSchema, onElicit);
  await client.connect(modern ? new ModernInPlace(server) : new LegacyStdio(server));
  return client;
}

// Arguments as the schema wants them.
const sample = { number: 5, integer: 7, boolean: true, string: 'x', array: [], object: {} };
const argumentsFor = ({ inputSchema }) => Object.fromEntries((inputSchema.required ?? []).map((name) => [name, sample[inputSchema.properties[name].type] ?? 'x']));
const call = (client, tool) => client.callTool({ name: tool.name, arguments: argumentsFor(tool) });

async function callEverything(client) {
  const { tools } = await client.listTools();
  const results = [];
  for (const tool of tools) results.push(await call(client, tool));
  return { tools, results };
}
const textOf = (result) => result.content[0].text;

// A scenario in which the bridge must refuse to go on: the host gets an error with a sentence, in good time.
const refusing = ['scope-retry-limit', 'resource-mismatch', 'iss-supported-missing', 'iss-wrong-issuer', 'iss-unexpected', 'iss-normalized', 'metadata-issuer-mismatch']
  .map((name) => `auth/${name}`);
async function mustFail() {
  await assert.rejects(async () => (await connect()).listTools(), (error) => {
    assert.ok(error.message.length > 20, error.message);
    assert.doesNotMatch(error.message, /timed out|connection closed/i);
    return true;
  });
}

const scenarios = {
  tools_call: async (client) => {
    const { results } = await callEverything(client);
    assert.equal(textOf(results[0]), 'The sum of 5 and 5 is 10');
  },
  'elicitation-sep1034-client-defaults': async (client) => {
    const { results } = await callEverything(client);
    assert.match(textOf(results[0]), /^Elicitation completed/);
  },
  'sse-retry': async (client) => {
    const { results } = await callEverything(client);
    assert.match(textOf(results[0]), /completed successfully/);
  },
  'sep-2322-client-request-state': async (client) => {
    answers.duringElicitation = async () => { assert.equal(textOf(await client.callTool({ name: 'test_mrtr_unrelated', arguments: {} })), 'unrelated-ok'); };
    const { tools } = await client.listTools();
    const [last, ...rest] = [tools.at(-1), ...tools.slice(0, -1)];
    const results = [];
    for (const tool of rest) results.push(textOf(await call(client, tool)));
    assert.deepEqual(results, ['echo-state-ok', 'no-state-ok', 'unrelated-ok']);
    // The SDK insists on a result type in this era; the bridge hands on what the server said.
    assert.equal(last.name, 'test_mrtr_no_result_type');
    await call(client, last).then((result) => assert.equal(textOf(result), 'no-result-type-test-ok'), (error) => assert.match(error.message, /resultType/));
  },
  'http-standard-headers': async (client) => {
    await callEverything(client);
    for (const { uri } of (await client.listResources()).resources) await client.readResource({ uri });
    for (const { name } of (await client.listPrompts()).prompts) await client.getPrompt({ name });
  },
  // The host has listed nothing: the bridge must find out by itself which parameters have headers.
  'http-custom-headers': async (client) => {
    for (const one of context.toolCalls) await client.callTool(one);
    await client.listTools();
    for (const one of context.toolCalls) await client.callTool(one);
  },
  'http-invalid-tool-headers': async (client) => {
    const { tools } = await callEverything(client);
    assert.deepEqual(tools.map((tool) => tool.name), ['valid_tool']);
  },
  'json-schema-ref-no-deref': async (client) => {
    const { tools } = await client.listTools();
    assert.match(tools[0].inputSchema.properties.profile.$ref, /^http/);
  },
  'json-schema-2020-12-preservation': async (client) => {
    const { tools } = await client.listTools();
    const [focal, echo] = tools;
    await client.callTool({ name: echo.name, arguments: { schema: focal.inputSchema } });
  },
};
const usual = async (client) => {
  const { tools, results } = await callEverything(client);
  for (const result of results) assert.ok(!result.isError, JSON.stringify(result));
  if (scenario.startsWith('auth/')) assert.deepEqual(tools.map((tool) => tool.name), ['test-tool']);
};

try {
  if (refusing.includes(scenario)) await mustFail();
  else {
    const client = await connect();
    await (scenarios[scenario] ?? usual)(client);
    await client.close();
  }
  console.log('host: all went as it should');
} catch (error) {
  console.log(`host: ${error.stack}`);
  process.exitCode = 1;
}
process.exit();
