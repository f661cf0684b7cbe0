// An identity provider in a process of its own: oidc-provider, either as it is ("plain") or shaped as
// Authentik. It is told what to do over the channel of child_process.fork; see provider.mjs.
import { createHash, createHmac, createPublicKey, generateKeyPairSync, randomUUID, sign as signBytes, verify as verifyBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { Provider } from 'oidc-provider';
import { readBody } from './http.mjs';

const options = JSON.parse(process.argv[2]);
const authentik = options.shape === 'authentik';
const slug = options.slug;
const base = authentik ? '/application/o' : '';
const accounts = new Map(Object.entries(options.accounts));
const faults = []; // { path, method, times, after, status, json, text, headers, hang, destroy, delay }
const requests = []; // what came in, for the tests to look at
const opaqueOf = new Map(); // JWT access token -> the provider's own
let keys = [newKey(options.alg)];
let providers = new Map(); // issuer -> Provider

function newKey(alg) {
  const kinds = { RS256: ['rsa', { modulusLength: 2048 }], ES256: ['ec', { namedCurve: 'P-256' }], ES384: ['ec', { namedCurve: 'P-384' }], EdDSA: ['ed25519'], PS256: ['rsa', { modulusLength: 2048 }] };
  const { privateKey } = generateKeyPairSync(...kinds[alg]);
  return { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), alg, use: 'sig', key: privateKey };
}
const jwksOf = (list) => ({ keys: list.map(({ key, ...jwk }) => jwk) });

// One storage for all instances, so that sessions and tokens outlive a rotation of keys.
const rows = new Map();
class Storage {
  constructor(model) { this.model = model; }
  #all() { return [...rows.values()].filter((row) => row.model === this.model && row.until > Date.now()); }
  async upsert(id, payload, expiresIn) { rows.set(`${this.model}:${id}`, { model: this.model, id, payload, until: expiresIn ? Date.now() + expiresIn * 1000 : Infinity }); }
  async find(id) { const row = rows.get(`${this.model}:${id}`); return row && row.until > Date.now() ? row.payload : undefined; }
  async findByUid(uid) { return this.#all().find((row) => row.payload.uid === uid)?.payload; }
  async findByUserCode(code) { return this.#all().find((row) => row.payload.userCode === code)?.payload; }
  async consume(id) { rows.get(`${this.model}:${id}`).payload.consumed = Math.floor(Date.now() / 1000); }
  async destroy(id) { rows.delete(`${this.model}:${id}`); }
  async revokeByGrantId(grantId) { for (const [key, row] of rows) if (row.payload.grantId === grantId) rows.delete(key); }
}

const isOn = (name) => accounts.get(name) && !accounts.get(name).disabled;
const subjectOf = (name) => (authentik ? createHash('sha256').update(name).digest('hex') : name);
const claimsOf = (name, scopes) => {
  const { groups = [], name: fullName, email } = accounts.get(name);
  return {
    ...(scopes.has('profile') && { name: fullName, preferred_username: name, groups, ...(authentik && { given_name: fullName, nickname: name }) }),
    ...(scopes.has('email') && { email, email_verified: !authentik }),
  };
};

const escapeHtml = (text) => String(text).replace(/[&<>"']/g, (one) => `&#${one.charCodeAt(0)};`);
const page = (title, inner) => `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title></head><body><h1>${title}</h1>${inner}</body></html>`;
const buttons = (yes) => `<button type="submit" name="answer" value="yes">${yes}</button> <button type="submit" name="answer" value="no">Cancel</button>`;
const loginPage = (problem) => page('Provider sign-in', `${problem ? `<p role="alert">${escapeHtml(problem)}</p>` : ''}<form method="post"><label>User name <input name="username" autocomplete="username"></label><label>Password <input name="password" type="password"></label>${buttons('Sign in')}</form>`);
const consentPage = (client) => page('Provider consent', `<p>${escapeHtml(client)} asks to know who you are.</p><form method="post">${buttons('Continue')}</form>`);

async function grantAll(provider, { params, session, grantId, prompt }) {
  const grant = (grantId && await provider.Grant.find(grantId)) || new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  const { missingOIDCScope, missingOIDCClaims, missingResourceScopes = {} } = prompt.details;
  if (missingOIDCScope) grant.addOIDCScope(missingOIDCScope.join(' '));
  if (missingOIDCClaims) grant.addOIDCClaims(missingOIDCClaims);
  for (const [resource, scopes] of Object.entries(missingResourceScopes)) grant.addResourceScope(resource, scopes.join(' '));
  return { consent: { grantId: await grant.save() } };
}

async function interact(provider, request, response, form) {
  const details = await provider.interactionDetails(request, response);
  const finish = (result, merge = true) => provider.interactionFinished(request, response, result, { mergeWithLastSubmission: merge });
  const show = (status, html) => response.writeHead(status, { 'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-store' }).end(html);
  if (form.answer === 'no') return finish({ error: 'access_denied', error_description: 'the person said no' }, false);
  if (details.prompt.name === 'login') {
    if (request.method === 'GET') return show(200, loginPage());
    if (!isOn(form.username)) return show(200, loginPage('This account cannot sign in.'));
    return finish({ login: { accountId: form.username } }, false);
  }
  if (request.method === 'GET' && !options.implicitConsent) return show(200, consentPage(details.params.client_id));
  return finish(await grantAll(provider, details));
}

function signJwt(payload, header = {}) {
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  if (options.noSigningKey) {
    const input = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(payload)}`;
    return `${input}.${createHmac('sha256', options.clients[0].secret).update(input).digest('base64url')}`;
  }
  const { alg, kid, key } = keys[0];
  const input = `${encode({ alg, kid, typ: 'JWT', ...header })}.${encode(payload)}`;
  const how = alg.startsWith('ES') ? { key, dsaEncoding: 'ieee-p1363' } : alg === 'PS256' ? { key, padding: 6, saltLength: 32 } : key;
  return `${input}.${signBytes(alg === 'EdDSA' ? null : `sha${alg.slice(2)}`, Buffer.from(input), how).toString('base64url')}`;
}

// What Authentik's tokens look like: the access token a JWT for the client, the ID token with claims inside.
function reshapeTokens(provider, ctx) {
  const { AccessToken: access, Client: client } = ctx.oidc.entities;
  const scopes = new Set(access.scope.split(' '));
  const mapped = Object.assign({}, ...[...scopes].map((scope) => client.mappings?.[scope] ?? {}));
  const iat = Math.floor(Date.now() / 1000);
  const common = {
    iss: provider.issuer, sub: subjectOf(access.accountId), aud: client.clientId, exp: iat + options.accessTtl, iat,
    auth_time: iat - 1, acr: 'goauthentik.io/providers/oauth2/default', ...claimsOf(access.accountId, scopes), ...mapped,
  };
  const token = signJwt({ ...common, jti: randomUUID(), azp: client.clientId, uid: randomUUID().replaceAll('-', ''), scope: access.scope });
  opaqueOf.set(token, ctx.body.access_token);
  ctx.body.access_token = token;
  if (ctx.body.id_token) {
    const { nonce } = JSON.parse(Buffer.from(ctx.body.id_token.split('.')[1], 'base64url'));
    const half = createHash(`sha${keys[0].alg === 'EdDSA' ? '512' : keys[0].alg.slice(2)}`).update(token).digest();
    ctx.body.id_token = signJwt({ ...common, jti: randomUUID(), at_hash: half.subarray(0, half.length / 2).toString('base64url'), ...(nonce && { nonce }) });
  }
}

function reshapeDiscovery(ctx) {
  const body = { ...ctx.body };
  if (authentik) {
    for (const name of Object.keys(body)) if (name.endsWith('_endpoint') || name === 'jwks_uri') body[name] += '/';
    delete body.authorization_response_iss_parameter_supported;
    delete body.registration_endpoint;
    delete body.pushed_authorization_request_endpoint;
    Object.assign(body, { code_challenge_methods_supported: ['plain', 'S256'], token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic'] });
    if (options.noSigningKey) body.id_token_signing_alg_values_supported = ['HS256'];
  }
  for (const [name, value] of Object.entries(options.discovery)) { if (value === null) delete body[name]; else body[name] = value; }
  ctx.body = body;
}

function withoutIss(location, redirectUri) {
  if (!redirectUri || !location.startsWith(redirectUri)) return location;
  const url = new URL(location);
  url.searchParams.delete('iss');
  return url.href;
}

function configuration() {
  const sign = { alg: options.alg };
  return {
    adapter: Storage,
    jwks: jwksOf(keys),
    enabledJWA: { idTokenSigningAlgValues: ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA', 'Ed25519'] },
    clients: options.clients.map(clientMetadata),
    cookies: { keys: ['a key for the tests'] },
    routes: authentik ? {
      authorization: `${base}/authorize`, token: `${base}/token`, userinfo: `${base}/userinfo`, revocation: `${base}/revoke`, introspection: `${base}/introspect`,
      device_authorization: `${base}/device`, jwks: `${base}/${slug}/jwks`, end_session: `${base}/${slug}/end-session`,
    } : {},
    scopes: ['openid', 'offline_access', 'mcp', 'entitlements'],
    claims: { openid: ['sub'], profile: ['name', 'preferred_username', 'groups', 'nickname', 'given_name'], email: ['email', 'email_verified'] },
    extraClientMetadata: { properties: ['rules', 'mappings'] },
    rotateRefreshToken: true,
    issueRefreshToken: async (_ctx, client, code) => client.grantTypeAllowed('refresh_token') && (!authentik || code.scopes.has('offline_access')),
    expiresWithSession: () => false,
    conformIdTokenClaims: true,
    pkce: { required: () => false },
    interactions: { url: (_ctx, interaction) => `/if/flow/login/${interaction.uid}` },
    findAccount: (_ctx, name) => (isOn(name) ? { accountId: name, claims: async (_use, scope) => ({ sub: name, ...claimsOf(name, new Set(scope.split(' '))) }) } : undefined),
    ttl: { AccessToken: options.accessTtl, AuthorizationCode: 60, IdToken: options.accessTtl, RefreshToken: 30 * 86400, Interaction: 3600, Session: 14 * 86400, Grant: 30 * 86400, DeviceCode: 600 },
    features: {
      devInteractions: { enabled: false },
      deviceFlow: { enabled: true },
      revocation: { enabled: true },
      clientCredentials: { enabled: true },
      introspection: { enabled: true },
      resourceIndicators: {
        enabled: !authentik,
        defaultResource: () => undefined,
        useGrantedResource: () => true,
        getResourceServerInfo: (_ctx, resource) => ({ audience: resource, scope: 'mcp offline_access', accessTokenTTL: options.accessTtl, accessTokenFormat: 'jwt', jwt: { sign } }),
      },
    },
    renderError: (ctx, out) => {
      ctx.type = 'html';
      ctx.body = page('Provider error', `<pre>${escapeHtml(JSON.stringify(out))}</pre>`);
    },
  };
}

const clientMetadata = ({ id, secret, rules, mappings, grantTypes }) => ({
  client_id: id,
  ...(secret ? { client_secret: secret, token_endpoint_auth_method: authentik ? 'client_secret_post' : 'client_secret_basic' } : { token_endpoint_auth_method: 'none', application_type: 'native' }),
  redirect_uris: rules.filter((rule) => rule.matching_mode === 'strict').map((rule) => rule.url).concat(authentik ? ['https://unused.example/callback'] : []),
  grant_types: grantTypes ?? ['authorization_code', 'refresh_token', ...(secret ? ['client_credentials', ...(options.exchange ? [EXCHANGE] : [])] : [])],
  response_types: ['code'],
  id_token_signed_response_alg: options.alg,
  ...(authentik && { rules, mappings: mappings ?? {} }),
});

// Whose an access token is, of either form.
async function accountOf(provider, token) {
  const found = await provider.AccessToken.find(opaqueOf.get(token) ?? token);
  if (found) return found.accountId;
  const [head, payload, signature] = token.split('.');
  const key = createPublicKey({ key: { ...keys[0], d: undefined, key: undefined }, format: 'jwk' });
  if (!signature || !verifyBytes('sha256', Buffer.from(`${head}.${payload}`), key, Buffer.from(signature, 'base64url'))) return undefined;
  const { sub, exp } = JSON.parse(Buffer.from(payload, 'base64url'));
  return exp * 1000 > Date.now() ? sub : undefined;
}

// RFC 8693: `options.exchange` is { audiences, ttl }, and which audiences may be asked for.
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
async function exchange(provider, ctx) {
  const { subject_token: subject, subject_token_type: type, audience, scope } = ctx.oidc.params;
  const refuse = (error) => { ctx.status = 400; ctx.body = { error }; };
  if (type !== 'urn:ietf:params:oauth:token-type:access_token') { refuse('invalid_request'); return; }
  const who = await accountOf(provider, subject);
  if (!who || !isOn(who)) { refuse('invalid_grant'); return; }
  if (!options.exchange.audiences.includes(audience)) { refuse('invalid_target'); return; }
  const iat = Math.floor(Date.now() / 1000);
  const token = signJwt({ iss: provider.issuer, sub: who, aud: audience, act: { sub: ctx.oidc.client.clientId }, scope, iat, exp: iat + options.exchange.ttl, jti: randomUUID() });
  ctx.body = { access_token: token, issued_token_type: 'urn:ietf:params:oauth:token-type:access_token', token_type: 'Bearer', expires_in: options.exchange.ttl, ...(scope && { scope }) };
}

function providerFor(issuer) {
  let provider = providers.get(issuer);
  if (provider) return provider;
  provider = new Provider(issuer, configuration());
  if (options.exchange) provider.registerGrantType(EXCHANGE, (ctx) => exchange(provider, ctx), ['subject_token', 'subject_token_type', 'requested_token_type', 'audience', 'resource', 'scope']);
  if (authentik) {
    // Strict is exact, regex is Python's re.fullmatch; there is no rule of their own for loopback ports.
    provider.Client.prototype.redirectUriAllowed = function redirectUriAllowed(value) {
      return this.rules.some(({ matching_mode: mode, url }) => (mode === 'strict' ? url === value : new RegExp(`^(?:${url})$`, 'u').test(value)));
    };
  }
  provider.use(async (ctx, next) => {
    await next();
    const route = ctx.oidc?.route;
    if (route === 'discovery') reshapeDiscovery(ctx);
    if (route === 'jwks' && options.noSigningKey) ctx.body = {};
    if (!authentik) return;
    if (route === 'token' && ctx.status === 200 && ctx.oidc.entities.AccessToken) reshapeTokens(provider, ctx);
    if (route === 'userinfo' && ctx.status === 200) ctx.body = { ...ctx.body, sub: subjectOf(ctx.body.sub) };
    const location = ctx.response.get('Location');
    if (location) ctx.set('Location', withoutIss(location, ctx.oidc?.params?.redirect_uri));
  });
  provider.on('server_error', (_ctx, error) => console.error('provider:', error));
  providers.set(issuer, provider);
  return provider;
}

// Authentik's ways before oidc-provider sees the request. Gives the form to go on with, or undefined when answered.
function asAuthentik(request, response, url, form) {
  const discovery = `${base}/${slug}/.well-known/openid-configuration`;
  const no = (status, json) => { response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(json)); };
  if (url.pathname === discovery) {
    request.url = '/.well-known/openid-configuration';
    return form;
  }
  if (url.pathname.includes('/.well-known/')) return no(404, { detail: 'Not Found' });
  if (url.pathname.startsWith(`${base}/`)) {
    const resumes = /\/authorize\/[\w-]+$/.test(url.pathname);
    if (!url.pathname.endsWith('/') && !resumes) return no(404, { detail: 'Not Found' });
    if (!resumes) url.pathname = url.pathname.replace(/\/$/, '');
  }
  if (url.pathname === `${base}/authorize`) {
    url.searchParams.delete('resource');
    const client = options.clients.find(({ id }) => id === url.searchParams.get('client_id'));
    const known = new Set(['openid', 'profile', 'email', 'offline_access', 'entitlements', ...Object.keys(client?.mappings ?? {})]);
    const scopes = (url.searchParams.get('scope') ?? '').split(' ').filter((scope) => known.has(scope));
    url.searchParams.set('scope', scopes.join(' '));
    if (scopes.includes('offline_access') && !url.searchParams.has('prompt')) url.searchParams.set('prompt', 'consent');
  }
  request.url = url.pathname + url.search;
  const basic = /^Basic (.*)$/.exec(request.headers.authorization ?? '')?.[1];
  if (basic) {
    const [id, secret] = Buffer.from(basic, 'base64').toString().split(':').map((part) => decodeURIComponent(part.replaceAll('+', ' ')));
    delete request.headers.authorization;
    form = { ...form, client_id: id, client_secret: secret };
  }
  const bearer = /^Bearer (.*)$/.exec(request.headers.authorization ?? '')?.[1];
  if (bearer) request.headers.authorization = `Bearer ${opaqueOf.get(bearer) ?? bearer}`;
  if (form.token) form = { ...form, token: opaqueOf.get(form.token) ?? form.token };
  if (form.grant_type === 'refresh_token' && form.scope && !form.scope.split(' ').includes('offline_access')) return no(400, { error: 'invalid_scope' });
  return form;
}

function faultFor(request, pathname) {
  const found = faults.find((fault) => pathname.includes(fault.path) && (!fault.method || fault.method === request.method) && fault.times > 0);
  if (found) found.times--;
  return found;
}

async function serve(request, response) {
  const host = request.headers.host;
  const url = new URL(request.url, `http://${host}`);
  const body = await readBody(request);
  let form = Object.fromEntries(new URLSearchParams(body));
  requests.push({ method: request.method, path: url.pathname, query: Object.fromEntries(url.searchParams), form, authorization: request.headers.authorization, host });
  const fault = faultFor(request, url.pathname);
  if (fault) {
    if (fault.delay) await new Promise((resolve) => { setTimeout(resolve, fault.delay); });
    if (fault.hang) return;
    if (fault.destroy) { request.socket.destroy(); return; }
    if (fault.status) {
      const text = fault.json === undefined ? fault.text ?? '' : JSON.stringify(fault.json);
      response.writeHead(fault.status, { 'Content-Type': fault.json === undefined ? 'text/html' : 'application/json', ...fault.headers }).end(text);
      return;
    }
  }
  const scheme = options.tls ? 'https' : 'http';
  const issuer = authentik ? `${scheme}://${host}${base}/${slug}/` : `${scheme}://localhost:${port}`;
  const provider = providerFor(options.issuer ?? issuer);
  if (url.pathname.startsWith('/if/flow/login/')) {
    request.url = url.pathname;
    await interact(provider, request, response, form);
    return;
  }
  if (authentik) {
    form = asAuthentik(request, response, url, form);
    if (form === undefined) return;
  }
  if (body) request.body = Buffer.from(authentik ? new URLSearchParams(form).toString() : body);
  provider.callback()(request, response);
}

let port = options.port;
let listener;
const handler = (request, response) => serve(request, response).catch((error) => {
  console.error('provider:', error);
  if (!response.headersSent) response.writeHead(error.statusCode ?? 500, { 'Content-Type': 'text/html' });
  response.end(page('Provider error', `<pre>${escapeHtml(error.message)}</pre>`));
});
function open() {
  listener = options.tls
    ? https.createServer({ key: readFileSync(options.tls.key), cert: readFileSync(options.tls.cert) }, handler)
    : http.createServer(handler);
  return new Promise((resolve, reject) => {
    listener.once('error', reject);
    listener.listen(port, '127.0.0.1', () => { ({ port } = listener.address()); resolve(); });
  });
}
const close = () => new Promise((resolve) => { listener.close(resolve); listener.closeAllConnections(); });

const commands = {
  open,
  close,
  fault: (fault) => { faults.push({ times: 1, path: '', ...fault }); },
  clearFaults: () => { faults.length = 0; },
  requests: () => requests,
  account: ({ name, ...changes }) => { accounts.set(name, { ...accounts.get(name), ...changes }); },
  rotateKeys: ({ keepOld = false, alg = options.alg } = {}) => { keys = [newKey(alg), ...(keepOld ? keys : [])]; providers = new Map(); },
  discovery: (changes) => { options.discovery = { ...options.discovery, ...changes }; },
  sign: ({ payload, header }) => signJwt(payload, header),
};
process.on('message', async ({ id, name, argument }) => {
  try {
    process.send({ id, result: await commands[name](argument) });
  } catch (error) {
    process.send({ id, error: error.stack });
  }
});
process.on('disconnect', () => process.exit(0));
await open();
process.send({ ready: true, port });
