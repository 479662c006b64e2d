import type { ErrorCode } from '../shared/errors/catalogue.ts';
import { CourierError } from '../shared/errors/courierError.ts';

/** The fields of inputs that an error may be about; the first one that was given is it. */
export const FIELDS_OF: Readonly<Partial<Record<ErrorCode, readonly string[]>>> = {
  TOKEN_INVALID: ['expiresAt', 'expiresIn'],
  TOKEN_NOT_FOUND: ['apiTokenId'],
  TOKEN_REVOKED: ['apiTokenId'],
  THING_NAME_INVALID: ['thing'],
  SHADOW_NAME_INVALID: ['shadow'],
  DESIRED_INVALID: ['desired'],
  EXPECTED_VERSION_INVALID: ['expectedVersion'],
  EXPIRES_AT_INVALID: ['expiresAt'],
  NOT_BEFORE_INVALID: ['notBefore', 'delay'],
  WAIT_INVALID: ['wait'],
  TOO_MANY_UPDATES: ['updates'],
  NO_UPDATES: ['updates'],
  UPDATE_NOT_FOUND: ['updateId'],
  UPDATE_IN_FLIGHT: ['updateId'],
  UPDATE_FINISHED: ['updateId'],
  UPDATE_NOT_REPLAYABLE: ['updateId'],
  REASON_INVALID: ['reason'],
  WEBHOOK_NOT_FOUND: ['webhookId'],
  WEBHOOK_DELIVERY_NOT_FOUND: ['deliveryId'],
  WEBHOOK_URL_INVALID: ['url'],
  WEBHOOK_ADDRESS_REFUSED: ['url'],
  USERNAME_INVALID: ['username'],
  PASSWORD_INVALID: ['password'],
  SECRET_INVALID: ['refreshToken', 'password'],
  LABEL_INVALID: ['label', 'description'],
  FILTER_INVALID: ['filter'],
  BATCH_NOT_FOUND: ['batchId'],
  BULK_MATCHES_NOTHING: ['filter', 'batchId'],
  PREVIEW_NOT_FOUND: ['previewId'],
  BULK_ACTION_NOT_FOUND: ['bulkActionId'],
  BULK_ACTION_FINISHED: ['bulkActionId'],
  LABELS_INVALID: ['labels'],
  IDENTITY_NOT_FOUND: ['identityId'],
  IDENTITY_EXISTS: ['username'],
  IDENTITY_NOT_QUARANTINED: ['identityId'],
  IDENTITY_HAS_PENDING: ['identityId'],
  SHARD_NOT_FOUND: ['shard'],
  WORKER_NOT_FOUND: ['worker'],
  WORKER_DRAINING: ['worker'],
  LAST_WORKER: ['worker'],
  PAUSE_TARGET_INVALID: ['target'],
  NOT_PAUSED: ['target'],
  TUNING_INVALID: ['perSecond', 'jobConcurrency'],
  IDEMPOTENCY_KEY_INVALID: ['idempotencyKey'],
  IDEMPOTENCY_KEY_REUSED: ['idempotencyKey'],
  TAGS_INVALID: ['tags'],
  TOO_MANY_IDENTITIES: ['identityIds', 'identities'],
  TARGET_INVALID: ['identityId', 'group'],
  GROUP_NAME_INVALID: ['name'],
  GROUP_NOT_FOUND: ['group'],
  GROUP_EXISTS: ['name'],
  GROUP_EMPTY: ['group'],
  GROUP_FULL: ['group', 'name'],
  GROUP_UNSETTLED: ['group'],
};

/** The field of a mutation's input, or of a row of it, that an error is about. */
export function fieldOf(code: ErrorCode, input: unknown): string | undefined {
  if (typeof input !== 'object' || input === null) return undefined;
  const given = new Map<string, unknown>(Object.entries(input));
  return FIELDS_OF[code]?.find((name) => (given.get(name) ?? undefined) !== undefined);
}

/** The same error with the field of the input that it is about; others as they are. */
export function withField(error: unknown, input: unknown): unknown {
  if (!(error instanceof CourierError)) return error;
  const field = fieldOf(error.code, input);
  if (field === undefined) return error;
  return new CourierError(error.code, error.message, error.remedy, { cause: error.cause, field });
}
