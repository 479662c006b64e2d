import { expect, test } from 'vitest';
import { Keys } from '../../src/shared/redis/keys.ts';
import { ACQUIRE_LEASE } from '../../src/shared/store/lua/leaseScripts.ts';
import { Lease } from '../../src/workers/fleet/lease.ts';
import { LeaseStore } from '../../src/workers/fleet/leaseStore.ts';
import { eventually } from '../support/eventually.ts';
import { uniquePrefix } from '../support/prefix.ts';
import { useStoreClient } from '../support/useStore.ts';
import { DESCRIPTION } from '../support/workerDescription.ts';

const redis = useStoreClient();
const LONG_MS = 600_000;

function start(shardCount = 2) {
  const client = redis();
  const keys = new Keys(uniquePrefix('lease'));
  const store = new LeaseStore(client, keys, shardCount);
  /** As if the time of the lease had passed, by Redis's clock. */
  const runOut = (shard = 0) => client.hset(keys.shard(shard).lease, 'expiresAt', 1);
  return { client, keys, store, runOut };
}

function held(lease: Lease | undefined): Lease {
  if (lease === undefined) throw new Error('the lease was not granted');
  return lease;
}

test('one of many that ask at once gets the lease', async () => {
  const { store } = start();
  const asked = Array.from({ length: 20 }, (_, at) => store.acquire(0, `worker-${at}`, LONG_MS));
  const granted = (await Promise.all(asked)).filter((lease) => lease !== undefined);
  expect(granted).toHaveLength(1);
});

test('a shard that is held is nobody else’s, nor its holder’s a second time', async () => {
  const { store } = start();
  held(await store.acquire(0, 'one', LONG_MS));
  expect(await store.acquire(0, 'two', LONG_MS)).toBeUndefined();
  expect(await store.acquire(0, 'one', LONG_MS)).toBeUndefined();
  held(await store.acquire(1, 'two', LONG_MS));
  expect(await store.owners()).toEqual(['one', 'two']);
});

test('the epoch grows with every owner, even within one millisecond and over lost data', async () => {
  const { store, client, keys, runOut } = start();
  const epochs: number[] = [];
  for (let at = 0; at < 5; at += 1) {
    epochs.push(Number(held(await store.acquire(0, 'one', LONG_MS)).epoch));
    await runOut();
  }
  await client.del(keys.shard(0).lease);
  // Redis's clock has moved past the epochs that were counted up within a millisecond.
  await eventually(async () => {
    const [seconds, micros] = await client.time();
    const now = Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
    expect(now).toBeGreaterThan(epochs.at(-1) ?? 0);
  });
  epochs.push(Number(held(await store.acquire(0, 'one', LONG_MS)).epoch));
  expect(epochs).toEqual([...new Set(epochs)].toSorted((a, b) => a - b));
});

test('an epoch ahead of the clock is still exceeded', async () => {
  const { store, client, keys, runOut } = start();
  const ahead = Date.now() + 86_400_000;
  held(await store.acquire(0, 'one', LONG_MS));
  await client.hset(keys.shard(0).lease, 'epoch', ahead);
  await runOut();
  expect(held(await store.acquire(0, 'two', LONG_MS)).epoch).toBe(String(ahead + 1));
});

test('a lease that ran out is still its holder’s where nobody took it', async () => {
  const { store, runOut } = start();
  const lease = held(await store.acquire(0, 'one', LONG_MS));
  await runOut();
  expect(await store.owners()).toEqual([undefined, undefined]);
  expect(await store.renew(lease, LONG_MS)).toBe(true);
  expect(await store.owners()).toEqual(['one', undefined]);
  expect(await store.acquire(0, 'two', LONG_MS)).toBeUndefined();
});

test('a lease that somebody took is not renewed, and cannot be released, by the one before', async () => {
  const { store, runOut } = start();
  const lease = held(await store.acquire(0, 'one', LONG_MS));
  await runOut();
  held(await store.acquire(0, 'two', LONG_MS));
  expect(await store.renew(lease, LONG_MS)).toBe(false);
  await store.release(lease);
  expect(await store.owners()).toEqual(['two', undefined]);
});

test('a released lease is free at once and not renewed', async () => {
  const { store } = start();
  const lease = held(await store.acquire(0, 'one', LONG_MS));
  await store.release(lease);
  expect(await store.renew(lease, LONG_MS)).toBe(false);
  const next = held(await store.acquire(0, 'two', LONG_MS));
  expect(Number(next.epoch)).toBeGreaterThan(Number(lease.epoch));
});

test('an acquire that a reconnect sends twice is granted twice, as the same lease', async () => {
  const { client, keys, store } = start();
  const lease = held(await store.acquire(0, 'one', LONG_MS));
  const again = await client.eval(
    ACQUIRE_LEASE.lua,
    1,
    keys.shard(0).lease,
    'one',
    lease.token,
    LONG_MS,
  );
  expect(again).toEqual([1, lease.epoch]);
});

test('a lease is valid from before it was asked for, and never longer than Redis says', () => {
  let now = 1000;
  const grant = { shard: 0, epoch: '1', token: 't', sentAt: 1000, leaseMs: 500 };
  const lease = new Lease(grant, () => now);
  now = 1499;
  expect(lease.valid).toBe(true);
  now = 1500;
  expect(lease.valid).toBe(false);
  lease.renewed(1400, 500);
  expect(lease.valid).toBe(true);
  now = 1900;
  expect(lease.valid).toBe(false);
});

test('answers to renewals that come late or out of order shorten nothing', () => {
  let now = 0;
  const grant = { shard: 0, epoch: '1', token: 't', sentAt: 0, leaseMs: 500 };
  const lease = new Lease(grant, () => now);
  lease.renewed(200, 500);
  lease.renewed(100, 500);
  now = 650;
  expect(lease.valid).toBe(true);
});

test('a lease that was lost stays lost, whatever is answered later', () => {
  const grant = { shard: 0, epoch: '1', token: 't', sentAt: 0, leaseMs: 500 };
  const lease = new Lease(grant, () => 0);
  lease.lose();
  lease.renewed(0, 10_000);
  expect(lease.valid).toBe(false);
  expect(lease.lost.aborted).toBe(true);
});

test('members beat, are counted, and are forgotten when they stop', async () => {
  const { store, client, keys } = start();
  await store.beat('one', DESCRIPTION, LONG_MS);
  await store.beat('two', { ...DESCRIPTION, draining: true }, LONG_MS);
  const members = await store.beat('one', DESCRIPTION, LONG_MS);
  expect(members).toHaveLength(2);
  expect(members).toContainEqual(
    expect.objectContaining({ name: 'one', beats: 2, draining: false }),
  );
  expect(members).toContainEqual(
    expect.objectContaining({ name: 'two', beats: 1, draining: true }),
  );
  await client.zadd(keys.members, 1, 'two');
  expect((await store.beat('one', DESCRIPTION, LONG_MS)).map(({ name }) => name)).toEqual(['one']);
  // One that comes back begins again, so that a worker that flaps moves nothing.
  const back = await store.beat('two', DESCRIPTION, LONG_MS);
  expect(back.find(({ name }) => name === 'two')?.beats).toBe(1);
});

test('a member that leaves is gone at once, with everything noted of it', async () => {
  const { store, client, keys } = start();
  await store.beat('one', DESCRIPTION, LONG_MS);
  await store.leave('one');
  expect(await client.exists(keys.members, keys.memberInfo)).toBe(0);
});
