import { Cluster } from 'ioredis';
import { CourierError, messageOf } from '../errors/courierError.ts';
import type { RedisClient } from '../redis/client.ts';
import type { Keys } from '../redis/keys.ts';
import { isRedisUnavailable } from '../redis/unavailable.ts';

const OLDEST_REDIS = 7;

/**
 * Checks that this process agrees with the deployment in Redis, recording the shard count where it
 * is the first.
 * @throws SHARD_COUNT_MISMATCH, REDIS_TOO_OLD, REDIS_REFUSED
 * @returns sentences to warn the operator with.
 */
export async function joinDeployment(
  redis: RedisClient,
  keys: Keys,
  shardCount: number,
): Promise<readonly string[]> {
  const infos = await infoOfAll(redis);
  for (const info of infos) refuseOld(info);
  const recorded = await shardCountOf(redis, keys, shardCount).catch((error: unknown) => {
    throw isRedisUnavailable(error) ? refused(error) : error;
  });
  if (recorded !== shardCount) {
    throw new CourierError(
      'SHARD_COUNT_MISMATCH',
      `SHARD_COUNT is ${shardCount} here, and this deployment was made with ${recorded}.`,
      `Set SHARD_COUNT=${recorded}; or use another KEY_PREFIX for a new deployment.`,
    );
  }
  return [...new Set(infos.flatMap(durabilityWarnings))];
}

/** Read first: a Redis that is full refuses to write, also what would change nothing. */
async function shardCountOf(redis: RedisClient, keys: Keys, own: number): Promise<number> {
  const known = await redis.hget(keys.deployment, 'shardCount');
  if (known !== null) return Number(known);
  await redis.hsetnx(keys.deployment, 'shardCount', own);
  return Number(await redis.hget(keys.deployment, 'shardCount'));
}

function refused(error: Error): CourierError {
  return new CourierError(
    'REDIS_REFUSED',
    `Redis refuses what this process needs: ${messageOf(error)}`,
    'Give Redis memory where it is full, or its user the rights that docs/operations.md names.',
    { cause: error },
  );
}

/** Of a single Redis, or of each master of a cluster. */
async function infoOfAll(redis: RedisClient): Promise<readonly string[]> {
  // A connection that was not used yet knows no nodes.
  await redis.ping();
  const servers = redis instanceof Cluster ? redis.nodes('master') : [redis];
  return Promise.all(servers.map((server) => server.info()));
}

function refuseOld(info: string): void {
  const version = /^redis_version:(\d+)\.(\S+)/m.exec(info);
  if (version === null || Number(version[1]) >= OLDEST_REDIS) return;
  throw new CourierError(
    'REDIS_TOO_OLD',
    `This Redis is version ${version[1]}.${version[2]}; Shadow Courier needs ${OLDEST_REDIS} or newer.`,
    'Use Redis 7 or newer, or Valkey.',
  );
}

/** `INFO` rather than `CONFIG GET`, which managed Redis services refuse. */
function durabilityWarnings(info: string): string[] {
  const warnings: string[] = [];
  const policy = /^maxmemory_policy:(\S+)/m.exec(info)?.[1];
  if (policy !== undefined && policy !== 'noeviction') {
    warnings.push(
      `Redis may evict keys (maxmemory-policy ${policy}), and with them updates: set maxmemory-policy noeviction.`,
    );
  }
  if (/^aof_enabled:0/m.test(info)) {
    warnings.push(
      'Redis keeps no append-only file, so a restart loses updates: set appendonly yes.',
    );
  }
  return warnings;
}
