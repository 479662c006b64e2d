import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Notification, Webhook } from '../../../src/shared/domain/webhook.ts';
import { FencedError } from '../../../src/workers/fleet/lease.ts';
import { useRedis } from '../../support/useRedis.ts';
import { WebhookWorld } from './support/webhookWorld.ts';

const redis = useRedis();
let world: WebhookWorld;
const URL = 'https://example.com/';

beforeEach(async () => {
  world = await WebhookWorld.open(redis().url);
});

afterEach(() => world.close());

/** What the deliveries of a webhook hold, oldest first. */
async function bodies(webhook: Webhook) {
  const all = await world.deliveries.page(webhook.id, 500, 0);
  return all.map(({ body }) => JSON.parse(body)).toReversed();
}

test('dead updates are told of by the hundred, each once and in order', async () => {
  const { webhook } = await world.create(URL, 'UPDATES_DEAD');
  const tail = world.tail(await world.takeShard('one'));
  await world.die(250);
  await tail.round();
  await tail.round();
  const told = await bodies(webhook);
  expect(new Set(told.map(({ data }) => data.count))).toEqual(new Set([100, 50]));
  expect(told).toHaveLength(3);
  const ids = told.flatMap(({ data }) => data.updates.map(({ id }: { id: string }) => id));
  expect(new Set(ids).size).toBe(250);
  expect(told[0].data.updates[0]).toEqual({
    id: 'upd_0_00000000000000000000000001',
    state: 'FAILED',
    failureCode: 'REJECTED',
    identityId: 'idn_a',
    thing: 'device_1',
    batchId: null,
  });
});

test.each([0, 1, 2, 3])(
  'a crash after %i deliveries loses none and doubles none, whoever goes on',
  async (before) => {
    const { webhook } = await world.create(URL, 'UPDATES_DEAD');
    await world.die(350);
    let added = 0;
    const dying = {
      add: (one: Webhook, notification: Notification) => {
        if (added === before) throw new Error('the worker died');
        added += 1;
        return world.deliveries.add(one, notification);
      },
    };
    await expect(world.tail(await world.takeShard('one'), dying).round()).rejects.toThrow('died');
    // What came meanwhile must not move the portions.
    await world.die(75);
    await world.tail(await world.takeShard('two')).round();
    const told = await bodies(webhook);
    const ids = told.flatMap(({ data }) => data.updates.map(({ id }: { id: string }) => id));
    expect(ids).toHaveLength(425);
    expect(new Set(ids).size).toBe(425);
  },
);

test('who lost the shard moves nothing on', async () => {
  await world.create(URL, 'UPDATES_DEAD');
  const old = world.tail(await world.takeShard('one'));
  await world.takeShard('two');
  await world.die(1);
  await expect(old.round()).rejects.toThrow(FencedError);
});

test('a webhook is told of what it asked for, from the moment it was made or enabled', async () => {
  const early = { k: 'I', i: 'idn_early', s: 'QUARANTINED', r: 'IDENTITY_QUARANTINED', d: '' };
  await world.event(early, `${Date.now() - 1000}-0`);
  const tail = world.tail(await world.takeShard('one'));
  const dead = await world.create(URL, 'UPDATES_DEAD');
  const parked = await world.create(URL, 'IDENTITY_QUARANTINED');
  const off = await world.create(URL, 'IDENTITY_QUARANTINED');
  await world.webhooks.change(off.webhook.id, (one) => ({
    ...one,
    disabled: { at: 0, reason: '' },
  }));
  await world.die(1);
  await world.event({
    k: 'I',
    i: 'idn_late',
    s: 'QUARANTINED',
    r: 'PROPAGATING',
    d: '1700000000000',
  });
  await world.event({ k: 'I', i: 'idn_late', s: 'ACTIVE', r: '', d: '' });
  await tail.round();
  expect(await bodies(dead.webhook)).toHaveLength(1);
  expect(await bodies(parked.webhook)).toEqual([
    {
      type: 'identity.quarantined',
      timestamp: expect.any(String),
      data: {
        identityId: 'idn_late',
        status: 'QUARANTINED',
        reason: 'PROPAGATING',
        probeAt: '2023-11-14T22:13:20.000Z',
      },
    },
  ]);
  expect(await bodies(off.webhook)).toEqual([]);
});

test('the end of a batch is told of once, however often it is found', async () => {
  const { webhook } = await world.create(URL, 'BATCH_ENDED');
  const id = `bat_${'0'.repeat(26)}`;
  const record = { actor: 'tests', label: 'firmware', createdAt: '1', shards: '0', refusals: '{}' };
  await world.redis.hset(world.keys.batch(id), record);
  const counters = { total: '10', left: '0', 'FAILED:REJECTED': '3', finishedAt: '2' };
  await world.redis.hset(world.keys.shard(0).batch(id), counters);
  for (let found = 0; found < 3; found += 1) await world.event({ k: 'B', b: id });
  await world.tail(await world.takeShard('one')).round();
  expect(await bodies(webhook)).toEqual([
    {
      type: 'batch.ended',
      timestamp: expect.any(String),
      data: {
        batchId: id,
        label: 'firmware',
        actor: 'tests',
        total: 10,
        ends: [
          { state: 'SUCCEEDED', failureCode: null, count: 7 },
          { state: 'FAILED', failureCode: 'REJECTED', count: 3 },
        ],
      },
    },
  ]);
});

test('with no webhook nothing is kept of how far it came, and old events go all the same', async () => {
  const lease = await world.takeShard('one');
  await world.die(1300);
  await world.tail(lease).round();
  expect(await world.redis.exists(world.keys.shard(0).webhookTail)).toBe(0);
  // Trimming is by whole nodes of a stream, of a hundred entries.
  expect(await world.redis.xlen(world.keys.shard(0).events)).toBeLessThanOrEqual(1100);
});
