import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type CryptoKey,
  exportJWK,
  exportSPKI,
  generateKeyPair,
  type JWK,
  type JWTPayload,
  SignJWT,
} from 'jose';
import { onTestFinished } from 'vitest';
import type { JwtOptions } from '../../../src/api/authentication/jwts.ts';

export const AUDIENCE = 'the-app-of-the-tests';

/** How a token departs from a sound one. */
interface Claims {
  readonly header?: Readonly<Record<string, unknown>>;
  readonly expiresIn?: number;
  readonly [claim: string]: unknown;
}

export interface Issuer {
  readonly url: string;
  /** How often its configuration and its keys were fetched. */
  readonly fetched: { configuration: number; keys: number };
  /** A sound token with these claims; undefined leaves one out. */
  sign(claims?: Claims): Promise<string>;
  /** Its present public key as PEM text. */
  publicKey(): Promise<string>;
  /** Signs with a new key from now on, and publishes no other. */
  rotate(): Promise<void>;
  /** Answers everything with this status and this text; no status ends that. */
  fail(status?: number, text?: string): void;
  /** How often it was asked while it failed. */
  readonly failed: number;
  /** Nobody listens any more. */
  close(): Promise<void>;
}

/** An OpenID Connect issuer with real keys, on a port of its own; gone when the test ends. */
export async function startIssuer(alg = 'ES256'): Promise<Issuer> {
  let pair = await generateKeyPair(alg, { extractable: true });
  let kid = 1;
  let failing: { readonly status: number; readonly text: string } | undefined;
  let failed = 0;
  const fetched = { configuration: 0, keys: 0 };
  const jwk = async (): Promise<JWK> => ({
    ...(await exportJWK(pair.publicKey)),
    alg,
    kid: `key-${kid}`,
    use: 'sig',
  });
  const server = createServer((request, response) => {
    const answer = (body: object) => response.end(JSON.stringify(body));
    if (failing !== undefined) {
      failed += 1;
      response.writeHead(failing.status).end(failing.text);
    } else if (request.url === '/.well-known/openid-configuration') {
      fetched.configuration += 1;
      answer({ issuer: url, jwks_uri: `${url}/keys` });
    } else {
      fetched.keys += 1;
      void jwk().then((key) => answer({ keys: [key] }));
    }
  });
  const url = await listening(server);
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  onTestFinished(close);
  return {
    url,
    fetched,
    sign: ({ header = {}, expiresIn = 600, ...claims } = {}) =>
      signed(pair.privateKey, { alg, kid: `key-${kid}`, ...header }, expiresIn, {
        iss: url,
        aud: AUDIENCE,
        sub: 'a-subject',
        'cognito:groups': ['operators'],
        ...claims,
      }),
    publicKey: () => exportSPKI(pair.publicKey),
    rotate: async () => {
      pair = await generateKeyPair(alg, { extractable: true });
      kid += 1;
    },
    fail: (status, text = 'no') => {
      failing = status === undefined ? undefined : { status, text };
    },
    get failed() {
      return failed;
    },
    close,
  };
}

/** What the API needs to take the tokens of an issuer. */
export function trusting(issuer: Issuer, changes: Partial<JwtOptions> = {}): JwtOptions {
  return {
    issuers: [issuer.url],
    audiences: [AUDIENCE],
    jwksUrl: undefined,
    algorithms: ['RS256', 'ES256'],
    clockToleranceSeconds: 30,
    roleClaim: 'cognito:groups',
    roles: [
      { value: 'viewers', role: 'viewer' },
      { value: 'operators', role: 'operator' },
      { value: 'admins', role: 'admin' },
    ],
    actorClaim: undefined,
    timings: { cooldownMs: 0, failurePauseMs: 0 },
    ...changes,
  };
}

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function signed(
  key: CryptoKey,
  header: { alg: string; kid: string },
  expiresIn: number,
  claims: JWTPayload,
): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const payload = { iat: now, exp: now + expiresIn, ...claims };
  const present = Object.entries(payload).filter(([, value]) => value !== undefined);
  return new SignJWT(Object.fromEntries(present)).setProtectedHeader(header).sign(key);
}
