import type { WorkerConfig } from '../../shared/config/worker.ts';
import type { ShardQueues } from '../../shared/queue/shardQueues.ts';
import type { RedisClient } from '../../shared/redis/client.ts';
import type { Keys } from '../../shared/redis/keys.ts';
import { BatchEnds } from '../../shared/store/batchEnds.ts';
import { BatchIntake } from '../../shared/store/batchIntake.ts';
import { BatchReader } from '../../shared/store/batchReader.ts';
import { UpdateIntake } from '../../shared/store/updateIntake.ts';
import { BatchSweep } from './batchSweep.ts';

export function createBatchSweep(
  redis: RedisClient,
  keys: Keys,
  queues: ShardQueues,
  config: WorkerConfig,
): BatchSweep {
  const settings = {
    shardCount: config.SHARD_COUNT,
    retentionMs: config.RETENTION_MS,
    indexMaxAgeMs: config.INDEX_MAX_AGE_MS,
    indexMaxCount: config.INDEX_MAX_COUNT,
  };
  const intake = new BatchIntake(
    redis,
    keys,
    new UpdateIntake(redis, keys, queues, settings),
    settings,
  );
  const reader = new BatchReader(redis, keys, settings.shardCount);
  return new BatchSweep(intake, new BatchEnds(redis, keys, reader, settings.retentionMs));
}
