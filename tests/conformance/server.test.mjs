// @modelcontextprotocol/conformance, its scenarios for servers, against the real server with the fixture plugin:
// open, and protected behind a proxy that adds a token. The suite's exit status ignores warnings, its check
// files do not.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { problemsOf, runServerSuite } from '../support/conformance.mjs';
import { signIn } from '../support/oauth.mjs';
import { freePort } from '../support/ports.mjs';
import { fixturePath, startGatehouse } from '../support/programs.mjs';
import { startTokenProxy } from '../support/token_proxy.mjs';
import { empty, essential, scenarios, versions } from './scenarios.mjs';

const args = ['--plugin', fixturePath, '--store', 'memory'];

async function startOpen() {
  const server = await startGatehouse({ auth: 'none', args });
  return { mcp: server.mcp, stop: () => server.stop() };
}

async function startProtected() {
  const proxy = await startTokenProxy();
  const port = await freePort();
  proxy.use({ port });
  const server = await startGatehouse({ listen: `127.0.0.1:${port}`, args: [...args, '--public-url', proxy.url] });
  assert.equal(server.url, proxy.url);
  const { tokens } = await signIn(server);
  proxy.use({ token: tokens.access_token });
  return {
    mcp: server.mcp,
    async stop() {
      await proxy.close();
      await server.stop();
    },
  };
}

function assertPassed(run, name) {
  assert.ok(run, 'the suite ran to its end');
  const checks = run.scenarios[name];
  const problems = problemsOf(checks, { skipped: empty.includes(name) ? [name] : [] });
  for (const id of essential[name] ?? []) {
    if (!checks?.some((check) => check.id === id && check.status === 'SUCCESS')) problems.push(`${id} did not succeed`);
  }
  assert.deepEqual(problems, [], problems.join('\n'));
}

for (const [how, startServer] of [['open', startOpen], ['protected', startProtected]]) {
  for (const [revision, names] of Object.entries(scenarios)) {
    describe(`${revision}, ${how}`, { concurrency: 1 }, () => {
      let server;
      let run;
      before(async () => {
        server = await startServer();
        run = await runServerSuite(server.mcp, ['--requirements', revision]);
      });
      after(() => server?.stop());

      for (const name of names) test(name, () => assertPassed(run, name));
      test('nothing else ran, and the suite is content', () => {
        assert.deepEqual(Object.keys(run.scenarios).sort(), [...names].sort());
        assert.equal(run.code, 0, run.output.slice(-4000));
      });
    });
  }
}

describe('the versions before', () => {
  let server;
  before(async () => { server = await startOpen(); });
  after(() => server?.stop());
  for (const [version, names] of Object.entries(versions)) {
    for (const name of names) {
      test(`${name} at ${version}`, async () => {
        assertPassed(await runServerSuite(server.mcp, ['--spec-version', version, '--scenario', name]), name);
      });
    }
  }
});

test('a server without the fixture does not pass', async () => {
  const bare = await startGatehouse({ auth: 'none', args: ['--store', 'memory'] });
  const run = await runServerSuite(bare.mcp, ['--spec-version', '2025-11-25', '--scenario', 'tools-call-simple-text']);
  assert.notDeepEqual(problemsOf(run.scenarios['tools-call-simple-text']), []);
  await bare.stop();
});
