import type { Logger } from '../../shared/observability/logger.ts';
import type { ShardQueues } from '../../shared/queue/shardQueues.ts';
import type { RedisClient } from '../../shared/redis/client.ts';
import type { Keys } from '../../shared/redis/keys.ts';
import type { IndexBounds } from '../../shared/store/indexBounds.ts';
import type { Vault } from '../../shared/vault/vault.ts';
import type { AcrossShards } from '../bulk/acrossShards.ts';
import type { SharedConnectionDependencies } from '../connection/connectionDependencies.ts';
import type { RetryPolicy } from '../delivery/retryPolicy.ts';
import type { PauseWatch } from '../fleet/pauseWatch.ts';
import type { RedisClock } from '../fleet/redisClock.ts';
import type { TailDependencies } from './eventTail.ts';

export interface ShardSettings {
  readonly workerName: string;
  readonly retentionMs: number;
  readonly sweepMs: number;
  readonly shardCount: number;
  /** Of this shard alone. */
  readonly index: IndexBounds;
  readonly consumerPatienceMs: number;
  readonly connectPatienceMs: number;
  readonly retry: RetryPolicy;
}

/** What the shards of one worker share. */
export interface ShardDependencies {
  /** For scripts. */
  readonly redis: RedisClient;
  /** For BullMQ, which duplicates it for blocking reads. */
  readonly queueRedis: RedisClient;
  readonly keys: Keys;
  readonly queues: ShardQueues;
  readonly clock: RedisClock;
  readonly pauses: PauseWatch;
  readonly acrossShards: AcrossShards;
  readonly vault: Vault;
  readonly connections: SharedConnectionDependencies;
  readonly tail: TailDependencies;
  readonly settings: ShardSettings;
  readonly log: Logger;
}
