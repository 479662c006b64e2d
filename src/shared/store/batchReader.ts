import type { Batch, BatchEnd, BatchState } from '../domain/batch.ts';
import { isBatchId } from '../domain/ids.ts';
import type { FailureCode, FinalState } from '../domain/sets.ts';
import type { RedisClient } from '../redis/client.ts';
import type { Keys } from '../redis/keys.ts';
import { optionalNumber } from './updateRecord.ts';

/** Where a batch stands in the list. */
export interface BatchPlace {
  readonly createdAt: number;
  readonly id: string;
}

export interface BatchPage {
  readonly batches: readonly Batch[];
  /** The last one that was looked at, where more follow. */
  readonly next: BatchPlace | undefined;
}

/** What batches must be to be listed; what is left out does not matter. */
export interface BatchFilter {
  readonly actor?: string | undefined;
  readonly label?: string | undefined;
  /** One of them. */
  readonly states?: readonly BatchState[] | undefined;
}

/** Of those that are looked at for a filter, so many are read at once, and so many for one page. */
const CHUNK = 50;
const MOST_CANDIDATES = 200;

/** Reads batches: the record of each, and the sums of its counters over its shards. */
export class BatchReader {
  readonly #redis: RedisClient;
  readonly #keys: Keys;
  readonly #shardCount: number;

  constructor(redis: RedisClient, keys: Keys, shardCount: number) {
    this.#redis = redis;
    this.#keys = keys;
    this.#shardCount = shardCount;
  }

  /** Undefined for what is no batch, has no update, or was pruned after the retention time. */
  async find(id: string): Promise<Batch | undefined> {
    if (!isBatchId(id)) return undefined;
    const key = this.#keys.batch(id);
    const [actor, createdAt, label, retryOf, shards, finishedAt] = await this.#redis.hmget(
      key,
      'actor',
      'createdAt',
      'label',
      'retryOf',
      'shards',
      'finishedAt',
    );
    if (typeof actor !== 'string' || shards === '') return undefined;
    const parts = await this.#parts(id, shards);
    const sum = (name: string) => parts.reduce((total, part) => total + Number(part[name] ?? 0), 0);
    const [total, left] = [sum('total'), sum('left')];
    const ends = endsOf(parts, total - left);
    const base = {
      id,
      actor,
      total,
      left,
      ends,
      createdAt: Number(createdAt),
      label: label ?? undefined,
      retryOf: retryOf ?? undefined,
    };
    if (shards === null || shards === undefined) return { ...base, state: 'ACCEPTING' };
    const state: BatchState = left === 0 ? 'COMPLETED' : 'RUNNING';
    if (state === 'RUNNING') return { ...base, state };
    const last = Math.max(0, ...parts.map((part) => Number(part.finishedAt ?? 0)));
    return { ...base, state, finishedAt: optionalNumber(finishedAt) ?? last };
  }

  /**
   * The newest first, after a place. Where few match, a page has fewer than asked for and goes on
   * all the same: one looks at a bounded number of candidates.
   */
  async page(
    first: number,
    after: BatchPlace | undefined,
    filter: BatchFilter = {},
  ): Promise<BatchPage> {
    const batches: Batch[] = [];
    const some = Object.values(filter).some((value) => value !== undefined);
    const chunk = some ? CHUNK : first;
    let place = after;
    for (let looked = 0; looked < (some ? MOST_CANDIDATES : first); looked += chunk) {
      const entries = await this.#entries(chunk + 1, place);
      const shown = entries.slice(0, chunk);
      const found = await Promise.all(shown.map(({ id }) => this.find(id)));
      for (const [at, batch] of found.entries()) {
        place = shown[at];
        if (batch === undefined || !matches(batch, filter)) continue;
        batches.push(batch);
        if (batches.length < first) continue;
        return { batches, next: at + 1 < entries.length ? place : undefined };
      }
      if (entries.length <= chunk) return { batches, next: undefined };
    }
    return { batches, next: place };
  }

  async #entries(most: number, after: BatchPlace | undefined): Promise<readonly BatchPlace[]> {
    const key = this.#keys.batches;
    const older = await this.#redis.zrevrangebyscore(
      key,
      after === undefined ? '+inf' : `(${after.createdAt}`,
      '-inf',
      'WITHSCORES',
      'LIMIT',
      0,
      most,
    );
    if (after === undefined) return pairs(older);
    const { createdAt, id: last } = after;
    const same = await this.#redis.zrevrangebyscore(key, createdAt, createdAt, 'WITHSCORES');
    return [...pairs(same).filter(({ id }) => id < last), ...pairs(older)].slice(0, most);
  }

  async #parts(
    id: string,
    shards: string | null | undefined,
  ): Promise<readonly Readonly<Record<string, string>>[]> {
    // While it is being accepted, any shard may have some of it.
    const of =
      typeof shards === 'string'
        ? shards.split(',').map(Number)
        : Array.from({ length: this.#shardCount }, (_, shard) => shard);
    return Promise.all(of.map((shard) => this.#redis.hgetall(this.#keys.shard(shard).batch(id))));
  }
}

function matches(batch: Batch, { actor, label, states }: BatchFilter): boolean {
  return (
    (actor === undefined || batch.actor === actor) &&
    (label === undefined || batch.label === label) &&
    (states === undefined || states.includes(batch.state))
  );
}

const ENDS: readonly FinalState[] = ['FAILED', 'EXPIRED', 'CANCELED', 'SUPERSEDED'];

/** The counters of ends, and what remains of those that have ended: they succeeded. */
function endsOf(parts: readonly Readonly<Record<string, string>>[], ended: number): BatchEnd[] {
  const counts = new Map<string, number>();
  for (const part of parts) {
    for (const [name, count] of Object.entries(part)) {
      if (ENDS.includes(name.split(':')[0] as FinalState)) {
        counts.set(name, (counts.get(name) ?? 0) + Number(count));
      }
    }
  }
  const others = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const ends = [...counts].map(([name, count]): BatchEnd => {
    const [state, code] = name.split(':') as [FinalState, FailureCode | undefined];
    return { state, code: code ?? (state === 'EXPIRED' ? 'DEADLINE_PASSED' : undefined), count };
  });
  return ended === others ? ends : [{ state: 'SUCCEEDED', count: ended - others }, ...ends];
}

function pairs(words: readonly string[]): BatchPlace[] {
  const entries: BatchPlace[] = [];
  for (let at = 0; at + 1 < words.length; at += 2) {
    entries.push({ id: words[at] ?? '', createdAt: Number(words[at + 1]) });
  }
  return entries;
}
