// An identity provider to stand beside, and the server beside it. The provider is npm's oidc-provider in a
// child process: `plain`, as it is, or `authentik`, with Authentik's paths, tokens and redirect rules.
import { execFileSync, fork } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { get, request } from './http.mjs';
import { authorizeUrl, fillForm, newPkce, parseForms, person, register, Robot, tokenRequest } from './oauth.mjs';
import { freePort } from './ports.mjs';
import { assertNoSanitizerReport, cleanEnv, gatehousePath, runToEnd, start, tempDir, until } from './programs.mjs';

export const shapes = ['plain', 'authentik'];
export const accounts = {
  ada: { name: 'Ada Lovelace', email: 'ada@example.com', groups: ['mcp', 'analysts'] },
  grace: { name: 'Grace Hopper', email: 'grace@example.com', groups: ['navy'] },
};
export const secret = 'a client secret: with / & = + % marks';

const loopbackRules = (shape) => (shape === 'authentik'
  ? [{ matching_mode: 'regex', url: String.raw`http://(localhost|127\.0\.0\.1|\[::1\]):[0-9]{1,5}/(callback(/[A-Za-z0-9_-]+)?)?` },
    { matching_mode: 'strict', url: 'https://vscode.dev/redirect' }]
  : ['http://localhost/callback', 'http://127.0.0.1/callback', 'http://127.0.0.1/', 'https://vscode.dev/redirect'].map((url) => ({ matching_mode: 'strict', url })));

// The three clients that the modes use, for a server at `url`.
export const usualClients = (shape, url) => [
  { id: 'gatehouse', secret, rules: [{ matching_mode: 'strict', url: `${url}/callback` }] },
  { id: 'gatehouse-direct', rules: loopbackRules(shape), mappings: { mcp: { aud: ['gatehouse-direct', `${url}/mcp`] } } },
  { id: 'gatehouse-facade', rules: loopbackRules(shape), mappings: { mcp: {} } },
];

// A key and a certificate of its own authority for localhost. -> { key, cert }
export function selfSigned() {
  const folder = tempDir();
  const [key, cert] = ['key.pem', 'cert.pem'].map((name) => path.join(folder, name));
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=localhost',
    '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', key, '-out', cert], { stdio: 'ignore' });
  return { key, cert };
}

// options: shape, clients, accounts, alg, tls, issuer (to lie about it), accessTtl, discovery, noSigningKey, host (its public name),
// exchange ({ audiences, ttl } of token exchange), env.
export async function startProvider({ shape = 'plain', host = 'localhost', env = {}, ...options } = {}) {
  const slug = 'gatehouse';
  const gatehousePort = await freePort();
  const gatehouseUrl = `http://localhost:${gatehousePort}`;
  const settings = {
    shape, slug, accounts, alg: 'RS256', accessTtl: 600, port: 0, discovery: {}, implicitConsent: shape === 'authentik',
    clients: usualClients(shape, gatehouseUrl), ...options,
  };
  const child = fork(fileURLToPath(new URL('provider_child.mjs', import.meta.url)), [JSON.stringify(settings)], { silent: true, env: cleanEnv({ NODE_NO_WARNINGS: '1', ...env }) });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => { output += text; });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const waiting = new Map();
  let lastId = 0;
  const port = await new Promise((resolve, reject) => {
    child.on('message', ({ ready, port: found, id, result, error }) => {
      if (ready) return resolve(found);
      const { good, bad } = waiting.get(id);
      waiting.delete(id);
      return error ? bad(new Error(error)) : good(result);
    });
    child.once('exit', (code) => {
      reject(new Error(`the provider ended with ${code}:\n${output}`));
      for (const { bad } of waiting.values()) bad(new Error(`the provider ended with ${code}:\n${output}`));
    });
  });
  const tell = (name, argument) => new Promise((good, bad) => {
    const id = ++lastId;
    waiting.set(id, { good, bad });
    child.send({ id, name, argument });
  });
  const url = `${options.tls ? 'https' : 'http'}://${host}:${port}`;
  return {
    shape, url, port, gatehousePort, gatehouseUrl,
    clients: settings.clients,
    issuer: options.issuer ?? (shape === 'authentik' ? `${url}/application/o/${slug}/` : url),
    output: () => output,
    // Stops and starts listening; what it knows stays.
    close: () => tell('close'),
    open: () => tell('open'),
    // { path, method, times, delay, hang, destroy, status, json, text, headers } for the next `times` requests.
    fault: (fault) => tell('fault', fault),
    clearFaults: () => tell('clearFaults'),
    requests: async (part = '') => (await tell('requests')).filter((one) => one.path.includes(part)),
    account: (name, changes) => tell('account', { name, ...changes }),
    rotateKeys: (how) => tell('rotateKeys', how),
    discovery: (changes) => tell('discovery', changes),
    sign: (payload, header) => tell('sign', { payload, header }),
    async stop() {
      const gone = new Promise((resolve) => { child.once('exit', resolve); });
      process.removeListener('exit', kill);
      child.kill('SIGKILL');
      await gone;
    },
  };
}

function secretFile(text = secret) {
  const file = path.join(tempDir(), 'secret');
  writeFileSync(file, `${text}\n`, { mode: 0o600 });
  return file;
}

const modeArguments = {
  proxy: () => ['--client-id', 'gatehouse', '--client-secret-file', secretFile()],
  direct: () => ['--required-scopes', 'mcp'],
  facade: () => ['--client-id', 'gatehouse-facade', '--accept-client-id-audience', '--required-scopes', 'mcp'],
};

// The command line of a server beside `provider`.
export const besideArguments = (provider, mode, stateHome, args = []) => [
  '--auth', mode, '--issuer', provider.issuer, '--listen', `127.0.0.1:${provider.gatehousePort}`, '--public-url', provider.gatehouseUrl,
  ...modeArguments[mode](),
  ...(mode === 'proxy' ? ['--secret-key-file', path.join(stateHome, 'secret-key'), '--store', `sqlite:${path.join(stateHome, 'gatehouse.db')}`] : []), ...args,
];

// `gatehouse check` with the same options.
export const checkBeside = (provider, { mode = 'proxy', args = [], stateHome = tempDir() } = {}) => runToEnd(
  gatehousePath, ['check', ...besideArguments(provider, mode, stateHome, args)], { env: cleanEnv({ HOME: stateHome, XDG_STATE_HOME: stateHome }), timeout: 40_000 });

// wait: 'ready' (the provider was found), 'listening', or 'nothing' (it may end).
export async function startBeside(provider, { mode = 'proxy', args = [], env = {}, stateHome = tempDir(), wait = 'ready' } = {}) {
  const run = start(gatehousePath, besideArguments(provider, mode, stateHome, args), { env: cleanEnv({ HOME: stateHome, XDG_STATE_HOME: stateHome, ...env }) });
  let ended;
  run.exited.then((how) => { ended = how; });
  const url = provider.gatehouseUrl;
  const server = {
    url, mcp: `${url}/mcp`, port: provider.gatehousePort, pid: run.child.pid, stateHome, provider,
    stderr: run.stderr, stdout: run.stdout, exited: run.exited, alive: () => !ended, kill: (signal) => run.child.kill(signal),
    ready: async () => (await get(`${url}/readyz`)).status === 200,
    async stop() {
      if (!ended) run.child.kill('SIGTERM');
      const timer = setTimeout(() => run.child.kill('SIGKILL'), 15_000);
      const how = await run.exited;
      clearTimeout(timer);
      assertNoSanitizerReport(run.stderr());
      if (how.code !== 0) throw new Error(`gatehouse ended with ${JSON.stringify(how)}:\n${run.stderr().slice(-4000)}`);
      return how;
    },
  };
  if (wait === 'nothing') return server;
  const alive = () => { if (ended) throw new Error(`gatehouse ended with ${JSON.stringify(ended)}:\n${run.stderr()}`); };
  await until(() => { alive(); return /listening on/.test(run.stderr()); }, () => `the server to listen:\n${run.stderr()}`, 20_000);
  if (wait === 'ready') await until(() => { alive(); return server.ready(); }, () => `the server to be ready:\n${run.stderr()}`, 20_000);
  return server;
}

// A robot for which NAME:PORT is at 127.0.0.1:PORT, as a browser with an entry in its hosts file.
export class HostsRobot extends Robot {
  constructor(names) { super(); this.names = names; }

  #there(url) {
    const target = new URL(url);
    if (!this.names.includes(target.hostname)) return [url, {}];
    const { host, origin } = target;
    target.hostname = '127.0.0.1';
    return [target.href, { Host: host, Origin: origin, Referer: `${origin}/` }];
  }

  get(url, headers) {
    const [target, { Host }] = this.#there(url);
    return super.get(target, { ...(Host && { Host }), ...headers });
  }

  submit(url, fields, headers) {
    const [target, added] = this.#there(url);
    return super.submit(target, fields, { ...added, ...headers });
  }
}

const isProviders = (form) => form.buttons.some((button) => button.name === 'answer');

// Follows the pages of both, consent here and login there, until the client's redirect (-> { redirect, pages }),
// a page without a form, or one for which `stopAt(url, forms)` is true (-> { url, reply, forms, pages }).
export async function walkBoth(url, redirectUri, { account = 'ada', consent = 'approve', login = 'yes', robot = new Robot(), stopAt = () => false } = {}) {
  const pages = [];
  const hops = [];
  let here = url;
  let reply = await robot.get(here);
  for (let step = 0; step < 25; step++) {
    if ([301, 302, 303, 307, 308].includes(reply.status)) {
      const next = new URL(reply.headers.location, here).href;
      hops.push({ from: here, to: next, status: reply.status });
      if (next.startsWith(redirectUri)) return { redirect: new URL(next), status: reply.status, pages, hops, robot };
      if (stopAt(next, [])) return { url: next, pages, hops, robot };
      here = next;
      reply = await robot.get(here);
      continue;
    }
    const forms = parseForms(reply.text);
    pages.push({ url: here, reply, forms });
    if (reply.status !== 200 || forms.length === 0 || stopAt(here, forms)) return { url: here, reply, forms, pages, hops, robot };
    if (pages.filter((one) => one.reply.text === reply.text).length > 2) throw new Error(`the page at ${here} comes again and again:\n${reply.text}`);
    const [form] = forms;
    const fields = isProviders(form)
      ? { ...fillForm(form, { username: account, password: 'x' }), answer: login }
      : fillForm(form, person, consent);
    here = new URL(form.action ?? '', here).href;
    reply = await robot.submit(here, fields);
  }
  throw new Error(`too many pages, the last at ${here}`);
}

export const walked = (done) => {
  if (!done.redirect) throw new Error(`no redirect: ${done.url} ${done.reply?.status} ${done.reply?.text}`);
  return done.redirect;
};

// A public client of the server's own (proxy), signed in through the provider. -> as signIn of oauth.mjs
export async function signInBeside(server, { redirectUri = 'http://127.0.0.1:39999/callback', scope = 'mcp offline_access', client, ...options } = {}) {
  client ??= await register(server, redirectUri);
  const { verifier, challenge } = newPkce();
  const done = await walkBoth(authorizeUrl(server, { clientId: client.client_id, redirectUri, challenge, scope }), redirectUri, options);
  const redirect = walked(done);
  const code = redirect.searchParams.get('code');
  if (!code) throw new Error(`no code: ${redirect}`);
  const fields = { grant_type: 'authorization_code', code, redirect_uri: redirectUri, client_id: client.client_id, code_verifier: verifier, resource: server.mcp };
  const answer = await tokenRequest(server, fields);
  if (answer.status !== 200) throw new Error(`token: ${answer.status} ${answer.text}`);
  return { client, redirectUri, tokens: answer.json(), tokenReply: answer, pages: done.pages, hops: done.hops, robot: done.robot, redirect, code, verifier, fields };
}

// A client that talks to the provider itself, by `metadata`. -> { tokens, redirect, hops }
export async function signInAtProvider(metadata, { clientId, clientSecret, redirectUri = 'http://127.0.0.1:39999/callback', scope = 'openid profile email offline_access mcp', resource, ...options } = {}) {
  const { verifier, challenge } = newPkce();
  const url = new URL(metadata.authorization_endpoint);
  const query = { response_type: 'code', client_id: clientId, redirect_uri: redirectUri, code_challenge: challenge, code_challenge_method: 'S256', scope, state: 'state-1', ...(resource && { resource }) };
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  const done = await walkBoth(url.href, redirectUri, options);
  const redirect = walked(done);
  const code = redirect.searchParams.get('code');
  if (!code) throw new Error(`no code: ${redirect}`);
  const fields = { grant_type: 'authorization_code', code, redirect_uri: redirectUri, client_id: clientId, code_verifier: verifier, ...(resource && { resource }), ...(clientSecret && { client_secret: clientSecret }) };
  const reply = await request(metadata.token_endpoint, { method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body: new URLSearchParams(fields).toString() });
  if (reply.status !== 200) throw new Error(`token: ${reply.status} ${reply.text}`);
  return { tokens: reply.json(), redirect, hops: done.hops, pages: done.pages, fields };
}

export const discover = async (provider) => (await get(`${provider.issuer.replace(/\/$/, '')}/.well-known/openid-configuration`)).json();
