import { createRemoteJWKSet, customFetch, errors, type JWTVerifyGetKey } from 'jose';
import { z } from 'zod';
import { FailurePause } from './failurePause.ts';
import { issuerUnavailable } from './refusals.ts';

/** How keys are fetched and kept; the defaults are for production. */
export interface KeyTimings {
  /** How long one fetch may take. */
  readonly timeoutMs?: number;
  /** After how long keys are fetched anew, so that one the issuer withdrew is not good for ever. */
  readonly maxAgeMs?: number;
  /** How often an unknown key id may cause a fetch, so that made-up ones cost the issuer nothing. */
  readonly cooldownMs?: number;
  /** How long an issuer is not asked again after it failed once; see FailurePause. */
  readonly failurePauseMs?: number;
  /** The clock of that pause, in milliseconds. */
  readonly now?: () => number;
}

const TIMEOUT_MS = 5000;
const MAX_AGE_MS = 600_000;
const COOLDOWN_MS = 30_000;
const FAILURE_PAUSE_MS = 5000;

/** OpenID Connect Discovery 1.0, section 3: what we need of an issuer's configuration. */
const CONFIGURATION = z.object({ issuer: z.string(), jwks_uri: z.url() });
/** RFC 7517, section 5. What is in it is for jose. */
const KEY_SET = z.object({ keys: z.array(z.looseObject({})) });

/**
 * The keys of an issuer, for jose: found where its configuration says unless given, cached, and
 * fetched anew when a token names a key that is not known yet. An issuer that failed is left alone
 * for a while; tokens whose key is known are taken meanwhile.
 * @throws ISSUER_UNAVAILABLE from the function that it returns, while they cannot be fetched.
 */
export function issuerKeys(
  issuer: string,
  jwksUrl: string | undefined,
  timings: KeyTimings = {},
): JWTVerifyGetKey {
  const timeoutMs = timings.timeoutMs ?? TIMEOUT_MS;
  const pause = new FailurePause(timings.failurePauseMs ?? FAILURE_PAUSE_MS, timings.now);
  const makeSet = (url: string) =>
    createRemoteJWKSet(new URL(url), {
      timeoutDuration: timeoutMs,
      cacheMaxAge: timings.maxAgeMs ?? MAX_AGE_MS,
      cooldownDuration: timings.cooldownMs ?? COOLDOWN_MS,
      // jose would ask again at every token after a failure.
      [customFetch]: async (at, { signal }) =>
        Response.json(await pause.run(() => fetchJson(at, KEY_SET, signal))),
    });
  let set: Promise<JWTVerifyGetKey> | undefined;
  const find = () => {
    const discovered = () => pause.run(() => discover(issuer, AbortSignal.timeout(timeoutMs)));
    set ??= (jwksUrl === undefined ? discovered() : Promise.resolve(jwksUrl))
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

async function discover(issuer: string, signal: AbortSignal): Promise<string> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const found = await fetchJson(url, CONFIGURATION, signal);
  // Section 4.3: otherwise it is the configuration of somebody else.
  if (found.issuer !== issuer) throw new Error(`${url} is of ${found.issuer}`);
  return found.jwks_uri;
}

async function fetchJson<T>(url: string, schema: z.ZodType<T>, signal: AbortSignal): Promise<T> {
  const response = await fetch(url, {
    signal,
    redirect: 'error',
    headers: { accept: 'application/json' },
  });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return schema.parse(await response.json());
}
