// Event streams, event by event, over a connection that can be cut at any moment.
import http from 'node:http';
import { until } from './programs.mjs';

function parseEvent(text) {
  const event = { data: undefined, comments: [] };
  for (const line of text.split('\n')) {
    if (line.startsWith(':')) event.comments.push(line.slice(1).trim());
    const [, name, value] = /^(id|event|retry|data):? ?(.*)$/.exec(line) ?? [];
    if (name === 'data') event.data = event.data === undefined ? value : `${event.data}\n${value}`;
    else if (name) event[name] = value;
  }
  if (event.data) event.message = JSON.parse(event.data);
  return event;
}

// -> { status, headers, text(), events, messages(), wait(find, what), end, ended(), cut() }, once the headers are
// there. `end` resolves to 'complete' or, when the connection broke, 'cut'.
export function openStream(url, { method = 'GET', headers = {}, body, timeout = 20_000 } = {}) {
  const target = new URL(url);
  const payload = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  const all = { Accept: method === 'GET' ? 'text/event-stream' : 'application/json, text/event-stream', ...headers };
  if (payload !== undefined) Object.assign(all, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(payload) });
  return new Promise((resolve, reject) => {
    const outgoing = http.request({ hostname: target.hostname, port: target.port, path: target.pathname, method, headers: all, agent: false });
    const timer = setTimeout(() => outgoing.destroy(new Error(`no headers from ${url} in ${timeout} ms`)), timeout);
    outgoing.on('error', (error) => { clearTimeout(timer); reject(error); });
    outgoing.on('response', (incoming) => {
      clearTimeout(timer);
      let text = '';
      let read = 0;
      let how;
      const events = [];
      const stream = {
        status: incoming.statusCode,
        headers: incoming.headers,
        events,
        text: () => text,
        json: () => JSON.parse(text),
        messages: () => events.map((event) => event.message).filter(Boolean),
        ended: () => how,
        // The first event that `find` likes.
        wait: (find, what, ms = 10_000) => until(() => {
          const found = events.find(find);
          if (!found && how) throw new Error(`the stream ended (${how}) before ${what}:\n${text}`);
          return found;
        }, () => `${what} in:\n${text}`, ms),
        cut: () => outgoing.destroy(),
        onmessage: undefined,
      };
      stream.end = new Promise((done) => {
        const finish = (as) => { how ??= as; done(how); };
        incoming.setEncoding('utf8');
        incoming.on('data', (chunk) => {
          text += chunk;
          if (!(incoming.headers['content-type'] ?? '').startsWith('text/event-stream')) return;
          for (let at = text.indexOf('\n\n', read); at >= 0; at = text.indexOf('\n\n', read)) {
            const event = parseEvent(text.slice(read, at));
            read = at + 2;
            events.push(event);
            if (event.message) stream.onmessage?.(event.message);
          }
        });
        incoming.on('end', () => finish('complete'));
        incoming.on('error', () => finish('cut'));
        incoming.on('close', () => finish('cut'));
      });
      resolve(stream);
    });
    outgoing.end(payload);
  });
}

export const bearer = (token) => (token ? { Authorization: `Bearer ${token}` } : {});
