import { type ApiToken, isLoopback, isOpen } from '../../shared/config/authentication.ts';
import { looksLikeApiToken, stateOf } from '../../shared/domain/apiToken.ts';
import type { ApiTokens } from '../../shared/store/apiTokens.ts';
import type { Caller } from '../caller.ts';
import type { StoreGate } from '../storeGate.ts';
import { createTokenCheck } from './configuredTokens.ts';
import { createJwtCheck, type JwtOptions, looksLikeJwt } from './jwts.ts';
import { noToken, unauthenticated, unknownToken } from './refusals.ts';

export interface AuthenticatorOptions {
  readonly tokens: readonly ApiToken[];
  readonly jwt: JwtOptions;
  readonly apiTokens: ApiTokens;
  readonly gate: StoreGate;
}

/** Who sends a request. @throws a CourierError that says why nobody is believed to. */
export type Authenticator = (request: Pick<Request, 'headers' | 'url'>) => Caller | Promise<Caller>;

const LOCAL: Caller = { actor: 'local', role: 'admin', source: 'local' };

/**
 * Tries what a bearer token can be: one out of API_TOKENS, one that createApiToken made, a JWT of
 * an issuer. Where neither API_TOKENS nor an issuer is configured the API listens on this machine
 * only, and takes a request without a token for its administrator's.
 */
export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  const { tokens, jwt, apiTokens, gate } = options;
  const configured = createTokenCheck(tokens);
  const checkJwt = createJwtCheck(jwt);
  const open = isOpen({ API_TOKENS: tokens, API_OIDC_ISSUERS: jwt.issuers });
  const checkApiToken = async (secret: string): Promise<Caller> => {
    const found = await gate.read(() => apiTokens.check(secret));
    if (found === undefined) throw unknownToken();
    const { token, at } = found;
    if (stateOf(token, at) !== 'ACTIVE') {
      const when = new Date(token.expiresAt).toISOString();
      throw unauthenticated(`The API token ${token.prefix}… expired at ${when}.`, NEW_TOKEN);
    }
    const { name: actor, role, operations } = token;
    const limited = operations === undefined ? {} : { operations: new Set(operations) };
    return { actor, role, source: 'api-token', ...limited };
  };
  return ({ headers, url }) => {
    const authorization = headers.get('authorization');
    if (authorization === null && open) return local(url);
    if (authorization === null) throw noToken();
    const token = /^Bearer +(\S+) *$/i.exec(authorization)?.[1] ?? '';
    const caller = configured(token);
    if (caller !== undefined) return caller;
    if (looksLikeApiToken(token)) return checkApiToken(token);
    if (looksLikeJwt(token)) return checkJwt(token);
    throw unknownToken();
  };
}

/**
 * A page of another site can have a name of its own lead to this machine (DNS rebinding), and
 * send from then on as if it were of the same site. The name stays in the request.
 */
function local(url: string): Caller {
  const { hostname } = new URL(url);
  if (isLoopback(hostname)) return LOCAL;
  throw unauthenticated(
    `Without a token this API answers on this machine only, and not as ${hostname}.`,
    'Use http://127.0.0.1 or http://localhost; or set API_TOKENS, and send one of them.',
  );
}

const NEW_TOKEN = 'Have an admin make another one with createApiToken.';
