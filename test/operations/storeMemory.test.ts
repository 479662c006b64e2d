import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { parseMetrics } from '../../src/cli/client/metrics.ts';
import { registerStoreMemory } from '../../src/workers/metrics/storeMemory.ts';
import { useRedis } from '../support/useRedis.ts';

const redis = useRedis();

test('tells how full Redis is, of its own bound or else of its machine', async () => {
  const client = redis().connect();
  const registry = new Registry();
  registerStoreMemory(registry, client);
  const scrape = async () => {
    const samples = parseMetrics(await registry.metrics());
    return new Map(samples.map(({ name, value }) => [name, value]));
  };
  const free = await scrape();
  const used = free.get('courier_redis_memory_used_bytes') ?? 0;
  expect(used).toBeGreaterThan(100_000);
  expect(free.get('courier_redis_memory_max_bytes')).toBeGreaterThan(used);

  await client.config('SET', 'maxmemory', '64mb');
  expect((await scrape()).get('courier_redis_memory_max_bytes')).toBe(64 * 1024 * 1024);
  await client.set('large', 'x'.repeat(10_000_000));
  expect((await scrape()).get('courier_redis_memory_used_bytes')).toBeGreaterThan(
    used + 10_000_000,
  );
});
