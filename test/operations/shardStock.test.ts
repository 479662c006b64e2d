import { expect, test } from 'vitest';
import { Keys } from '../../src/shared/redis/keys.ts';
import { StockReader } from '../../src/workers/metrics/shardStock.ts';
import { eventually } from '../support/eventually.ts';
import { uniquePrefix } from '../support/prefix.ts';
import { useRedis } from '../support/useRedis.ts';

const redis = useRedis();

test('what waits is counted over the shards of the worker, with the oldest of each reason', async () => {
  const client = redis().connect();
  const keys = new Keys(uniquePrefix('stock'));
  const [seconds] = await client.time();
  const ago = (age: number) => Number(seconds) * 1000 - age * 1000;
  const [one, two, others] = [keys.shard(1), keys.shard(2), keys.shard(3)];
  await client.hset(one.counts, { QUEUED: 5, HELD: 2, SUCCEEDED: 90 });
  await client.hset(two.counts, { QUEUED: 1, IN_FLIGHT: 1 });
  await client.hset(others.counts, { QUEUED: 1000 });
  await client.zadd(one.lanes, ago(100), 'a', ago(50), 'b', ago(10), 'running');
  await client.zadd(two.lanes, ago(200), 'c', ago(300), 'd');
  await client.hset(one.waiting, { a: 'BACKOFF|123', b: 'IDENTITY_QUARANTINED|' });
  await client.hset(two.waiting, { c: 'BACKOFF|456' });
  await client.zadd(two.quarantined, 0, 'identity');
  await client.zadd(one.scheduled, ago(-60), 'update');

  const stock = await new StockReader(client, keys, () => [1, 2]).read();
  expect(stock?.open).toEqual({ QUEUED: 6, HELD: 2, IN_FLIGHT: 1 });
  expect(stock?.quarantined).toBe(1);
  expect(stock?.scheduled).toBe(1);
  expect(stock?.oldestSeconds).toBeCloseTo(300, -1);
  expect([...(stock?.waiting.keys() ?? [])].toSorted()).toEqual([
    'BACKOFF',
    'IDENTITY_QUARANTINED',
  ]);
  expect(stock?.waiting.get('BACKOFF')?.lanes).toBe(2);
  expect(stock?.waiting.get('BACKOFF')?.oldestSeconds).toBeCloseTo(200, -1);
  expect(stock?.waiting.get('IDENTITY_QUARANTINED')?.oldestSeconds).toBeCloseTo(50, -1);
});

test('a worker without shards has nothing, rather than no answer', async () => {
  const reader = new StockReader(redis().connect(), new Keys(uniquePrefix('stock')), () => []);
  expect(await reader.read()).toMatchObject({ quarantined: 0, oldestSeconds: 0 });
});

test('while Redis does not answer, a scrape goes without it instead of hanging', async () => {
  const client = redis().connect();
  const reader = new StockReader(client, new Keys(uniquePrefix('stock')), () => [1]);
  expect(await reader.read()).toBeDefined();
  redis().pause();
  try {
    const startedAt = performance.now();
    expect(await reader.read()).toBeUndefined();
    expect(performance.now() - startedAt).toBeLessThan(5000);
  } finally {
    redis().resume();
  }
  await eventually(async () => {
    expect(await reader.read()).toBeDefined();
  });
});
