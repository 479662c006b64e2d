import { type Answer, type Exchange, jsonAnswer } from '../http/exchange.ts';
import type { TokenIssuer } from './tokens.ts';

/** The issuer's public documents: `/<poolId>/.well-known/jwks.json` and `openid-configuration`. */
export function wellKnownAnswer(
  exchange: Exchange,
  userPoolId: string,
  tokens: TokenIssuer,
): Answer | undefined {
  if (exchange.method !== 'GET') return undefined;
  const base = `/${userPoolId}/.well-known/`;
  switch (exchange.rawPath) {
    case `${base}jwks.json`:
      return jsonAnswer(200, { keys: [tokens.key.jwk] });
    case `${base}openid-configuration`:
      return jsonAnswer(200, {
        id_token_signing_alg_values_supported: ['RS256'],
        issuer: tokens.issuer,
        jwks_uri: `${tokens.issuer}/.well-known/jwks.json`,
        response_types_supported: ['code', 'token'],
        scopes_supported: ['openid', 'email', 'phone', 'profile'],
        subject_types_supported: ['public'],
      });
    default:
      return undefined;
  }
}
