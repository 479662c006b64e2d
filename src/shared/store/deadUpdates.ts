import type { RedisClient } from '../redis/client.ts';
import type { Keys } from '../redis/keys.ts';
import { pageCursor, placeOf } from './pageCursor.ts';

/** Where an update stands among the dead: newest first, by id within a millisecond. */
export interface DeadUpdate {
  readonly id: string;
  readonly finishedAt: number;
}

export interface DeadPage {
  readonly updates: readonly DeadUpdate[];
  readonly hasMore: boolean;
}

/** The updates that failed or expired, over all shards; each shard keeps a bounded number. */
export class DeadUpdates {
  readonly #redis: RedisClient;
  readonly #keys: Keys;
  readonly #shardCount: number;

  constructor(redis: RedisClient, keys: Keys, shardCount: number) {
    this.#redis = redis;
    this.#keys = keys;
    this.#shardCount = shardCount;
  }

  /** The `first` newest after a cursor. @throws PAGE_INVALID */
  async page(first: number, after: string | undefined): Promise<DeadPage> {
    const from = after === undefined ? undefined : parseCursor(after);
    const shards = Array.from({ length: this.#shardCount }, (_, shard) => shard);
    const found = await Promise.all(shards.map((shard) => this.#shard(shard, first + 1, from)));
    const sorted = found.flat().toSorted(newestFirst);
    return { updates: sorted.slice(0, first), hasMore: sorted.length > first };
  }

  async #shard(shard: number, count: number, from: DeadUpdate | undefined): Promise<DeadUpdate[]> {
    const key = this.#keys.shard(shard).dead;
    if (from === undefined) return parse(await this.#range(key, '+inf', '-inf', count));
    const { finishedAt } = from;
    // A group ends within one millisecond: what follows the cursor there is told by the id.
    const [same, older] = await Promise.all([
      this.#redis.zrevrangebyscore(key, finishedAt, finishedAt, 'WITHSCORES'),
      this.#range(key, `(${finishedAt}`, '-inf', count),
    ]);
    return [...parse(same).filter((one) => newestFirst(from, one) < 0), ...parse(older)];
  }

  #range(key: string, max: string, min: string, count: number): Promise<string[]> {
    return this.#redis.zrevrangebyscore(key, max, min, 'WITHSCORES', 'LIMIT', 0, count);
  }
}

function parse(words: readonly string[]): DeadUpdate[] {
  const updates: DeadUpdate[] = [];
  for (let at = 0; at + 1 < words.length; at += 2) {
    updates.push({ id: words[at] ?? '', finishedAt: Number(words[at + 1]) });
  }
  return updates;
}

function newestFirst(a: DeadUpdate, b: DeadUpdate): number {
  if (a.finishedAt !== b.finishedAt) return b.finishedAt - a.finishedAt;
  return a.id === b.id ? 0 : a.id > b.id ? -1 : 1;
}

export function cursorOf({ id, finishedAt }: DeadUpdate): string {
  return pageCursor(`${finishedAt}:${id}`);
}

function parseCursor(cursor: string): DeadUpdate {
  const [, finishedAt, id = ''] = placeOf(cursor, /^(\d{1,16}):(upd_\w+)$/);
  return { finishedAt: Number(finishedAt), id };
}
