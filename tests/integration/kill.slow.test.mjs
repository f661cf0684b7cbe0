// kill -9 at any moment, while clients register, sign in and refresh: what was answered is still true afterwards,
// and nothing is accepted twice. TEST_KILL_ROUNDS says how often.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { get } from '../support/http.mjs';
import { modern } from '../support/mcp.mjs';
import { authorizeUrl, newPkce, refreshFields, register, signIn, tokenRequest } from '../support/oauth.mjs';
import { freePort } from '../support/ports.mjs';
import { sleep, startGatehouse, tempDir } from '../support/programs.mjs';
import { signInBeside, startBeside, startProvider } from '../support/provider.mjs';

const rounds = Number(process.env.TEST_KILL_ROUNDS ?? 20);
const redirectUri = 'http://127.0.0.1:39999/callback';

// One client that signs in once and then refreshes for ever.
class Chain {
  spent = []; // refresh tokens whose successor was used
  inFlight = false; // the last answer is not known
  lost = 0; // sign-ins that had to be repeated
  rotated(tokens) {
    this.spent.push(this.tokens.refresh_token);
    this.tokens = tokens;
    this.inFlight = false;
  }

  async step(server, login) {
    if (!this.session) {
      this.session = await login(server, { client: this.client, redirectUri });
      this.tokens = this.session.tokens;
      return;
    }
    const unsure = this.inFlight;
    this.inFlight = true;
    const reply = await tokenRequest(server, refreshFields({ client: this.client, tokens: this.tokens }));
    if (reply.status === 503 && this.patient) {
      await sleep(100);
      return;
    }
    if (unsure && this.patient && reply.json().error === 'invalid_grant') {
      Object.assign(this, { session: undefined, spent: [], inFlight: false });
      this.lost++;
      return;
    }
    assert.equal(reply.status, 200, `a valid refresh token: ${reply.text}`);
    this.rotated(reply.json());
  }
}

// Works until the server is gone. -> the clients whose registration was confirmed
async function work(server, login, chains, registered, isKilled) {
  await Promise.all(chains.map(async (chain, i) => {
    try {
      for (let step = 0; !isKilled(); step++) {
        await chain.step(server, login);
        if (i === 0 && step % 4 === 0) registered.push((await register(server, redirectUri)).client_id);
        await sleep(5);
      }
    } catch (error) {
      if (!isKilled()) throw error;
    }
  }));
}

async function loop({ start, login, beside, rounds }) {
  let server = await start();
  const registered = [];
  const newChain = async () => Object.assign(new Chain(), { patient: beside, client: await register(server, redirectUri) });
  const chains = [await newChain(), await newChain(), await newChain()];
  for (let round = 0; round < rounds; round++) {
    let killed = false;
    const working = work(server, login, chains, registered, () => killed);
    await Promise.race([sleep(80 + Math.random() * 400), working]);
    killed = true;
    server.kill('SIGKILL');
    await server.exited;
    await working;
    server = await start();
    for (const id of registered.slice(-3)) assert.equal((await get(authorizeUrl(server, { clientId: id, redirectUri, challenge: newPkce().challenge }))).status < 400, true, `client ${id} is known`);
    await Promise.all(chains.map(async (chain, i) => {
      if (!chain.session) return;
      const reply = await tokenRequest(server, refreshFields({ client: chain.client, tokens: chain.tokens }));
      // Beside a provider, the one that was killed may still hold the lease for the refresh there.
      if (reply.status === 503 && chain.inFlight && beside) return;
      if (reply.status !== 200 && chain.inFlight && beside) {
        assert.equal(reply.json().error, 'invalid_grant');
        chains[i] = Object.assign(await newChain(), { lost: chain.lost + 1 });
        return;
      }
      assert.equal(reply.status, 200, `round ${round}: the grant was lost: ${reply.text}`);
      chain.rotated(reply.json());
      assert.equal((await modern(server, chain.tokens.access_token, 'tools/list')).status, 200);
    }));
    // What was spent stays spent, in turn a code and an old refresh token; both revoke the grant.
    const victim = chains[round % chains.length];
    if (!victim.session || victim.inFlight || victim.spent.length < 2) continue;
    const again = round % 2 ? victim.session.fields : refreshFields({ client: victim.client, tokens: { refresh_token: victim.spent.at(-2) } });
    const reply = await tokenRequest(server, again);
    assert.equal(reply.json().error, 'invalid_grant', `round ${round}: accepted twice`);
    assert.equal((await tokenRequest(server, refreshFields({ client: victim.client, tokens: victim.tokens }))).json().error, 'invalid_grant');
    chains[round % chains.length] = Object.assign(await newChain(), { lost: victim.lost });
  }
  await server.stop();
  return chains.reduce((sum, chain) => sum + chain.lost, 0);
}

// Beside a provider fewer: what waited for the lease of the one that was killed waits for seconds.
describe(`kill -9, ${rounds} times`, () => {
  test('dev mode: no double spend, no lost grant', { timeout: 600_000 }, async () => {
    const port = await freePort();
    const stateHome = tempDir();
    await loop({ start: () => startGatehouse({ listen: `127.0.0.1:${port}`, stateHome }), login: signIn, beside: false, rounds });
  });
  test('proxy mode: the same, but for a rotation at the provider that was cut off', { timeout: 600_000 }, async (t) => {
    const provider = await startProvider({ shape: 'authentik' });
    const stateHome = tempDir();
    const lost = await loop({ start: () => startBeside(provider, { stateHome }), login: signInBeside, beside: true, rounds: Math.ceil(rounds / 4) });
    await provider.stop();
    t.diagnostic(`${lost} sign-ins had to be repeated`);
  });
});
