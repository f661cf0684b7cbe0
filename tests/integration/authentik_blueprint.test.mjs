// authentik/blueprints/gatehouse.yaml: valid by Authentik's own schema, and its redirect rules let in what
// clients use and nothing else.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import Ajv from 'ajv';
import addFormats from 'ajv-formats';
import { blueprintFile, evaluateExpression, loadBlueprint, ofModel, providerOf, redirectsAllowed } from '../support/blueprint.mjs';
import { get } from '../support/http.mjs';
import { decode } from '../support/jwt.mjs';
import { modern } from '../support/mcp.mjs';
import { discover, signInAtProvider, signInBeside, startBeside, startProvider } from '../support/provider.mjs';

const env = { GATEHOUSE_CLIENT_ID: 'an-id', GATEHOUSE_CLIENT_SECRET: 'a-secret', GATEHOUSE_PUBLIC_URL: 'https://mcp.example.org' };
const schema = JSON.parse(readFileSync(new URL('../fixtures/authentik/blueprint-schema.subset.json', import.meta.url), 'utf8'));
const strictSchema = structuredClone(schema);
for (const definition of Object.values(strictSchema.definitions)) if (definition.properties) definition.additionalProperties = false;
const ajv = addFormats(new Ajv({ allErrors: true, strict: false }));
ajv.addSchema(strictSchema, 'blueprint');
const check = (pointer, value) => {
  const validate = ajv.getSchema(pointer);
  assert.ok(validate, pointer);
  return validate(value) ? [] : validate.errors.map((error) => `${error.instancePath} ${error.message} ${JSON.stringify(error.params)}`);
};
const meta = 'authentik_blueprints.metaapplyblueprint';

describe('the blueprint', () => {
  const blueprint = loadBlueprint({ env });

  test('is a blueprint by the schema, and so is each entry by its model\'s', () => {
    assert.deepEqual(check('blueprint', blueprint.document), []);
    const models = new Set();
    for (const entry of blueprint.entries) {
      if (entry.model === meta) continue;
      models.add(entry.model);
      assert.ok(entry.identifiers && Object.keys(entry.identifiers).length > 0, `${entry.model} has identifiers`);
      assert.deepEqual(check(`blueprint#/definitions/model_${entry.model}`, entry.attrs), [], JSON.stringify(entry.identifiers));
    }
    assert.deepEqual([...models].sort(), ['authentik_core.application', 'authentik_core.group', 'authentik_providers_oauth2.oauth2provider', 'authentik_providers_oauth2.scopemapping']);
  });

  test('the schema notices a wrong attribute, type, and choice', () => {
    for (const changes of [{ client_typ: 'public' }, { client_type: 'secret' }, { grant_types: ['authorisation_code'] }, { redirect_uris: ['http://localhost'] }, { signing_key: 'certificate' }]) {
      assert.notDeepEqual(check('blueprint#/definitions/model_authentik_providers_oauth2.oauth2provider', { ...providerOf(blueprint, 'Gatehouse'), ...changes }), []);
    }
  });

  test('what it looks up in other blueprints is applied before', () => {
    const first = blueprint.entries.findIndex((entry) => entry.model !== meta);
    assert.ok(blueprint.entries.slice(first).every((entry) => entry.model !== meta));
    const applied = blueprint.entries.slice(0, first).map((entry) => entry.attrs.identifiers.name);
    const madeBy = {
      'default-provider-authorization-implicit-consent': 'Default - Provider authorization flow (implicit consent)',
      'default-provider-authorization-explicit-consent': 'Default - Provider authorization flow (explicit consent)',
      'default-provider-invalidation-flow': 'Default - Provider invalidation flow',
    };
    for (const { model, conditions } of blueprint.finds) {
      if (model === 'authentik_flows.flow') assert.ok(applied.includes(madeBy[conditions.slug]), conditions.slug);
      else if (conditions.managed) assert.ok(applied.includes('System - OAuth2 Provider - Scopes') && /^goauthentik\.io\/providers\/oauth2\/scope-(openid|profile|email|offline_access)$/.test(conditions.managed), conditions.managed);
      else assert.deepEqual({ model, conditions }, { model: 'authentik_crypto.certificatekeypair', conditions: { name: 'authentik Self-signed Certificate' } });
    }
  });

  test('every provider signs with a key, names its grants and has an application under the expected slug', () => {
    const bySlug = Object.fromEntries(ofModel(blueprint, 'authentik_core.application').map((entry) => [entry.attrs.slug, entry.attrs.provider]));
    assert.deepEqual(bySlug, { gatehouse: blueprint.keyOf('provider-proxy'), 'gatehouse-direct': blueprint.keyOf('provider-direct'), 'gatehouse-facade': blueprint.keyOf('provider-facade') });
    const providers = ofModel(blueprint, 'authentik_providers_oauth2.oauth2provider');
    assert.equal(providers.length, 3);
    for (const { attrs } of providers) {
      assert.ok(attrs.signing_key && !attrs.encryption_key);
      assert.deepEqual(attrs.grant_types, ['authorization_code', 'refresh_token']);
      assert.equal(attrs.issuer_mode, 'per_provider');
    }
  });

  test('only the proxy\'s client is confidential, its secret comes from the environment, and its consent is implicit', () => {
    const proxy = providerOf(blueprint, 'Gatehouse');
    assert.deepEqual([proxy.client_type, proxy.client_id, proxy.client_secret], ['confidential', 'an-id', 'a-secret']);
    assert.deepEqual(proxy.redirect_uris, [{ matching_mode: 'strict', url: 'https://mcp.example.org/callback' }]);
    const flow = (attrs) => blueprint.finds.find((find) => find.key === attrs.authorization_flow).conditions.slug;
    assert.equal(flow(proxy), 'default-provider-authorization-implicit-consent');
    for (const name of ['Gatehouse (direct)', 'Gatehouse (facade)']) {
      const attrs = providerOf(blueprint, name);
      assert.equal(attrs.client_type, 'public');
      assert.ok(!('client_secret' in attrs));
      assert.equal(flow(attrs), 'default-provider-authorization-explicit-consent');
    }
    assert.doesNotMatch(readFileSync(blueprintFile, 'utf8'), /client_secret: (?!!Env)/);
  });

  test('without an address of its own it is for localhost', () => {
    const local = loadBlueprint({ env: { ...env, GATEHOUSE_PUBLIC_URL: undefined } });
    assert.equal(providerOf(local, 'Gatehouse').redirect_uris[0].url, 'http://localhost:8080/callback');
  });

  test('the direct scope puts the resource beside the client into aud, the facade\'s leaves it', () => {
    const [direct, facade] = ['Gatehouse (direct)', 'Gatehouse (facade)'].map((name) => ofModel(blueprint, 'authentik_providers_oauth2.scopemapping').find((entry) => entry.attrs.name === name).attrs);
    assert.deepEqual([direct.scope_name, facade.scope_name], ['mcp', 'mcp']);
    assert.deepEqual(evaluateExpression(direct.expression, { clientId: 'gatehouse-direct' }), { aud: ['gatehouse-direct', 'https://mcp.example.org/mcp'] });
    assert.deepEqual(evaluateExpression(facade.expression, { clientId: 'gatehouse-facade' }), {});
  });

  test('a blueprint that refers to nothing is noticed', () => {
    assert.throws(() => loadBlueprint({ env, text: 'version: 1\nentries:\n  - model: a.b\n    attrs: {x: !KeyOf nobody}\n' }), /nobody/);
    assert.throws(() => loadBlueprint({ env, text: 'version: 1\nentries:\n  - model: a.b\n    attrs: {x: !Unheard [a]}\n' }), /Unheard|tag/i);
  });
});

const good = [
  'http://localhost:3118/callback', 'http://localhost:1/callback', 'http://127.0.0.1:1455/callback', 'http://127.0.0.1:65535/callback/c0dex-ID_1', 'http://[::1]:4000/callback',
  'http://127.0.0.1:33418/', 'http://localhost:8080/callback', 'cursor://anysphere.cursor-mcp/oauth/callback',
];
const evil = [
  'http://localhost:x@evil.example/callback', 'http://localhost:80@evil.example/callback', 'http://localhost@evil.example:80/callback', 'http://localhost.evil.example:80/callback', 'http://127.0.0.1.evil.example:80/callback',
  'http://127x0x0x1:80/callback', 'http://evil.example/callback', 'http://evil.example:80/callback?http://localhost:80/callback', 'https://localhost:80/callback', 'http://localhost:80/callback/../evil', 'http://localhost:80/callback?x=1', 'http://localhost:80/callback#x',
  'http://localhost:80/callback/', 'http://localhost:80/callback/a/b', 'http://localhost:80/other', 'http://localhost/callback', 'http://localhost:/callback', 'http://localhost:123456/callback', 'http://localhost:80/callback\n', '\nhttp://localhost:80/callback',
  'http://localhost:80\\@evil.example/callback', 'http://localhost:80/callback%2f..', 'http://LOCALHOST:80/callback', 'javascript:alert(1)//http://localhost:80/callback', 'data:text/html,x', 'http://[::1%25eth0]:80/callback', 'http://[::2]:80/callback', 'http://0.0.0.0:80/callback',
  'http://localhost:８０/callback', 'cursor://evil/oauth/callback', 'cursor://anysphere.cursor-mcp/oauth/callback/x', 'xcursor://anysphere.cursor-mcp/oauth/callback', '',
];
for (const name of ['Gatehouse (direct)', 'Gatehouse (facade)']) {
  test(`the redirect rules of ${name}, by re.fullmatch`, () => {
    const rules = providerOf(loadBlueprint({ env }), name).redirect_uris;
    assert.deepEqual(Object.fromEntries(redirectsAllowed(rules, good).map((allowed, i) => [good[i], allowed])), Object.fromEntries(good.map((uri) => [uri, true])));
    assert.deepEqual(Object.fromEntries(redirectsAllowed(rules, evil).map((allowed, i) => [evil[i], allowed])), Object.fromEntries(evil.map((uri) => [uri, false])));
  });
}
test('VS Code on the web is for the direct client only: whoever registers may not send codes there', () => {
  const blueprint = loadBlueprint({ env });
  assert.deepEqual(['Gatehouse', 'Gatehouse (direct)', 'Gatehouse (facade)'].map((name) => redirectsAllowed(providerOf(blueprint, name).redirect_uris, ['https://vscode.dev/redirect'])[0]), [false, true, false]);
});
test('the proxy\'s client takes its one redirect to the letter', () => {
  const rules = providerOf(loadBlueprint({ env }), 'Gatehouse').redirect_uris;
  assert.deepEqual(redirectsAllowed(rules, ['https://mcp.example.org/callback', 'https://mcp.example.org/callback/', 'http://mcp.example.org/callback', 'https://mcpxexample.org/callback', ...good]), [true, ...Array(3 + good.length).fill(false)]);
});
test('the tutorial\'s expression is what these rules avoid', () => {
  const [evilOne, goodOne] = redirectsAllowed([{ matching_mode: 'regex', url: 'http://localhost:.*/callback' }], ['http://localhost:x@evil.example/callback', 'http://127.0.0.1:4455/callback']);
  assert.deepEqual([evilOne, goodOne], [true, false]);
});

// A provider that is set up by this very blueprint, and each mode beside it.
function clientsOf(blueprint) {
  const names = new Map(blueprint.finds.filter((find) => find.conditions.managed).map((find) => [find.key, find.conditions.managed.split('scope-')[1]]));
  const own = new Map(ofModel(blueprint, 'authentik_providers_oauth2.scopemapping').map((entry) => [blueprint.keyOf(entry.id), entry.attrs]));
  return ofModel(blueprint, 'authentik_providers_oauth2.oauth2provider').map(({ attrs }) => ({
    id: attrs.client_id,
    secret: attrs.client_secret,
    rules: attrs.redirect_uris,
    grantTypes: attrs.grant_types,
    mappings: Object.fromEntries(attrs.property_mappings.filter((key) => !names.has(key)).map((key) => [own.get(key).scope_name, evaluateExpression(own.get(key).expression, { clientId: attrs.client_id })])),
  }));
}
describe('a provider that is set up by it', () => {
  const beside = async (mode, use) => {
    const first = await startProvider({ shape: 'authentik' });
    const { gatehouseUrl, gatehousePort } = first;
    await first.stop();
    const blueprint = loadBlueprint({ env: { GATEHOUSE_CLIENT_ID: 'gatehouse', GATEHOUSE_CLIENT_SECRET: 'a client secret: with / & = + % marks', GATEHOUSE_PUBLIC_URL: gatehouseUrl } });
    const provider = { ...await startProvider({ shape: 'authentik', clients: clientsOf(blueprint) }), gatehouseUrl, gatehousePort };
    const server = await startBeside(provider, { mode });
    await use(server, provider);
    await server.stop();
    await provider.stop();
  };
  test('proxy', () => beside('proxy', async (server) => {
    const { tokens } = await signInBeside(server);
    assert.equal((await modern(server, tokens.access_token, 'tools/list')).status, 200);
  }));
  test('direct', () => beside('direct', async (server, provider) => {
    const { tokens } = await signInAtProvider(await discover(provider), { clientId: 'gatehouse-direct' });
    assert.deepEqual(decode(tokens.access_token).payload.aud, ['gatehouse-direct', server.mcp]);
    assert.equal((await modern(server, tokens.access_token, 'tools/list')).status, 200);
  }));
  test('facade', () => beside('facade', async (server) => {
    const metadata = (await get(`${server.url}/.well-known/oauth-authorization-server`)).json();
    const { tokens } = await signInAtProvider(metadata, { clientId: 'gatehouse-facade' });
    assert.equal((await modern(server, tokens.access_token, 'tools/list')).status, 200);
  }));
});
