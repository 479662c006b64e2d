import {
  type CourierEvent,
  type EventPlace,
  FLEET_STREAM,
  inOrder,
} from '../domain/courierEvent.ts';
import type { RedisClient } from '../redis/client.ts';
import { storeUnavailable } from '../redis/unavailable.ts';
import type { Keys } from '../redis/keys.ts';
import { redisTime } from '../redis/redisTime.ts';
import { parseEvent, placeOf } from './eventRecord.ts';

export interface EventPage {
  /** In order. */
  readonly events: readonly CourierEvent[];
  /** The place of the last entry, of which there may be more; undefined where that was all. */
  readonly upTo: EventPlace | undefined;
}

/** Reads the streams of events. Each stream is asked by itself, so that any node may hold it. */
export class EventStreams {
  readonly shardCount: number;
  readonly #redis: RedisClient;
  readonly #keys: Keys;

  constructor(redis: RedisClient, keys: Keys, shardCount: number) {
    this.#redis = redis;
    this.#keys = keys;
    this.shardCount = shardCount;
  }

  /** Up to `limit` entries that come after a place. */
  async read(stream: number, after: EventPlace, limit: number): Promise<EventPage> {
    const rows = await this.#redis.xrange(
      this.#key(stream),
      startOf(stream, after),
      '+',
      'COUNT',
      limit,
    );
    const last = rows.at(-1);
    return {
      events: rows.flatMap(([id, words]) => parseEvent(stream, id, words) ?? []),
      upTo: last !== undefined && rows.length === limit ? placeOf(stream, last[0]) : undefined,
    };
  }

  /**
   * Whether what comes right after a place may have been trimmed. Call it after the reading that
   * it is to judge: what was trimmed before is seen.
   */
  async hasGap(stream: number, after: EventPlace): Promise<boolean> {
    const info = await this.#info(stream);
    const length = Number(info.get('length') ?? 0);
    if (Number(info.get('entries-added') ?? 0) <= length) return false;
    const [first] = (info.get('first-entry') as [string, unknown] | null) ?? [];
    const oldest = first ?? String(info.get('last-generated-id'));
    const place = placeOf(stream, oldest);
    return inOrder(after, first === undefined ? place : { ...place, seq: place.seq - 1 }) < 0;
  }

  /**
   * Redis's clock, of the node that is behind the others: every event of an earlier millisecond
   * stands in its stream by now.
   */
  async now(): Promise<number> {
    // A cluster's client knows the masters once it has asked one of them something.
    if ('nodes' in this.#redis && this.#redis.nodes('master').length === 0)
      await this.#redis.ping();
    const nodes = 'nodes' in this.#redis ? this.#redis.nodes('master') : [this.#redis];
    if (nodes.length === 0) throw storeUnavailable('reading');
    return Math.min(...(await Promise.all(nodes.map(redisTime))));
  }

  async #info(stream: number): Promise<ReadonlyMap<string, unknown>> {
    const key = this.#key(stream);
    const words = await this.#redis.xinfo('STREAM', key).catch((error: unknown) => {
      if (error instanceof Error && error.message.includes('no such key')) return [];
      throw error;
    });
    const pairs = words as unknown[];
    const info = new Map<string, unknown>();
    for (let at = 0; at + 1 < pairs.length; at += 2) info.set(String(pairs[at]), pairs[at + 1]);
    return info;
  }

  #key(stream: number): string {
    return stream === FLEET_STREAM ? this.#keys.fleetEvents : this.#keys.shard(stream).events;
  }
}

/** The first id of a stream that can come after a place: streams of one id go by their numbers. */
function startOf(stream: number, { ms, seq, stream: last }: EventPlace): string {
  if (stream > last) return `${ms}-${seq}`;
  return seq === Number.MAX_SAFE_INTEGER ? String(ms + 1) : `(${ms}-${seq}`;
}
