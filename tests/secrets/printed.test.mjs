// Nothing that the programs printed in any other test is a secret that passed by in it. Runs after those
// tests, on what they left in tests/output/printed.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { printedDir } from '../support/secrets.mjs';

// -> [{ name, runs: [{ command, args, stdout, stderr }], secrets: [{ what, value }] }], one for each test file
function left() {
  const lines = (name) => {
    const file = path.join(printedDir, name);
    return existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line)) : [];
  };
  const names = new Set(readdirSync(printedDir).map((name) => name.replace(/\.\w+$/, '')));
  return [...names].map((name) => ({ name, runs: lines(`${name}.printed`), secrets: lines(`${name}.secrets`) }));
}

// A word that a challenge was made of is a verifier, whoever made it.
function verifiersIn(text) {
  const challenges = new Set([...text.matchAll(/[?&]code_challenge=([\w-]{43})/g)].map((found) => found[1]));
  if (challenges.size === 0) return [];
  return [...new Set(text.match(/[\w.~-]{43,128}/g))].filter((word) => challenges.has(createHash('sha256').update(word).digest('base64url')));
}

const whereIs = (text, value) => {
  const at = text.indexOf(value);
  return at < 0 ? undefined : text.slice(Math.max(0, at - 120), at + value.length + 40);
};

function leaksOf({ runs, secrets }) {
  const found = [];
  for (const { command, args, stdout, stderr } of runs) {
    for (const [stream, text] of Object.entries({ stdout, stderr })) {
      for (const { what, value } of secrets) {
        const place = whereIs(text, value);
        if (place) found.push(`${what} on ${stream} of ${command} ${args.join(' ')}: ...${place}...`);
      }
      for (const word of verifiersIn(text)) found.push(`code_verifier on ${stream} of ${command} ${args.join(' ')}: ...${whereIs(text, word)}...`);
    }
  }
  return found;
}

const all = printedDir && existsSync(printedDir) ? left() : [];

test('what is looked through is not nothing', { skip: all.length === 0 && 'no other test has run' }, () => {
  const runs = all.flatMap((one) => one.runs);
  assert.ok(runs.length > 20, `${runs.length} programs`);
  assert.ok(all.flatMap((one) => one.secrets).length > 20);
  assert.ok(runs.some((run) => run.command === 'gatehouse-bridge' && run.stderr.includes('DEBUG')), 'the debug log is among it');
});

for (const one of all.filter(({ runs }) => runs.length > 0)) {
  test(`no secret in what ${one.name} printed (${one.runs.length} programs, ${one.secrets.length} secrets)`, () => {
    assert.deepEqual(leaksOf(one), []);
  });
}

test('a leak would be noticed', () => {
  const verifier = 'v'.repeat(43);
  const challenge = createHash('sha256').update(verifier).digest('base64url');
  const run = { command: 'x', args: [], stdout: '', stderr: `https://as.example/authorize?code_challenge=${challenge}\nsent token-1 with ${verifier}` };
  assert.equal(leaksOf({ runs: [run], secrets: [{ what: 'access_token', value: 'token-1' }] }).length, 2);
  assert.equal(leaksOf({ runs: [{ ...run, stderr: `a=${challenge}` }], secrets: [{ what: 'access_token', value: 'token-1' }] }).length, 0);
});
