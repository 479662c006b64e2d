import { shardOf } from '../domain/ids.ts';
import {
  type Gap,
  type Presence,
  type PresenceObservation,
  unobservedMs,
} from '../domain/presence.ts';
import type { RedisClient } from '../redis/client.ts';
import { type Keys, PRESENCE_BUCKETS } from '../redis/keys.ts';
import { redisTime } from '../redis/redisTime.ts';
import { pageCursor, placeOf } from './pageCursor.ts';

/** A client in the list: latest change first, by id within a millisecond. */
export interface PresenceEntry {
  readonly clientId: string;
  readonly since: number;
}

export interface PresencePage {
  readonly entries: readonly PresenceEntry[];
  readonly presences: readonly Presence[];
  readonly hasMore: boolean;
}

interface StoredPresence {
  readonly state: 'online' | 'offline';
  readonly at: number;
  readonly reason: string;
  readonly address: string;
  readonly observedAt: number;
}

/** An observer that was not heard of for this many of its rounds does not observe. */
const ROUNDS_OF_SILENCE = 4;
const BUCKETS = Array.from({ length: PRESENCE_BUCKETS }, (_, bucket) => bucket);

export function presenceBucket(clientId: string): number {
  return shardOf(clientId, PRESENCE_BUCKETS);
}

/** Who is connected to AWS IoT, as the deployment's observer was told. */
export class PresenceReader {
  readonly #redis: RedisClient;
  readonly #keys: Keys;

  constructor(redis: RedisClient, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  /** In the order of the client ids. */
  async find(clientIds: readonly string[]): Promise<readonly Presence[]> {
    const [watch, found] = await Promise.all([
      this.#watch(),
      Promise.all(
        clientIds.map((clientId) =>
          this.#redis.hget(this.#keys.presence(presenceBucket(clientId)).clients, clientId),
        ),
      ),
    ]);
    return clientIds.map((clientId, at) => presenceOf(clientId, found[at] ?? null, watch));
  }

  /** The `first` latest changes after a cursor. @throws PAGE_INVALID */
  async page(
    state: 'online' | 'offline',
    first: number,
    after: string | undefined,
  ): Promise<PresencePage> {
    const from = after === undefined ? undefined : parseCursor(after);
    const found = await Promise.all(
      BUCKETS.map((bucket) => this.#latest(this.#keys.presence(bucket)[state], first + 1, from)),
    );
    const sorted = found.flat().toSorted(latestFirst);
    const entries = sorted.slice(0, first);
    const presences = await this.find(entries.map(({ clientId }) => clientId));
    return { entries, presences, hasMore: sorted.length > first };
  }

  /** Undefined where nobody ever observed. */
  async observation(): Promise<PresenceObservation | undefined> {
    const [watch, online, offline] = await Promise.all([
      this.#watch(),
      this.#count('online'),
      this.#count('offline'),
    ]);
    if (watch.since === undefined) return undefined;
    const { identityId, worker, observing, since, seenAt, gaps } = watch;
    return { identityId, worker, observing, since, seenAt, gaps, online, offline };
  }

  async #watch() {
    const [now, fields, stored] = await Promise.all([
      redisTime(this.#redis),
      this.#redis.hgetall(this.#keys.presenceObserver),
      this.#redis.lrange(this.#keys.presenceGaps, 0, '-1'),
    ]);
    const { identity, worker, since, seenAt, everyMs } = fields;
    const gaps = stored.map(parseGap);
    if (since === undefined) return { now, gaps };
    const seen = Number(seenAt);
    const observing = now - seen < Number(everyMs) * ROUNDS_OF_SILENCE;
    return {
      now,
      gaps: observing ? gaps : [...gaps, { from: seen, to: now }],
      identityId: identity ?? '',
      worker: worker ?? '',
      observing,
      since: Number(since),
      seenAt: seen,
    };
  }

  async #count(state: 'online' | 'offline'): Promise<number> {
    const counts = await Promise.all(
      BUCKETS.map((bucket) => this.#redis.zcard(this.#keys.presence(bucket)[state])),
    );
    return counts.reduce((sum, count) => sum + count, 0);
  }

  async #latest(
    key: string,
    count: number,
    from: PresenceEntry | undefined,
  ): Promise<PresenceEntry[]> {
    const range = (max: string) =>
      this.#redis.zrevrangebyscore(key, max, '-inf', 'WITHSCORES', 'LIMIT', 0, count);
    if (from === undefined) return parseEntries(await range('+inf'));
    const { since } = from;
    // Many end within one millisecond where a network goes: what follows there is told by the id.
    const [same, older] = await Promise.all([
      this.#redis.zrevrangebyscore(key, since, since, 'WITHSCORES'),
      range(`(${since}`),
    ]);
    return [
      ...parseEntries(same).filter((one) => latestFirst(from, one) < 0),
      ...parseEntries(older),
    ];
  }
}

function presenceOf(
  clientId: string,
  stored: string | null,
  { gaps, now }: { readonly gaps: readonly Gap[]; readonly now: number },
): Presence {
  if (stored === null) return { clientId, state: 'UNKNOWN', unobservedMs: 0 };
  const { state, at, reason, address, observedAt } = JSON.parse(stored) as StoredPresence;
  return {
    clientId,
    state: state === 'online' ? 'ONLINE' : 'OFFLINE',
    since: at,
    disconnectReason: reason === '' ? undefined : reason,
    ipAddress: address === '' ? undefined : address,
    observedAt,
    unobservedMs: unobservedMs(gaps, observedAt, now),
  };
}

function parseGap(text: string): Gap {
  const [from, to] = text.split('|');
  return { from: Number(from), to: Number(to) };
}

function parseEntries(words: readonly string[]): PresenceEntry[] {
  const entries: PresenceEntry[] = [];
  for (let at = 0; at + 1 < words.length; at += 2) {
    entries.push({ clientId: words[at] ?? '', since: Number(words[at + 1]) });
  }
  return entries;
}

function latestFirst(a: PresenceEntry, b: PresenceEntry): number {
  if (a.since !== b.since) return b.since - a.since;
  return a.clientId === b.clientId ? 0 : a.clientId > b.clientId ? -1 : 1;
}

export function presenceCursor({ clientId, since }: PresenceEntry): string {
  return pageCursor(`${since}:${clientId}`);
}

function parseCursor(cursor: string): PresenceEntry {
  const [, since, clientId = ''] = placeOf(cursor, /^(\d{1,16}):(.+)$/);
  return { since: Number(since), clientId };
}
