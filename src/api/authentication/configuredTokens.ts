import { timingSafeEqual } from 'node:crypto';
import type { ApiToken } from '../../shared/config/authentication.ts';
import { sha256 } from '../../shared/domain/apiToken.ts';
import type { Caller } from '../caller.ts';

/**
 * Finds the caller of a token out of API_TOKENS. Tokens are compared by their hashes, which have
 * one length, and always against every token, so that the time taken says nothing of how close a
 * guess is.
 */
export function createTokenCheck(
  tokens: readonly ApiToken[],
  equal: (known: Buffer, given: Buffer) => boolean = timingSafeEqual,
): (token: string) => Caller | undefined {
  const known = tokens.map(({ actor, role, token }) => ({
    caller: { actor, role, source: 'configured-token' } as const,
    hash: sha256(token),
  }));
  return (token) => {
    const given = sha256(token);
    let found: Caller | undefined;
    for (const { hash, caller } of known) if (equal(hash, given)) found = caller;
    return found;
  };
}
