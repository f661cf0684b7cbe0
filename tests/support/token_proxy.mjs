// A proxy that adds an access token to what goes to /mcp and passes on everything else as it came, byte by
// byte: for clients that cannot sign in. The server's --public-url is the proxy's.
import http from 'node:http';
import { once } from 'node:events';

// -> { port, url, use({ port, token }), close() }. Headers keep their case, order, Host and Origin.
export async function startTokenProxy(host = '127.0.0.1') {
  let target;
  const server = http.createServer((incoming, outgoing) => {
    const headers = [...incoming.rawHeaders];
    const { pathname } = new URL(incoming.url, 'http://proxy');
    if (pathname === '/mcp' && target?.token && !incoming.headers.authorization) headers.push('Authorization', `Bearer ${target.token}`);
    const onward = http.request({ host, port: target.port, method: incoming.method, path: incoming.url, headers, setHost: false, agent: false });
    onward.on('response', (reply) => {
      outgoing.writeHead(reply.statusCode, reply.statusMessage, reply.rawHeaders);
      outgoing.flushHeaders();
      reply.pipe(outgoing);
      reply.on('error', () => outgoing.destroy());
    });
    onward.on('error', () => { if (outgoing.headersSent) outgoing.destroy(); else outgoing.writeHead(502).end(); });
    outgoing.on('close', () => onward.destroy());
    incoming.pipe(onward);
  });
  server.listen(0, host);
  await once(server, 'listening');
  const { port } = server.address();
  return {
    port,
    url: `http://${host}:${port}`,
    use: (to) => { target = { ...target, ...to }; },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
