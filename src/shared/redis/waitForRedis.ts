import { setTimeout as delay } from 'node:timers/promises';
import { Cluster } from 'ioredis';
import { CourierError, messageOf } from '../errors/courierError.ts';
import type { RedisClient } from './client.ts';
import { redactedUrl } from './target.ts';

const PING_INTERVAL_MS = 100;

/**
 * Waits until Redis answers, telling of every new reason why it does not.
 * @throws REDIS_UNREACHABLE after `timeoutMs`, or when `giveUp` aborts; REDIS_CLUSTER_MISMATCH.
 */
export async function waitForRedis(
  redis: RedisClient,
  url: string,
  timeoutMs: number,
  onRetry: (reason: string) => void,
  giveUp?: AbortSignal,
): Promise<void> {
  let reason = 'no answer';
  const noCluster = new AbortController();
  const onError = (error: unknown) => {
    const why = reasonOf(error);
    if (/cluster support disabled/i.test(why)) noCluster.abort();
    if (why === reason) return;
    reason = why;
    onRetry(reason);
  };
  redis.on('error', onError);
  const ends = [AbortSignal.timeout(timeoutMs), noCluster.signal];
  const over = AbortSignal.any(giveUp === undefined ? ends : [...ends, giveUp]);
  try {
    if (redis.status === 'wait') redis.connect().catch(onError);
    while (!over.aborted) {
      const answer = await Promise.race([modeOf(redis).catch(onError), aborted(over)]);
      if (answer === 'as expected') return;
      if (answer === 'replica') {
        onError(new Error('it is a replica, which takes no writes'));
        // Its name may lead to the primary by now.
        redis.disconnect(true);
      }
      if (answer === 'cluster') throw mismatch(url, 'is a Redis Cluster', 'on');
      // A connection with a command timeout rejects; the connection itself paces its attempts.
      if (!over.aborted) await delay(PING_INTERVAL_MS, undefined, { signal: over }).catch(() => 0);
    }
    if (noCluster.signal.aborted) throw mismatch(url, 'is no Redis Cluster', 'off');
    throw unreachable(url, timeoutMs, reason);
  } finally {
    redis.off('error', onError);
  }
}

/** Whether a server that was taken for a single primary is a cluster's node, or a replica. */
async function modeOf(redis: RedisClient): Promise<'as expected' | 'cluster' | 'replica'> {
  await redis.ping();
  if (redis instanceof Cluster) return 'as expected';
  const info = await redis.info();
  if (/^redis_mode:cluster/m.test(info)) return 'cluster';
  return /^role:slave/m.test(info) ? 'replica' : 'as expected';
}

/** A cluster's error says only that every node failed; the last node's says more. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error && 'lastNodeError' in error)) return messageOf(error);
  const reason = messageOf(error.lastNodeError);
  return reason === 'Connection is closed.' ? 'no node takes a connection' : reason;
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

function mismatch(url: string, what: string, setting: 'on' | 'off'): CourierError {
  return new CourierError(
    'REDIS_CLUSTER_MISMATCH',
    `Redis at ${redactedUrl(url)} ${what}, and REDIS_CLUSTER is ${setting === 'on' ? 'off' : 'on'}.`,
    `Set REDIS_CLUSTER=${setting}, or REDIS_URL to another Redis.`,
  );
}
