// What the programs printed and the secrets that passed by, kept for tests/secrets when TEST_OUTPUT_DIR is set.
import { appendFileSync, mkdirSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';

export const printedDir = process.env.TEST_OUTPUT_DIR && path.join(process.env.TEST_OUTPUT_DIR, 'printed');
const testFile = path.basename(process.argv[1] ?? 'node').replace(/\.test\.mjs$/, '');

function keep(kind, value) {
  mkdirSync(printedDir, { recursive: true });
  appendFileSync(path.join(printedDir, `${testFile}-${process.pid}.${kind}`), `${JSON.stringify(value)}\n`);
}

export function notePrinted(command, args, output) {
  if (printedDir) keep('printed', { command: path.basename(command), args, ...output });
}

const known = new Set();
// Words too short to be told from others are left out.
export function noteSecret(what, value) {
  if (!printedDir || typeof value !== 'string' || value.length < 6 || known.has(value)) return;
  known.add(value);
  keep('secrets', { what, value });
}

const names = ['access_token', 'refresh_token', 'id_token', 'client_secret', 'code', 'code_verifier', 'client_assertion', 'assertion', 'subject_token', 'device_code'];
export function noteSecretsOf(fields) {
  if (!printedDir || fields === null || typeof fields !== 'object') return;
  for (const [name, value] of Object.entries(fields)) {
    if (names.includes(name)) noteSecret(name, value);
    else noteSecretsOf(value);
  }
}

// What came with a request, and what its answer handed out.
export function noteExchange({ headers, body, reply }) {
  if (!printedDir) return;
  const [, scheme, value] = /^(\S+) (.+)$/.exec(headers.authorization ?? '') ?? [];
  noteSecret('Authorization', value);
  if (/^basic$/i.test(scheme)) noteSecret('client_secret', decodeURIComponent(Buffer.from(value, 'base64').toString().split(':').slice(1).join(':')));
  noteSecretsOf(Object.fromEntries(new URLSearchParams(body)));
  noteSecretsOf(reply?.json);
  if (URL.canParse(reply?.headers?.Location)) noteSecretsOf(Object.fromEntries(new URL(reply.headers.Location).searchParams));
}

// The tokens that a bridge keeps.
export function noteStateDir(folder) {
  if (!printedDir) return;
  try {
    for (const name of readdirSync(folder)) noteSecretsOf(JSON.parse(readFileSync(path.join(folder, name), 'utf8')));
  } catch { /* no store, or none that can be read: its secrets are not known here */ }
}
