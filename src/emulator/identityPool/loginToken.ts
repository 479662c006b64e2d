import { compactVerify, type CryptoKey, decodeJwt, type JWTPayload } from 'jose';
import { identityPoolError } from './errors.ts';
import type { IdentityPool, LoginProvider } from './model.ts';

/** An ID token that was found good. */
export interface VerifiedLogin {
  readonly provider: LoginProvider;
  readonly subject: string;
  readonly claims: JWTPayload;
}

export interface LoginVerifier {
  readonly publicKey: CryptoKey;
  readonly now: () => number;
  /** Whether the user behind the token is disabled or has signed out since it was issued. */
  readonly isRevoked: (claims: JWTPayload) => boolean;
}

/**
 * Verifies a `Logins` map against the pool's providers. The pool has one user pool, so that a map
 * with two entries names a provider that it does not know.
 * Throws NotAuthorizedException with the sentence that Cognito has for each flaw.
 */
export async function verifyLogin(
  pool: IdentityPool,
  logins: Readonly<Record<string, string>>,
  verifier: LoginVerifier,
): Promise<VerifiedLogin> {
  const entries = Object.entries(logins);
  const [first] = entries;
  if (first === undefined) throw identityPoolError.unauthenticatedUnsupported();
  const known = new Set(pool.providers.map((provider) => provider.providerName));
  if (entries.some(([name]) => !known.has(name))) throw identityPoolError.unsupportedProvider();
  const [providerName, token] = first;

  const claims = decode(token);
  // An access token says nothing of an audience: the commonest mistake, so it is named first.
  if (claims.aud === undefined) throw identityPoolError.missingClaim('aud');
  if (claims.sub === undefined) throw identityPoolError.missingClaim('sub');
  if (typeof claims.exp !== 'number') throw identityPoolError.missingClaim('exp');
  if (claims.iss !== `https://${providerName}`) throw identityPoolError.issuerMismatch();
  await verifySignature(token, verifier.publicKey);
  const audience = Array.isArray(claims.aud) ? claims.aud : [claims.aud];
  const client = pool.providers.find(
    (candidate) => candidate.providerName === providerName && audience.includes(candidate.clientId),
  );
  // A pool knows a user pool by its name and one client of it, so another client is unsupported.
  if (client === undefined) throw identityPoolError.unsupportedProvider();
  const nowSeconds = Math.floor(verifier.now() / 1000);
  if (nowSeconds >= claims.exp) throw identityPoolError.tokenExpired(nowSeconds, claims.exp);
  if (client.serverSideTokenCheck && verifier.isRevoked(claims)) {
    throw identityPoolError.tokenRevoked();
  }
  return { provider: client, subject: claims.sub, claims };
}

function decode(token: string): JWTPayload {
  try {
    return decodeJwt(token);
  } catch {
    throw identityPoolError.notAToken();
  }
}

async function verifySignature(token: string, publicKey: CryptoKey): Promise<void> {
  try {
    await compactVerify(token, publicKey, { algorithms: ['RS256'] });
  } catch {
    throw identityPoolError.badSignature();
  }
}
