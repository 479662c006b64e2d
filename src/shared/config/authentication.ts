import { z } from 'zod';
import { isRole, type Role, ROLES } from '../domain/roles.ts';
import { type Variable, wholeNumber } from './env.ts';

/** A bearer token, the name under which its requests are recorded, and what they may do. */
export interface ApiToken {
  readonly actor: string;
  readonly role: Role;
  readonly token: string;
}

/** What a claim must hold for its caller to have a role. */
export interface RoleOfClaim {
  readonly value: string;
  readonly role: Role;
}

const MIN_TOKEN_LENGTH = 16;
const DEFAULT_ROLE: Role = 'admin';
/** RFC 7518 and RFC 8037: signatures that only the issuer can make. Never none, never HS*. */
const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
];
const CLAIM_NAME = /^[^\s,]{1,200}$/;

/** A list, separated by commas, of what `read` makes of each entry; undefined is a mistake. */
function listOf<T>(
  about: string,
  mistake: string,
  read: (entry: string) => T | undefined,
  fallback?: string,
): Variable<readonly T[]> {
  const schema = z
    .string()
    .default('')
    .transform((value, ctx) => {
      const entries = value.split(',').map((entry) => entry.trim());
      const found = entries.filter((entry) => entry !== '').map(read);
      const sound = found.filter((one) => one !== undefined);
      if (sound.length === found.length) return sound;
      ctx.addIssue({ code: 'custom', message: `has an entry that is ${mistake}` });
      return z.NEVER;
    });
  return { schema, fallback, about };
}

function apiToken(entry: string): ApiToken | undefined {
  const [name = '', token = ''] = entry.split(/:(.*)/s);
  const [actor = '', role = DEFAULT_ROLE] = name.split('=');
  if (token.length < MIN_TOKEN_LENGTH || actor === '' || !isRole(role)) return undefined;
  return { actor, role, token };
}

function roleOfClaim(entry: string): RoleOfClaim | undefined {
  const at = entry.lastIndexOf('=');
  const role = entry.slice(at + 1);
  return at > 0 && isRole(role) ? { value: entry.slice(0, at), role } : undefined;
}

/** An issuer as its tokens name it. Plain HTTP only to this machine, where nobody listens in. */
function issuerUrl(entry: string): string | undefined {
  if (!URL.canParse(entry)) return undefined;
  const url = new URL(entry);
  if (url.search !== '' || url.hash !== '') return undefined;
  const local = ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
  return url.protocol === 'https:' || (url.protocol === 'http:' && local) ? entry : undefined;
}

export const AUTHENTICATION_VARIABLES = {
  API_TOKENS: listOf(
    'who may call the API: name=role:token, several separated by commas, the role one of viewer, operator, approver and admin; name:token without a role is an admin; make a token with: openssl rand -hex 24',
    `not name=role:token, with one of the roles ${ROLES.join(', ')} and a token of at least ${MIN_TOKEN_LENGTH} characters`,
    apiToken,
  ),
  API_OIDC_ISSUERS: listOf(
    'the OpenID Connect issuers whose tokens (JWTs) the API takes, as their tokens name them in "iss", several separated by commas; a Cognito user pool is https://cognito-idp.<region>.amazonaws.com/<user pool id>',
    'not an https:// URL',
    issuerUrl,
  ),
  API_OIDC_AUDIENCE: listOf(
    'for whom those tokens must be made, several separated by commas: what "aud" holds, and for access tokens of Cognito the app client id; required with API_OIDC_ISSUERS',
    'empty',
    (entry) => entry,
  ),
  API_OIDC_ROLE_CLAIM: {
    schema: z.string().trim().regex(CLAIM_NAME, 'is malformed'),
    fallback: 'cognito:groups',
    about:
      'the claim whose values give a caller its role; a dot steps into an object, as in realm_access.roles',
  } satisfies Variable<string>,
  API_OIDC_ROLES: listOf(
    'which value of that claim gives which role: value=role, several separated by commas; the highest counts, and who has none of them is refused; required with API_OIDC_ISSUERS',
    `not value=role, with one of the roles ${ROLES.join(', ')}`,
    roleOfClaim,
  ),
  API_OIDC_ACTOR_CLAIM: {
    schema: z.string().trim().regex(CLAIM_NAME, 'is malformed').optional(),
    fallback: undefined,
    about:
      "the claim under whose value a caller's requests are recorded; Cognito's username, or else sub, unless set",
  } satisfies Variable<string | undefined>,
  API_OIDC_JWKS_URL: {
    schema: z
      .string()
      .trim()
      .refine((entry) => issuerUrl(entry) !== undefined, 'is not an https:// URL')
      .optional(),
    fallback: undefined,
    about:
      "where the issuer's keys are (JWKS), if there is one issuer only; found through its /.well-known/openid-configuration unless set",
  } satisfies Variable<string | undefined>,
  API_OIDC_ALGORITHMS: listOf(
    `the signature algorithms that are taken, out of ${ALGORITHMS.join(', ')}`,
    `not one of ${ALGORITHMS.join(', ')}`,
    (entry) => ALGORITHMS.find((one) => one === entry),
    'RS256,ES256',
  ),
  API_OIDC_CLOCK_TOLERANCE_SECONDS: wholeNumber(
    "how far the issuer's clock may be off, in seconds",
    { min: 0, max: 300 },
    30,
  ),
} as const;

/** What settings that do not go together lack, for `readVariables`; undefined for nothing. */
export function authenticationProblem(values: {
  readonly API_HOST: string;
  readonly API_TOKENS: readonly ApiToken[];
  readonly API_OIDC_ISSUERS: readonly string[];
  readonly API_OIDC_AUDIENCE: readonly string[];
  readonly API_OIDC_ROLES: readonly RoleOfClaim[];
  readonly API_OIDC_JWKS_URL: string | undefined;
  readonly API_OIDC_ALGORITHMS: readonly string[];
}): string | undefined {
  const issuers = values.API_OIDC_ISSUERS.length;
  const problems: string[] = [];
  if (isOpen(values) && !isLoopback(values.API_HOST)) {
    problems.push(
      'API_TOKENS is not set, nor is API_OIDC_ISSUERS: without either the API takes everybody for an admin, and listens on this machine only (API_HOST=127.0.0.1)',
    );
  }
  if (issuers > 0 && values.API_OIDC_AUDIENCE.length === 0) {
    problems.push(
      'API_OIDC_AUDIENCE is not set: a token that was made for anything else is no key',
    );
  }
  if (issuers > 0 && values.API_OIDC_ROLES.length === 0) {
    problems.push('API_OIDC_ROLES is not set: nobody whom the issuer knows would have a role');
  }
  if (issuers > 0 && values.API_OIDC_ALGORITHMS.length === 0) {
    problems.push('API_OIDC_ALGORITHMS is empty: no token could be checked');
  }
  if (issuers > 1 && values.API_OIDC_JWKS_URL !== undefined) {
    problems.push('API_OIDC_JWKS_URL goes with one issuer, and API_OIDC_ISSUERS has several');
  }
  return problems.length === 0 ? undefined : problems.join('\n  - ');
}

/** Whether nothing is configured that would tell one caller from another. */
export function isOpen(values: {
  readonly API_TOKENS: readonly ApiToken[];
  readonly API_OIDC_ISSUERS: readonly string[];
}): boolean {
  return values.API_TOKENS.length === 0 && values.API_OIDC_ISSUERS.length === 0;
}

/** Whether only this machine reaches what listens on the address. */
export function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(host);
}
