// A crowd of connections that do something slow: as many as asked for are open all the time, each that is closed is
// opened again.
import net from 'node:net';
import { readFileSync } from 'node:fs';
import { sleep } from './programs.mjs';

const SPARE = 500;
// As many connections as one process can have here, and 10,000 at most.
export function crowdSize(wanted = 10_000) {
  const hard = /Max open files\s+\S+\s+(\S+)/.exec(readFileSync('/proc/self/limits', 'utf8'))[1];
  return hard === 'unlimited' ? wanted : Math.min(wanted, Math.max(100, Number(hard) - SPARE));
}

// `act(socket)` is called with each connection; `drip`: a byte goes to all of them so often, in ms.
// -> { opened, closed } after `ms`.
export async function crowd(port, { size = crowdSize(), ms = 3000, act = () => {}, drip = 0, reads = true }) {
  const sockets = new Set();
  let opened = 0;
  let closed = 0;
  let over = false;
  const one = () => {
    const socket = net.connect(port, '127.0.0.1');
    sockets.add(socket);
    socket.on('connect', () => { opened++; act(socket); });
    socket.on('error', () => {});
    socket.on('close', () => { closed++; sockets.delete(socket); });
    if (reads) socket.resume();
  };
  const dripping = drip > 0 && setInterval(() => { for (const socket of sockets) if (!socket.connecting) socket.write('x'); }, drip);
  for (let i = 0; i < size; i += 250) {
    for (let k = 0; k < 250 && i + k < size; k++) one();
    await sleep(5);
  }
  for (const end = Date.now() + ms; Date.now() < end && !over;) {
    while (sockets.size < size) one();
    await sleep(50);
  }
  over = true;
  clearInterval(dripping);
  for (const socket of sockets) socket.destroy();
  return { opened, closed };
}
