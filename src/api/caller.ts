import type { Role } from '../shared/domain/roles.ts';

/** Who sent a request, once that is proven. */
export interface Caller {
  /** The name that is recorded with what the caller does. */
  readonly actor: string;
  readonly role: Role;
  /**
   * What proved it: a token out of API_TOKENS, one made by createApiToken, an issuer's JWT; or
   * that the request came from this machine, where nothing else is configured.
   */
  readonly source: 'configured-token' | 'api-token' | 'jwt' | 'local';
  /** The fields of Query, Mutation and Subscription that the token was made for; all unless set. */
  readonly operations?: ReadonlySet<string>;
}

/**
 * What a caller's limits go by. A token and a user of an issuer may have the same name without
 * being the same; tokens of one kind and name are one program's, the old and the new one.
 */
export function callerKey({ source, actor }: Caller): string {
  return `${source} ${actor}`;
}
