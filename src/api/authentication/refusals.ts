import { CourierError } from '../../shared/errors/courierError.ts';

/** The answer to a request that does not prove who sent it. */
export function unauthenticated(message: string, remedy: string): CourierError {
  return new CourierError('UNAUTHENTICATED', message, remedy);
}

export function noToken(): CourierError {
  return unauthenticated('The request carries no bearer token.', SEND_A_TOKEN);
}

export function unknownToken(): CourierError {
  return unauthenticated('The bearer token is not one that this API knows.', SEND_A_TOKEN);
}

/** The caller is known, and none of what it may is here. */
export function withoutRole(claim: string): CourierError {
  return new CourierError(
    'FORBIDDEN',
    `Nothing in the claim ${claim} of the token gives a role here.`,
    'Add the user to a group that API_OIDC_ROLES maps to a role, and sign in again.',
  );
}

export function issuerUnavailable(issuer: string, cause: unknown): CourierError {
  return new CourierError(
    'ISSUER_UNAVAILABLE',
    `The keys of the issuer ${issuer} cannot be fetched, so its tokens cannot be checked.`,
    'Ask again in a moment. If it stays, look whether the API reaches the issuer.',
    { cause },
  );
}

const SEND_A_TOKEN =
  'Send the header "Authorization: Bearer <token>" with a token out of API_TOKENS, one that createApiToken made, or one of an issuer out of API_OIDC_ISSUERS.';
