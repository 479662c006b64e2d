import type { RedisClient } from '../redis/client.ts';
import { redisTime } from '../redis/redisTime.ts';

/**
 * What is under way and was not gone on with for so long: members of a sorted set by the time of
 * their last step, by Redis's clock, the oldest first. Whoever was at it does not live any more.
 */
export async function stalledIn(
  redis: RedisClient,
  key: string,
  patienceMs: number,
  limit: number,
): Promise<readonly string[]> {
  const oldest = await redis.zrange(key, 0, String(limit - 1), 'WITHSCORES');
  if (oldest.length === 0) return [];
  const before = (await redisTime(redis)) - patienceMs;
  return oldest.filter((_, at) => at % 2 === 0 && Number(oldest[at + 1]) <= before);
}

/** Has one that could not be brought to its end stand behind the others. */
export async function postponeIn(redis: RedisClient, key: string, member: string): Promise<void> {
  await redis.zadd(key, 'XX', await redisTime(redis), member);
}
