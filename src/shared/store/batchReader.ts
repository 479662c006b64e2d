import type { Batch, BatchEnd, BatchState } from '../domain/batch.ts';
import { isBatchId } from '../domain/ids.ts';
import type { FailureCode, FinalState } from '../domain/sets.ts';
import type { RedisClient } from '../redis/client.ts';
import type { Keys } from '../redis/keys.ts';
import { optionalNumber } from './updateRecord.ts';

export interface BatchPage {
  readonly batches: readonly Batch[];
  readonly next: { readonly createdAt: number; readonly id: string } | undefined;
}

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

  /** The newest first, after a place. */
  async page(
    first: number,
    after: { createdAt: number; id: string } | undefined,
  ): Promise<BatchPage> {
    const key = this.#keys.batches;
    const older = await this.#redis.zrevrangebyscore(
      key,
      after === undefined ? '+inf' : `(${after.createdAt}`,
      '-inf',
      'WITHSCORES',
      'LIMIT',
      0,
      first + 1,
    );
    const same =
      after === undefined
        ? []
        : await this.#redis.zrevrangebyscore(key, after.createdAt, after.createdAt, 'WITHSCORES');
    const entries = [...pairs(same).filter(({ id }) => id < (after?.id ?? '')), ...pairs(older)];
    const shown = entries.slice(0, first);
    const found = await Promise.all(shown.map(({ id }) => this.find(id)));
    return {
      batches: found.filter((batch) => batch !== undefined),
      next: entries.length > first ? shown.at(-1) : undefined,
    };
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

function pairs(words: readonly string[]): { id: string; createdAt: number }[] {
  const entries: { id: string; createdAt: number }[] = [];
  for (let at = 0; at + 1 < words.length; at += 2) {
    entries.push({ id: words[at] ?? '', createdAt: Number(words[at + 1]) });
  }
  return entries;
}
