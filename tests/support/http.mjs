// HTTP as plainly as possible: any header may be sent, no redirect is followed, nothing is added.
import http from 'node:http';
import net from 'node:net';

// -> { status, headers, text, json() }
export function request(url, { method = 'GET', headers = {}, body, timeout = 15_000, agent = false } = {}) {
  const target = new URL(url);
  const payload = body === undefined || typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  const all = { ...headers };
  if (payload !== undefined) {
    all['Content-Length'] ??= Buffer.byteLength(payload);
    if (!Object.keys(all).some((name) => name.toLowerCase() === 'content-type')) all['Content-Type'] = 'application/json';
  }
  return new Promise((resolve, reject) => {
    const outgoing = http.request({
      hostname: target.hostname.replace(/^\[|\]$/g, ''),
      port: target.port,
      path: target.pathname + target.search,
      method,
      headers: all,
      agent,
      timeout,
    }, (incoming) => {
      const chunks = [];
      incoming.on('data', (chunk) => chunks.push(chunk));
      incoming.on('error', reject);
      incoming.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        resolve({
          status: incoming.statusCode,
          headers: incoming.headers,
          rawHeaders: incoming.rawHeaders,
          text,
          json: () => JSON.parse(text),
        });
      });
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no reply from ${url} in ${timeout} ms`)));
    outgoing.on('error', reject);
    outgoing.end(payload);
  });
}

export const get = (url, headers) => request(url, { headers });

export function postForm(url, fields, headers = {}) {
  return request(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded', ...headers },
    body: new URLSearchParams(fields).toString(),
  });
}

// A socket for what no HTTP library would send.
export function openRaw(port, host = '127.0.0.1') {
  const socket = net.connect(port, host);
  let received = Buffer.alloc(0);
  let closed = false;
  let wake = () => {};
  socket.on('data', (chunk) => { received = Buffer.concat([received, chunk]); wake(); });
  socket.on('error', () => { closed = true; wake(); });
  socket.on('close', () => { closed = true; wake(); });
  const connected = new Promise((resolve, reject) => { socket.once('connect', resolve); socket.once('error', reject); });
  return {
    socket,
    connected,
    send: (bytes) => socket.write(bytes),
    text: () => received.toString('latin1'),
    isClosed: () => closed,
    close: () => socket.destroy(),
    // Until `enough(text)` or the peer closes.
    async read(enough = () => false, ms = 10_000) {
      const end = Date.now() + ms;
      while (!closed && !enough(received.toString('latin1'))) {
        const left = end - Date.now();
        if (left <= 0) break;
        await new Promise((resolve) => { wake = resolve; setTimeout(resolve, left); });
      }
      return received.toString('latin1');
    },
  };
}

export const hasWholeResponse = (text) => parseResponse(text) !== undefined;

// The first whole response in `text`: { status, headers, body, rest } or undefined.
export function parseResponse(text) {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [statusLine, ...lines] = text.slice(0, end).split('\r\n');
  const headers = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  const status = Number(statusLine.split(' ')[1]);
  if (status >= 100 && status < 200) return parseResponse(text.slice(end + 4));
  const length = Number(headers['content-length'] ?? 0);
  const body = text.slice(end + 4, end + 4 + length);
  if (body.length < length) return undefined;
  return { status, headers, body, rest: text.slice(end + 4 + length) };
}

// Sends bytes on a fresh connection and gives the first response (undefined when there was none).
export async function exchangeRaw(port, bytes, { ms = 10_000 } = {}) {
  const raw = openRaw(port);
  await raw.connected;
  raw.send(bytes);
  const text = await raw.read(hasWholeResponse, ms);
  raw.close();
  return parseResponse(text);
}

// What a client sent, as text. A client that is killed meanwhile never gets an answer: then this does not end,
// and neither does the handler that waits for it.
export async function readBody(incoming) {
  const chunks = [];
  try {
    for await (const chunk of incoming) chunks.push(chunk);
  } catch (error) {
    if (error.code !== 'ECONNRESET') throw error;
    await new Promise(() => {});
  }
  return Buffer.concat(chunks).toString('utf8');
}
