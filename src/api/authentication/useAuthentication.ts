import type { Plugin } from 'graphql-yoga';
import { CourierError } from '../../shared/errors/courierError.ts';
import type { Caller } from '../caller.ts';
import type { ServerContext } from '../requestFacts.ts';
import type { Authenticator } from './authenticator.ts';

const STATUS: Readonly<Record<string, number>> = {
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  ISSUER_UNAVAILABLE: 503,
  STORE_UNAVAILABLE: 503,
};
const RETRY_AFTER_SECONDS = 5;

/** Lets nothing pass that nobody sent. What comes before it (health, GraphiQL's page) is open. */
export function useAuthentication(authenticate: Authenticator): Plugin<object, ServerContext> {
  return {
    onRequest(arrived) {
      const { request, serverContext, fetchAPI } = arrived;
      const accept = (caller: Caller) => {
        serverContext.caller = caller;
      };
      const refuse = (error: unknown) => {
        if (!(error instanceof CourierError)) throw error;
        const { facts } = serverContext;
        if (facts !== undefined) {
          facts.outcome = STATUS[error.code] === 503 ? 'unavailable' : 'unauthenticated';
        }
        arrived.endResponse(refusal(error, fetchAPI.Response));
      };
      try {
        const caller = authenticate(request);
        // Most callers are known at once; a promise for each of them would cost something.
        if (!(caller instanceof Promise)) return accept(caller);
        return caller.then(accept, refuse);
      } catch (error) {
        return refuse(error);
      }
    },
  };
}

function refusal(error: CourierError, ResponseOf: typeof Response): Response {
  const { code, message, remedy } = error;
  const status = STATUS[code] ?? 500;
  const headers: Record<string, string> = {};
  // RFC 6750, section 3.
  if (status === 401) headers['www-authenticate'] = 'Bearer realm="shadow-courier"';
  if (status === 503) headers['retry-after'] = String(RETRY_AFTER_SECONDS);
  const body = { errors: [{ message, extensions: { code, remedy } }] };
  return ResponseOf.json(body, { status, headers });
}
