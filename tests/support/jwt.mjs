// Takes tokens apart and forges them.
import { createHmac, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';

const encode = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const decodePart = (part) => JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));

export function decode(token) {
  const [header, payload, signature] = token.split('.');
  return { header: decodePart(header), payload: decodePart(payload), signature };
}

export const unsigned = (header, payload) => `${encode(header)}.${encode(payload)}.`;

// `input`: what is signed, where it is not the two encoded.
export function signWith(key, header, payload, input = `${encode(header)}.${encode(payload)}`) {
  const options = header.alg.startsWith('ES') ? { key, dsaEncoding: 'ieee-p1363' } : key;
  return `${input}.${sign(header.alg === 'EdDSA' ? null : 'sha256', Buffer.from(input), options).toString('base64url')}`;
}

// A stranger's key of the kind that `alg` needs.
export function strangerKey(alg) {
  if (alg === 'EdDSA') return generateKeyPairSync('ed25519').privateKey;
  if (alg.startsWith('ES')) return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  return generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
}

// Algorithm confusion: HS256 with each form in which the public key can be had as the secret.
export function hs256WithPublicKey(jwk, header, payload) {
  const key = createPublicKey({ key: jwk, format: 'jwk' });
  const input = `${encode({ ...header, alg: 'HS256' })}.${encode(payload)}`;
  const secrets = [
    key.export({ type: 'spki', format: 'pem' }),
    key.export({ type: 'spki', format: 'pem' }).trimEnd(),
    key.export({ type: 'spki', format: 'der' }),
    JSON.stringify(jwk),
  ];
  return secrets.map((secret) => `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`);
}
