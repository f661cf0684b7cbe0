// Reads the Authentik blueprint as Authentik would: its tags resolved, with stand-ins for what only a live
// Authentik knows.
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseDocument } from 'yaml';

export const blueprintFile = fileURLToPath(new URL('../../authentik/blueprints/gatehouse.yaml', import.meta.url));

class Tag {
  constructor(name, value) { Object.assign(this, { name, value }); }
}
const tag = (name, collection) => ({ tag: `!${name}`, ...(collection && { collection }), resolve: (value) => new Tag(name, value.toJSON?.() ?? value) });
const customTags = ['Find', 'Format', 'Env', 'If', 'Condition'].map((name) => tag(name, 'seq')).concat(['Env', 'KeyOf', 'Context', 'File'].map((name) => tag(name)));

const integerKeys = /^authentik_(providers_oauth2\.oauth2provider|core\.(user|provider))$/;
const stringify = (list) => list.map((part) => (part === undefined ? 'None' : String(part)));

// env: what !Env sees. -> { document, entries, finds: [{ model, conditions, key }], envs: [name] }
export function loadBlueprint({ env = {}, text = readFileSync(blueprintFile, 'utf8') } = {}) {
  const parsed = parseDocument(text, { customTags, uniqueKeys: true });
  if (parsed.errors.length || parsed.warnings.length) throw new Error([...parsed.errors, ...parsed.warnings].join('\n'));
  const raw = parsed.toJS();
  const finds = [];
  const envs = new Set();
  const keys = new Map(raw.entries.filter((entry) => entry.id).map((entry) => [entry.id, integerKeys.test(entry.model) ? 1000 + raw.entries.indexOf(entry) : randomUUID()]));
  const how = {
    KeyOf: (id) => { if (!keys.has(id)) throw new Error(`!KeyOf ${id}: no entry has this id`); return keys.get(id); },
    Env: (value) => {
      const [name, fallback] = [value].flat();
      envs.add(name);
      return env[name] ?? fallback ?? null;
    },
    Format: ([pattern, ...values]) => { const rest = stringify(values); return pattern.replace(/%s/g, () => rest.shift()); },
    Find: ([model, ...conditions]) => {
      const key = integerKeys.test(model) ? 1 + finds.length : randomUUID();
      finds.push({ model, conditions: Object.fromEntries(conditions), key });
      return key;
    },
  };
  const resolve = (value) => {
    if (value instanceof Tag) {
      if (!how[value.name]) throw new Error(`!${value.name} is not used here`);
      return how[value.name](resolve(value.value));
    }
    if (Array.isArray(value)) return value.map(resolve);
    if (value && typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, resolve(inner)]));
    return value;
  };
  const document = resolve(raw);
  return { document, entries: document.entries, finds, envs: [...envs], keyOf: (id) => keys.get(id) };
}

export const ofModel = (blueprint, model) => blueprint.entries.filter((entry) => entry.model === model);
export const providerOf = (blueprint, name) => ofModel(blueprint, 'authentik_providers_oauth2.oauth2provider').find((entry) => entry.attrs.name === name).attrs;

// What a scope mapping's expression returns for a provider: it is the body of a Python function.
export function evaluateExpression(expression, { clientId }) {
  const program = `
import json, sys
class Provider: pass
provider = Provider()
provider.client_id = sys.argv[2]
body = "def mapping(provider):\\n" + "\\n".join("    " + line for line in sys.argv[1].splitlines())
space = {}
exec(body, space)
print(json.dumps(space["mapping"](provider)))`;
  return JSON.parse(execFileSync('python3', ['-c', program, expression, clientId], { encoding: 'utf8' }));
}

// [uri] -> [true when a rule of `rules` takes it], by Python's re.fullmatch, as Authentik does.
export function redirectsAllowed(rules, uris) {
  const program = `
import json, re, sys
rules, uris = json.load(sys.stdin)
def allowed(uri):
    return any(rule["url"] == uri if rule["matching_mode"] == "strict" else re.fullmatch(rule["url"], uri) is not None for rule in rules)
print(json.dumps([allowed(uri) for uri in uris]))`;
  return JSON.parse(execFileSync('python3', ['-c', program], { encoding: 'utf8', input: JSON.stringify([rules, uris]) }));
}
