// The two modes with an authorization server of their own, behind one interface: what is promised to clients is
// promised in both.
import path from 'node:path';
import { signIn, walk } from './oauth.mjs';
import { freePort } from './ports.mjs';
import { startGatehouse, tempDir } from './programs.mjs';
import { signInBeside, startBeside, startProvider, walkBoth } from './provider.mjs';

// -> { start({ args, stateHome }), signIn(server, options), walk(url, redirectUri, options), storeOf(server), stop() }; `start` again
// with the `stateHome` of a server that stopped is a restart of it, under the same URL.
async function devMode() {
  const port = await freePort();
  return {
    start: (options) => startGatehouse({ listen: `127.0.0.1:${port}`, ...options }),
    signIn, walk, storeOf: ({ stateHome }) => path.join(stateHome, 'gatehouse/dev.db'),
    stop: async () => {},
  };
}

async function proxyMode() {
  const provider = await startProvider({ shape: 'authentik' });
  return {
    start: ({ stateHome = tempDir(), ...options } = {}) => startBeside(provider, { mode: 'proxy', stateHome, ...options }),
    signIn: signInBeside, walk: walkBoth, storeOf: ({ stateHome }) => path.join(stateHome, 'gatehouse.db'),
    stop: () => provider.stop(),
  };
}

export const ownModes = { dev: devMode, proxy: proxyMode };
