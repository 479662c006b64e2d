import { newIdentityId, shardOf, shardOfUpdate } from '../../../src/shared/domain/ids.ts';
import { laneId } from '../../../src/shared/domain/lane.ts';
import type { FailureCode, FinalState } from '../../../src/shared/domain/sets.ts';
import type { UpdateRequest } from '../../../src/shared/domain/update.ts';
import { ShardQueues } from '../../../src/shared/queue/shardQueues.ts';
import type { RedisClient } from '../../../src/shared/redis/client.ts';
import { connectRedis } from '../../../src/shared/redis/connect.ts';
import { Keys } from '../../../src/shared/redis/keys.ts';
import type { RedisTarget } from '../../../src/shared/redis/target.ts';
import { runScript } from '../../../src/shared/redis/script.ts';
import type { IndexBounds } from '../../../src/shared/store/indexBounds.ts';
import { BatchEnds } from '../../../src/shared/store/batchEnds.ts';
import { BatchIntake } from '../../../src/shared/store/batchIntake.ts';
import { BatchReader } from '../../../src/shared/store/batchReader.ts';
import { CREATE_IDENTITY } from '../../../src/shared/store/lua/identityScripts.ts';
import { SearchIndex } from '../../../src/shared/store/searchIndex.ts';
import { UpdateControl } from '../../../src/shared/store/updateControl.ts';
import { UpdateIntake } from '../../../src/shared/store/updateIntake.ts';
import { UpdateReader } from '../../../src/shared/store/updateReader.ts';
import type { Lease } from '../../../src/workers/fleet/lease.ts';
import { LeaseStore } from '../../../src/workers/fleet/leaseStore.ts';
import { RedisClock } from '../../../src/workers/fleet/redisClock.ts';
import { LaneStore } from '../../../src/workers/shard/laneStore.ts';
import { uniquePrefix } from '../../support/prefix.ts';

const RETENTION_MS = 600_000;

/** A deployment of several shards, whose owner settles what a test says, without a broker. */
export class SearchWorld {
  readonly keys = new Keys(uniquePrefix('search'));
  readonly redis: RedisClient;
  readonly queueRedis: RedisClient;
  readonly queues: ShardQueues;
  readonly intake: UpdateIntake;
  readonly control: UpdateControl;
  readonly reader: UpdateReader;
  readonly search: SearchIndex;
  readonly batches: BatchReader;
  readonly ends: BatchEnds;
  readonly shardCount: number;
  readonly #leases = new Map<number, Promise<Lease>>();

  constructor(
    redis: RedisClient,
    queueRedis: RedisClient,
    shardCount: number,
    bounds?: IndexBounds,
  ) {
    const settings = { shardCount, retentionMs: RETENTION_MS };
    this.redis = redis;
    this.queueRedis = queueRedis;
    this.shardCount = shardCount;
    this.queues = new ShardQueues(queueRedis, this.keys);
    this.intake = new UpdateIntake(redis, this.keys, this.queues, { ...settings, ...bounds });
    this.control = new UpdateControl(redis, this.keys, this.queues, settings);
    this.reader = new UpdateReader(redis, this.keys, shardCount);
    this.search = new SearchIndex(redis, this.keys, shardCount);
    this.batches = new BatchReader(redis, this.keys, shardCount);
    this.ends = new BatchEnds(redis, this.keys, this.batches, RETENTION_MS);
  }

  /** An intake on connections and queues that a test may have fail. */
  batchIntake(redis: RedisClient = this.redis, queues: ShardQueues = this.queues): BatchIntake {
    const settings = { shardCount: this.shardCount, retentionMs: RETENTION_MS };
    const intake = new UpdateIntake(redis, this.keys, queues, settings);
    return new BatchIntake(redis, this.keys, intake, settings);
  }

  static async open(
    where: RedisTarget,
    shardCount: number,
    bounds?: IndexBounds,
  ): Promise<SearchWorld> {
    const redis = connectRedis(where);
    const queueRedis = connectRedis(where);
    for (const connection of [redis, queueRedis]) connection.on('error', () => undefined);
    await Promise.all([redis.connect(), queueRedis.connect()]);
    return new SearchWorld(redis, queueRedis, shardCount, bounds);
  }

  async close(): Promise<void> {
    await this.queues.close();
    this.redis.disconnect();
    this.queueRedis.disconnect();
  }

  /** An identity of that shard, or of any, without the job that would verify it. */
  async identity(shard?: number): Promise<string> {
    const id = shard === undefined ? newIdentityId() : this.#identityIdIn(shard);
    const { lease } = this.keys.shard(shardOf(id, this.shardCount));
    await runScript(this.redis, CREATE_IDENTITY, [lease], [id, 'sealed', 'username', `user ${id}`]);
    return id;
  }

  #identityIdIn(shard: number): string {
    for (;;) {
      const id = newIdentityId();
      if (shardOf(id, this.shardCount) === shard) return id;
    }
  }

  async accept(
    requests: readonly UpdateRequest[],
    options: { readonly actor?: string; readonly batchId?: string } = {},
  ): Promise<string[]> {
    const rows = await this.intake.accept(requests, { actor: 'tests', ...options });
    return rows.map((row) => {
      if (!row.taken) throw row.error;
      return row.updateId;
    });
  }

  lease(shard: number): Promise<Lease> {
    const known = this.#leases.get(shard);
    if (known !== undefined) return known;
    const taken = new LeaseStore(this.redis, this.keys, this.shardCount)
      .acquire(shard, 'worker', RETENTION_MS)
      .then((lease) => {
        if (lease === undefined) throw new Error('the lease could not be taken');
        return lease;
      });
    this.#leases.set(shard, taken);
    return taken;
  }

  async lanes(shard: number): Promise<LaneStore> {
    const lease = await this.lease(shard);
    return new LaneStore(this.redis, this.keys.shard(shard), lease, RETENTION_MS, new RedisClock());
  }

  /** Publishes and ends the head of the lane of an update as told. */
  async end(updateId: string, state: FinalState, code?: FailureCode): Promise<void> {
    const update = await this.reader.find(updateId);
    if (update === undefined) throw new Error(`${updateId} is not there`);
    const lanes = await this.lanes(shardOfUpdate(updateId) ?? -1);
    const lane = laneId(update);
    const step = await lanes.claim(lane);
    if (step.kind !== 'claimed') throw new Error(`${updateId} was not claimed but ${step.kind}`);
    const fields = code === undefined ? {} : { failure: JSON.stringify({ code }) };
    await lanes.settle(lane, step.claim, state, fields, false);
  }
}
