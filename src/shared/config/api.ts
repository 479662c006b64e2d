import { AWS_SHADOW_LIMITS } from '../domain/desired.ts';
import { API_LIMIT_VARIABLES, limitsProblem } from './apiLimits.ts';
import { AUTHENTICATION_VARIABLES, authenticationProblem } from './authentication.ts';
import { COMMON_VARIABLES, commonProblem, port } from './common.ts';
import {
  type Environment,
  milliseconds,
  oneOf,
  optionalText,
  readVariables,
  text,
  wholeNumber,
} from './env.ts';

export const API_VARIABLES = {
  ...COMMON_VARIABLES,
  API_HOST: text('the address that the GraphQL API listens on', '127.0.0.1'),
  API_PORT: port('the port of the GraphQL API', 4000),
  API_OPS_PORT: port("the port of the API's /metrics, /livez and /readyz", 9400),
  ...AUTHENTICATION_VARIABLES,
  API_GRAPHIQL: oneOf(
    ['auto', 'on', 'off'],
    'whether GraphiQL is served at /graphql; auto serves it unless NODE_ENV is production',
    'auto',
  ),
  API_SESSION_MS: milliseconds(
    'how long a sign-in to the web pages (GraphiQL, Bull Board) lasts at most',
    28_800_000,
    60_000,
  ),
  NODE_ENV: optionalText(
    'production turns GraphiQL and introspection off, unless API_GRAPHIQL and API_INTROSPECTION say otherwise',
  ),
  ...API_LIMIT_VARIABLES,
  API_STORE_TIMEOUT_MS: milliseconds(
    'how long a request waits for Redis before it is answered with STORE_UNAVAILABLE',
    5000,
    50,
  ),
  API_MAX_SUBSCRIPTIONS: wholeNumber(
    'subscriptions that this process has open at once',
    { min: 1, max: 100_000 },
    1000,
  ),
  API_MAX_SUBSCRIPTIONS_PER_CALLER: wholeNumber(
    'subscriptions of one caller that this process has open at once',
    { min: 1, max: 100_000 },
    50,
  ),
  API_SUBSCRIPTION_MAX_MS: milliseconds(
    'after how long a subscription is interrupted, so that its client comes back and proves again who it is; no event is missed',
    900_000,
    100,
  ),
  API_HEARTBEAT_MS: milliseconds(
    'how often a subscription says that it lives while nothing happens',
    12_000,
    20,
  ),
  API_EVENT_POLL_MS: milliseconds(
    'how often the events of the fleet are looked for while somebody subscribes',
    200,
    10,
  ),
  SHADOW_MAX_BYTES: wholeNumber(
    'the largest desired document in bytes (AWS: 8192 unless raised)',
    { min: 64, max: 131_072 },
    AWS_SHADOW_LIMITS.maxBytes,
  ),
  SHADOW_MAX_DEPTH: wholeNumber(
    "how deep a desired document may nest (AWS's sources say 5, 6 and 8; 5 is safe everywhere)",
    { min: 1, max: 32 },
    AWS_SHADOW_LIMITS.maxDepth,
  ),
} as const;

/** @throws CONFIG_INVALID with every problem at once. */
export function loadApiConfig(env: Environment) {
  return readVariables(
    API_VARIABLES,
    env,
    (values) => commonProblem(values) ?? authenticationProblem(values) ?? limitsProblem(values),
  );
}
