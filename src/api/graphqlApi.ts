import { maxAliasesPlugin } from '@escape.tech/graphql-armor-max-aliases';
import { maxDepthPlugin } from '@escape.tech/graphql-armor-max-depth';
import { maxTokensPlugin } from '@escape.tech/graphql-armor-max-tokens';
import { renderGraphiQL } from '@graphql-yoga/render-graphiql';
import { createYoga } from 'graphql-yoga';
import type { ApiToken } from '../shared/config/authentication.ts';
import type { Logger } from '../shared/observability/logger.ts';
import { createAuthenticator } from './authentication/authenticator.ts';
import type { JwtOptions } from './authentication/jwts.ts';
import { useTokenScope } from './authentication/tokenScope.ts';
import { useAuthentication } from './authentication/useAuthentication.ts';
import { type ApiContext, type ApiServices, createContext } from './context.ts';
import { GRAPHIQL_OPTIONS } from './graphiql.ts';
import { createErrorMask } from './maskError.ts';
import { useRequestMetrics } from './requestMetrics.ts';
import { useRequestOrigin } from './requestOrigin.ts';
import { useStrictRequests } from './requestParser.ts';
import type { ServerContext } from './requestFacts.ts';
import { buildSchema } from './schema/schema.ts';
import { useDiscreetVariableErrors } from './variableErrors.ts';

const MAX_DEPTH = 12;
const MAX_ALIASES = 50;
/** Of a document; large inputs belong into variables, which do not count. */
const MAX_TOKENS = 2000;

export interface GraphqlApiOptions {
  readonly services: ApiServices;
  readonly tokens: readonly ApiToken[];
  readonly jwt: JwtOptions;
  readonly graphiql: boolean;
  readonly maxBodyBytes: number;
  readonly log: Logger;
}

/** Everything at `/graphql` and `/health`, as a handler for node:http that tests can `fetch`. */
export function createGraphqlApi(options: GraphqlApiOptions) {
  const { services, tokens, jwt, graphiql, maxBodyBytes, log } = options;
  const { apiTokens, gate } = services;
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
    context: (server) => createContext(services, server, log),
    plugins: [
      useRequestMetrics(services.metrics),
      useRequestOrigin(),
      useAuthentication(createAuthenticator({ tokens, jwt, apiTokens, gate })),
      useStrictRequests(maxBodyBytes),
      maxTokensPlugin({ n: MAX_TOKENS }),
      maxDepthPlugin({ n: MAX_DEPTH }),
      maxAliasesPlugin({ n: MAX_ALIASES }),
      useDiscreetVariableErrors(),
      useTokenScope(),
    ],
  });
}
