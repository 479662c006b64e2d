import type { Plugin } from 'graphql-yoga';
import type { ApiMetrics } from './metrics.ts';
import { newRequestFacts, type RequestOutcome, type ServerContext } from './requestFacts.ts';

/** Counts requests by operation type and outcome. Comes first, so that it sees refused ones too. */
export function useRequestMetrics(metrics: ApiMetrics): Plugin<ServerContext, ServerContext> {
  return {
    onRequest({ serverContext }) {
      serverContext.facts = newRequestFacts();
    },
    onResultProcess({ result, serverContext }) {
      const facts = serverContext.facts;
      if (facts === undefined || Array.isArray(result) || Symbol.asyncIterator in result) return;
      const code = 'errors' in result ? result.errors?.[0]?.extensions.code : undefined;
      if (result.errors !== undefined) facts.outcome = outcomeOf(code);
    },
    onResponse({ serverContext }) {
      const facts = serverContext.facts;
      if (facts === undefined) return;
      const { operation, outcome, startedAt } = facts;
      metrics.requests.inc({ operation, outcome });
      metrics.duration.observe({ operation }, (performance.now() - startedAt) / 1000);
    },
  };
}

function outcomeOf(code: unknown): RequestOutcome {
  if (code === 'STORE_UNAVAILABLE') return 'unavailable';
  if (code === 'FORBIDDEN') return 'forbidden';
  if (code === 'RATE_LIMITED') return 'rate_limited';
  return code === 'INTERNAL_SERVER_ERROR' ? 'server_error' : 'client_error';
}
