/**
 * The codes of top-level errors: what is wrong with a request before it is an operation, and our
 * own faults. `docs/errors.md` has a row for each; a test holds the two together.
 */
export const TOP_LEVEL_CODES = [
  'BAD_REQUEST',
  'METHOD_NOT_ALLOWED',
  'UNSUPPORTED_MEDIA_TYPE',
  'NOT_ACCEPTABLE',
  'BODY_TOO_LARGE',
  'BAD_USER_INPUT',
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'OPERATION_RESOLUTION_FAILURE',
  'DOCUMENT_TOO_LARGE',
  'COST_TOO_HIGH',
  'RATE_LIMITED',
  'REQUEST_TIMEOUT',
  'PERSISTED_OPERATION_UNKNOWN',
  'PERSISTED_OPERATIONS_ONLY',
  'INTERNAL_SERVER_ERROR',
] as const;
export type TopLevelCode = (typeof TOP_LEVEL_CODES)[number];
