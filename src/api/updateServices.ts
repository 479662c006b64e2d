import type { ShardQueues } from '../shared/queue/shardQueues.ts';
import type { RedisClient } from '../shared/redis/client.ts';
import type { Keys } from '../shared/redis/keys.ts';
import { BatchIntake } from '../shared/store/batchIntake.ts';
import { BatchReader } from '../shared/store/batchReader.ts';
import { BulkActions } from '../shared/store/bulkActions.ts';
import type { IndexBounds } from '../shared/store/indexBounds.ts';
import { SearchIndex } from '../shared/store/searchIndex.ts';
import { UpdateControl } from '../shared/store/updateControl.ts';
import { UpdateFacets } from '../shared/store/updateFacets.ts';
import { UpdateIntake } from '../shared/store/updateIntake.ts';

/** The stores of updates: what takes them in, finds them, counts them and ends them. */
export function updateServices(
  redis: RedisClient,
  keys: Keys,
  queues: ShardQueues,
  settings: { readonly shardCount: number; readonly retentionMs: number } & Partial<IndexBounds>,
) {
  const { shardCount } = settings;
  const intake = new UpdateIntake(redis, keys, queues, settings);
  return {
    intake,
    batchIntake: new BatchIntake(redis, keys, intake, settings),
    batches: new BatchReader(redis, keys, shardCount),
    search: new SearchIndex(redis, keys, shardCount),
    facets: new UpdateFacets(redis, keys, shardCount),
    bulkActions: new BulkActions(redis, keys, queues, settings),
    control: new UpdateControl(redis, keys, queues, settings),
  };
}
