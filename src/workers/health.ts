import type { RedisClient } from '../shared/redis/client.ts';
import type { Keys } from '../shared/redis/keys.ts';
import type { ShardKeeper } from './fleet/shardKeeper.ts';

/** A worker that saw no job for this long although jobs wait is connected but consumes nothing. */
const STALLED_MS = 30_000;

/**
 * Ready means: Redis answers, the worker is a member of the fleet, and where jobs are ready in its
 * shards, it takes them. Answers the sentence that says what is missing.
 */
export async function readinessProblem(
  keeper: ShardKeeper,
  redis: RedisClient,
  keys: Keys,
  heartbeatMs: number,
): Promise<string | undefined> {
  if (keeper.sinceBeatMs > heartbeatMs * 5) return 'Redis has not answered a heartbeat lately.';
  for (const runtime of keeper.runtimes) {
    if (Date.now() - runtime.lastJobAt < STALLED_MS) continue;
    const { queue } = keys.shard(runtime.lease.shard);
    const [waiting, prioritized, active] = await Promise.all([
      redis.llen(`${queue}:wait`),
      redis.zcard(`${queue}:prioritized`),
      redis.llen(`${queue}:active`),
    ]);
    if (waiting + prioritized > 0 && active === 0) {
      return `Shard ${runtime.lease.shard} has ${waiting + prioritized} jobs ready and none is taken.`;
    }
  }
  return undefined;
}
