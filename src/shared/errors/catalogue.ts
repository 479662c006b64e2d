/**
 * Every error that Shadow Courier makes itself. `docs/errors.md` has a row for each; a test holds
 * the two together. Exit codes follow sysexits(3).
 */
export const ERROR_CATALOGUE = {
  CONFIG_INVALID: { exitCode: 78, summary: 'Environment variables are missing or malformed.' },
  REDIS_UNREACHABLE: { exitCode: 69, summary: 'Redis did not answer in the time given to start.' },
  REDIS_CLUSTER_MISMATCH: {
    exitCode: 78,
    summary: 'REDIS_CLUSTER says another kind of Redis than the one that answers.',
  },
  REDIS_TOO_OLD: { exitCode: 69, summary: 'The Redis server is older than version 7.' },
  SHARD_COUNT_MISMATCH: {
    exitCode: 78,
    summary: 'SHARD_COUNT differs from the one that this deployment was made with.',
  },
  VAULT_KEY_UNKNOWN: {
    exitCode: 78,
    summary: 'A secret was encrypted with a key that VAULT_KEYS does not have.',
  },
  VAULT_CORRUPT: { exitCode: 70, summary: 'An encrypted secret does not decrypt.' },
  LISTEN_FAILED: { exitCode: 69, summary: 'A port could not be listened on.' },
  UNAUTHENTICATED: { exitCode: 77, summary: 'The request carries no valid bearer token.' },
  FORBIDDEN: { exitCode: 77, summary: "The caller's role may not do this." },
  ISSUER_UNAVAILABLE: { exitCode: 69, summary: "The keys of a token's issuer cannot be fetched." },
  TOKEN_INVALID: { exitCode: 65, summary: 'An API token cannot be made like this.' },
  TOKEN_NOT_FOUND: { exitCode: 65, summary: 'No API token has this id.' },
  TOKEN_REVOKED: { exitCode: 65, summary: 'The API token was revoked before.' },
  TOO_MANY_TOKENS: { exitCode: 65, summary: 'There is no room for another API token.' },
  THING_NAME_INVALID: { exitCode: 65, summary: 'The thing name breaks the rules of AWS IoT.' },
  SHADOW_NAME_INVALID: { exitCode: 65, summary: 'The shadow name breaks the rules of AWS IoT.' },
  DESIRED_INVALID: { exitCode: 65, summary: 'The desired document cannot be a shadow state.' },
  EXPECTED_VERSION_INVALID: { exitCode: 65, summary: 'The expected version is not a version.' },
  EXPIRES_AT_INVALID: { exitCode: 65, summary: 'The expiry lies in the past.' },
  NOT_BEFORE_INVALID: { exitCode: 65, summary: 'The start is too far off, or after the expiry.' },
  WAIT_INVALID: { exitCode: 65, summary: 'The wait is longer than an answer waits.' },
  TOO_MANY_UPDATES: { exitCode: 65, summary: 'More updates than one mutation takes.' },
  NO_UPDATES: { exitCode: 65, summary: 'A bulk mutation without any update.' },
  UPDATE_NOT_FOUND: { exitCode: 65, summary: 'No update has this id, or its record was pruned.' },
  UPDATE_IN_FLIGHT: { exitCode: 65, summary: 'The update is being published.' },
  UPDATE_FINISHED: { exitCode: 65, summary: 'The update has ended already.' },
  UPDATE_NOT_REPLAYABLE: { exitCode: 65, summary: 'The update did not end without success.' },
  REASON_INVALID: { exitCode: 65, summary: 'The reason is empty or too long.' },
  PAGE_INVALID: { exitCode: 65, summary: 'The cursor or the size of a page is not valid.' },
  USERNAME_INVALID: { exitCode: 65, summary: 'The username cannot be a Cognito username.' },
  PASSWORD_INVALID: { exitCode: 65, summary: 'The password cannot be a Cognito password.' },
  SECRET_INVALID: {
    exitCode: 65,
    summary: 'An identity needs a password or a Cognito refresh token, and one of them only.',
  },
  LABEL_INVALID: { exitCode: 65, summary: 'The label is empty or too long.' },
  LABELS_INVALID: { exitCode: 65, summary: 'Labels of an update are too many or malformed.' },
  IDENTITY_NOT_FOUND: { exitCode: 65, summary: 'No identity has this id.' },
  IDENTITY_EXISTS: { exitCode: 65, summary: 'The username is registered already.' },
  IDENTITY_NOT_QUARANTINED: { exitCode: 65, summary: 'There is no quarantine to release.' },
  SHARD_NOT_FOUND: { exitCode: 65, summary: 'There is no such shard.' },
  WORKER_NOT_FOUND: { exitCode: 65, summary: 'No worker of this name is a member of the fleet.' },
  WORKER_DRAINING: { exitCode: 65, summary: 'The worker is being drained.' },
  LAST_WORKER: { exitCode: 65, summary: 'No other worker takes shards.' },
  TUNING_INVALID: { exitCode: 65, summary: 'The rate or concurrency is out of its range.' },
  IDEMPOTENCY_KEY_INVALID: { exitCode: 65, summary: 'The idempotency key is empty or too long.' },
  IDEMPOTENCY_KEY_REUSED: {
    exitCode: 65,
    summary: 'The idempotency key was used before, with another body.',
  },
  STORE_UNAVAILABLE: { exitCode: 75, summary: 'Redis cannot take the write now.' },
} as const satisfies Record<string, { exitCode: number; summary: string }>;

export type ErrorCode = keyof typeof ERROR_CATALOGUE;
