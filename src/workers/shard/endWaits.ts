import type { WaitReason } from '../../shared/domain/sets.ts';
import type { ShardQueues } from '../../shared/queue/shardQueues.ts';
import type { RedisClient } from '../../shared/redis/client.ts';
import type { ShardKeys } from '../../shared/redis/shardKeys.ts';
import { laneJobs } from './laneJobs.ts';

/**
 * Waits for something of the worker itself, its connection or its lease, or for what may have
 * ended while nobody owned the shard.
 */
export const INHERITED: readonly WaitReason[] = ['CONNECTING', 'NO_OWNER', 'PROBING', 'PAUSED'];
const LANES_A_SCAN = 500;

/**
 * Makes the lanes ready that wait for one of these reasons. What waits for its last owner's
 * connection is an example: a backoff of that worker, of minutes where it met a client that took
 * its client id, says nothing about the next one. A job that finds its lane must wait all the
 * same steps aside again.
 */
export async function endWaits(
  reasons: readonly WaitReason[],
  redis: RedisClient,
  keys: ShardKeys,
  queues: ShardQueues,
  signal: AbortSignal,
): Promise<void> {
  const ended = new Set<string>(reasons);
  let cursor = '0';
  do {
    const [next, fields] = await redis.hscan(keys.waiting, cursor, 'COUNT', LANES_A_SCAN);
    cursor = next;
    const lanes = fields.filter((_, at) => {
      const wait = at % 2 === 0 ? fields[at + 1] : undefined;
      return wait !== undefined && ended.has(wait.slice(0, wait.indexOf('|')));
    });
    const jobs = await Promise.all(lanes.map((lane) => laneJobs(redis, keys, lane)));
    await Promise.all([...new Set(jobs.flat())].map((job) => queues.promote(keys.shard, job)));
  } while (cursor !== '0' && !signal.aborted);
}
