// @modelcontextprotocol/conformance, its scenarios for clients, through the bridge. Each revision's set runs at
// once, as the suite does it; what each scenario's checks say counts, the suite's exit status does not: it
// overlooks warnings.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, describe, test } from 'node:test';
import { parse } from 'yaml';
import { problemsOf } from '../support/conformance.mjs';
import { runClientSuite } from '../support/client_conformance.mjs';

const required = (revision) => {
  const file = new URL(`../node_modules/@modelcontextprotocol/conformance/requirements/${revision}.yaml`, import.meta.url);
  const { client, not_scored: more } = parse(readFileSync(file, 'utf8'));
  return [...client, ...more.filter((one) => one.leg === 'client').map((one) => one.scenario)];
};

// Checks that the suite itself has no use for: a modern client sends neither of these.
const needless = ['ClientMcpMethodHeader_initialize', 'ClientMcpMethodHeader_notifications_initialized'];

// What the suite's servers hand out, the bridge's debug log keeps to itself.
const secrets = /test-token|cc-token|test-auth-code|(test|as1|as2)-client-secret|pre-registered-secret|conformance-test-(xaa-)?secret|test-secret-|PRIVATE KEY|eyJ[\w-]{10}/;

function assertPassed(done, name) {
  const one = done.scenarios[name];
  assert.ok(one, `${name} left no result:\n${done.output.slice(-4000)}`);
  const checks = one.checks.filter((check) => !(check.status === 'SKIPPED' && needless.includes(check.name)));
  const problems = problemsOf(checks);
  if (!one.stdout.endsWith('host: all went as it should\n')) problems.push(`the host: ${one.stdout}`);
  assert.equal(problems.length, 0, `${problems.join('\n')}\n--- stderr\n${one.stderr.slice(-4000)}`);
  assert.doesNotMatch(one.stderr, secrets);
}

for (const revision of ['2025-11-25', '2026-07-28']) {
  describe(`all that ${revision} requires, and its extensions`, () => {
    let done;
    before(async () => { done = await runClientSuite(['--requirements', revision]); });
    for (const name of required(revision).filter((one) => one !== 'sse-retry')) {
      test(name, () => assertPassed(done, name));
    }
  });
}

describe('one at a time', () => {
  const alone = async (name, revision, era) => assertPassed(await runClientSuite(['--scenario', name, '--spec-version', revision], { era }), name);
  test('sse-retry', () => alone('sse-retry', '2025-11-25'));
  for (const name of ['auth/2025-03-26-oauth-metadata-backcompat', 'auth/2025-03-26-oauth-endpoint-fallback']) {
    test(name, () => alone(name, '2025-03-26'));
  }
});

// The same scenarios with a host of the other era: the bridge translates. Those about HTTP headers are left out:
// their server takes part in the legacy handshake, and then says that it speaks 2026-07-28.
describe('a legacy host with a 2026-07-28 server', () => {
  for (const name of ['tools_call', 'sep-2322-client-request-state', 'json-schema-ref-no-deref', 'json-schema-2020-12-preservation', 'auth/basic-cimd', 'auth/scope-step-up', 'auth/authorization-server-migration']) {
    test(name, async () => assertPassed(await runClientSuite(['--scenario', name, '--spec-version', '2026-07-28'], { era: 'legacy' }), name));
  }
});
describe('a modern host with a 2025-11-25 server', () => {
  for (const name of ['initialize', 'tools_call', 'elicitation-sep1034-client-defaults', 'sse-retry', 'json-schema-2020-12-preservation', 'auth/scope-step-up']) {
    test(name, async () => assertPassed(await runClientSuite(['--scenario', name, '--spec-version', '2025-11-25'], { era: 'modern' }), name));
  }
});
