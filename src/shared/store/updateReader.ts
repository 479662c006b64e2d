import type { Redis } from 'ioredis';
import { shardOfUpdate } from '../domain/ids.ts';
import { laneId } from '../domain/lane.ts';
import type { WaitReason } from '../domain/sets.ts';
import type { Update, Wait } from '../domain/update.ts';
import type { Keys } from '../redis/keys.ts';
import { optionalNumber, parseUpdate } from './updateRecord.ts';

/** Reads updates, with the reason why one waits where that follows from something else. */
export class UpdateReader {
  readonly #redis: Redis;
  readonly #keys: Keys;
  readonly #shardCount: number;

  constructor(redis: Redis, keys: Keys, shardCount: number) {
    this.#redis = redis;
    this.#keys = keys;
    this.#shardCount = shardCount;
  }

  /** Undefined for what is no update id, is unknown, or was pruned after the retention time. */
  async find(id: string): Promise<Update | undefined> {
    const shard = shardOfUpdate(id);
    if (shard === undefined || shard >= this.#shardCount) return undefined;
    const fields = await this.#redis.hgetall(this.#keys.shard(shard).update(id));
    if (fields.state === undefined) return undefined;
    const update = parseUpdate(id, fields);
    if (update.state !== 'QUEUED' && update.state !== 'HELD') return update;
    return { ...update, wait: await this.#wait(shard, update) };
  }

  /** The most telling reason: a parked identity, then an older update, then the shard's owner. */
  async #wait(shard: number, update: Update): Promise<Wait | undefined> {
    const keys = this.#keys.shard(shard);
    const [identity, head, lease, time] = await Promise.all([
      this.#redis.hmget(keys.identity(update.identityId), 'status', 'waitReason', 'probeAt'),
      this.#redis.lindex(keys.lane(laneId(update)), 0),
      this.#redis.hget(keys.lease, 'expiresAt'),
      this.#redis.time(),
    ]);
    const [status, reason, probeAt] = identity;
    if (status === 'QUARANTINED' || status === 'NEEDS_OPERATOR') {
      return {
        reason: (reason ?? 'IDENTITY_QUARANTINED') as WaitReason,
        until: optionalNumber(probeAt),
      };
    }
    if (head !== null && head !== update.id) {
      return { reason: 'BEHIND_ANOTHER_UPDATE', detail: head };
    }
    if (update.wait !== undefined) return update.wait;
    const now = Number(time[0]) * 1000;
    return Number(lease ?? 0) <= now ? { reason: 'NO_OWNER' } : undefined;
  }
}
