// The ways of the bridge to a token: which client, which server, which grant; and what siblings do together.
import assert from 'node:assert/strict';
import { createHash, createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { fakeBrowser, signInThrough, signInUrl, startBridge } from '../support/bridge.mjs';
import { startFake } from '../support/fake_server.mjs';
import { fillForm, parseForms, person, Robot } from '../support/oauth.mjs';
import { bridgePath, cleanEnv, runToEnd, sleep, startGatehouse, tempDir, until } from '../support/programs.mjs';

const file = (name, text, mode = 0o600) => {
  const made = path.join(tempDir(), name);
  writeFileSync(made, text);
  chmodSync(made, mode);
  return made;
};
const follow = ['--browser', 'curl -sL -o /dev/null', '--login-timeout', '8s'];
const tokenForms = (fake) => fake.requests('/token').map((one) => Object.fromEntries(new URLSearchParams(one.body)));
const asked = (fake) => new URL(fake.requests('/authorize')[0].url, fake.url).searchParams;

// One call; a browser that agrees to everything is there.
async function callOnce(change, args = [], { browse = follow, keep = false, ...options } = {}) {
  const fake = await startFake(change);
  const bridge = startBridge(fake.mcp, { args: [...browse, ...(typeof args === 'function' ? args(fake) : args)], ...options });
  bridge.send({ jsonrpc: '2.0', id: 'x', method: 'tools/list' });
  const reply = await bridge.reply('x', 15_000);
  if (!keep) {
    await bridge.stop();
    await fake.stop();
  }
  return { fake, bridge, reply };
}
const works = async (...args) => {
  const done = await callOnce(...args);
  assert.ok(done.reply.result, `${JSON.stringify(done.reply)}\n${done.bridge.stderr()}`);
  return done;
};
const fails = async (...args) => {
  const done = await callOnce(...args);
  assert.ok(done.reply.error, JSON.stringify(done.reply));
  return done;
};
const command = (word, url, args = [], options = {}) => runToEnd(bridgePath, [word, ...args, url], { env: cleanEnv({ HOME: tempDir() }), ...options });

describe('which client', () => {
  const documents = { metadata: (document) => ({ ...document, client_id_metadata_document_supported: true }) };
  const url = 'https://client.example/metadata.json';

  test('a metadata document is the client where the server supports those', async () => {
    const { fake } = await works(documents, ['--client-metadata-url', url]);
    assert.equal(asked(fake).get('client_id'), url);
    assert.equal(fake.requests('/register').length, 0);
    assert.equal(tokenForms(fake)[0].client_id, url);
  });
  test('and a registration where it does not', async () => {
    const { fake } = await works({}, ['--client-metadata-url', url]);
    assert.equal(asked(fake).get('client_id'), 'client-1');
  });
  test('mcp-remote\'s client information is taken, with its secret', async () => {
    const info = file('info.json', JSON.stringify({ client_id: 'static&1', client_secret: 'geheim/1' }));
    let header;
    const { fake, bridge } = await works({
      metadata: (document) => ({ ...document, token_endpoint_auth_methods_supported: ['client_secret_basic'] }),
      token: (form, _, headers) => { header = headers.authorization; },
    }, ['--static-oauth-client-info', `@${info}`]);
    assert.equal(asked(fake).get('client_id'), 'static&1');
    assert.equal(Buffer.from(header.slice(6), 'base64').toString(), 'static%261:geheim%2F1');
    assert.doesNotMatch(bridge.stderr(), /geheim/);
  });
  test('its client metadata go into the registration, but not the redirect', async () => {
    const { fake } = await works({}, ['--static-oauth-client-metadata', JSON.stringify({ client_name: 'Mine', redirect_uris: ['https://elsewhere.example/'], scope: 'mcp extra' })]);
    const registration = JSON.parse(fake.requests('/register')[0].body);
    assert.equal(registration.client_name, 'Mine');
    assert.match(registration.redirect_uris[0], /^http:\/\/127\.0\.0\.1:/);
    assert.equal(asked(fake).get('scope'), 'mcp extra');
  });
  for (const [methods, where] of [[['client_secret_post'], 'form'], [['client_secret_basic', 'client_secret_post'], 'header']]) {
    test(`a secret goes into the ${where} when the server takes ${methods}`, async () => {
      const { fake } = await works({ metadata: (document) => ({ ...document, token_endpoint_auth_methods_supported: methods }) }, ['--client-id', 'c', '--client-secret-file', file('secret', 'geheim\n')]);
      assert.equal(tokenForms(fake)[0].client_secret, where === 'form' ? 'geheim' : undefined);
      assert.equal(fake.requests('/token')[0].headers.authorization, where === 'form' ? undefined : `Basic ${Buffer.from('c:geheim').toString('base64')}`);
    });
  }
});

describe('which server and resource', () => {
  const several = { resource: (document, fake) => ({ ...document, authorization_servers: ['https://other.example', fake.url] }) };

  test('--issuer chooses among several', async () => {
    const { fake } = await works(several, (fake) => ['--issuer', fake.url]);
    assert.equal(fake.requests('/token').length, 1);
  });
  test('one that the server does not name is refused before anything is asked of it', async () => {
    const { fake, reply } = await fails({}, ['--issuer', 'https://other.example']);
    assert.match(reply.error.message, /--issuer/);
    assert.equal(fake.requests('/authorize').length, 0);
  });
  test('--resource is sent as it is, --no-resource sends none', async () => {
    const own = await works({}, ['--resource', 'https://api.example/x']);
    assert.equal(asked(own.fake).get('resource'), 'https://api.example/x');
    assert.equal(tokenForms(own.fake)[0].resource, 'https://api.example/x');
    const none = await works({}, ['--no-resource']);
    assert.equal(asked(none.fake).has('resource'), false);
    assert.equal('resource' in tokenForms(none.fake)[0], false);
  });
  test('--authorize-param adds what the bridge does not say itself', async () => {
    const { fake } = await works({}, ['--authorize-param', 'audience=https://api.example/?a=b', '--authorize-param', 'prompt=login']);
    assert.equal(asked(fake).get('audience'), 'https://api.example/?a=b');
    assert.deepEqual(asked(fake).getAll('prompt'), ['login']);
    for (const bad of ['state=x', 'client_id=x', 'nothing', '=x']) {
      assert.equal((await command('status', 'https://x.example/mcp', ['--authorize-param', bad])).code, 64, bad);
    }
  });
  test('without any metadata /authorize, /token and /register of the server are used, with S256', async () => {
    const bare = { mcp: (incoming) => (incoming.headers.authorization ? undefined : { status: 401, headers: { 'WWW-Authenticate': 'Bearer' } }), resource: () => '', metadata: () => '' };
    const fake = await startFake({ ...bare, authorize: (query) => ({ status: 302, headers: { Location: `${query.redirect_uri}?code=c&state=${query.state}` } }) });
    const bridge = startBridge(fake.mcp, { args: follow });
    bridge.send({ jsonrpc: '2.0', id: 1, method: 'tools/list' });
    assert.ok((await bridge.reply(1)).result, bridge.stderr());
    assert.equal(asked(fake).get('code_challenge_method'), 'S256');
    assert.ok(tokenForms(fake)[0].code_verifier);
    const check = await command('check', fake.mcp, ['--state-dir', bridge.stateDir]);
    assert.match(check.stdout, /\/authorize, \/token and \/register/);
    assert.equal(check.code, 0, check.stdout);
    await bridge.stop();
    await fake.stop();
  });
  test('a server that changes its authorization server gets a new client and no old token', async () => {
    let moved = false;
    const next = await startFake();
    const fake = await startFake({
      resource: (document) => (moved ? { ...document, authorization_servers: [next.url] } : undefined),
      register: () => ({ status: 201, json: { client_id: 'old-client', client_secret: 'old-secret' } }),
    });
    const bridge = startBridge(fake.mcp, { args: follow });
    assert.ok((await bridge.call('tools/list')).result);
    moved = true;
    fake.accepted.clear();
    next.tokens = 40;
    fake.accepted.add('token-41');
    assert.ok((await bridge.call('tools/list')).result, bridge.stderr());
    assert.equal(next.requests('/register').length, 1);
    assert.equal(fake.requests('/token').length, 1, 'the old server is not asked to refresh');
    for (const one of next.seen) assert.doesNotMatch(JSON.stringify(one), /old-client|old-secret|refresh-1|"token-1"/);
    await bridge.stop();
    await fake.stop();
    await next.stop();
  });
  test('a refused token that the same server renews costs no browser', async () => {
    const { fake, bridge } = await works({}, [], { keep: true });
    fake.accepted.delete('token-1');
    assert.ok((await bridge.call('tools/list')).result);
    assert.equal(fake.requests('/authorize').length, 1);
    assert.equal(tokenForms(fake)[1].grant_type, 'refresh_token');
    assert.equal(fake.requests('/.well-known/oauth-protected-resource/mcp').length, 2, 'read again at the 401');
    await bridge.stop();
    await fake.stop();
  });
});

describe('another device', () => {
  const grant = 'urn:ietf:params:oauth:grant-type:device_code';
  // Answers the polls with these, the last for ever.
  const devices = (answers, more = {}) => ({
    metadata: (document) => ({ ...document, device_authorization_endpoint: document.token_endpoint.replace('/token', '/device') }),
    other: (url, body, fake) => (url.pathname === '/device'
      ? { json: { device_code: 'device-secret', user_code: 'ABCD-EFGH', verification_uri: `${fake.url}/enter`, expires_in: 60, interval: 1, ...more } } : undefined),
    token: (form) => {
      if (form.grant_type !== grant) return undefined;
      const error = answers.length > 1 ? answers.shift() : answers[0];
      return error ? { status: 400, json: { error } } : undefined;
    },
  });

  test('the code is printed, the wait is patient, and the call goes through', async () => {
    const { fake, bridge } = await works(devices(['authorization_pending', 'authorization_pending', '']), ['--device'], { browse: [] });
    assert.match(bridge.stderr(), /http:\/\/127\.0\.0\.1:\d+\/enter\n.*ABCD-EFGH/);
    assert.equal(fake.requests('/authorize').length, 0);
    assert.equal(tokenForms(fake).length, 3);
    assert.equal(tokenForms(fake)[0].device_code, 'device-secret');
    assert.equal(new URLSearchParams(fake.requests('/device')[0].body).get('resource'), fake.mcp);
    assert.doesNotMatch(bridge.stderr() + bridge.stdout(), /device-secret/);
  });
  test('slow_down makes it slower by five seconds', async () => {
    const fake = await startFake(devices(['slow_down', 'authorization_pending']));
    const bridge = startBridge(fake.mcp, { args: ['--device'] });
    bridge.send({ jsonrpc: '2.0', id: 1, method: 'tools/list' });
    await until(() => tokenForms(fake).length === 1, 'the first poll');
    const first = Date.now();
    await until(() => tokenForms(fake).length === 2, 'the second poll', 30_000); // a busy machine is late
    assert.ok(Date.now() - first > 5800, `${Date.now() - first} ms`);
    await bridge.stop();
    await fake.stop();
  });
  for (const [error, words] of [['access_denied', /refused/], ['expired_token', /expired/]]) {
    test(`${error} ends it with a sentence`, async () => {
      const { reply } = await fails(devices([error]), ['--device'], { browse: [] });
      assert.match(reply.error.message, words);
    });
  }
  test('a page to enter the code at that is no web page is refused', async () => {
    const { reply, bridge } = await fails(devices(['authorization_pending'], { verification_uri: 'file:///etc/passwd' }), ['--device'], { browse: [] });
    assert.match(reply.error.message, /http/);
    assert.doesNotMatch(bridge.stderr(), /ABCD-EFGH/);
  });
  test('a server without it is named', async () => {
    const { reply } = await fails({}, ['--device'], { browse: [] });
    assert.match(reply.error.message, /--device/);
  });
  test('login --device against the real server', async () => {
    const server = await startGatehouse();
    const login = startBridge(server.mcp, { before: ['login'], args: ['--device'] });
    const [, page, code] = await until(() => /on any device: (\S+)\n.*code: (\S+)/.exec(login.stderr()), () => `the code; ${login.stderr()}`);
    const robot = new Robot();
    let here = page;
    let reply = await robot.get(here);
    for (let step = 0; step < 10; step++) {
      while ([302, 303].includes(reply.status)) {
        here = new URL(reply.headers.location, here).href;
        reply = await robot.get(here);
      }
      const [form] = parseForms(reply.text);
      if (!form) break;
      here = new URL(form.action ?? '', here).href;
      reply = await robot.submit(here, fillForm(form, { ...person, user_code: code }, 'approve'));
    }
    const how = await login.exited;
    assert.equal(how.code, 0, `${login.stderr()}\n${reply.text}`);
    assert.match(login.stdout(), /You are signed in/);
    await server.stop();
  });
});

describe('a browser on another machine', () => {
  const login = async (paste) => {
    const server = await startGatehouse();
    const bridge = startBridge(server.mcp, { before: ['login'], args: ['--no-browser'] });
    const url = await signInUrl(bridge);
    await paste(bridge, url);
    const how = await bridge.exited;
    await server.stop();
    return { how, bridge };
  };
  // Goes through the pages, but never comes back to the listener.
  const finalUrl = async (url) => {
    const { walk } = await import('../support/oauth.mjs');
    return (await walk(url, new URL(url).searchParams.get('redirect_uri'))).redirect.href;
  };

  test('the URL that it ended at is pasted into login', async () => {
    const { how, bridge } = await login(async (bridge, url) => bridge.send(`  ${await finalUrl(url)}  `));
    assert.equal(how.code, 0, bridge.stderr());
    assert.match(bridge.stdout(), /You are signed in/);
  });
  test('junk and a wrong state change nothing', async () => {
    const { how, bridge } = await login(async (bridge, url) => {
      const redirect = new URL(url).searchParams.get('redirect_uri');
      bridge.send('hello');
      bridge.send(`${redirect}?code=c&state=wrong`);
      bridge.send(`https://elsewhere.example/callback?code=c&state=${new URL(url).searchParams.get('state')}`);
      await until(() => (bridge.stderr().match(/paste|begins with/g) ?? []).length >= 3, () => bridge.stderr());
      bridge.send(await finalUrl(url));
    });
    assert.equal(how.code, 0, bridge.stderr());
  });
  test('the listener works on beside it, and the end of the input is no end', async () => {
    const { how, bridge } = await login(async (bridge, url) => {
      bridge.closeStdin();
      await sleep(200);
      await signInThrough(url);
    });
    assert.equal(how.code, 0, bridge.stderr());
  });
});

describe('without a person', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = (key) => file('key.pem', key.export({ type: 'pkcs8', format: 'pem' }));
  const parts = (jwt) => jwt.split('.').slice(0, 2).map((part) => JSON.parse(Buffer.from(part, 'base64url')));
  const genuine = (jwt, key) => {
    const [head, claims, signature] = jwt.split('.');
    return verify('sha256', Buffer.from(`${head}.${claims}`), { key: createPublicKey(key.export({ type: 'spki', format: 'pem' })), dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url'));
  };
  const machine = { metadata: ({ authorization_endpoint: _, code_challenge_methods_supported: __, ...document }) => document };

  test('client credentials with a secret, and again when the token has expired', async () => {
    const { fake, bridge } = await works({ ...machine, token: (form, fake) => ({ json: { access_token: `token-${++fake.tokens}`, token_type: 'Bearer', expires_in: 1 } }) },
      ['--client-credentials', '--client-id', 'robot', '--client-secret-file', file('secret', 'geheim')], { browse: [], keep: true });
    assert.equal(tokenForms(fake)[0].grant_type, 'client_credentials');
    assert.equal(tokenForms(fake)[0].scope, 'mcp');
    assert.equal(tokenForms(fake)[0].resource, fake.mcp);
    await sleep(1500);
    assert.ok((await bridge.call('tools/list')).result);
    assert.equal(tokenForms(fake).length, 2);
    assert.equal(fake.requests('/authorize').length + fake.requests('/register').length, 0);
    await bridge.stop();
    await fake.stop();
  });
  for (const [name, pair, alg] of [['ES256', { privateKey, publicKey }, 'ES256'], ['RS256', rsa, 'RS256']]) {
    test(`client credentials with a key (${name}): a fresh, genuine assertion for this issuer alone`, async () => {
      const { fake } = await works(machine, ['--client-credentials', '--client-id', 'robot', '--client-key', pem(pair.privateKey)], { browse: [] });
      const [form] = tokenForms(fake);
      const [head, claims] = parts(form.client_assertion);
      assert.equal(head.alg, alg);
      assert.ok(genuine(form.client_assertion, pair.publicKey));
      assert.deepEqual([claims.iss, claims.sub, claims.aud], ['robot', 'robot', fake.url]);
      assert.ok(claims.exp > Date.now() / 1000 && claims.exp < Date.now() / 1000 + 600 && claims.jti.length >= 16);
      assert.equal(form.client_secret, undefined);
    });
  }
  test('a key that others can read, a passphrase and another curve are refused', async () => {
    const other = generateKeyPairSync('ec', { namedCurve: 'secp384r1' }).privateKey.export({ type: 'pkcs8', format: 'pem' });
    const locked = privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' });
    const open = file('open.pem', privateKey.export({ type: 'pkcs8', format: 'pem' }), 0o644);
    for (const key of [file('p384.pem', other), file('locked.pem', locked), open]) {
      const { fake, reply } = await fails(machine, ['--client-credentials', '--client-id', 'robot', '--client-key', key], { browse: [] });
      assert.match(reply.error.message, /pem/);
      assert.equal(fake.requests('/token').length, 0);
    }
  });
  test('an assertion is read anew each time, and a refused one is not sent again at once', async () => {
    let refuse = false;
    const assertion = file('jwt', 'jwt-1\n', 0o644);
    const { fake, bridge } = await works({ token: (form, fake) => (refuse ? { status: 400, json: { error: 'invalid_grant' } } : { json: { access_token: `token-${++fake.tokens}`, token_type: 'Bearer', expires_in: 1 } }) },
      ['--assertion-file', assertion], { browse: [], keep: true });
    writeFileSync(assertion, 'jwt-2');
    await sleep(1500);
    assert.ok((await bridge.call('tools/list')).result);
    assert.deepEqual(tokenForms(fake).map((form) => [form.grant_type.split(':').at(-1), form.assertion, form.client_id]), [['jwt-bearer', 'jwt-1', undefined], ['jwt-bearer', 'jwt-2', undefined]]);
    refuse = true;
    await sleep(1500);
    assert.match((await bridge.call('tools/list')).error.message, /invalid_grant/);
    assert.ok((await bridge.call('tools/list')).error);
    assert.equal(tokenForms(fake).length, 3, 'once');
    assert.doesNotMatch(bridge.stderr() + bridge.stdout(), /jwt-\d/);
    await bridge.stop();
    await fake.stop();
  });
  test('an assertion does not follow where the server points next', async () => {
    let moved = false;
    const next = await startFake();
    const { fake, bridge } = await works({
      resource: (document) => (moved ? { ...document, authorization_servers: [next.url] } : undefined),
      token: (form, fake) => ({ json: { access_token: `token-${++fake.tokens}`, token_type: 'Bearer', expires_in: 1 } }),
    }, ['--assertion-file', file('jwt', 'jwt-1\n', 0o644)], { browse: [], keep: true });
    assert.match(bridge.stderr(), /the assertion goes to \S+, which the server names/);
    moved = true;
    await sleep(1500);
    assert.match((await bridge.call('tools/list')).error.message, /the assertion of --assertion-file was used at/);
    assert.equal(next.requests('/token').length, 0);
    await bridge.stop();
    await fake.stop();
    await next.stop();
  });
  test('the enterprise\'s identity provider grants access: token exchange, then its grant', async () => {
    const idp = await startFake({ metadata: ({ authorization_endpoint: _, code_challenge_methods_supported: __, ...document }) => document, token: () => ({ json: { access_token: 'id-jag-1', issued_token_type: 'urn:ietf:params:oauth:token-type:id-jag', token_type: 'N_A' } }) });
    const { fake } = await works(machine, ['--idp', idp.url, '--idp-client-id', 'at-idp', '--idp-token-file', file('id', 'id-token'), '--client-id', 'at-as', '--client-secret-file', file('secret', 'geheim')], { browse: [] });
    const [exchange] = tokenForms(idp);
    assert.deepEqual([exchange.audience, exchange.resource, exchange.subject_token, exchange.client_id], [fake.url, fake.mcp, 'id-token', 'at-idp']);
    assert.equal(tokenForms(fake)[0].assertion, 'id-jag-1');
    assert.doesNotMatch(JSON.stringify(idp.seen), /geheim/);
    await idp.stop();
  });
  test('an answer of another token type is no grant', async () => {
    const idp = await startFake({ token: () => ({ json: { access_token: 'x', token_type: 'Bearer' } }) });
    const { fake } = await fails(machine, ['--idp', idp.url, '--idp-client-id', 'a', '--idp-token-file', file('id', 'id-token'), '--client-id', 'b'], { browse: [] });
    assert.equal(fake.requests('/token').length, 0);
    await idp.stop();
  });
  test('a person\'s login and a machine\'s for the same URL are kept apart', async () => {
    const stateDir = tempDir();
    const { fake, bridge } = await works({}, [], { stateDir, keep: true });
    await bridge.stop();
    const robot = await command('status', fake.mcp, ['--state-dir', stateDir, '--client-credentials', '--client-id', 'robot', '--client-secret-file', file('secret', 'geheim')]);
    assert.match(robot.stdout, /Not signed in/);
    assert.match((await command('status', fake.mcp, ['--state-dir', stateDir])).stdout, /Signed in at/);
    await fake.stop();
  });
  test('what does not go together is a usage error', async () => {
    for (const args of [['--device', '--client-credentials'], ['--client-credentials'], ['--client-credentials', '--client-id', 'x'], ['--idp', 'https://idp.example'], ['--idp-client-id', 'x'], ['--resource', 'https://x.example', '--no-resource'], ['--client-metadata-url', 'http://x.example/y'], ['--client-metadata-url', 'https://x.example'], ['--static-oauth-client-info', '[]'], ['--static-oauth-client-info', '{}']]) {
      assert.equal((await command('status', 'https://x.example/mcp', args)).code, 64, args.join(' '));
    }
  });
});

describe('tokens that are bound to a key', () => {
  const proofOf = (headers) => {
    const [head, claims, signature] = headers.dpop.split('.');
    const [header, said] = [head, claims].map((part) => JSON.parse(Buffer.from(part, 'base64url')));
    const key = createPublicKey({ key: header.jwk, format: 'jwk' });
    assert.ok(verify('sha256', Buffer.from(`${head}.${claims}`), { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url')));
    assert.equal(header.typ, 'dpop+jwt');
    assert.equal(header.jwk.d, undefined);
    return { ...said, thumb: `${header.jwk.x}.${header.jwk.y}` };
  };
  // Asks for a nonce first when `nonce`; notes every proof.
  const guard = (proofs, { nonce } = {}) => ({
    token: (form, fake, headers) => {
      const proof = proofOf(headers);
      proofs.push({ where: 'token', ...proof });
      if (nonce && proof.nonce !== 'n-as') return { status: 400, headers: { 'DPoP-Nonce': 'n-as' }, json: { error: 'use_dpop_nonce' } };
      return { json: { access_token: `token-${++fake.tokens}`, token_type: 'DPoP', expires_in: 600, refresh_token: 'r' } };
    },
    mcp: (incoming, body, fake) => {
      const [, scheme, token] = /^(\S+) (\S+)$/.exec(incoming.headers.authorization ?? '') ?? [];
      const challenge = (more) => ({ status: 401, headers: { 'WWW-Authenticate': `DPoP ${more}resource_metadata="${fake.url}/.well-known/oauth-protected-resource/mcp"`, 'DPoP-Nonce': 'n-rs' } });
      if (!token) return challenge('');
      assert.equal(scheme, 'DPoP');
      const proof = proofOf(incoming.headers);
      proofs.push({ where: 'mcp', token, method: incoming.method, ...proof });
      if (nonce && proof.nonce !== 'n-rs') return challenge('error="use_dpop_nonce", ');
      if (!fake.accepted.has(token)) return challenge('error="invalid_token", ');
      return incoming.method === 'POST' ? { json: { jsonrpc: '2.0', id: JSON.parse(body).id, result: {} } } : { status: 405 };
    },
  });

  for (const nonce of [false, true]) {
    test(`each request carries a fresh proof with the one key${nonce ? ', and the nonces that are asked for' : ''}`, async () => {
      const proofs = [];
      const { fake, bridge } = await works(guard(proofs, { nonce }), ['--dpop'], { keep: true });
      assert.ok((await bridge.call('tools/list')).result);
      assert.equal(new Set(proofs.map((one) => one.jti)).size, proofs.length);
      assert.equal(new Set(proofs.map((one) => one.thumb)).size, 1);
      for (const one of proofs) {
        assert.equal(one.htu, one.where === 'token' ? `${fake.url}/token` : fake.mcp);
        assert.equal(one.htm, one.method ?? 'POST');
        assert.equal(one.ath, one.token && createHash('sha256').update(one.token).digest('base64url'));
      }
      if (nonce) assert.ok(tokenForms(fake).length === 2 && proofs.at(-1).nonce === 'n-rs');
      fake.accepted.delete('token-1');
      fake.accepted.add('token-2');
      assert.ok((await bridge.call('tools/list')).result, 'refreshed');
      assert.equal(proofs.at(-1).thumb, proofs[0].thumb);
      assert.doesNotMatch(bridge.stderr() + bridge.stdout(), /PRIVATE KEY/);
      await bridge.stop();
      await fake.stop();
    });
  }
  test('a server that gives bearer tokens all the same gets them back as such', async () => {
    const { fake } = await works({}, ['--dpop']);
    assert.match(fake.requests('/mcp').at(-1).headers.authorization, /^Bearer /);
    assert.equal(fake.requests('/mcp').at(-1).headers.dpop, undefined);
  });
});

describe('siblings', () => {
  const several = (fake, count, args, stateDir = tempDir()) => Array.from({ length: count }, () => startBridge(fake.mcp, { stateDir, args }));
  const ask = (bridges) => { for (const bridge of bridges) bridge.send({ jsonrpc: '2.0', id: 1, method: 'tools/list' }); };

  test('six at once: one browser, one registration, one token; then one refresh', async () => {
    const fake = await startFake();
    const stateDir = tempDir();
    const bridges = several(fake, 6, follow, stateDir);
    ask(bridges);
    for (const bridge of bridges) assert.ok((await bridge.reply(1)).result, bridge.stderr());
    assert.deepEqual(['/register', '/authorize', '/token'].map((one) => fake.requests(one).length), [1, 1, 1]);
    fake.accepted.delete('token-1');
    for (const bridge of bridges) bridge.send({ jsonrpc: '2.0', id: 2, method: 'tools/list' });
    for (const bridge of bridges) assert.ok((await bridge.reply(2)).result, bridge.stderr());
    assert.deepEqual(['/register', '/authorize', '/token'].map((one) => fake.requests(one).length), [1, 1, 2]);
    for (const bridge of bridges) await bridge.stop();
    await fake.stop();
  });
  test('a denial counts for all that waited, and a later call may ask again', async () => {
    let deny = true;
    const fake = await startFake({ authorize: (query, fake) => (deny ? { status: 302, headers: { Location: `${query.redirect_uri}?error=access_denied&state=${query.state}&iss=${fake.url}` } } : undefined) });
    const browser = fakeBrowser();
    const bridges = several(fake, 4, ['--browser', browser.command, '--login-timeout', '10s']);
    ask(bridges);
    const [url] = await until(() => browser.urls().length && browser.urls(), 'the page');
    await sleep(600);
    await fetch(url);
    for (const bridge of bridges) assert.match((await bridge.reply(1)).error.message, /access_denied/);
    assert.equal(browser.urls().length, 1, 'one page');
    deny = false;
    bridges[2].send({ jsonrpc: '2.0', id: 2, method: 'tools/list' });
    await until(() => browser.urls().length === 2, 'the second page');
    await fetch(browser.urls()[1]);
    assert.ok((await bridges[2].reply(2)).result);
    for (const bridge of bridges) await bridge.stop();
    await fake.stop();
  });
  test('the one that signs in is killed: the next takes over at once', async () => {
    const fake = await startFake();
    const browser = fakeBrowser();
    const bridges = several(fake, 2, ['--browser', browser.command]);
    ask(bridges);
    await until(() => browser.urls().length === 1, 'the page');
    const holder = bridges.find((bridge) => /Open this URL/.test(bridge.stderr()));
    await sleep(300);
    holder.child.kill('SIGKILL');
    const killed = Date.now();
    await until(() => browser.urls().length === 2, 'the other\'s page');
    assert.ok(Date.now() - killed < 1500);
    await fetch(browser.urls()[1]);
    const other = bridges.find((bridge) => bridge !== holder);
    assert.ok((await other.reply(1)).result);
    await other.stop();
    await fake.stop();
  });
});

test('a server that asks for new permissions without end opens a few pages, not one for each call', async () => {
  let asks = 0;
  const fake = await startFake({
    mcp: (incoming) => (incoming.headers.authorization ? { status: 403, headers: { 'WWW-Authenticate': `Bearer error="insufficient_scope", scope="more-${++asks}"` } } : undefined),
    token: (form, at) => ({ json: { access_token: `token-${++at.tokens}`, token_type: 'Bearer', scope: `mcp more-${asks}` } }),
  });
  const bridge = startBridge(fake.mcp, { args: follow });
  let last;
  for (let i = 0; i < 12; i++) last = await bridge.call('tools/list');
  assert.match(last.error.message, /again and again/);
  assert.equal(fake.requests('/authorize').length, 8);
  await bridge.stop();
  await fake.stop();
});

test('a login that nobody ends gives an error with its URL, and hints name the program as it was started', async () => {
  const fake = await startFake();
  const bridge = startBridge(fake.mcp, { args: ['--no-browser', '--login-timeout', '1s'] });
  bridge.send({ jsonrpc: '2.0', id: 1, method: 'tools/list' });
  const { error } = await bridge.reply(1);
  assert.ok(JSON.stringify(error).includes(await signInUrl(bridge)), JSON.stringify(error));
  assert.ok(error.message.includes(`${bridgePath} login ${fake.mcp}`), error.message);
  const status = await command('status', fake.mcp);
  assert.ok(status.stdout.includes(`${bridgePath} login ${fake.mcp}`), status.stdout);
  await bridge.stop();
  await fake.stop();
});

test('the verifier and the state never touch the disk', async () => {
  const fake = await startFake();
  const browser = fakeBrowser();
  const bridge = startBridge(fake.mcp, { args: ['--browser', browser.command] });
  bridge.send({ jsonrpc: '2.0', id: 1, method: 'tools/list' });
  const [url] = await until(() => browser.urls().length && browser.urls(), 'the page');
  const { readdirSync } = await import('node:fs');
  const stored = () => readdirSync(bridge.stateDir).map((name) => readFileSync(path.join(bridge.stateDir, name), 'utf8')).join('\n');
  const state = new URL(url).searchParams.get('state');
  assert.ok(!stored().includes(state));
  await fetch(url);
  await bridge.reply(1);
  const verifier = tokenForms(fake)[0].code_verifier;
  assert.equal(createHash('sha256').update(verifier).digest('base64url'), new URL(url).searchParams.get('code_challenge'));
  assert.ok(!stored().includes(verifier) && !stored().includes(state));
  await bridge.stop();
  await fake.stop();
});
