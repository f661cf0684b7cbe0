// A port that is free now, for those who must know it before anyone listens: none of those that the kernel gives to
// whoever asks for any, so that nobody gets it meanwhile.
import { randomInt } from 'node:crypto';
import net from 'node:net';

const listens = (port, host) => new Promise((resolve) => {
  const probe = net.createServer();
  probe.once('error', () => resolve(false));
  probe.listen(port, host, () => probe.close(() => resolve(true)));
});

export async function freePort(host = '127.0.0.1') {
  for (let tries = 0; tries < 100; tries++) {
    const port = randomInt(15_000, 32_000);
    if (await listens(port, host)) return port;
  }
  throw new Error('no free port');
}
