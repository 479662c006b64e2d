import { createHash, timingSafeEqual } from 'node:crypto';
import type { Plugin } from 'graphql-yoga';
import type { ApiToken } from '../shared/config/api.ts';
import { CourierError } from '../shared/errors/courierError.ts';
import type { Caller } from './caller.ts';
import type { ServerContext } from './requestFacts.ts';

/**
 * Finds the caller of a bearer token. Tokens are compared by their hashes, which have one length,
 * and always against every token, so that the time taken says nothing of how close a guess is.
 */
export function createTokenCheck(
  tokens: readonly ApiToken[],
  equal: (known: Buffer, given: Buffer) => boolean = timingSafeEqual,
): (authorization: string | null) => Caller | undefined {
  const known = tokens.map(({ actor, role, token }) => ({
    caller: { actor, role, source: 'configured-token' } as const,
    hash: sha256(token),
  }));
  return (authorization) => {
    const given = sha256(/^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1] ?? '');
    let found: Caller | undefined;
    for (const { hash, caller } of known) if (equal(hash, given)) found = caller;
    return found;
  };
}

/** Refuses every request without a token. What comes before it (health, GraphiQL) is open. */
export function useBearerToken(tokens: readonly ApiToken[]): Plugin<object, ServerContext> {
  const check = createTokenCheck(tokens);
  return {
    onRequest({ request, serverContext, fetchAPI, ...respond }) {
      const authorization = request.headers.get('authorization');
      const caller = check(authorization);
      if (caller !== undefined) {
        serverContext.caller = caller;
        return;
      }
      if (serverContext.facts !== undefined) serverContext.facts.outcome = 'unauthenticated';
      const { code, message, remedy } = unauthenticated(authorization);
      respond.endResponse(
        fetchAPI.Response.json(
          { errors: [{ message, extensions: { code, remedy } }] },
          { status: 401, headers: { 'www-authenticate': 'Bearer realm="shadow-courier"' } },
        ),
      );
    },
  };
}

function unauthenticated(authorization: string | null): CourierError {
  return new CourierError(
    'UNAUTHENTICATED',
    authorization === null
      ? 'The request carries no bearer token.'
      : 'The bearer token is not one that this API knows.',
    'Send the header "Authorization: Bearer <token>" with a token out of API_TOKENS.',
  );
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
