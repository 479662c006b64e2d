import type { ValuesOf } from '../../shared/config/env.ts';
import type { AUTHENTICATION_VARIABLES } from '../../shared/config/authentication.ts';
import type { JwtOptions } from './jwts.ts';

/** What the environment says of issuers and their tokens. */
export function jwtOptions(config: ValuesOf<typeof AUTHENTICATION_VARIABLES>): JwtOptions {
  return {
    issuers: config.API_OIDC_ISSUERS,
    audiences: config.API_OIDC_AUDIENCE,
    jwksUrl: config.API_OIDC_JWKS_URL,
    algorithms: config.API_OIDC_ALGORITHMS,
    clockToleranceSeconds: config.API_OIDC_CLOCK_TOLERANCE_SECONDS,
    roleClaim: config.API_OIDC_ROLE_CLAIM,
    roles: config.API_OIDC_ROLES,
    actorClaim: config.API_OIDC_ACTOR_CLAIM,
  };
}
