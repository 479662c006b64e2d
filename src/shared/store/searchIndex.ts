import { updateIdPrefix } from '../domain/ids.ts';
import type { Pause } from '../domain/pause.ts';
import type { UpdateFilter } from '../domain/updateFilter.ts';
import type { RedisClient } from '../redis/client.ts';
import type { Keys } from '../redis/keys.ts';
import { SEARCH } from './lua/searchScripts.ts';
import { readPauses } from './fleetPauses.ts';
import { type Order, type Place, rangeOf, shardsOf, walkShard } from './shardScan.ts';

export interface Hit extends Place {
  readonly id: string;
}

export interface SearchPage {
  readonly hits: readonly Hit[];
  /**
   * Where the next page begins; undefined where there is none. A page whose search looked at as
   * much as one may is shorter than asked, and goes on all the same.
   */
  readonly next: Place | undefined;
}

export interface SearchQuery {
  readonly filter: UpdateFilter;
  readonly first: number;
  readonly after?: Place | undefined;
  readonly order: Order;
  /** Only these shards; all that the filter can match in unless given. */
  readonly shards?: readonly number[] | undefined;
  /** Where it aborts, the page ends as one that has looked at as much as one may. */
  readonly signal?: AbortSignal | undefined;
}

/** Candidates that one script looks at, about a millisecond of Redis's time. */
const MOST_A_SCRIPT = 500;
const LEAST_A_SCRIPT = 20;
/** Candidates that one page looks at, over all shards. */
const MOST_A_PAGE = 20_000;
const MOST_HITS_A_SCRIPT = 100;

/** What is known of a shard while its part is merged into a page. */
interface Part {
  readonly shard: number;
  /** The bounds of what was not looked at yet. */
  low: number;
  high: number;
  hits: Hit[];
  ended: boolean;
}

/** Finds updates over all shards, in the order in which they were accepted. */
export class SearchIndex {
  readonly #redis: RedisClient;
  readonly #keys: Keys;
  readonly #shardCount: number;

  constructor(redis: RedisClient, keys: Keys, shardCount: number) {
    this.#redis = redis;
    this.#keys = keys;
    this.#shardCount = shardCount;
  }

  /** A page of what matches, as far as a bounded number of candidates shows it. */
  async page(query: SearchQuery): Promise<SearchPage> {
    const { order, first, signal } = query;
    const parts = this.#parts(query);
    const pauses =
      query.filter.waitReasons === undefined ? [] : await readPauses(this.#redis, this.#keys);
    const found: Hit[] = [];
    let budget = MOST_A_PAGE;
    for (;;) {
      const known = merge(parts, found, first + 1, order);
      const page = { hits: found.slice(0, first), next: undefined };
      if (found.length > first) return { ...page, next: found[first - 1] };
      if (known === undefined) return page;
      if (budget <= 0 || signal?.aborted === true) return { ...page, next: known };
      // Only those that hold the merge up: what lies further on may never be needed.
      const best = firstHit(parts, order)?.hits[0];
      const needed = parts.filter(
        (part) =>
          isUnknown(part) && (best === undefined || precedes(order, frontier(part, order), best)),
      );
      const most = Math.max(LEAST_A_SCRIPT, Math.min(MOST_A_SCRIPT, budget / needed.length));
      const wanted = Math.ceil((2 * (first + 1 - found.length)) / needed.length) + 2;
      const looked = await Promise.all(
        needed.map((part) => this.#refill(part, query, pauses, Math.floor(most), wanted)),
      );
      budget -= looked.reduce((sum, each) => sum + each, 0);
    }
  }

  #parts({ filter, after, order, shards }: SearchQuery): Part[] {
    const { low, high } = rangeOf(filter);
    return (shards ?? shardsOf(filter, this.#shardCount)).map((shard) => {
      const part: Part = { shard, low, high, hits: [], ended: false };
      if (after === undefined) return part;
      // Of one position, higher shards count as the newer ones.
      const newer = shard > after.shard;
      if (order === 'newest')
        part.high = Math.min(high, after.position - (shard >= after.shard ? 1 : 0));
      else part.low = Math.max(low, after.position + (newer ? 0 : 1));
      part.ended = part.low > part.high;
      return part;
    });
  }

  /** @returns how many candidates were looked at. */
  async #refill(
    part: Part,
    query: SearchQuery,
    pauses: readonly Pause[],
    most: number,
    wanted: number,
  ): Promise<number> {
    const { shard, low, high } = part;
    const { filter, order } = query;
    const walk = { shard, filter, pauses, order, low, high, most };
    const hits = Math.min(MOST_HITS_A_SCRIPT, wanted);
    const { ended, last, looked, words } = await walkShard(
      this.#redis,
      this.#keys,
      SEARCH,
      walk,
      hits,
    );
    for (let at = 0; at + 1 < words.length; at += 2) {
      const id = `${updateIdPrefix(shard)}${words[at + 1]}`;
      part.hits.push({ id, shard, position: Number(words[at]) });
    }
    if (order === 'newest') part.high = last - 1;
    else part.low = last + 1;
    part.ended = ended || part.low > part.high;
    return looked + 1;
  }
}

function precedes(order: Order, a: Place, b: Place): boolean {
  const difference = a.position - b.position || a.shard - b.shard;
  return order === 'newest' ? difference > 0 : difference < 0;
}

/** The place up to which a shard is known: what it still has lies behind. */
function frontier({ shard, low, high }: Part, order: Order): Place {
  return { shard, position: order === 'newest' ? high + 1 : low - 1 };
}

/** Nothing is known of what a shard still has. */
function isUnknown({ hits, ended }: Part): boolean {
  return hits.length === 0 && !ended;
}

/**
 * Moves what comes first of all shards to what was found, as far as the order is known.
 * @returns the place at which it stopped knowing; undefined where it came to the end.
 */
function merge(
  parts: readonly Part[],
  found: Hit[],
  wanted: number,
  order: Order,
): Place | undefined {
  for (;;) {
    let known: Place | undefined;
    for (const part of parts) {
      const place = isUnknown(part) ? frontier(part, order) : undefined;
      if (place !== undefined && (known === undefined || precedes(order, place, known)))
        known = place;
    }
    const best = firstHit(parts, order);
    const hit = best?.hits[0];
    if (hit === undefined || found.length >= wanted) return known;
    if (known !== undefined && !precedes(order, hit, known)) return known;
    found.push(hit);
    best?.hits.shift();
  }
}

function firstHit(parts: readonly Part[], order: Order): Part | undefined {
  let best: Part | undefined;
  for (const part of parts) {
    const [hit] = part.hits;
    const leading = best?.hits[0];
    if (hit !== undefined && (leading === undefined || precedes(order, hit, leading))) best = part;
  }
  return best;
}
