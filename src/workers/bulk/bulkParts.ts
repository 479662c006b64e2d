import type { BulkError } from '../../shared/domain/bulkAction.ts';
import type { UpdateFilter } from '../../shared/domain/updateFilter.ts';
import type { RedisClient } from '../../shared/redis/client.ts';
import type { Keys } from '../../shared/redis/keys.ts';
import { runScript } from '../../shared/redis/script.ts';
import { updateIdPrefix } from '../../shared/domain/ids.ts';
import { readPauses } from '../../shared/store/fleetPauses.ts';
import { AGREE_ON_CHUNK, END_CHUNK, PLAN_CHUNK } from '../../shared/store/lua/bulkScripts.ts';
import { SEARCH } from '../../shared/store/lua/searchScripts.ts';
import { type Order, rangeOf, walkShard } from '../../shared/store/shardScan.ts';

/** The updates that a part takes on at once. Written down before, so that a crash counts none twice. */
export interface Chunk {
  readonly ids: readonly string[];
  /** The position that the next one begins behind. */
  readonly cursor: number;
  readonly last: boolean;
  /** As it is written down. */
  readonly text: string;
  /** What was agreed on for it, so far. */
  readonly sending?: string | undefined;
}

/** What became of one update. */
export type Verdict = 'done' | 'skipped' | BulkError;

/** What became of a chunk's updates. */
export interface ChunkOutcome {
  readonly done: number;
  readonly skipped: number;
  readonly failed: number;
  readonly errors: readonly BulkError[];
}

const CHUNK = 100;
const MOST_CANDIDATES = 1000;

/** How far a shard's part of an action is. */
export class BulkParts {
  readonly #redis: RedisClient;
  readonly #keys: Keys;

  constructor(redis: RedisClient, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  /** The chunk to work off, the one of before where it was not; undefined where the part has ended. */
  async next(
    id: string,
    shard: number,
    filter: UpdateFilter,
    order: Order,
  ): Promise<Chunk | undefined> {
    const keys = this.#keys.shard(shard);
    const part = await this.#redis.hmget(
      keys.bulkAction(id),
      'ended',
      'chunk',
      'cursor',
      'sending',
    );
    const [ended, planned, cursor, sending] = part;
    if (typeof ended === 'string') return undefined;
    if (typeof planned === 'string') return parseChunk(planned, sending ?? undefined);
    const range = rangeOf(filter);
    if (typeof cursor === 'string') {
      if (order === 'newest') range.high = Number(cursor) - 1;
      else range.low = Number(cursor) + 1;
    }
    const pauses =
      filter.waitReasons === undefined ? [] : await readPauses(this.#redis, this.#keys);
    const walk = { shard, filter, pauses, order, ...range, most: MOST_CANDIDATES };
    const found = await walkShard(this.#redis, this.#keys, SEARCH, walk, CHUNK);
    const ids = found.words.flatMap((word, at) =>
      at % 2 === 1 ? `${updateIdPrefix(shard)}${word}` : [],
    );
    const chunk = JSON.stringify({ ids, cursor: found.last, last: found.ended });
    const stands = await runScript(this.#redis, PLAN_CHUNK, [keys.lease], [id, chunk]);
    return typeof stands === 'string' ? parseChunk(stands) : undefined;
  }

  /**
   * Writes down what is sent for a chunk, in the place of what was read before ('' for nothing),
   * unless somebody else did. @returns what stands now; undefined where the chunk is counted.
   */
  async agree(
    id: string,
    shard: number,
    chunk: Chunk,
    before: string,
    after: string,
  ): Promise<string | undefined> {
    const { lease } = this.#keys.shard(shard);
    const args = [id, chunk.text, before, after];
    const stands = await runScript(this.#redis, AGREE_ON_CHUNK, [lease], args);
    return typeof stands === 'string' ? stands : undefined;
  }

  /** Counts a chunk that was worked off, unless somebody did. */
  async end(id: string, shard: number, chunk: Chunk, outcome: ChunkOutcome): Promise<void> {
    const { done, skipped, failed, errors } = outcome;
    const args = [id, chunk.text, chunk.cursor, chunk.last ? 1 : 0];
    await runScript(
      this.#redis,
      END_CHUNK,
      [this.#keys.shard(shard).lease],
      [...args, done, skipped, failed, JSON.stringify(errors)],
    );
  }

  /** Ends a part before its end. */
  async giveUp(id: string, shard: number): Promise<void> {
    await this.#redis.hset(this.#keys.shard(shard).bulkAction(id), 'ended', '1');
  }
}

function parseChunk(text: string, sending?: string): Chunk {
  return { ...(JSON.parse(text) as Omit<Chunk, 'text' | 'sending'>), text, sending };
}
