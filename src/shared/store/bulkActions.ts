import { createHash, randomBytes } from 'node:crypto';
import {
  applicable,
  type BulkAction,
  type BulkError,
  type BulkKind,
  type BulkRequest,
} from '../domain/bulkAction.ts';
import { batchIdOf, bulkActionIdOf, isBulkActionId } from '../domain/ids.ts';
import type { UpdateFilter } from '../domain/updateFilter.ts';
import { CourierError } from '../errors/courierError.ts';
import { BULK, type BulkJob } from '../queue/deliverJob.ts';
import { BULK_PRIORITY, type ShardQueues } from '../queue/shardQueues.ts';
import type { RedisClient } from '../redis/client.ts';
import type { Keys } from '../redis/keys.ts';
import { redisTime } from '../redis/redisTime.ts';
import { type Hit, SearchIndex } from './searchIndex.ts';
import { shardsOf } from './shardScan.ts';
import { type Facets, UpdateFacets } from './updateFacets.ts';
import { optionalNumber } from './updateRecord.ts';

export interface BulkPreview extends BulkRequest {
  readonly token: string;
  readonly at: number;
  readonly expiresAt: number;
  readonly facets: Facets;
  /** The newest that match, a few. */
  readonly sample: readonly Hit[];
}

/** How long a preview may be started, in milliseconds. */
const PREVIEW_MS = 15 * 60_000;
const SAMPLE = 10;
const MOST_LISTED = 10_000;

type Frozen = BulkRequest & { readonly at: number };

/**
 * Actions on all updates that match a filter: previewed, then started, followed and aborted. Every
 * shard's owner takes its part in a job of its own; what is read here is the sum of the parts.
 */
export class BulkActions {
  readonly #redis: RedisClient;
  readonly #keys: Keys;
  readonly #queues: ShardQueues;
  readonly #settings: { readonly shardCount: number; readonly retentionMs: number };

  constructor(
    redis: RedisClient,
    keys: Keys,
    queues: ShardQueues,
    settings: { readonly shardCount: number; readonly retentionMs: number },
  ) {
    this.#redis = redis;
    this.#keys = keys;
    this.#queues = queues;
    this.#settings = settings;
  }

  /** Freezes what an action would be done with, and counts it. @throws BULK_MATCHES_NOTHING */
  async preview(kind: BulkKind, filter: UpdateFilter): Promise<BulkPreview> {
    const at = await redisTime(this.#redis);
    // What was accepted in this millisecond belongs to it.
    const frozen = applicable(kind, filter, at + 1);
    if (frozen === undefined) throw matchesNothing(kind);
    const { shardCount } = this.#settings;
    const [facets, page] = await Promise.all([
      new UpdateFacets(this.#redis, this.#keys, shardCount).count(frozen),
      new SearchIndex(this.#redis, this.#keys, shardCount).page({
        filter: frozen,
        first: SAMPLE,
        order: 'newest',
      }),
    ]);
    if (facets.total === 0 && !facets.atLeast) throw matchesNothing(kind);
    const request: Frozen = {
      at,
      kind,
      filter: frozen,
      matched: facets.total,
      matchedAtLeast: facets.atLeast,
    };
    const token = `prv_${randomBytes(16).toString('hex')}`;
    const key = this.#keys.bulkPreview(token);
    await this.#redis.set(key, JSON.stringify(request), 'PX', PREVIEW_MS);
    return { ...request, token, expiresAt: at + PREVIEW_MS, facets, sample: page.hits };
  }

  /**
   * Starts what was previewed. Started again with the same token it is the same action.
   * @throws PREVIEW_NOT_FOUND
   */
  async start(token: string, actor: string, reason: string): Promise<BulkAction> {
    const text = await this.#redis.get(this.#keys.bulkPreview(token));
    if (text === null) {
      throw new CourierError(
        'PREVIEW_NOT_FOUND',
        'No preview has this id any more.',
        'Preview the action again; a preview may be started for 15 minutes.',
      );
    }
    const request = JSON.parse(text) as Frozen;
    const name = createHash('sha256').update(token).digest('hex');
    const id = bulkActionIdOf(request.at, name);
    const { kind } = request;
    const fields = {
      request: text,
      actor,
      reason,
      createdAt: await redisTime(this.#redis),
      ...(kind === 'RETRY' ? { batchId: batchIdOf(request.at, name) } : {}),
    };
    // Listed first: what a crash leaves from here on, the fleet's sweep finds.
    const { runningBulkActions, bulkActions } = this.#keys;
    await this.#redis
      .multi()
      .zadd(runningBulkActions, 'NX', fields.createdAt, id)
      .zadd(bulkActions, 'NX', fields.createdAt, id)
      .zremrangebyrank(bulkActions, 0, -1 - MOST_LISTED)
      .exec();
    await this.#record(id, fields);
    await this.begin(id);
    return this.require(id);
  }

  /**
   * Opens the batch that a retry fills, and gives every shard that has a part in the action, and has
   * not ended it, a job. Done again it does what a crash left undone.
   */
  async begin(id: string): Promise<void> {
    const frozen = await this.frozen(id);
    if (frozen === undefined) return;
    if (frozen.batchId !== undefined) await this.#openBatch(id, frozen.filter);
    const data: BulkJob = { bulkActionId: id };
    const shards = shardsOf(frozen.filter, this.#settings.shardCount);
    const parts = await this.#parts(id, shards);
    await Promise.all(
      shards.map(async (shard, at) => {
        if (parts[at]?.ended !== undefined) return;
        await this.#queues.add(shard, { name: BULK, data, id: `b_${id}`, priority: BULK_PRIORITY });
      }),
    );
  }

  /** Ends an action after what it is at. @throws BULK_ACTION_NOT_FOUND, BULK_ACTION_FINISHED */
  async abort(id: string, actor: string, reason: string): Promise<BulkAction> {
    const action = await this.require(id);
    if (action.state === 'COMPLETED') {
      throw new CourierError(
        'BULK_ACTION_FINISHED',
        `${id} has ended already.`,
        'There is nothing to abort; its counts tell what it did.',
      );
    }
    const key = this.#keys.bulkAction(id);
    // Whoever was first did it, for the reason that was given then.
    const first = await this.#redis.hsetnx(key, 'abortedBy', actor);
    if (first === 1) await this.#redis.hset(key, 'abortReason', reason);
    return this.require(id);
  }

  /** @throws BULK_ACTION_NOT_FOUND */
  async require(id: string): Promise<BulkAction> {
    const action = await this.find(id);
    if (action !== undefined) return action;
    throw new CourierError(
      'BULK_ACTION_NOT_FOUND',
      `No action has the id "${id.slice(0, 64)}".`,
      'Use the id that the mutation gave. Actions that have ended are kept for RETENTION_MS.',
    );
  }

  async find(id: string): Promise<BulkAction | undefined> {
    if (!isBulkActionId(id)) return undefined;
    const fields = await this.#redis.hgetall(this.#keys.bulkAction(id));
    if (fields.request === undefined) return undefined;
    const { kind, filter, matched, matchedAtLeast } = JSON.parse(fields.request) as Frozen;
    const parts = await this.#parts(id, shardsOf(filter, this.#settings.shardCount));
    const sum = (name: string) => parts.reduce((total, part) => total + Number(part[name] ?? 0), 0);
    const finishedAt = optionalNumber(fields.finishedAt);
    const { abortedBy, abortReason } = fields;
    const ended = finishedAt !== undefined;
    return {
      id,
      kind,
      filter,
      matched,
      matchedAtLeast,
      actor: fields.actor ?? '',
      reason: fields.reason ?? '',
      createdAt: Number(fields.createdAt),
      state:
        abortedBy === undefined
          ? ended
            ? 'COMPLETED'
            : 'RUNNING'
          : ended
            ? 'ABORTED'
            : 'ABORTING',
      done: sum('done'),
      skipped: sum('skipped'),
      failed: sum('failed'),
      errors: parts
        .flatMap(({ errors }) => (errors === undefined ? [] : (JSON.parse(errors) as BulkError[])))
        .slice(0, SAMPLE),
      finishedAt,
      abortedBy,
      abortReason,
      batchId: fields.batchId,
    };
  }

  /** The newest first, as ids; `after` is the last one that was shown. */
  async list(first: number, after: string | undefined): Promise<readonly string[]> {
    const rank =
      after === undefined ? -1 : await this.#redis.zrevrank(this.#keys.bulkActions, after);
    // The oldest are pruned first: with the cursor, everything behind it is gone.
    if (rank === null) return [];
    const from = rank + 1;
    return this.#redis.zrevrange(this.#keys.bulkActions, from, from + first - 1);
  }

  /** What a part of it needs; undefined where there is no such action. */
  async frozen(id: string): Promise<
    | {
        readonly kind: BulkKind;
        readonly filter: UpdateFilter;
        readonly at: number;
        readonly actor: string;
        readonly reason: string;
        readonly batchId: string | undefined;
        readonly aborted: boolean;
      }
    | undefined
  > {
    const {
      request,
      actor = '',
      reason = '',
      batchId,
      abortedBy,
    } = await this.#redis.hgetall(this.#keys.bulkAction(id));
    if (request === undefined) return undefined;
    const { kind, filter, at } = JSON.parse(request) as Frozen;
    return { kind, filter, at, actor, reason, batchId, aborted: abortedBy !== undefined };
  }

  /** Actions that have not ended, oldest first. */
  running(): Promise<readonly string[]> {
    return this.#redis.zrange(this.#keys.runningBulkActions, 0, '99');
  }

  /** Notes that an action has ended, where all of its parts have. */
  async noteEnd(id: string): Promise<boolean> {
    const frozen = await this.frozen(id);
    if (frozen !== undefined) {
      const { shardCount, retentionMs } = this.#settings;
      const shards = shardsOf(frozen.filter, shardCount);
      const parts = await this.#parts(id, shards);
      if (parts.some(({ ended }) => ended === undefined)) return false;
      if (frozen.batchId !== undefined) await this.#closeBatch(frozen.batchId, frozen.at);
      const key = this.#keys.bulkAction(id);
      await this.#redis.hsetnx(key, 'finishedAt', await redisTime(this.#redis));
      const keys = [key, ...shards.map((shard) => this.#keys.shard(shard).bulkAction(id))];
      await Promise.all(keys.map((one) => this.#redis.pexpire(one, retentionMs)));
    }
    await this.#redis.zrem(this.#keys.runningBulkActions, id);
    return true;
  }

  async #record(id: string, fields: Readonly<Record<string, string | number>>): Promise<void> {
    const key = this.#keys.bulkAction(id);
    const writing = this.#redis.multi();
    for (const [name, value] of Object.entries(fields)) writing.hsetnx(key, name, value);
    await writing.exec();
  }

  /** The batch of the new updates: it grows until the action has ended. */
  async #openBatch(id: string, { batchId }: UpdateFilter): Promise<void> {
    const {
      actor = '',
      reason = '',
      createdAt = '',
      batchId: own = '',
    } = await this.#redis.hgetall(this.#keys.bulkAction(id));
    const key = this.#keys.batch(own);
    const fields = {
      actor,
      createdAt,
      label: reason.slice(0, 128),
      ...(batchId === undefined ? {} : { retryOf: batchId }),
    };
    const writing = this.#redis.multi();
    for (const [name, value] of Object.entries(fields)) writing.hsetnx(key, name, value);
    await writing.exec();
  }

  async #closeBatch(batchId: string, at: number): Promise<void> {
    const all = Array.from({ length: this.#settings.shardCount }, (_, shard) => shard);
    const totals = await Promise.all(
      all.map((shard) => this.#redis.hget(this.#keys.shard(shard).batch(batchId), 'total')),
    );
    const shards = all.filter((shard) => Number(totals[shard] ?? 0) > 0);
    const key = this.#keys.batch(batchId);
    await this.#redis.hset(key, { shards: shards.join(','), refusals: '{}' });
    if (shards.length > 0) await this.#redis.zadd(this.#keys.batches, at, batchId);
    else await this.#redis.pexpire(key, this.#settings.retentionMs);
  }

  #parts(id: string, shards: readonly number[]): Promise<Readonly<Record<string, string>>[]> {
    return Promise.all(
      shards.map((shard) => this.#redis.hgetall(this.#keys.shard(shard).bulkAction(id))),
    );
  }
}

function matchesNothing(kind: BulkKind): CourierError {
  return new CourierError(
    'BULK_MATCHES_NOTHING',
    `No update matches to which ${kind} applies.`,
    'Look with updates(filter:) at what does match, and in which states it is.',
  );
}
