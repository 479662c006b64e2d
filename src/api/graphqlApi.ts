import { blockFieldSuggestionsPlugin } from '@escape.tech/graphql-armor-block-field-suggestions';
import { useDisableIntrospection } from '@graphql-yoga/plugin-disable-introspection';
import { renderGraphiQL } from '@graphql-yoga/render-graphiql';
import { createYoga } from 'graphql-yoga';
import type { Logger } from '../shared/observability/logger.ts';
import type { Authenticator } from './authentication/authenticator.ts';
import { checkTokenScope } from './authentication/tokenScope.ts';
import { useAuthentication } from './authentication/useAuthentication.ts';
import { type ApiContext, type ApiServices, contextMaker } from './context.ts';
import { useEventStreams } from './events/eventStreamResponse.ts';
import { GRAPHIQL_OPTIONS } from './graphiql.ts';
import type { CallerBuckets } from './limits/callerBuckets.ts';
import { documentLimits } from './limits/documentLimits.ts';
import { type PersistedOperations, useAllowedOperations } from './limits/persistedOperations.ts';
import { costCheck, useCost } from './limits/useCost.ts';
import { createErrorMask } from './maskError.ts';
import { useOperations } from './operations.ts';
import { useStrictRequests } from './requestParser.ts';
import { useRequests } from './requests.ts';
import type { ServerContext } from './requestFacts.ts';
import { buildSchema } from './schema/schema.ts';
import { usePagePolicy } from './securityHeaders.ts';

export interface GraphqlApiOptions {
  readonly services: ApiServices;
  readonly authenticate: Authenticator;
  readonly graphiql: boolean;
  /** Whether the API tells its schema. */
  readonly introspection: boolean;
  /** What callers may send by a hash; with `onlyPersisted`, nothing else. */
  readonly persisted: PersistedOperations;
  readonly onlyPersisted: boolean;
  readonly maxBodyBytes: number;
  readonly timeoutMs: number;
  /** The most points that one operation may cost, and what callers may spend. */
  readonly maxCost: number;
  readonly buckets: CallerBuckets;
  /** How many proxies before the API write X-Forwarded-For. */
  readonly trustedHops: number;
  /** How often a subscription says that it lives while nothing happens. */
  readonly heartbeatMs: number;
  readonly log: Logger;
}

/** Everything at `/graphql` and `/health`, as a handler for node:http that tests can `fetch`. */
export function createGraphqlApi(options: GraphqlApiOptions) {
  const { services, authenticate, graphiql, log } = options;
  const costs = { maximum: options.maxCost, buckets: options.buckets };
  return createYoga<ServerContext, ApiContext>({
    schema: buildSchema(),
    graphqlEndpoint: '/graphql',
    healthCheckEndpoint: '/health',
    landingPage: false,
    graphiql: graphiql && GRAPHIQL_OPTIONS,
    renderGraphiQL,
    cors: false,
    multipart: false,
    batching: false,
    // useStrictRequests limits bodies, without a stream in between where the length is declared.
    maxRequestBodySize: false,
    maskedErrors: { maskError: createErrorMask(log) },
    // Yoga would log errors with what hangs on them.
    logging: false,
    plugins: [
      useRequests({ metrics: services.metrics, trustedHops: options.trustedHops, log }),
      ...(graphiql ? [usePagePolicy(() => renderGraphiQL(GRAPHIQL_OPTIONS))] : []),
      useAuthentication(authenticate),
      useEventStreams(options.heartbeatMs),
      useStrictRequests(options.maxBodyBytes),
      useAllowedOperations(options.persisted, options.onlyPersisted),
      ...(options.introspection ? [] : [useDisableIntrospection(), blockFieldSuggestionsPlugin()]),
      ...documentLimits(),
      useCost(costs),
      useOperations({
        contextOf: contextMaker(services, log),
        // Refusals are written down, so that they have to be paid for.
        checks: [costCheck(costs), checkTokenScope],
        timeoutMs: options.timeoutMs,
      }),
    ],
  });
}
