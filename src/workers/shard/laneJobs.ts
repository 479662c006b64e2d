import { MAX_UPDATES_PER_JOB, OF_FIRST } from '../../shared/queue/deliverJob.ts';
import type { RedisClient } from '../../shared/redis/client.ts';
import type { ShardKeys } from '../../shared/redis/shardKeys.ts';

/**
 * The jobs of a lane's first updates, each once. Whatever ends a lane's wait wakes all of them:
 * each settles what it names and no more, and those behind it would go on waiting.
 */
export async function laneJobs(
  redis: RedisClient,
  keys: ShardKeys,
  laneId: string,
): Promise<readonly string[]> {
  const ids = await redis.lrange(keys.lane(laneId), 0, MAX_UPDATES_PER_JOB - 1);
  const jobs = await Promise.all(
    ids.map(async (id) => (await redis.hget(keys.update(id), 'job')) ?? `${OF_FIRST}${id}`),
  );
  return [...new Set(jobs)];
}
