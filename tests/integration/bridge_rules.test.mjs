// What the bridge must not do, whatever a server tells it.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { signInUrl, startBridge } from '../support/bridge.mjs';
import { startFake } from '../support/fake_server.mjs';
import { sleep } from '../support/programs.mjs';

const usual = ['--no-browser', '--login-timeout', '8s'];

// Asks for one call while a browser follows every redirect; gives the reply.
async function callThrough(change, { args = usual, browse = true, call = { method: 'tools/list' } } = {}) {
  const fake = await startFake(change);
  const bridge = startBridge(fake.mcp, { args });
  bridge.send({ jsonrpc: '2.0', id: 'x', ...call });
  if (browse) signInUrl(bridge, 6000).then((url) => fetch(url), () => {}).catch(() => {});
  const reply = await bridge.reply('x', 15_000);
  await bridge.stop();
  await fake.stop();
  return { fake, bridge, reply };
}
const refused = async (change, options) => {
  const done = await callThrough(change, options);
  assert.ok(done.reply.error, JSON.stringify(done.reply));
  assert.ok(done.reply.error.message.length > 10, 'a sentence');
  return done;
};

test('the usual: discovery, registration, login, call', async () => {
  const { fake, reply } = await callThrough();
  assert.equal(reply.result?.echo, 'tools/list', JSON.stringify(reply));
  const registration = JSON.parse(fake.requests('/register')[0].body);
  assert.equal(registration.application_type, 'native');
  assert.equal(registration.token_endpoint_auth_method, 'none');
  assert.match(registration.redirect_uris[0], /^http:\/\/127\.0\.0\.1:\d+\//);
  const token = new URLSearchParams(fake.requests('/token')[0].body);
  assert.equal(token.get('resource'), fake.mcp);
  assert.ok(token.get('code_verifier').length >= 43);
  assert.equal(token.get('client_id'), 'client-1');
});

test('discovery goes in the specification\'s order', async () => {
  const { fake } = await callThrough();
  const paths = fake.seen.map((one) => one.path);
  const order = ['/mcp', '/.well-known/oauth-protected-resource/mcp', '/.well-known/oauth-authorization-server', '/register', '/authorize', '/token'];
  assert.deepEqual(order.map((path) => paths.indexOf(path)), order.map((path) => paths.indexOf(path)).sort((a, b) => a - b));
});

test('a resource URL in the challenge is not needed: the well-known place is tried', async () => {
  const { reply } = await callThrough({
    mcp: (incoming) => (incoming.headers.authorization ? undefined : { status: 401, headers: { 'WWW-Authenticate': 'Bearer' } }),
  });
  assert.ok(reply.result, JSON.stringify(reply));
});

describe('scopes', () => {
  const asked = (fake) => new URL(fake.requests('/authorize')[0].url, fake.url).searchParams.get('scope').split(' ');
  test('offline_access when the server lists it', async () => {
    assert.ok(asked((await callThrough()).fake).includes('offline_access'));
  });
  test('not when it does not', async () => {
    const { fake } = await callThrough({ metadata: (document) => ({ ...document, scopes_supported: ['mcp'] }) });
    assert.ok(!asked(fake).includes('offline_access'));
  });
});

describe('documents that do not fit', () => {
  test('another resource', () => refused({ resource: (document) => ({ ...document, resource: 'https://elsewhere.example/mcp' }) }, { browse: false }));
  test('a resource that is no prefix', () => refused({ resource: (document) => ({ ...document, resource: `${document.resource}/deeper` }) }, { browse: false }));
  test('a resource that is only a textual prefix', () => refused({ resource: (document) => ({ ...document, resource: document.resource.slice(0, -1) }) }, { browse: false }));
  test('the origin as resource is a prefix', async () => {
    const { reply } = await callThrough({ resource: (document, fake) => ({ ...document, resource: fake.url }) });
    assert.ok(reply.result, JSON.stringify(reply));
  });
  test('another issuer', () => refused({ metadata: (document) => ({ ...document, issuer: 'https://elsewhere.example' }) }, { browse: false }));
  test('the issuer with a slash', () => refused({ metadata: (document) => ({ ...document, issuer: `${document.issuer}/` }) }, { browse: false }));
  test('no S256', () => refused({ metadata: (document) => ({ ...document, code_challenge_methods_supported: ['plain'] }) }, { browse: false }));
  test('no PKCE at all', () => refused({ metadata: ({ code_challenge_methods_supported: _, ...document }) => document }, { browse: false }));
  test('no registration and no client id: the person learns of --client-id', async () => {
    const { reply } = await refused({ metadata: ({ registration_endpoint: _, ...document }) => document }, { browse: false });
    assert.match(reply.error.message, /--client-id/);
  });
  test('--client-id needs no registration', async () => {
    const { fake, reply } = await callThrough({ metadata: ({ registration_endpoint: _, ...document }) => document }, { args: [...usual, '--client-id', 'given'] });
    assert.ok(reply.result, JSON.stringify(reply));
    assert.equal(new URLSearchParams(fake.requests('/token')[0].body).get('client_id'), 'given');
  });
  test('an empty document, an array, garbage', async () => {
    for (const document of [{}, [], 'x', null, { authorization_servers: [] }, { authorization_servers: [5] }]) {
      await refused({ resource: () => document ?? '' , metadata: () => ({}) }, { browse: false });
    }
  });
  test('an endpoint with another scheme', async () => {
    for (const endpoint of ['javascript:alert(1)', 'file:///etc/passwd', 'http://example.com/authorize', 'ftp://127.0.0.1/']) {
      await refused({ metadata: (document) => ({ ...document, authorization_endpoint: endpoint }) }, { browse: false });
    }
  });
});

describe('the redirect back', () => {
  const back = (parameters) => ({ authorize: (query, fake) => {
    const url = new URL(query.redirect_uri);
    for (const [name, value] of Object.entries(parameters(query, fake))) if (value !== undefined) url.searchParams.set(name, value);
    return { status: 302, headers: { Location: url.href } };
  } });
  test('another state', () => refused(back((query, fake) => ({ code: 'code-1', state: 'wrong', iss: fake.url }))));
  test('no state', () => refused(back((query, fake) => ({ code: 'code-1', iss: fake.url }))));
  test('another iss', () => refused(back((query) => ({ code: 'code-1', state: query.state, iss: 'https://elsewhere.example' }))));
  test('no iss where one was promised', () => refused(back((query) => ({ code: 'code-1', state: query.state }))));
  test('an error, with its description', async () => {
    const { reply } = await refused(back((query, fake) => ({ error: 'access_denied', error_description: 'you may not', state: query.state, iss: fake.url })));
    assert.match(reply.error.message, /denied|may not/);
  });
  test('a code that is used on no other server\'s account', async () => {
    const { fake } = await refused(back((query) => ({ code: 'code-1', state: query.state, iss: 'https://elsewhere.example' })));
    assert.equal(fake.requests('/token').length, 0);
  });
});

describe('redirects by HTTP', () => {
  test('/mcp: not followed, and the token goes nowhere', async () => {
    const other = await startFake();
    const { fake } = await refused({ mcp: (incoming) => (incoming.headers.authorization ? { status: 307, headers: { Location: other.mcp } } : undefined) });
    assert.equal(other.seen.length, 0);
    assert.ok(fake.requests('/mcp').length >= 2);
    await other.stop();
  });
  test('the token endpoint: not followed', async () => {
    const other = await startFake();
    await refused({ token: () => ({ status: 307, headers: { Location: `${other.url}/token` } }) });
    assert.equal(other.seen.length, 0);
    await other.stop();
  });
});

describe('answers of the token endpoint', () => {
  for (const [what, answer] of Object.entries({
    garbage: { text: 'hello', type: 'text/plain' }, 'no token': { json: {} }, 'another token type': { json: { access_token: 'token-1', token_type: 'mac' } },
    'an error': { status: 400, json: { error: 'invalid_grant', error_description: 'the code was used' } }, 'a server error': { status: 500, text: 'oops' },
    'a token with a line break': { json: { access_token: 'a\r\nX: b', token_type: 'Bearer' } },
  })) test(what, () => refused({ token: () => answer }));

  test('a registration that expired is renewed', async () => {
    let first = true;
    const { fake, reply } = await callThrough({ token: () => { if (!first) return undefined; first = false; return { status: 401, json: { error: 'invalid_client' } }; } });
    assert.ok(reply.result || reply.error, 'one reply');
    if (reply.result) assert.ok(fake.requests('/register').length >= 2);
  });
});

describe('the stream back', () => {
  const events = (message) => [
    ': a comment', 'event: message', `data: ${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: 1, progress: 1 } })}`, '',
    'id: 7', `data: ${JSON.stringify({ jsonrpc: '2.0', id: message.id, result: { unfolded: true } }).replace(',', ',\ndata: ')}`, '', '',
  ].join('\n');
  const streaming = { mcp: (incoming, body) => {
    if (!incoming.headers.authorization) return undefined;
    const message = JSON.parse(body);
    return message.id === undefined ? undefined : { type: 'text/event-stream', text: events(message) };
  } };
  test('events become lines, in order', async () => {
    const { bridge, reply } = await callThrough(streaming);
    assert.deepEqual(reply.result, { unfolded: true });
    const messages = bridge.messages();
    assert.equal(messages[0].method, 'notifications/progress');
    for (const one of bridge.lines()) assert.ok(!one.includes('\r'));
  });
  test('a stream that ends without the reply: an error', () => refused({ mcp: (incoming) => (incoming.headers.authorization ? { type: 'text/event-stream', text: ': nothing\n\n' } : undefined) }));
  test('a reply with another id is not taken for ours', () => refused({ mcp: (incoming) => (incoming.headers.authorization ? { json: { jsonrpc: '2.0', id: 'somebody-else', result: {} } } : undefined) }));
  test('HTML, nothing and a cut connection: an error', async () => {
    for (const answer of [{ type: 'text/html', text: '<html>proxy</html>' }, { text: '' }, { destroy: true }, { status: 500, text: 'oops' }, { status: 404, json: {} }, { status: 503, headers: { 'Retry-After': '1' } }]) {
      await refused({ mcp: (incoming) => (incoming.headers.authorization ? answer : undefined) });
    }
  });
});

test('a call that was sent is not sent twice when the connection dies', async () => {
  let calls = 0;
  await refused({ mcp: (incoming, body) => {
    if (!incoming.headers.authorization || !body.includes('tools/call')) return undefined;
    calls++;
    return { destroy: true };
  } }, { call: { method: 'tools/call', params: { name: 'pay', arguments: {} } } });
  await sleep(1500);
  assert.equal(calls, 1);
});

test('a server that refuses every token does not open the browser for ever', async () => {
  const { bridge } = await refused({ mcp: (incoming) => (incoming.headers.authorization ? { status: 401, headers: { 'WWW-Authenticate': 'Bearer error="invalid_token"' } } : undefined) });
  assert.ok((bridge.stderr().match(/Open this URL/g) ?? []).length <= 2);
});
