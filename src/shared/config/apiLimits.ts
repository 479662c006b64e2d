import { milliseconds, oneOf, optionalText, wholeNumber } from './env.ts';

export const API_LIMIT_VARIABLES = {
  API_MAX_BODY_BYTES: wholeNumber(
    'the largest request body in bytes; 1,000 updates of 8 KB fit into the default',
    { min: 1024, max: 268_435_456 },
    12_582_912,
  ),
  API_REQUEST_TIMEOUT_MS: milliseconds(
    'how long an operation may take before it is answered with REQUEST_TIMEOUT',
    60_000,
    50,
  ),
  API_MAX_COST: wholeNumber(
    'the most points that one operation may cost: one for each object that it may answer',
    { min: 100, max: 10_000_000 },
    20_000,
  ),
  API_RATE_POINTS_PER_SECOND: wholeNumber(
    'the points that each caller may spend a second, over all API processes; 0 for no limit',
    { min: 0, max: 10_000_000 },
    5000,
  ),
  API_RATE_BURST: wholeNumber(
    'the points that a caller who was quiet may spend at once',
    { min: 100, max: 100_000_000 },
    50_000,
  ),
  API_INTROSPECTION: oneOf(
    ['auto', 'on', 'off'],
    'whether the API tells its schema; auto tells it unless NODE_ENV is production',
    'auto',
  ),
  API_PERSISTED_OPERATIONS_FILE: optionalText(
    'a JSON file of operations by the SHA-256 of their text, {"<hash>": "<operation>"}, which callers may send by their hash',
  ),
  API_ONLY_PERSISTED: oneOf(['off', 'on'], 'on takes the operations of that file only', 'off'),
  API_TRUSTED_PROXY_HOPS: wholeNumber(
    "how many proxies before the API write X-Forwarded-For; the caller's address is counted from the right",
    { min: 0, max: 10 },
    0,
  ),
  API_TLS_CERT_FILE: optionalText(
    'a PEM file with the certificate chain by which the API serves HTTPS; read anew when it changes and at SIGHUP',
  ),
  API_TLS_KEY_FILE: optionalText('a PEM file with the private key of that certificate'),
} as const;

/** What settings that do not go together lack, for `readVariables`; undefined for nothing. */
export function limitsProblem(values: {
  readonly API_REQUEST_TIMEOUT_MS: number;
  readonly API_MAX_WAIT_MS: number;
  readonly API_MAX_COST: number;
  readonly API_RATE_BURST: number;
  readonly API_ONLY_PERSISTED: 'off' | 'on';
  readonly API_PERSISTED_OPERATIONS_FILE: string | undefined;
  readonly API_TLS_CERT_FILE: string | undefined;
  readonly API_TLS_KEY_FILE: string | undefined;
}): string | undefined {
  if (values.API_REQUEST_TIMEOUT_MS <= values.API_MAX_WAIT_MS) {
    return 'API_REQUEST_TIMEOUT_MS is not longer than API_MAX_WAIT_MS: who waits so long would get no answer';
  }
  if (values.API_RATE_BURST < values.API_MAX_COST) {
    return 'API_RATE_BURST is less than API_MAX_COST: an operation of that cost could never be sent';
  }
  if (values.API_ONLY_PERSISTED === 'on' && values.API_PERSISTED_OPERATIONS_FILE === undefined) {
    return 'API_PERSISTED_OPERATIONS_FILE is not set, and API_ONLY_PERSISTED is on: nothing could be sent';
  }
  if ((values.API_TLS_CERT_FILE === undefined) !== (values.API_TLS_KEY_FILE === undefined)) {
    return 'API_TLS_CERT_FILE and API_TLS_KEY_FILE go together: set both, or neither for plain HTTP';
  }
  return undefined;
}
