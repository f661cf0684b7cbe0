// A robot that signs in as a person would: it reads the pages, keeps cookies, fills in the forms.
import { createHash, randomBytes } from 'node:crypto';
import { get, postForm, request } from './http.mjs';
import { noteSecretsOf } from './secrets.mjs';

export const person = { name: 'Ada Lovelace', email: 'ada@example.com' };

export function newPkce() {
  const verifier = randomBytes(32).toString('base64url');
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') };
}

const entities = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
export const unescapeHtml = (text) => text.replace(/&(#x[0-9a-f]+|#\d+|\w+);/gi, (whole, name) => {
  if (name[0] !== '#') return entities[name] ?? whole;
  return String.fromCodePoint(name[1].toLowerCase() === 'x' ? parseInt(name.slice(2), 16) : Number(name.slice(1)));
});

function attributes(tag) {
  const found = {};
  for (const [, name, , , double, single, bare] of tag.matchAll(/([\w-]+)(=("([^"]*)"|'([^']*)'|([^\s>]+)))?/g)) {
    found[name.toLowerCase()] = unescapeHtml(double ?? single ?? bare ?? '');
  }
  return found;
}

// -> [{ action, method, inputs: [{ name, value, type }], buttons: [...] }]
export function parseForms(html) {
  return [...html.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/gi)].map(([, head, inner]) => ({
    ...attributes(head),
    inputs: [...inner.matchAll(/<input\b([^>]*)>/gi)].map(([, tag]) => attributes(tag)),
    buttons: [...inner.matchAll(/<button\b([^>]*)>/gi)].map(([, tag]) => attributes(tag)),
  }));
}

export class Robot {
  cookies = new Map();

  #keep(reply) {
    for (const line of [reply.headers['set-cookie'] ?? []].flat()) {
      const [pair, ...rest] = line.split(';');
      const at = pair.indexOf('=');
      const gone = rest.some((item) => /^\s*max-age=(0|-\d+)\s*$/i.test(item));
      if (gone) this.cookies.delete(pair.slice(0, at).trim());
      else this.cookies.set(pair.slice(0, at).trim(), pair.slice(at + 1).trim());
    }
    return reply;
  }

  #headers(extra) {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    return { Accept: 'text/html', ...(cookie && { Cookie: cookie }), ...extra };
  }

  async get(url, headers) { return this.#keep(await get(url, this.#headers(headers))); }

  async submit(url, fields, headers) {
    const origin = new URL(url).origin;
    return this.#keep(await postForm(url, fields, this.#headers({ Origin: origin, Referer: `${origin}/`, ...headers })));
  }
}

// What the form sends when the person types `answers` and presses the button of `decision`.
export function fillForm(form, answers, decision) {
  const fields = {};
  for (const input of form.inputs) {
    if (!input.name || ['submit', 'button'].includes(input.type)) continue;
    if (['checkbox', 'radio'].includes(input.type) && !('checked' in input)) continue;
    fields[input.name] = input.type === 'hidden' ? input.value ?? '' : answers[input.name] ?? input.value ?? '';
  }
  const button = form.buttons.find((item) => item.name === 'decision' && item.value === decision);
  if (button) fields[button.name] = button.value;
  return fields;
}

export async function register(server, redirectUris, extra = {}) {
  const reply = await request(`${server.url}/register`, {
    method: 'POST',
    body: {
      client_name: 'Test client',
      redirect_uris: [redirectUris].flat(),
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      ...extra,
    },
  });
  if (reply.status !== 201) throw new Error(`registration: ${reply.status} ${reply.text}`);
  return reply.json();
}

// What VS Code says of itself when it registers.
export const vscode = {
  client_name: 'Visual Studio Code', client_uri: 'https://code.visualstudio.com', application_type: 'native',
  grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
};

export function authorizeUrl(server, { clientId, redirectUri, challenge, scope = 'mcp', resource = server.mcp, state = 'state-1', extra = {} }) {
  const url = new URL(`${server.url}/authorize`);
  const parameters = {
    response_type: 'code', client_id: clientId, redirect_uri: redirectUri, code_challenge: challenge,
    code_challenge_method: 'S256', scope, resource, state, ...extra,
  };
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) url.searchParams.set(name, value);
  return url.href;
}

// Follows the pages from `url` until the client's redirect (-> { redirect, pages }) or an error page.
export async function walk(url, redirectUri, { answers = person, decision = 'approve', robot = new Robot() } = {}) {
  const pages = [];
  let here = url;
  let reply = await robot.get(here);
  for (let step = 0; step < 12; step++) {
    if ([301, 302, 303, 307, 308].includes(reply.status)) {
      const next = new URL(reply.headers.location, here).href;
      if (next.startsWith(redirectUri)) return { redirect: new URL(next), status: reply.status, pages, robot };
      here = next;
      reply = await robot.get(here);
      continue;
    }
    const forms = parseForms(reply.text);
    pages.push({ url: here, reply, forms });
    if (reply.status !== 200 || forms.length === 0) return { reply, pages, robot };
    if (pages.filter((page) => page.url === here).length > 3) throw new Error(`the page at ${here} comes again and again:\n${reply.text}`);
    const form = forms[0];
    here = new URL(form.action ?? '', here).href;
    reply = await robot.submit(here, fillForm(form, answers, decision));
  }
  throw new Error(`too many pages, the last at ${here}`);
}

export async function tokenRequest(server, fields, headers) {
  const reply = await postForm(`${server.url}/token`, fields, headers);
  if (reply.status === 200) {
    noteSecretsOf(fields);
    noteSecretsOf(reply.json());
  }
  return reply;
}

// The whole of it: a registered public client with tokens. -> { client, tokens, redirectUri, pages, verifier, code }
export async function signIn(server, { redirectUri = 'http://127.0.0.1:39999/callback', scope = 'mcp offline_access', client, ...options } = {}) {
  client ??= await register(server, redirectUri);
  const { verifier, challenge } = newPkce();
  const url = authorizeUrl(server, { clientId: client.client_id, redirectUri, challenge, scope });
  const { redirect, reply, pages } = await walk(url, redirectUri, options);
  if (!redirect) throw new Error(`no redirect: ${reply.status} ${reply.text}`);
  const code = redirect.searchParams.get('code');
  if (!code) throw new Error(`no code: ${redirect}`);
  const fields = {
    grant_type: 'authorization_code', code, redirect_uri: redirectUri, client_id: client.client_id,
    code_verifier: verifier, resource: server.mcp,
  };
  const answer = await tokenRequest(server, fields);
  if (answer.status !== 200) throw new Error(`token: ${answer.status} ${answer.text}`);
  return { client, redirectUri, tokens: answer.json(), tokenReply: answer, pages, redirect, code, verifier, fields };
}

export const refreshFields = (session, refreshToken = session.tokens.refresh_token) => ({
  grant_type: 'refresh_token', refresh_token: refreshToken, client_id: session.client.client_id,
});
