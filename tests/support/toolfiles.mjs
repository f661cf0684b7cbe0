// Tools files for the tests: written to a folder of their own.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { tempDir } from './programs.mjs';

// `files`: name -> text, bytes or an object, beside the tools file. -> { file, folder, write(description) }
export function toolsFile(description, files = {}) {
  const folder = tempDir();
  const file = path.join(folder, 'tools.json');
  const write = (value) => writeFileSync(file, typeof value === 'string' ? value : JSON.stringify(value, null, 2));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), typeof content === 'string' || Buffer.isBuffer(content) ? content : JSON.stringify(content), { mode: 0o600 });
  }
  write(description);
  return { file, folder, write };
}

export const object = (properties = {}, required = []) => ({ type: 'object', properties, ...(required.length && { required }) });
const text = { type: 'string' };

// The orders of tests/support/api.mjs.
export const ordersFile = (api, { credential = 'user', ...more } = {}) => ({
  upstreams: { orders: { url: api.url, credential } },
  tools: [
    { name: 'whoIsAsking', description: 'Who the API says is asking.', inputSchema: object(), annotations: { readOnlyHint: true }, request: { method: 'GET', path: '/me' } },
    { name: 'getOrder', description: 'One order.', inputSchema: object({ id: text }, ['id']), outputSchema: object({ id: text, owner: text }, ['id']), request: { method: 'GET', path: '/orders/{id}' }, response: { errors: { 404: 'There is no order {id}.' } } },
    { name: 'listOrders', description: 'All orders.', inputSchema: object({ id: text }), request: { method: 'GET', path: '/orders', query: { id: '{id}' } }, response: { wrap: 'orders' } },
    { name: 'placeOrder', description: 'A new order.', inputSchema: object({ total: { type: 'number' }, note: text }, ['total']), request: { method: 'POST', path: '/orders', body: { json: { total: '{total}', note: '{note}', by: '{@name}' } } } },
  ],
  ...more,
});
