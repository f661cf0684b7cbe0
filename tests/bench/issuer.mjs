// An identity provider as far as tokens need one: metadata, a key set, and a key that signs for everybody.
import { generateKeyPairSync } from 'node:crypto';
import http from 'node:http';
import { signWith } from '../support/jwt.mjs';

export const audience = 'urn:gatehouse:bench';

export async function startIssuer() {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const key = { ...publicKey.export({ format: 'jwk' }), kid: 'bench', alg: 'RS256', use: 'sig' };
  const server = http.createServer((request, reply) => {
    const document = documents[request.url];
    reply.writeHead(document ? 200 : 404, { 'Content-Type': 'application/json' }).end(JSON.stringify(document ?? {}));
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const metadata = {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}/jwks`,
    response_types_supported: ['code'],
    code_challenge_methods_supported: ['S256'],
    id_token_signing_alg_values_supported: ['RS256'],
  };
  const documents = {
    '/.well-known/openid-configuration': metadata,
    '/.well-known/oauth-authorization-server': metadata,
    '/jwks': { keys: [key] },
  };
  const tokens = new Map();
  // The access token of user number `user`, good for a day.
  const tokenOf = (user) => {
    if (!tokens.has(user)) {
      const now = Math.floor(Date.now() / 1000);
      tokens.set(user, signWith(privateKey, { alg: 'RS256', typ: 'at+jwt', kid: key.kid }, {
        iss: issuer, aud: audience, sub: `user-${user}`, name: 'Ada Lovelace', client_id: 'bench', scope: 'openid profile', iat: now, exp: now + 86_400,
      }));
    }
    return tokens.get(user);
  };
  return { issuer, jwksUri: metadata.jwks_uri, tokenOf };
}
