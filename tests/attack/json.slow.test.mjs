// JSON that is made to hurt whoever parses it: deep, wide, huge, and no JSON at all, from a caller with a token.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { besideAttack } from '../support/beside.mjs';
import { request } from '../support/http.mjs';
import { meta } from '../support/mcp.mjs';
import { signIn } from '../support/oauth.mjs';
import { fixturePath, sanitized, startGatehouse } from '../support/programs.mjs';

const MB = 1024 * 1024;
const wrap = (value) => `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"json_schema_2020_12_tool","arguments":${value},"_meta":${JSON.stringify(meta())}}}`;
const rounds = sanitized ? 4 : 16;
let server;
let token;
before(async () => {
  server = await startGatehouse({ args: ['--plugin', fixturePath], keepLog: false });
  token = (await signIn(server, { answers: { name: 'Mallory', email: 'm@example.com' } })).tokens.access_token;
});
after(() => server.stop());

const send = (body) => request(server.mcp, { method: 'POST', body, timeout: 30_000, headers: { Authorization: `Bearer ${token}`, Accept: 'application/json, text/event-stream', 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'tools/call', 'Mcp-Name': 'json_schema_2020_12_tool' } });
const many = (count, make) => Array.from({ length: count }, (_, i) => make(i)).join();

const cases = {
  'arrays in arrays': () => wrap('['.repeat(1.9 * MB) + ']'.repeat(1.9 * MB)),
  'objects in objects': () => wrap(`${'{"a":'.repeat(600_000)}1${'}'.repeat(600_000)}`),
  'open brackets and no end': () => wrap('[{"a":'.repeat(600_000)),
  'an object of very many members': () => wrap(`{${many(300_000, (i) => `"k${i}":1`)}}`),
  'an object of one member very many times': () => wrap(`{${many(400_000, () => '"k":1')}}`),
  'very many small arrays': () => wrap(`[${many(900_000, () => '[]')}]`),
  'an array of very many numbers': () => wrap(`{"a":[${many(1_500_000, () => '1')}]}`),
  'one long text': () => wrap(`{"name":"${'x'.repeat(3.5 * MB)}"}`),
  'one long text of escapes': () => wrap(`{"name":"${'\\u00e9'.repeat(600_000)}"}`),
  'one long number': () => wrap(`{"a":${'9'.repeat(3 * MB)}}`),
  'one long exponent': () => wrap(`{"a":1e${'9'.repeat(MB)}}`),
  'one long name': () => wrap(`{"${'n'.repeat(3 * MB)}":1}`),
  'blanks': () => wrap(' '.repeat(3.9 * MB)),
  'bytes that are no UTF-8': () => Buffer.alloc(3 * MB, 0xff),
  'zeros': () => Buffer.alloc(3 * MB, 0),
  'quotes': () => '"'.repeat(3 * MB),
  'backslashes': () => wrap(`"${'\\'.repeat(2 * MB)}`),
  'a batch of very many': () => `[${many(60_000, (i) => `{"jsonrpc":"2.0","id":${i},"method":"ping"}`)}]`,
  'more than is taken': () => wrap(`"${'x'.repeat(5 * MB)}"`),
};
for (const [what, make] of Object.entries(cases)) {
  test(what, (t) => besideAttack(t, server, async () => {
    const body = make();
    const replies = [];
    await Promise.all(Array.from({ length: 4 }, async () => { for (let i = 0; i < rounds / 4; i++) replies.push(await send(body)); }));
    for (const reply of replies) {
      // What is JSON and within the bounds is the tool's to judge.
      assert.ok([200, 400, 413].includes(reply.status), `${reply.status} ${reply.text.slice(0, 200)}`);
      assert.ok(reply.json().error || reply.json().result, 'in JSON');
      assert.ok(reply.text.length < 100_000, 'nothing is sent back at length');
    }
  }, { growth: sanitized ? undefined : 256 }));
}
