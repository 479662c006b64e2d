import { Registry } from 'prom-client';
import { expect, inject, test } from 'vitest';
import { parseMetrics } from '../../src/cli/client/metrics.ts';
import { registerStoreMemory } from '../../src/workers/metrics/storeMemory.ts';
import { WebhookDeliveries } from '../../src/shared/store/webhookDeliveries.ts';
import { connectRedis } from '../../src/shared/redis/connect.ts';
import { Keys } from '../../src/shared/redis/keys.ts';
import { uniquePrefix } from '../support/prefix.ts';

const cluster = inject('cluster');
if (cluster === undefined) throw new Error('there is no cluster');

test('the memory of a cluster is that of a master', async () => {
  const redis = connectRedis(cluster);
  await redis.ping();
  const registry = new Registry();
  registerStoreMemory(registry, redis);
  const samples = parseMetrics(await registry.metrics());
  const [used, max] = samples.map(({ value }) => value);
  expect(used).toBeGreaterThan(100_000);
  expect(max).toBeGreaterThan(used ?? 0);
  redis.disconnect();
});

test('what is pending of webhooks is counted on a cluster, too', async () => {
  const redis = connectRedis(cluster);
  const queueRedis = connectRedis(cluster);
  const deliveries = new WebhookDeliveries(redis, queueRedis, new Keys(uniquePrefix('pending')));
  const webhook = {
    id: 'whk_1',
    name: 'a receiver',
    url: 'https://example.com/',
    events: ['UPDATES_DEAD'],
    since: 0,
    createdAt: 0,
    createdBy: 'tests',
    secret: '',
  } as const;
  const notification = { key: 'one', kind: 'UPDATES_DEAD', at: 0, data: {} } as const;
  const id = await deliveries.add(webhook, notification);
  expect(await deliveries.pending()).toMatchObject({ count: 1 });
  await deliveries.note(id, { state: 'FAILED' });
  expect(await deliveries.pending()).toEqual({ count: 0, oldestMs: 0 });
  await deliveries.close();
  redis.disconnect();
  queueRedis.disconnect();
});
