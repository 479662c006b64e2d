import { CourierError } from '../errors/courierError.ts';

/** First words of Redis's error replies that say "not now"; the word is the reply's code. */
const NOT_NOW = new Set([
  'OOM',
  'EXECABORT',
  'READONLY',
  'LOADING',
  'BUSY',
  'MISCONF',
  'MASTERDOWN',
  'CLUSTERDOWN',
  'TRYAGAIN',
  'NOREPLICAS',
  'NOAUTH',
  'WRONGPASS',
  'NOPERM',
]);

/** ioredis gives these no code: they are its constants for a connection that is not there. */
const NO_CONNECTION = new Set(['Command timed out', 'Connection is closed.']);

/** Whether an error is Redis's being away, full or unwilling, and not a mistake of ours. */
export function isRedisUnavailable(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  if (error.name === 'ReplyError') return NOT_NOW.has(error.message.split(' ', 1)[0] ?? '');
  if (error.name === 'MaxRetriesPerRequestError') return true;
  if ('syscall' in error && 'code' in error) return true;
  return NO_CONNECTION.has(error.message);
}

export function storeUnavailable(cause?: unknown): CourierError {
  const full = cause instanceof Error && /^(OOM|EXECABORT) /.test(cause.message);
  return new CourierError(
    'STORE_UNAVAILABLE',
    full
      ? 'Redis has no room for it: its maxmemory is reached.'
      : 'Redis does not answer, so it is not known whether this was taken.',
    full
      ? 'Give Redis more memory, then send it again with the same idempotency key.'
      : 'Send it again in a moment, with the same idempotency key, which makes that safe.',
    { cause },
  );
}
