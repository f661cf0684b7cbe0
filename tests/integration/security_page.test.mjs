// SECURITY.md names a test for each threat: the files and the names must be there.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { root } from '../support/programs.mjs';

const rows = readFileSync(path.join(root, 'SECURITY.md'), 'utf8').split('\n').filter((line) => line.startsWith('| ') && line.includes('`tests/'));

// What stands between commas may be several names, or one with commas in it.
function missing(text, names) {
  const parts = names.split(', ').filter(Boolean);
  for (let from = 0; from < parts.length;) {
    let to = parts.length;
    while (to > from && !text.includes(parts.slice(from, to).join(', '))) to--;
    if (to === from) return parts.slice(from).join(', ');
    from = to;
  }
  return undefined;
}

test('there is a row for each threat', () => assert.ok(rows.length >= 30, `${rows.length}`));
for (const row of rows) {
  const [, threat, defence, shown] = row.split(' | ').length === 3 ? ['', ...row.replace(/^\| | \|$/g, '').split(' | ')] : [];
  test(`the tests of "${threat}" are there`, () => {
    assert.ok(threat && defence && shown, row);
    for (const entry of shown.split('; ')) {
      const [, file, names] = /^`(tests\/[^`]+)`\s*(.*)$/.exec(entry) ?? [];
      assert.ok(file, `no file in ${entry}`);
      assert.ok(existsSync(path.join(root, file)), `${file} is not there`);
      const text = readFileSync(path.join(root, file), 'utf8').replaceAll("\\'", "'");
      assert.equal(missing(text, names.trim()), undefined, `${file} has no such test`);
    }
  });
}
