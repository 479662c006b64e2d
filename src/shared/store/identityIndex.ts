import { IDENTITY_STATUSES, type IdentityStatus } from '../domain/sets.ts';
import { searchText } from '../domain/searchText.ts';
import type { RedisClient } from '../redis/client.ts';
import type { Keys } from '../redis/keys.ts';
import { runScript } from '../redis/script.ts';
import { COUNT_IDENTITIES, SEARCH_IDENTITIES } from './lua/identitySearchScripts.ts';
import { pageCursor, placeOf } from './pageCursor.ts';

/** What identities must be to be listed; what is absent may be anything. */
export interface IdentityFilter {
  readonly status?: IdentityStatus | undefined;
  readonly tag?: string | undefined;
  readonly groupId?: string | undefined;
  /** How the username begins, whatever the case of its letters. */
  readonly username?: string | undefined;
  /** The same of the label. */
  readonly label?: string | undefined;
}

export interface IdentityHit {
  readonly id: string;
  readonly cursor: string;
}

export interface IdentityPage {
  readonly hits: readonly IdentityHit[];
  /** Where the next page begins; undefined where there is none. */
  readonly next: string | undefined;
}

/** Candidates that one page looks at, over all shards: about 100 ms of Redis's time. */
const MOST_A_PAGE = 10_000;
/** Candidates that one script looks at, so that others are served in between. */
const MOST_A_SCRIPT = 300;
const LEAST_A_SCRIPT = 50;

type Order = 'age' | 'text';

/** The sets that may be looked through; those of one order hold the same entries. */
interface Source {
  readonly sets: readonly string[];
  readonly order: Order;
  readonly least: string;
}

interface Entry {
  readonly place: string;
  readonly id: string;
}

/** What is known of a shard while its part is merged into a page. */
interface Part {
  readonly shard: number;
  entries: Entry[];
  /** How far it was looked through; '' at the beginning. */
  place: string;
  ended: boolean;
}

/** Finds identities over all shards: newest first, or by their letters where text is searched. */
export class IdentityIndex {
  readonly #redis: RedisClient;
  readonly #keys: Keys;
  readonly #shardCount: number;

  constructor(redis: RedisClient, keys: Keys, shardCount: number) {
    this.#redis = redis;
    this.#keys = keys;
    this.#shardCount = shardCount;
  }

  /**
   * A page of those that fit. One that has looked at as many candidates as a page may is shorter
   * than asked for, and goes on all the same; so does one whose signal aborts. @throws PAGE_INVALID
   */
  async page(
    filter: IdentityFilter,
    first: number,
    after: string | undefined,
    signal?: AbortSignal,
  ): Promise<IdentityPage> {
    const source = sourceOf(filter);
    const from = after === undefined ? '' : parseCursor(after, source.order);
    const parts = this.#shards().map(
      (shard): Part => ({ shard, entries: [], place: from, ended: false }),
    );
    const want = Math.max(4, Math.ceil((2 * (first + 1)) / parts.length));
    let looked = 0;
    const refill = async (part: Part) => {
      looked += await this.#refill(part, filter, source, want);
    };
    await Promise.all(parts.map(refill));
    const entries: Entry[] = [];
    while (entries.length <= first) {
      const part = firstOf(parts, source.order);
      if (part === undefined) return toPage(entries, undefined);
      const entry = part.entries.shift();
      if (entry !== undefined) entries.push(entry);
      else if (looked < MOST_A_PAGE && signal?.aborted !== true) await refill(part);
      else return toPage(entries, part.place);
    }
    return toPage(entries.slice(0, first), entries[first - 1]?.place);
  }

  /** How many identities have each status, of all or of those with a tag, or in a group. */
  async counts(
    filter: Pick<IdentityFilter, 'tag' | 'groupId'>,
  ): Promise<ReadonlyMap<IdentityStatus, number>> {
    const { tag = '', groupId = '' } = filter;
    const rows = await Promise.all(
      this.#shards().map(async (shard) => {
        const keys = [this.#keys.shard(shard).lease];
        const args = [tag, groupId, ...IDENTITY_STATUSES];
        return (await runScript(this.#redis, COUNT_IDENTITIES, keys, args)) as number[];
      }),
    );
    return new Map(
      IDENTITY_STATUSES.map((status, at) => [
        status,
        rows.reduce((sum, row) => sum + (row[at] ?? 0), 0),
      ]),
    );
  }

  /** The tags in use, most used first, with how many identities carry each. */
  async tags(): Promise<readonly (readonly [tag: string, count: number])[]> {
    const rows = await Promise.all(
      this.#shards().map((shard) => this.#redis.hgetall(this.#keys.shard(shard).identityTags)),
    );
    const sums = new Map<string, number>();
    for (const [tag, count] of rows.flatMap((row) => Object.entries(row))) {
      sums.set(tag, (sums.get(tag) ?? 0) + Number(count));
    }
    return [...sums].toSorted(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  }

  async #refill(
    part: Part,
    filter: IdentityFilter,
    { sets, order, least }: Source,
    want: number,
  ): Promise<number> {
    const [looked, more, place, ...words] = (await runScript(
      this.#redis,
      SEARCH_IDENTITIES,
      [this.#keys.shard(part.shard).lease],
      [
        sets.join(' '),
        order,
        part.place,
        least,
        want,
        Math.min(
          MOST_A_SCRIPT,
          Math.max(LEAST_A_SCRIPT, Math.ceil(MOST_A_PAGE / this.#shardCount)),
        ),
        filter.status ?? '',
        filter.tag ?? '',
        filter.groupId ?? '',
        searchText(filter.username ?? ''),
        searchText(filter.label ?? ''),
      ],
    )) as [number, ...string[]];
    part.place = place ?? part.place;
    part.ended = more === '0';
    for (let at = 0; at + 1 < words.length; at += 2) {
      part.entries.push({ place: words[at] ?? '', id: words[at + 1] ?? '' });
    }
    return looked;
  }

  #shards(): number[] {
    return Array.from({ length: this.#shardCount }, (_, shard) => shard);
  }
}

function sourceOf({ username, label, groupId, tag, status }: IdentityFilter): Source {
  if (username !== undefined && username !== '') {
    return { sets: ['identity-names'], order: 'text', least: searchText(username) };
  }
  if (label !== undefined && label !== '') {
    return { sets: ['identity-labels'], order: 'text', least: searchText(label) };
  }
  const sets = [
    ...(groupId === undefined ? [] : [`grouped:${groupId}`]),
    ...(tag === undefined ? [] : [`tagged:${tag}`]),
    ...(status === undefined ? [] : [`identities:${status}`]),
  ];
  return { sets: sets.length === 0 ? ['identities'] : sets, order: 'age', least: '' };
}

/** The part that the page goes on with: an entry, or entries that were not looked for yet. */
function firstOf(parts: readonly Part[], order: Order): Part | undefined {
  let best: Part | undefined;
  let bestPlace = '';
  for (const part of parts) {
    const [entry] = part.entries;
    if (entry === undefined && part.ended) continue;
    const place = entry?.place ?? part.place;
    if (best === undefined || precedes(place, bestPlace, order)) {
      best = part;
      bestPlace = place;
    }
  }
  return best;
}

function precedes(a: string, b: string, order: Order): boolean {
  if (order === 'text') return Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0;
  const [scoreA, idA] = ageOf(a);
  const [scoreB, idB] = ageOf(b);
  return scoreA === scoreB ? idA > idB : scoreA > scoreB;
}

/** The beginning comes before everything: nothing is newer. */
function ageOf(place: string): readonly [score: number, id: string] {
  if (place === '') return [Number.POSITIVE_INFINITY, ''];
  const at = place.indexOf(':');
  return [Number(place.slice(0, at)), place.slice(at + 1)];
}

function toPage(entries: readonly Entry[], next: string | undefined): IdentityPage {
  const hits = entries.map(({ id, place }) => ({ id, cursor: pageCursor(place) }));
  return { hits, next: next === undefined ? undefined : pageCursor(next) };
}

const PLACES: Readonly<Record<Order, RegExp>> = {
  age: /^\d{1,16}:idn_\w{26}$/,
  text: /^[^\0]{1,400}\0idn_\w{26}$/s,
};

function parseCursor(cursor: string, order: Order): string {
  return placeOf(cursor, PLACES[order])[0];
}
