import type { Plugin } from 'graphql-yoga';
import type { Logger } from '../shared/observability/logger.ts';
import type { ApiMetrics } from './metrics.ts';
import { newRequestFacts, type RequestOutcome, type ServerContext } from './requestFacts.ts';
import { originOf, REQUEST_ID_HEADER } from './requestOrigin.ts';
import { turnedAwayLog } from './turnedAway.ts';

export interface RequestOptions {
  readonly metrics: ApiMetrics;
  /** How many proxies before the API write X-Forwarded-For. */
  readonly trustedHops: number;
  readonly log: Logger;
}

/**
 * Notes when and from where each request comes and how it ends, counts it by that, and answers its
 * id. Comes first, so that it sees refused ones too; in one hook, since the way through each costs
 * every request something.
 */
export function useRequests(options: RequestOptions): Plugin<ServerContext, ServerContext> {
  const { metrics, trustedHops, log } = options;
  const noteTurnedAway = turnedAwayLog(log);
  return {
    onRequest({ request, serverContext }) {
      serverContext.facts = newRequestFacts();
      serverContext.origin = originOf(request, serverContext, trustedHops);
    },
    onResultProcess({ result, serverContext }) {
      const facts = serverContext.facts;
      if (facts === undefined || Array.isArray(result) || Symbol.asyncIterator in result) return;
      const code = 'errors' in result ? result.errors?.[0]?.extensions.code : undefined;
      if (result.errors !== undefined) facts.outcome = outcomeOf(code);
    },
    onResponse({ response, serverContext }) {
      const { facts, origin } = serverContext;
      if (origin !== undefined) response.headers.set(REQUEST_ID_HEADER, origin.requestId);
      if (facts === undefined) return;
      const { operation, outcome, startedAt } = facts;
      metrics.requests.inc({ operation, outcome });
      metrics.duration.observe({ operation }, (performance.now() - startedAt) / 1000);
      noteTurnedAway(outcome, serverContext);
    },
  };
}

function outcomeOf(code: unknown): RequestOutcome {
  if (code === 'STORE_UNAVAILABLE') return 'unavailable';
  if (code === 'FORBIDDEN') return 'forbidden';
  if (code === 'RATE_LIMITED') return 'rate_limited';
  return code === 'INTERNAL_SERVER_ERROR' ? 'server_error' : 'client_error';
}
