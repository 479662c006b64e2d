import { shardOfUpdate } from '../domain/ids.ts';
import { laneId } from '../domain/lane.ts';
import { type Pause, pauseDetail } from '../domain/pause.ts';
import { MOST_REPLAYS } from '../domain/replay.ts';
import type { UpdateState, WaitReason } from '../domain/sets.ts';
import type { Update, Wait } from '../domain/update.ts';
import type { RedisClient } from '../redis/client.ts';
import type { Keys } from '../redis/keys.ts';
import { redisTime } from '../redis/redisTime.ts';
import { parsePauses } from './fleetPauses.ts';
import { optionalNumber, parseDenial, parseUpdate } from './updateRecord.ts';

/** Reads updates, with the reason why one waits where that follows from something else. */
export class UpdateReader {
  readonly #redis: RedisClient;
  readonly #keys: Keys;
  readonly #shardCount: number;

  constructor(redis: RedisClient, keys: Keys, shardCount: number) {
    this.#redis = redis;
    this.#keys = keys;
    this.#shardCount = shardCount;
  }

  /** Undefined for what is no update id, is unknown, or was pruned after the retention time. */
  async find(id: string): Promise<Update | undefined> {
    const [update] = await this.findMany([id]);
    return update;
  }

  /**
   * Many at once, in the order of their ids. Commands of one tick travel together, so this costs
   * two round trips, and what updates share (identity, lane, lease) is asked for once.
   */
  async findMany(ids: readonly string[]): Promise<readonly (Update | undefined)[]> {
    const context = new WaitContext(this.#redis, this.#keys);
    return Promise.all(
      ids.map(async (id) => {
        const shard = shardOfUpdate(id);
        if (shard === undefined || shard >= this.#shardCount) return undefined;
        const fields = await this.#redis.hgetall(this.#keys.shard(shard).update(id));
        if (fields.state === undefined) return undefined;
        const update = parseUpdate(id, fields);
        if (update.state !== 'QUEUED' && update.state !== 'HELD') return update;
        return { ...update, wait: await context.wait(shard, update) };
      }),
    );
  }

  /** Where they stand, in the order of their ids; undefined where one is not there. */
  async statesOf(ids: readonly string[]): Promise<readonly (UpdateState | undefined)[]> {
    return Promise.all(
      ids.map(async (id) => {
        const shard = shardOfUpdate(id);
        if (shard === undefined || shard >= this.#shardCount) return undefined;
        const state = await this.#redis.hget(this.#keys.shard(shard).update(id), 'state');
        return (state ?? undefined) as UpdateState | undefined;
      }),
    );
  }

  /**
   * The newest `MOST_REPLAYS` of the updates that repeat this one, oldest first. They are listed in
   * their own shard, which is this one's unless it was sent through a group.
   */
  async replaysOf({ id, groupId }: Pick<Update, 'id' | 'groupId'>): Promise<readonly string[]> {
    const own = shardOfUpdate(id);
    if (own === undefined || own >= this.#shardCount) return [];
    const everywhere = Array.from({ length: this.#shardCount }, (_, shard) => shard);
    const shards = groupId === undefined ? [own] : everywhere;
    const lists = await Promise.all(
      shards.map((shard) =>
        this.#redis.lrange(this.#keys.shard(shard).replays(id), -MOST_REPLAYS, -1),
      ),
    );
    const all = lists.flat().toSorted((a, b) => (timeOf(a) < timeOf(b) ? -1 : 1));
    return all.slice(-MOST_REPLAYS);
  }
}

/** What of an id tells when it was given, whatever its shard. */
function timeOf(updateId: string): string {
  return updateId.slice(updateId.lastIndexOf('_') + 1);
}

/** Why updates wait, as far as that follows from what they share with others. */
class WaitContext {
  readonly #redis: RedisClient;
  readonly #keys: Keys;
  readonly #answers = new Map<string, Promise<unknown>>();

  constructor(redis: RedisClient, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  /** The most telling reason: a parked identity, then an older update, then the shard's owner. */
  async wait(shard: number, update: Update): Promise<Wait | undefined> {
    const keys = this.#keys.shard(shard);
    const identityKey = keys.identity(update.identityId);
    const laneKey = keys.lane(laneId(update));
    const [identity, head, lease, now, pauses] = await Promise.all([
      this.#once(identityKey, () =>
        this.#redis.hmget(identityKey, 'status', 'waitReason', 'probeAt', 'denial'),
      ),
      this.#once(laneKey, () => this.#redis.lindex(laneKey, 0)),
      this.#once(keys.lease, () => this.#redis.hget(keys.lease, 'expiresAt')),
      this.#once('time', () => redisTime(this.#redis)),
      this.#once('pauses', async () => {
        return parsePauses(await this.#redis.hgetall(this.#keys.pauses));
      }),
    ]);
    const [status, reason, probeAt, denied] = identity;
    if (status === 'QUARANTINED' || status === 'NEEDS_OPERATOR') {
      const denial = parseDenial(denied ?? undefined);
      return {
        reason: (reason ?? 'IDENTITY_QUARANTINED') as WaitReason,
        detail: denial && `${denial.gate} at ${denial.stage}`,
        until: optionalNumber(probeAt),
      };
    }
    // In no lane: what stands there is not before it.
    const scheduled = update.wait?.reason === 'SCHEDULED';
    if (!scheduled && head !== null && head !== update.id) {
      return { reason: 'BEHIND_ANOTHER_UPDATE', detail: head };
    }
    const pause = oldestPause(pauses, shard, update.identityId);
    if (pause !== undefined) return { reason: 'PAUSED', detail: pauseDetail(pause) };
    const overdue = scheduled && (update.wait?.until ?? 0) < now;
    if (update.wait !== undefined && !overdue) return update.wait;
    return Number(lease ?? 0) <= now ? { reason: 'NO_OWNER' } : update.wait;
  }

  #once<T>(key: string, ask: () => Promise<T>): Promise<T> {
    const answer = (this.#answers.get(key) as Promise<T> | undefined) ?? ask();
    this.#answers.set(key, answer);
    return answer;
  }
}

/** What a worker holds back for a group it says in the record. */
function oldestPause(pauses: readonly Pause[], shard: number, identityId: string) {
  return pauses.find(({ target }) => {
    switch (target.kind) {
      case 'FLEET':
        return true;
      case 'SHARD':
        return target.shard === shard;
      case 'IDENTITY':
        return target.identityId === identityId;
      case 'GROUP':
        return false;
      default:
        return target satisfies never;
    }
  });
}
