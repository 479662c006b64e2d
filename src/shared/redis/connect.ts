import { setTimeout as delay } from 'node:timers/promises';
import { Redis, type RedisOptions } from 'ioredis';
import { CourierError, messageOf } from '../errors/courierError.ts';

const MAX_RECONNECT_DELAY_MS = 2000;
const PING_INTERVAL_MS = 100;

type ConnectionOptions = Omit<RedisOptions, 'replyMapping'>;

/**
 * A connection that reconnects for ever with a capped, jittered delay and keeps commands waiting
 * meanwhile, as BullMQ requires (`maxRetriesPerRequest: null`). Commands issued in the same tick
 * travel together (`enableAutoPipelining`).
 */
export function connectRedis(url: string, options: ConnectionOptions = {}): Redis {
  const defaults: ConnectionOptions = {
    protocol: 2,
    maxRetriesPerRequest: null,
    enableAutoPipelining: true,
    lazyConnect: true,
    retryStrategy: (attempt: number) =>
      Math.min(MAX_RECONNECT_DELAY_MS, 50 * 2 ** Math.min(attempt, 10)) * (0.5 + Math.random() / 2),
  };
  return new Redis(url, { ...defaults, ...options });
}

/** Where a Redis is, without the password that its URL may hold. */
export function redactedUrl(url: string): string {
  try {
    const parsed = new URL(url);
    if (parsed.password !== '') parsed.password = '***';
    return parsed.toString();
  } catch {
    return 'REDIS_URL';
  }
}

/**
 * Waits until Redis answers, telling of every new reason why it does not.
 * @throws REDIS_UNREACHABLE after `timeoutMs`, or when `giveUp` aborts.
 */
export async function waitForRedis(
  redis: Redis,
  url: string,
  timeoutMs: number,
  onRetry: (reason: string) => void,
  giveUp?: AbortSignal,
): Promise<void> {
  let reason = 'no answer';
  const onError = (error: unknown) => {
    if (messageOf(error) === reason) return;
    reason = messageOf(error);
    onRetry(reason);
  };
  redis.on('error', onError);
  const timeout = AbortSignal.timeout(timeoutMs);
  const over = giveUp === undefined ? timeout : AbortSignal.any([timeout, giveUp]);
  try {
    if (redis.status === 'wait') redis.connect().catch(onError);
    while (!over.aborted) {
      const answered = await Promise.race([redis.ping().catch(onError), aborted(over)]);
      if (answered === 'PONG') return;
      // A connection with a command timeout rejects; the connection itself paces its attempts.
      if (!over.aborted) await delay(PING_INTERVAL_MS, undefined, { signal: over }).catch(() => 0);
    }
    throw unreachable(url, timeoutMs, reason);
  } finally {
    redis.off('error', onError);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function unreachable(url: string, timeoutMs: number, reason: string): CourierError {
  return new CourierError(
    'REDIS_UNREACHABLE',
    `Redis at ${redactedUrl(url)} did not answer within ${Math.round(timeoutMs / 1000)} s (${reason}).`,
    'Start Redis, or set REDIS_URL to where it is.',
  );
}
