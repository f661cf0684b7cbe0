// The official TypeScript SDK's server as its own example arranges it: Express, one transport a session.
// Verifies tokens against the issuer's key set. PORT, ISSUER, JWKS_URI and AUDIENCE come from the environment.
import { randomUUID } from 'node:crypto';
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js';
import { InvalidTokenError } from '@modelcontextprotocol/sdk/server/auth/errors.js';
import { createMcpExpressApp } from '@modelcontextprotocol/sdk/server/express.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { z } from 'zod';

const { PORT, ISSUER, JWKS_URI, AUDIENCE } = process.env;
const origin = `http://localhost:${PORT}`;
const keys = createRemoteJWKSet(new URL(JWKS_URI));
const text = (value) => ({ content: [{ type: 'text', text: value }] });

const verifier = {
  async verifyAccessToken(token) {
    const { payload } = await jwtVerify(token, keys, { issuer: ISSUER, audience: AUDIENCE, requiredClaims: ['exp', 'sub'] })
      .catch((error) => { throw new InvalidTokenError(error.message); });
    return { token, clientId: payload.client_id, scopes: payload.scope.split(' '), expiresAt: payload.exp, extra: { subject: payload.sub, name: payload.name } };
  },
};

function makeServer() {
  const server = new McpServer({ name: 'peer-typescript', version: '1.0.0' });
  server.registerTool('sayHello', { description: 'Returns a greeting.', inputSchema: { name: z.string().min(1).max(100).optional() } },
    ({ name }, { authInfo }) => text(`Hello, ${name ?? authInfo.extra.name}!`));
  server.registerTool('whoami', { description: 'Tells who is signed in.', inputSchema: {} },
    (_, { authInfo }) => text(JSON.stringify({ subject: authInfo.extra.subject, scopes: authInfo.scopes })));
  server.registerTool('progress', { description: 'Reports its progress ten times.', inputSchema: {} }, async (_, { _meta, sendNotification }) => {
    for (let progress = 1; progress <= 10; progress++) {
      await sendNotification({ method: 'notifications/progress', params: { progressToken: _meta.progressToken, progress, total: 10 } });
    }
    return text('Done.');
  });
  return server;
}

const transports = new Map();

async function handle(request, reply) {
  const id = request.headers['mcp-session-id'];
  let transport = transports.get(id);
  if (id !== undefined && !transport) return reply.status(404).end();
  if (!transport) {
    transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (made) => { transports.set(made, transport); },
    });
    transport.onclose = () => transports.delete(transport.sessionId);
    await makeServer().connect(transport);
  }
  return transport.handleRequest(request, reply, request.body);
}

const app = createMcpExpressApp();
app.get('/.well-known/oauth-protected-resource', (_, reply) => {
  reply.json({ resource: `${origin}/mcp`, authorization_servers: [ISSUER], scopes_supported: ['openid', 'email', 'profile'], bearer_methods_supported: ['header'] });
});
app.all('/mcp', requireBearerAuth({ verifier, resourceMetadataUrl: `${origin}/.well-known/oauth-protected-resource` }), handle);
app.listen(Number(PORT), '127.0.0.1');
