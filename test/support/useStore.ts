import { afterAll, inject } from 'vitest';
import type { RedisClient } from '../../src/shared/redis/client.ts';
import { connectRedis } from '../../src/shared/redis/connect.ts';
import type { RedisTarget } from '../../src/shared/redis/target.ts';
import { useRedis } from './useRedis.ts';

/**
 * Where the tests of this file store: a single Redis of their own, or the cluster that the project
 * shares, on which the same tests run again.
 */
export function useStore(): () => RedisTarget {
  const cluster = inject('cluster');
  if (cluster !== undefined) return () => cluster;
  const redis = useRedis();
  return () => ({ REDIS_URL: redis().url, REDIS_CLUSTER: 'off' });
}

/** One client for the tests of this file, as the product's own. */
export function useStoreClient(): () => RedisClient {
  const store = useStore();
  let client: RedisClient | undefined;
  afterAll(() => client?.disconnect());
  return () => {
    client ??= connectRedis(store());
    return client;
  };
}
