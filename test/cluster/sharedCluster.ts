import type { TestProject } from 'vitest/node';
import type { RedisTarget } from '../../src/shared/redis/target.ts';
import { startRedisCluster } from '../support/redisCluster.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The cluster on which a store's tests run; undefined where each file has a single Redis. */
    readonly cluster: RedisTarget | undefined;
  }
}

/** One cluster for all files that only store and read: forming one takes more than two seconds. */
export default async function sharedCluster(project: TestProject): Promise<() => Promise<void>> {
  const cluster = await startRedisCluster();
  project.provide('cluster', cluster.target);
  return () => cluster.stop();
}
