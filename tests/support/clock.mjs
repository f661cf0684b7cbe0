// A wall clock that a test moves while programs run by it; see time/fake_time.c.
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gatehousePath, sanitized, tempDir } from './programs.mjs';

export const noClock = sanitized ? 'a sanitizer must be loaded first' : false;

// -> { env, move(seconds) }: programs that were started with `env` are so many seconds ahead.
export function fakeClock() {
  const file = path.join(tempDir(), 'offset');
  const move = (seconds) => {
    const bytes = Buffer.alloc(8);
    if (process.arch === 's390x') bytes.writeBigInt64BE(BigInt(seconds)); else bytes.writeBigInt64LE(BigInt(seconds));
    writeFileSync(file, bytes, { flag: existsSync(file) ? 'r+' : 'w' });
  };
  move(0);
  return { env: { LD_PRELOAD: path.join(path.dirname(gatehousePath), 'tests/fake_time.so'), FAKE_TIME_FILE: file }, move };
}
