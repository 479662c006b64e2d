import { afterAll, beforeAll, expect, test } from 'vitest';
import { pino } from 'pino';
import { EventFeed } from '../../src/api/events/eventFeed.ts';
import { followEvents } from '../../src/api/events/followEvents.ts';
import {
  type CourierEvent,
  eventCursor,
  FLEET_STREAM,
} from '../../src/shared/domain/courierEvent.ts';
import type { RedisClient } from '../../src/shared/redis/client.ts';
import { connectRedis } from '../../src/shared/redis/connect.ts';
import { Keys } from '../../src/shared/redis/keys.ts';
import { AuditLog } from '../../src/shared/store/auditLog.ts';
import { AuditReader } from '../../src/shared/store/auditReader.ts';
import { EventStreams } from '../../src/shared/store/eventStreams.ts';
import { uniquePrefix } from '../support/prefix.ts';
import { type RedisCluster, startRedisCluster } from '../support/redisCluster.ts';

const SHARDS = 12;
let cluster: RedisCluster;
let redis: RedisClient;

beforeAll(async () => {
  cluster = await startRedisCluster();
  redis = connectRedis(cluster.target).on('error', () => undefined);
});

afterAll(async () => {
  redis.disconnect();
  await cluster.stop();
});

test('events of streams on all masters come in one order, and a cursor goes on in it', async () => {
  const keys = new Keys(uniquePrefix('events'));
  const streams = new EventStreams(redis, keys, SHARDS);
  const feed = new EventFeed(streams, { pollMs: 20 }, pino({ level: 'silent' }));
  const all = [FLEET_STREAM, ...Array.from({ length: SHARDS }, (_, shard) => shard)];
  const follow = async (after: string | undefined, count: number) => {
    const done = new AbortController();
    const options = { streams: all, after, signal: done.signal, onPlace: () => undefined };
    const { portions } = await followEvents(feed, options);
    return {
      read: async () => {
        const seen: CourierEvent[] = [];
        for await (const portion of portions) {
          seen.push(...portion);
          if (seen.length >= count) break;
        }
        done.abort();
        return seen.map(({ place }) => eventCursor(place));
      },
    };
  };
  const live = await follow(undefined, 5 * SHARDS);
  for (let event = 0; event < 5 * SHARDS; event += 1) {
    const key = keys.shard(event % SHARDS).events;
    await redis.xadd(key, '*', 'k', 'S', 'w', `worker-${event}`, 'e', '1');
  }
  const cursors = await live.read();
  expect(new Set(cursors).size).toBe(5 * SHARDS);
  const rest = await follow(cursors[9], 5 * SHARDS - 10);
  expect(await rest.read()).toEqual(cursors.slice(10));
});

test('the audit keeps to its slot', async () => {
  const keys = new Keys(uniquePrefix('audit'));
  const log = new AuditLog(redis, keys, { retentionMs: 60_000, maxEntries: 100 });
  const intent = {
    actor: 'tests',
    role: 'admin',
    source: 'jwt',
    action: 'moveShard',
    subjects: [],
  };
  await log.end(await log.begin(intent), intent, { outcome: 'DONE' });
  await log.begin(intent);
  expect(await log.sweep(-1)).toBe(1);
  const { entries } = await new AuditReader(redis, keys, 60_000).page(10, undefined, {});
  expect(entries.map(({ entry }) => entry.outcome)).toEqual(['UNKNOWN', 'DONE']);
});
