// A thread of its own: calls a tool again and again, on kept connections and on fresh ones in turn, and notes how
// long each call took. What goes on in the thread of the test delays nothing here.
import http from 'node:http';
import { parentPort, workerData } from 'node:worker_threads';
import { modernRequest } from './mcp.mjs';
import { request } from './http.mjs';

const { mcp, token, pause, least } = workerData;
const keepAlive = new http.Agent({ keepAlive: true, maxSockets: 1 });
const took = [];
const failures = [];
let again = 0;
let stop = false;
parentPort.on('message', () => { stop = true; });

async function call(agent) {
  const { headers, body } = modernRequest(token, 'tools/call', { name: 'sayHello', arguments: { name: 'Ada' } });
  const send = () => request(mcp, { method: 'POST', agent, body, timeout: 30_000, headers: { Accept: 'application/json, text/event-stream', ...headers } });
  const began = performance.now();
  // A kept connection may be closed by the server just as it is used again, and in a crowd it may say that it cannot
  // wait for who was slow, as this thread is on a busy machine: every client tries once more.
  let reply = await send().catch((error) => { if (error.code === 'ECONNRESET') return undefined; throw error; });
  if (!reply || reply.status === 503) {
    if (!agent) again++;
    reply = await send();
  }
  took.push(performance.now() - began);
  if (reply.status !== 200 || !/Ada/.test(reply.text)) failures.push(`${reply.status} ${reply.text.slice(0, 200)}`);
}

for (let n = 0; !stop || n < least; n++) {
  await call(n % 2 ? keepAlive : false).catch((error) => failures.push(String(error)));
  await new Promise((resolve) => { setTimeout(resolve, pause); });
}
keepAlive.destroy();
parentPort.postMessage({ took, failures, again });
