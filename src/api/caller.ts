import type { Role } from '../shared/domain/roles.ts';

/** Who sent a request, once that is proven. */
export interface Caller {
  /** The name that is recorded with what the caller does. */
  readonly actor: string;
  readonly role: Role;
  /** What proved it: a token out of API_TOKENS, one made by createApiToken, or an issuer's JWT. */
  readonly source: 'configured-token' | 'api-token' | 'jwt';
}
