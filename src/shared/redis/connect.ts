import { Redis, type RedisOptions } from 'ioredis';
import { CourierError, messageOf } from '../errors/courierError.ts';

const MAX_RECONNECT_DELAY_MS = 2000;

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
 * Waits until Redis answers, telling of every failed attempt.
 * @throws REDIS_UNREACHABLE after `timeoutMs`.
 */
export async function waitForRedis(
  redis: Redis,
  url: string,
  timeoutMs: number,
  onRetry: (reason: string) => void,
): Promise<void> {
  let reason = 'no answer';
  const onError = (error: Error) => {
    if (error.message === reason) return;
    reason = error.message;
    onRetry(reason);
  };
  redis.on('error', onError);
  let timeout: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timeout = setTimeout(() => reject(unreachable(url, timeoutMs, reason)), timeoutMs);
  });
  try {
    if (redis.status === 'wait') {
      redis.connect().catch((error: unknown) => onError(new Error(messageOf(error))));
    }
    await Promise.race([redis.ping(), deadline]);
  } finally {
    clearTimeout(timeout);
    redis.off('error', onError);
  }
}

function unreachable(url: string, timeoutMs: number, reason: string): CourierError {
  return new CourierError(
    'REDIS_UNREACHABLE',
    `Redis at ${redactedUrl(url)} did not answer within ${Math.round(timeoutMs / 1000)} s (${reason}).`,
    'Start Redis, or set REDIS_URL to where it is.',
  );
}
