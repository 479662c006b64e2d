import {
  type FailureCode,
  OPEN_STATES,
  UPDATE_STATES,
  type UpdateState,
  type WaitReason,
} from '../domain/sets.ts';
import type { UpdateFilter } from '../domain/updateFilter.ts';
import type { RedisClient } from '../redis/client.ts';
import type { Keys } from '../redis/keys.ts';
import { readPauses } from './fleetPauses.ts';
import { FINAL_PARTITIONS } from './lua/indexFunctions.ts';
import { TALLY } from './lua/searchScripts.ts';
import { rangeOf, shardsOf, walkShard } from './shardScan.ts';

export interface Facet<Value extends string = string> {
  readonly value: Value;
  readonly count: number;
  /** There may be more: the count stopped where it had looked at as much as one may. */
  readonly atLeast: boolean;
}

/** How many updates match a filter, and by what they have; the most frequent first. */
export interface Facets {
  readonly total: number;
  readonly atLeast: boolean;
  readonly states: readonly Facet<UpdateState>[];
  readonly failureCodes: readonly Facet<FailureCode>[];
  readonly waitReasons: readonly Facet<WaitReason>[];
  readonly actors: readonly Facet[];
  readonly labels: readonly Facet[];
}

type Kind = 'state' | 'code' | 'wait' | 'actor' | 'label';

const MOST_A_SCRIPT = 1000;
const LEAST_A_SCRIPT = 20;
/** Candidates that one count looks at, over all shards. */
const MOST_A_COUNT = 50_000;
const MOST_VALUES = 50;

/** Counts by actor, label and the rest, over all shards. */
export class UpdateFacets {
  readonly #redis: RedisClient;
  readonly #keys: Keys;
  readonly #shardCount: number;

  constructor(redis: RedisClient, keys: Keys, shardCount: number) {
    this.#redis = redis;
    this.#keys = keys;
    this.#shardCount = shardCount;
  }

  /**
   * Exact where the index's own sizes tell it (no filter but states and failure codes) or where the
   * candidates are few enough; `atLeast` otherwise, and where the signal aborts.
   */
  async count(filter: UpdateFilter, signal?: AbortSignal): Promise<Facets> {
    const [tally, exact] = await Promise.all([
      this.#tally(filter, signal),
      isOfSizes(filter) ? this.#sizes(filter) : undefined,
    ]);
    if (exact === undefined || !tally.atLeast) return tally;
    return { ...tally, ...exact, atLeast: false };
  }

  async #tally(filter: UpdateFilter, signal: AbortSignal | undefined): Promise<Facets> {
    const pauses = await readPauses(this.#redis, this.#keys);
    const { low, high } = rangeOf(filter);
    const parts = shardsOf(filter, this.#shardCount).map((shard) => ({
      shard,
      high,
      ended: false,
    }));
    const counts = new Map<string, number>();
    let total = 0;
    let budget = MOST_A_COUNT;
    for (;;) {
      const open = parts.filter(({ ended }) => !ended);
      if (open.length === 0 || budget <= 0 || signal?.aborted === true) break;
      const most = Math.max(LEAST_A_SCRIPT, Math.min(MOST_A_SCRIPT, budget / open.length));
      const walks = await Promise.all(
        open.map(async (part) => {
          const walk = {
            ...part,
            filter,
            pauses,
            order: 'newest' as const,
            low,
            most: Math.floor(most),
          };
          const { ended, last, looked, words } = await walkShard(
            this.#redis,
            this.#keys,
            TALLY,
            walk,
          );
          part.high = last - 1;
          part.ended = ended || part.high < low;
          return { looked, words };
        }),
      );
      for (const { looked, words } of walks) {
        budget -= looked + 1;
        total += Number(words[0]);
        for (let at = 1; at + 2 < words.length; at += 3) {
          const name = `${words[at]} ${words[at + 1]}`;
          counts.set(name, (counts.get(name) ?? 0) + Number(words[at + 2]));
        }
      }
    }
    const atLeast = parts.some(({ ended }) => !ended);
    const facet = <Value extends string>(kind: Kind): readonly Facet<Value>[] =>
      [...counts]
        .flatMap(([name, count]) =>
          name.startsWith(`${kind} `)
            ? [{ value: name.slice(kind.length + 1) as Value, count, atLeast }]
            : [],
        )
        .toSorted((a, b) => b.count - a.count)
        .slice(0, MOST_VALUES);
    return {
      total,
      atLeast,
      states: facet('state'),
      failureCodes: facet('code'),
      waitReasons: facet('wait'),
      actors: facet('actor'),
      labels: facet('label'),
    };
  }

  /** Counts by state and code from the sizes of the index's sets, and the counters of what is open. */
  async #sizes({ states = UPDATE_STATES, failureCodes }: UpdateFilter) {
    const perShard = await Promise.all(
      Array.from({ length: this.#shardCount }, async (_, shard) => {
        const keys = this.#keys.shard(shard);
        const [open, ...sizes] = await Promise.all([
          this.#redis.hmget(keys.counts, ...OPEN_STATES),
          ...FINAL_PARTITIONS.map((partition) => this.#redis.zcard(keys.indexed(partition))),
        ]);
        return [
          ...OPEN_STATES.map((state, at) => [state, Number(open[at] ?? 0)] as const),
          ...FINAL_PARTITIONS.map((partition, at) => [partition, sizes[at] ?? 0] as const),
        ];
      }),
    );
    const byState = new Map<UpdateState, number>();
    const byCode = new Map<FailureCode, number>();
    for (const [partition, count] of perShard.flat()) {
      const [state, code] = splitPartition(partition);
      if (count === 0 || !states.includes(state)) continue;
      if (failureCodes !== undefined && (code === undefined || !failureCodes.includes(code)))
        continue;
      byState.set(state, (byState.get(state) ?? 0) + count);
      if (code !== undefined) byCode.set(code, (byCode.get(code) ?? 0) + count);
    }
    return {
      total: [...byState.values()].reduce((sum, count) => sum + count, 0),
      states: facetsOf(byState),
      failureCodes: facetsOf(byCode),
    };
  }
}

/** Whether the sizes of the index's sets tell how many match. */
function isOfSizes({ states: _states, failureCodes: _codes, ...rest }: UpdateFilter): boolean {
  return Object.values(rest).every((value) => value === undefined);
}

function splitPartition(partition: string): readonly [UpdateState, FailureCode | undefined] {
  const [state, code] = partition.split(':') as [UpdateState, FailureCode | undefined];
  // An update expires for one reason alone.
  return [state, code ?? (state === 'EXPIRED' ? 'DEADLINE_PASSED' : undefined)];
}

function facetsOf<Value extends string>(counts: ReadonlyMap<Value, number>): Facet<Value>[] {
  return [...counts]
    .map(([value, count]) => ({ value, count, atLeast: false }))
    .toSorted((a, b) => b.count - a.count);
}
