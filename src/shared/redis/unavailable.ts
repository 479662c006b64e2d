import { CourierError } from '../errors/courierError.ts';
import { causesOf, replyCode } from './redirection.ts';

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
  'MOVED',
  'ASK',
  'TRYAGAIN',
  'NOREPLICAS',
  'NOAUTH',
  'WRONGPASS',
  'NOPERM',
]);

const TIMED_OUT = 'Command timed out';
/** ioredis gives these no code: they are its constants for a connection that is not there. */
const NO_CONNECTION = new Set([
  TIMED_OUT,
  'Connection is closed.',
  'Cluster is ended.',
  'None of startup nodes is available',
  // Of a transaction or a pipeline, a part of which was answered.
  'Command aborted due to connection close',
]);
const GAVE_UP_FOLLOWING = 'Too many Cluster redirections.';

/** Whether an error is Redis's being away, full or unwilling, and not a mistake of ours. */
export function isRedisUnavailable(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  if (error.name === 'ReplyError') return NOT_NOW.has(replyCode(error));
  if (error.name === 'MaxRetriesPerRequestError') return true;
  if (error.name === 'ClusterAllFailedError') return true;
  if ('syscall' in error && 'code' in error) return true;
  return NO_CONNECTION.has(error.message) || error.message.startsWith(GAVE_UP_FOLLOWING);
}

/** Whether a call was given up that Redis may answer yet, and do what it says. */
export function isUnanswered(error: unknown): boolean {
  return error instanceof Error && error.message === TIMED_OUT;
}

/** What is known of a call that met an outage. */
type Outage = 'reading' | 'not sent' | 'outcome unknown' | 'no room';

const SENTENCES: Readonly<Record<Outage, readonly [message: string, remedy: string]>> = {
  reading: ['Redis does not answer.', 'Ask again in a moment.'],
  'not sent': ['Redis cannot be reached, and nothing was stored.', 'Send it again in a moment.'],
  'outcome unknown': [
    'Redis does not answer, so it is not known whether this was stored.',
    'Send it again in a moment, with the same idempotency key, which makes that safe.',
  ],
  'no room': [
    'Redis has reached its maxmemory and takes nothing more.',
    'Give Redis more memory, then send it again with the same idempotency key.',
  ],
};

export function storeUnavailable(outage: Outage, cause?: unknown): CourierError {
  const [message, remedy] = SENTENCES[outage];
  return new CourierError('STORE_UNAVAILABLE', message, remedy, { cause });
}

/** What a write's error says of it. */
export function outageOfWrite(error: Error): Outage {
  return causesOf(error).some((cause) => replyCode(cause) === 'OOM')
    ? 'no room'
    : 'outcome unknown';
}
