import { createRemoteJWKSet, errors, type JWTVerifyGetKey } from 'jose';
import { z } from 'zod';
import { issuerUnavailable } from './refusals.ts';

/** How keys are fetched and kept; the defaults are for production. */
export interface KeyTimings {
  /** How long one fetch may take. */
  readonly timeoutMs?: number;
  /** After how long keys are fetched anew, so that one the issuer withdrew is not good for ever. */
  readonly maxAgeMs?: number;
  /** How often an unknown key id may cause a fetch, so that made-up ones cost the issuer nothing. */
  readonly cooldownMs?: number;
}

const TIMEOUT_MS = 5000;
const MAX_AGE_MS = 600_000;
const COOLDOWN_MS = 30_000;

/** OpenID Connect Discovery 1.0, section 3: what we need of an issuer's configuration. */
const CONFIGURATION = z.object({ issuer: z.string(), jwks_uri: z.string() });

/**
 * The keys of an issuer, for jose: found where its configuration says unless given, cached, and
 * fetched anew when a token names a key that is not known yet.
 * @throws ISSUER_UNAVAILABLE from the function that it returns, while they cannot be fetched.
 */
export function issuerKeys(
  issuer: string,
  jwksUrl: string | undefined,
  timings: KeyTimings = {},
): JWTVerifyGetKey {
  const timeoutMs = timings.timeoutMs ?? TIMEOUT_MS;
  const makeSet = (url: string) =>
    createRemoteJWKSet(new URL(url), {
      timeoutDuration: timeoutMs,
      cacheMaxAge: timings.maxAgeMs ?? MAX_AGE_MS,
      cooldownDuration: timings.cooldownMs ?? COOLDOWN_MS,
    });
  let set: Promise<JWTVerifyGetKey> | undefined;
  const find = () => {
    set ??= (jwksUrl === undefined ? discover(issuer, timeoutMs) : Promise.resolve(jwksUrl))
      .then(makeSet)
      .catch((error: unknown) => {
        // The next token looks again.
        set = undefined;
        throw error;
      });
    return set;
  };
  return async (header, token) => {
    try {
      const keyOf = await find();
      return await keyOf(header, token);
    } catch (error) {
      if (isAboutTheToken(error)) throw error;
      throw issuerUnavailable(issuer, error);
    }
  };
}

/** What jose says of a key that the set does not have, against what it says of the set. */
function isAboutTheToken(error: unknown): boolean {
  return (
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys ||
    error instanceof errors.JOSENotSupported
  );
}

async function discover(issuer: string, timeoutMs: number): Promise<string> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const response = await fetch(url, {
    signal: AbortSignal.timeout(timeoutMs),
    redirect: 'error',
    headers: { accept: 'application/json' },
  });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  const found = CONFIGURATION.parse(await response.json());
  // Section 4.3: otherwise it is the configuration of somebody else.
  if (found.issuer !== issuer) throw new Error(`${url} is of ${found.issuer}`);
  return found.jwks_uri;
}
