import { afterEach, expect, test } from 'vitest';
import { laneId } from '../../src/shared/domain/lane.ts';
import { FINAL_PARTITIONS } from '../../src/shared/store/lua/indexFunctions.ts';
import { IndexTrimmer } from '../../src/workers/shard/indexTrimmer.ts';
import { FencedError } from '../../src/workers/fleet/lease.ts';
import { useStore } from '../support/useStore.ts';
import { SearchWorld } from './support/searchWorld.ts';
import { request } from './support/shardWorld.ts';

const store = useStore();
const worlds: SearchWorld[] = [];
const AGE_MS = 3_600_000;

afterEach(async () => {
  await Promise.all(worlds.splice(0).map((world) => world.close()));
});

async function open(indexMaxCount = 1000) {
  const bounds = { indexMaxAgeMs: AGE_MS, indexMaxCount };
  const world = await SearchWorld.open(store(), 1, bounds);
  worlds.push(world);
  const lease = await world.lease(0);
  const keys = world.keys.shard(0);
  return { world, keys, lease, trimmer: new IndexTrimmer(world.redis, keys, lease, bounds) };
}

async function settled(world: SearchWorld, count: number): Promise<string[]> {
  const identityId = await world.identity();
  const rows = Array.from({ length: count }, () => request(identityId));
  const ids: string[] = [];
  for (let at = 0; at < count; at += 100)
    ids.push(...(await world.accept(rows.slice(at, at + 100))));
  const lanes = await world.lanes(0);
  const lane = laneId(request(identityId));
  let step = await lanes.claim(lane);
  while (step.kind === 'claimed') {
    const next = await lanes.settle(lane, step.claim, 'SUCCEEDED', {}, true);
    if (next === undefined) throw new Error('a claim was lost');
    step = next;
  }
  return ids;
}

async function found(world: SearchWorld, filter: object = {}): Promise<string[]> {
  const page = await world.search.page({ filter, first: 2000, order: 'oldest' });
  return page.hits.map(({ id }) => id);
}

test('of what has ended the index holds the newest, and all that is open', async () => {
  const { world, keys, trimmer } = await open(40);
  const identityId = await world.identity();
  const stuck = await world.accept([request(identityId, { thing: 'stuck' })]);
  const ids = await settled(world, 100);
  expect(await trimmer.trim()).toBe(60);
  expect(await found(world)).toEqual([...stuck, ...ids.slice(60)]);
  expect(await world.redis.zcard(keys.indexed('SUCCEEDED'))).toBe(40);
  expect(await trimmer.trim()).toBe(0);
});

test('what is older than the index goes, what was pruned is passed over and goes', async () => {
  const { world, keys, trimmer } = await open();
  const ids = await settled(world, 30);
  await world.redis.del(...ids.slice(0, 5).map((id) => keys.update(id)));
  expect(await found(world)).toEqual(ids.slice(5));
  expect(await trimmer.trim()).toBe(5);
  expect(await world.redis.zcard(keys.indexed('SUCCEEDED'))).toBe(25);

  // As if ten of them had been accepted before the index's age.
  const old = (Date.now() - AGE_MS - 1000) * 4096;
  for (const [at, id] of ids.slice(5, 15).entries()) {
    await world.redis.zadd(keys.indexed('SUCCEEDED'), old + at, id.slice(-26));
  }
  expect(await trimmer.trim()).toBe(10);
  expect(await found(world)).toEqual(ids.slice(15));
});

test('lists lose what is old, or beyond the count, when they are added to', async () => {
  const { world, keys } = await open(200);
  const identityId = await world.identity();
  const list = `${keys.tag}:i:o:${identityId}`;
  const old = (Date.now() - AGE_MS - 1000) * 4096;
  const pairs = Array.from({ length: 100 }, (_, at) => [String(old + at), `gone-${at}`]).flat();
  await world.redis.rpush(list, ...pairs);
  const rows = (count: number) => Array.from({ length: count }, () => request(identityId));
  await world.accept(rows(100));
  expect(await world.redis.llen(list), 'the old ones are gone').toBe(200);
  for (let at = 0; at < 8; at += 1) await world.accept(rows(100));
  expect(await world.redis.llen(list)).toBeLessThanOrEqual(2 * 200 + 2 * 100);
  expect(await world.redis.pttl(list)).toBeGreaterThan(0);
});

test('a list keeps what is open, however old the index lets ended ones become', async () => {
  const { world, keys } = await open();
  const identityId = await world.identity();
  const [stuck = ''] = await world.accept([request(identityId, { thing: 'stuck' })]);
  // As if it had been accepted before the index's age, and still waited.
  const old = String((Date.now() - AGE_MS - 1000) * 4096);
  await world.redis.lset(`${keys.tag}:i:o:${identityId}`, 0, old);
  await world.redis.zadd(keys.indexed('OPEN'), old, stuck.slice(-26));
  await world.accept(Array.from({ length: 90 }, () => request(identityId)));
  expect(await found(world, { identityId, thing: 'stuck' })).toEqual([stuck]);
});

test('a lost lease trims nothing', async () => {
  const { world, keys, lease, trimmer } = await open(1);
  await settled(world, 10);
  await world.redis.hset(keys.lease, 'token', 'of another');
  await expect(trimmer.trim()).rejects.toThrow(FencedError);
  const sizes = await Promise.all(
    FINAL_PARTITIONS.map((partition) => world.redis.zcard(keys.indexed(partition))),
  );
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(10);
  expect(lease.shard).toBe(0);
});
