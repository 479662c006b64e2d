import { DelayedError, type Job } from 'bullmq';
import type { WorkerConfig } from '../../shared/config/worker.ts';
import { messageOf } from '../../shared/errors/courierError.ts';
import type { Logger } from '../../shared/observability/logger.ts';
import { parseBulkJob } from '../../shared/queue/deliverJob.ts';
import type { ShardQueues } from '../../shared/queue/shardQueues.ts';
import type { RedisClient } from '../../shared/redis/client.ts';
import type { Keys } from '../../shared/redis/keys.ts';
import { BatchEnds } from '../../shared/store/batchEnds.ts';
import { BatchIntake } from '../../shared/store/batchIntake.ts';
import { BatchReader } from '../../shared/store/batchReader.ts';
import { BulkActions } from '../../shared/store/bulkActions.ts';
import { GroupDeletions } from '../../shared/store/groupDeletions.ts';
import { GroupDirectory } from '../../shared/store/groupDirectory.ts';
import { IdentityRemovals } from '../../shared/store/identityRemovals.ts';
import { UpdateControl } from '../../shared/store/updateControl.ts';
import { UpdateIntake } from '../../shared/store/updateIntake.ts';
import { UpdateReader } from '../../shared/store/updateReader.ts';
import { BatchSweep } from '../batches/batchSweep.ts';
import { GroupSweep } from '../groups/groupSweep.ts';
import { type RemovalEnd, RemovalSweep } from '../removals/removalSweep.ts';
import { BulkParts } from './bulkParts.ts';
import { BulkRunner } from './bulkRunner.ts';

/**
 * What a shard's owner does of that which spans shards: batches, actions on many updates, removals
 * that were cut off, and groups.
 */
export interface AcrossShards {
  /** With every sweep. */
  tend(shard: number): Promise<void>;
  /** Runs a bulk job; one that is stopped goes back, for the next owner. */
  run(job: Job, token: string | undefined, shard: number, stopped: () => boolean): Promise<string>;
}

export function createAcrossShards(
  redis: RedisClient,
  keys: Keys,
  queues: ShardQueues,
  config: WorkerConfig,
  log: Logger,
): AcrossShards {
  const settings = {
    shardCount: config.SHARD_COUNT,
    retentionMs: config.RETENTION_MS,
    indexMaxAgeMs: config.INDEX_MAX_AGE_MS,
    indexMaxCount: config.INDEX_MAX_COUNT,
  };
  const groups = new GroupDirectory(redis, keys, settings.shardCount);
  const intake = new UpdateIntake(redis, keys, queues, settings);
  const batches = new BatchSweep(
    new BatchIntake(redis, keys, intake, settings),
    new BatchEnds(
      redis,
      keys,
      new BatchReader(redis, keys, settings.shardCount),
      settings.retentionMs,
    ),
    (batch, error) =>
      log.warn({ batch, error: messageOf(error) }, 'an accept that was begun is not finished'),
  );
  const bulk = new BulkRunner(
    new BulkActions(redis, keys, queues, settings),
    new BulkParts(redis, keys),
    {
      redis,
      keys,
      queues,
      control: new UpdateControl(redis, keys, queues, settings),
      intake,
      reader: new UpdateReader(redis, keys, settings.shardCount),
      groups,
    },
  );
  const removals = new RemovalSweep(
    new IdentityRemovals(redis, keys, queues, settings.shardCount),
    new GroupDeletions(redis, keys, settings.shardCount),
  );
  const groupSweep = new GroupSweep(groups);
  const steps: readonly ((shard: number) => Promise<void>)[] = [
    async (shard) => {
      for (const id of await batches.sweep(shard)) log.info({ batch: id }, 'a batch has ended');
    },
    (shard) => bulk.sweep(shard),
    async (shard) => {
      for (const end of await removals.sweep(shard)) logRemoval(log, end);
    },
    async (shard) => {
      const mended = await groupSweep.sweep(shard);
      if (mended > 0)
        log.info({ mended }, 'members of groups and what is noted of them agree again');
    },
  ];
  return {
    async tend(shard) {
      for (const step of steps) {
        // What concerns one of them must keep the owner neither from the others nor from its shard.
        await step(shard).catch((error: unknown) => {
          log.warn({ shard, error: messageOf(error) }, 'looking after what spans shards failed');
        });
      }
    },
    async run(job, token, shard, stopped) {
      const { bulkActionId } = parseBulkJob(job.data);
      if (await bulk.run(bulkActionId, shard, stopped)) return 'done';
      await job.moveToDelayed(Date.now(), token);
      throw new DelayedError();
    },
  };
}

function logRemoval(log: Logger, { what, id, error }: RemovalEnd): void {
  if (error === undefined) log.info({ [what]: id }, 'a removal that was cut off has ended');
  else log.warn({ [what]: id, error: messageOf(error) }, 'a removal cannot be ended now');
}
