import { Cluster, type Redis } from 'ioredis';
import type { RedisClient } from '../../src/shared/redis/client.ts';

/** The server itself, or each master of a cluster: for commands that name no key. */
export function serversOf(redis: RedisClient): readonly Redis[] {
  return redis instanceof Cluster ? redis.nodes('master') : [redis];
}

/** Every key that fits, wherever it lies. */
export async function keysLike(redis: RedisClient, pattern: string): Promise<readonly string[]> {
  const found = await Promise.all(serversOf(redis).map((server) => server.keys(pattern)));
  return found.flat();
}

export async function configure(redis: RedisClient, name: string, value: string): Promise<void> {
  await Promise.all(serversOf(redis).map((server) => server.config('SET', name, value)));
}
