import { Cluster } from 'ioredis';
import type { RedisClient } from './client.ts';

/**
 * Loads every command that was defined on a connection to a cluster on each of its masters. Where
 * a slot moves to a node that lacks a script, ioredis asks once more, and is told of another node
 * in between: what it calls by its hash then fails with NOSCRIPT.
 */
export async function loadDefined(redis: RedisClient): Promise<void> {
  if (!(redis instanceof Cluster)) return;
  const scripts: readonly { readonly lua: string }[] = Object.values(redis.scriptsSet);
  await Promise.all(
    redis.nodes('master').flatMap((node) => scripts.map(({ lua }) => node.script('LOAD', lua))),
  );
}
