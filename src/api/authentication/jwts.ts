import { decodeJwt, errors, type JWTPayload, jwtVerify } from 'jose';
import type { RoleOfClaim } from '../../shared/config/authentication.ts';
import { CourierError } from '../../shared/errors/courierError.ts';
import type { Caller } from '../caller.ts';
import { actorFrom, isFor, roleFrom } from './claims.ts';
import { issuerKeys, type KeyTimings } from './issuerKeys.ts';
import { unauthenticated, unknownToken, withoutRole } from './refusals.ts';

export interface JwtOptions {
  readonly issuers: readonly string[];
  readonly audiences: readonly string[];
  readonly jwksUrl: string | undefined;
  readonly algorithms: readonly string[];
  readonly clockToleranceSeconds: number;
  readonly roleClaim: string;
  readonly roles: readonly RoleOfClaim[];
  readonly actorClaim: string | undefined;
  readonly timings?: KeyTimings;
}

const COMPACT_JWS = /^[\w-]+\.[\w-]+\.[\w-]*$/;

export function looksLikeJwt(token: string): boolean {
  return COMPACT_JWS.test(token);
}

/**
 * Checks the tokens of OpenID Connect issuers (RFC 8725): signature, issuer, audience, times, and
 * the role that the claims give.
 * @throws UNAUTHENTICATED, FORBIDDEN without a role, ISSUER_UNAVAILABLE.
 */
export function createJwtCheck(options: JwtOptions): (token: string) => Promise<Caller> {
  const keys = new Map(
    options.issuers.map((issuer) => [issuer, issuerKeys(issuer, options.jwksUrl, options.timings)]),
  );
  return async (token) => {
    const keyOf = keys.get(claimedIssuer(token));
    if (keyOf === undefined) throw unknownToken();
    const payload = await verify(token, keyOf, options);
    if (!isFor(payload, options.audiences)) {
      throw invalid(
        'is made for another audience',
        'Use a token of an app out of API_OIDC_AUDIENCE.',
      );
    }
    const actor = actorFrom(payload, options.actorClaim);
    if (actor === undefined) throw invalid('does not say whose it is', SIGN_IN);
    const role = roleFrom(payload, options.roleClaim, options.roles);
    if (role === undefined) throw withoutRole(options.roleClaim);
    return { actor, role, source: 'jwt' };
  };
}

/** What the token says of itself, to know whose keys to try; the signature is checked with them. */
function claimedIssuer(token: string): string {
  try {
    return decodeJwt(token).iss ?? '';
  } catch {
    throw unknownToken();
  }
}

async function verify(
  token: string,
  keyOf: ReturnType<typeof issuerKeys>,
  options: JwtOptions,
): Promise<JWTPayload> {
  try {
    const { payload } = await jwtVerify(token, keyOf, {
      issuer: [...options.issuers],
      algorithms: [...options.algorithms],
      clockTolerance: options.clockToleranceSeconds,
      requiredClaims: ['exp', 'iss'],
    });
    return payload;
  } catch (error) {
    if (error instanceof CourierError) throw error;
    throw refusal(error);
  }
}

function refusal(error: unknown): CourierError {
  if (error instanceof errors.JWTExpired) return invalid('has expired', SIGN_IN);
  if (error instanceof errors.JOSEAlgNotAllowed) {
    return invalid('is signed in a way that is not allowed', 'See API_OIDC_ALGORITHMS.');
  }
  if (error instanceof errors.JWTClaimValidationFailed) {
    return invalid(`is not good, for its claim ${error.claim}`, SIGN_IN);
  }
  return invalid('is not signed by its issuer', SIGN_IN);
}

const SIGN_IN = 'Sign in at the issuer again and send the token that it gives.';

function invalid(what: string, remedy: string): CourierError {
  return unauthenticated(`The bearer token ${what}.`, remedy);
}
