import { afterEach, expect, test } from 'vitest';
import { newIdentityId, shardOfUpdate } from '../../src/shared/domain/ids.ts';
import type { ErrorPolicy } from '../../src/shared/domain/batch.ts';
import type { UpdateRequest } from '../../src/shared/domain/update.ts';
import { ShardQueues } from '../../src/shared/queue/shardQueues.ts';
import type { RedisClient } from '../../src/shared/redis/client.ts';
import { GroupDirectory } from '../../src/shared/store/groupDirectory.ts';
import { GroupRouter } from '../../src/shared/store/groupRouter.ts';
import { BatchSweep } from '../../src/workers/batches/batchSweep.ts';
import { useStore } from '../support/useStore.ts';
import { SearchWorld } from './support/searchWorld.ts';
import { request } from './support/shardWorld.ts';

const store = useStore();
const worlds: SearchWorld[] = [];
const SHARDS = 4;

afterEach(async () => {
  await Promise.all(worlds.splice(0).map((world) => world.close()));
});

async function open(): Promise<SearchWorld> {
  const world = await SearchWorld.open(store(), SHARDS);
  worlds.push(world);
  return world;
}

/** 300 rows of twelve identities: several portions in most shards. */
async function requests(world: SearchWorld) {
  const identities = await Promise.all(Array.from({ length: 12 }, () => world.identity()));
  return Array.from({ length: 300 }, (_, n) =>
    request(identities[n % 12] ?? '', { thing: `device_${n % 24}`, desired: { n } }),
  );
}

const options = (onError: ErrorPolicy = 'SKIP_INVALID', idempotencyKey?: string) => ({
  actor: 'tests',
  label: 'a label',
  onError,
  idempotencyKey,
});

const LATER = Date.now() + 3_600_000;

/** Thrown where a process ends: nothing that comes after it happens. */
class Killed extends Error {}

/** A connection that ends its process at the n-th command of a kind. */
function dying(client: RedisClient, at: number): { client: RedisClient; steps: () => number } {
  let steps = 0;
  const step = () => {
    steps += 1;
    if (steps >= at) throw new Killed(`killed at step ${steps}`);
  };
  const proxy = new Proxy(client, {
    get(target, name, receiver) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      if (name === 'constructor') return value;
      return (...args: readonly unknown[]) => {
        step();
        const answer: unknown = Reflect.apply(value, target, args);
        return answer === target ? receiver : answer;
      };
    },
  });
  return { client: proxy, steps: () => steps };
}

class DyingQueues extends ShardQueues {
  left = Number.POSITIVE_INFINITY;
  override async runAndAdd(...args: Parameters<ShardQueues['runAndAdd']>): Promise<unknown> {
    this.left -= 1;
    if (this.left < 0) throw new Killed('killed between two portions');
    return super.runAndAdd(...args);
  }
}

async function audit(world: SearchWorld, batchId: string, total: number): Promise<void> {
  const batch = await world.batches.find(batchId);
  expect(batch).toMatchObject({
    id: batchId,
    total,
    left: total,
    state: 'RUNNING',
    actor: 'tests',
  });
  const found = new Set<string>();
  let after: { position: number; shard: number } | undefined;
  do {
    const page = await world.search.page({
      filter: { batchId },
      first: 200,
      after,
      order: 'newest',
    });
    for (const { id } of page.hits) found.add(id);
    after = page.next;
  } while (after !== undefined);
  expect(found.size).toBe(total);
  for (const id of found) expect((await world.reader.find(id))?.batchId).toBe(batchId);
}

test('a batch counts its updates as they end, and has ended with the last one', async () => {
  const world = await open();
  const rows = (await requests(world)).slice(0, 24);
  const answer = await world.batchIntake().accept(rows, options());
  const batchId = answer.batchId ?? '';
  await audit(world, batchId, 24);
  const ids = answer.rows.flatMap((row) => (row.taken ? row.updateId : []));
  for (const [at, id] of ids.entries()) {
    if (at % 4 === 0) await world.end(id, 'FAILED', 'REJECTED');
    else if (at % 4 === 1) await world.control.cancel(id, 'tests', undefined);
    else await world.end(id, 'SUCCEEDED');
  }
  const batch = await world.batches.find(batchId);
  expect(batch).toMatchObject({ state: 'COMPLETED', total: 24, left: 0, label: 'a label' });
  expect(batch?.finishedAt).toBeGreaterThanOrEqual(batch?.createdAt ?? Infinity);
  expect(batch?.ends).toHaveLength(3);
  expect(batch?.ends).toEqual(
    expect.arrayContaining([
      { state: 'SUCCEEDED', count: 12 },
      { state: 'FAILED', code: 'REJECTED', count: 6 },
      { state: 'CANCELED', count: 6 },
    ]),
  );
  // Told once, by whichever shard's owner comes first; kept for the retention time from then on.
  const told: string[] = [];
  for (let shard = 0; shard < SHARDS; shard += 1) told.push(...(await world.ends.sweep(shard)));
  expect(told).toEqual([batchId]);
  for (let shard = 0; shard < SHARDS; shard += 1) {
    expect(await world.redis.scard(world.keys.shard(shard).batchEnds)).toBe(0);
  }
  expect(await world.redis.pttl(world.keys.batch(batchId))).toBeGreaterThan(0);
  const shard = shardOfUpdate(ids[0] ?? '') ?? -1;
  expect(await world.redis.pttl(world.keys.shard(shard).batch(batchId))).toBeGreaterThan(0);
});

test('a part that has ended is kept as long as another one runs', async () => {
  const world = await open();
  const rows = (await requests(world)).slice(0, 12);
  const answer = await world.batchIntake().accept(rows, options());
  const ids = answer.rows.flatMap((row) => (row.taken ? row.updateId : []));
  const [last = '', ...others] = ids;
  for (const id of others) await world.end(id, 'SUCCEEDED');
  for (let shard = 0; shard < SHARDS; shard += 1) {
    expect(await world.ends.sweep(shard)).toEqual([]);
    expect(
      await world.redis.pttl(world.keys.shard(shard).batch(answer.batchId ?? '')),
    ).toBeLessThan(0);
  }
  await world.end(last, 'SUCCEEDED');
  expect(await world.ends.sweep(shardOfUpdate(last) ?? -1)).toEqual([answer.batchId]);
});

test('the same key gives the same answer, whatever has changed since', async () => {
  const world = await open();
  const rows = (await requests(world)).slice(0, 30);
  const unknown = newIdentityId();
  const some = [...rows, request(unknown)];
  const intake = world.batchIntake();
  const first = await intake.accept(some, options('SKIP_INVALID', 'once'));
  expect(first.rows.at(-1)).toMatchObject({ taken: false, error: { code: 'IDENTITY_NOT_FOUND' } });
  const refused = await intake.accept(some, options('REJECT_ALL', 'all or none'));
  // Now it exists: what was refused stays refused under its key.
  await world.redis.hset(world.keys.shard(0).identity(unknown), 'id', unknown);
  for (let shard = 0; shard < SHARDS; shard += 1) {
    await world.redis.hset(world.keys.shard(shard).identity(unknown), 'id', unknown);
  }
  expect(await intake.accept(some, options('SKIP_INVALID', 'once'))).toEqual(first);
  expect(await intake.accept(some, options('REJECT_ALL', 'all or none'))).toEqual(refused);
  await audit(world, first.batchId ?? '', 30);
  await expect(intake.accept(rows, options('SKIP_INVALID', 'once'))).rejects.toMatchObject({
    code: 'IDEMPOTENCY_KEY_REUSED',
  });
});

test('with REJECT_ALL one wrong row keeps all others out', async () => {
  const world = await open();
  const rows = [...(await requests(world)), request(newIdentityId())];
  const answer = await world.batchIntake().accept(rows, options('REJECT_ALL'));
  expect(answer.batchId).toBeUndefined();
  const codes = answer.rows.map((row) => (row.taken ? 'taken' : row.error.code));
  expect(codes.slice(0, -1).every((code) => code === 'ROW_NOT_TAKEN')).toBe(true);
  expect(codes.at(-1)).toBe('IDENTITY_NOT_FOUND');
  const found = await world.search.page({ filter: {}, first: 1, order: 'newest' });
  expect(found.hits).toEqual([]);
  expect(await world.redis.zcard(world.keys.acceptingBatches)).toBe(0);
  expect((await world.batches.page(1, undefined)).batches).toEqual([]);
});

test('with REJECT_ALL an identity that is removed meanwhile keeps no row out', async () => {
  const world = await open();
  const rows = (await requests(world)).slice(0, 48);
  const gone = rows[0]?.identityId ?? '';
  class RemovingQueues extends ShardQueues {
    override async runAndAdd(...args: Parameters<ShardQueues['runAndAdd']>): Promise<unknown> {
      await Promise.all(
        Array.from({ length: SHARDS }, (_, shard) =>
          world.redis.del(world.keys.shard(shard).identity(gone)),
        ),
      );
      return super.runAndAdd(...args);
    }
  }
  const queues = new RemovingQueues(world.queueRedis, world.keys);
  const answer = await world.batchIntake(world.redis, queues).accept(rows, options('REJECT_ALL'));
  expect(answer.rows.every(({ taken }) => taken)).toBe(true);
  await audit(world, answer.batchId ?? '', 48);
});

for (const policy of ['SKIP_INVALID', 'REJECT_ALL'] as const) {
  test(`an accept (${policy}) that dies at any step is finished by its replay, or by the sweep`, async () => {
    const world = await open();
    const rows = await requests(world);
    const sweep = new BatchSweep(world.batchIntake(), world.ends, (_batch, error) => {
      throw error;
    });
    let finishedBySweep = 0;
    for (let at = 1; ; at += 1) {
      const key = `dies at ${at}`;
      const { client, steps } = dying(world.redis, at);
      const queues = new DyingQueues(world.queueRedis, world.keys);
      // Commands of the intake die by their count; between the portions of rows as well.
      queues.left = at % 7;
      const died = await world
        .batchIntake(client, queues)
        .accept(rows, options(policy, key))
        .then(() => false)
        .catch((error: unknown) => {
          if (!(error instanceof Killed)) throw error;
          return true;
        });
      if (!died) {
        expect(steps()).toBeLessThan(at);
        break;
      }
      if (at % 2 === 0) {
        const begun = await world.redis.zcard(world.keys.acceptingBatches);
        await sweep.sweep(0, LATER);
        finishedBySweep += begun;
        expect(await world.redis.zcard(world.keys.acceptingBatches)).toBe(0);
      }
      const answer = await world.batchIntake().accept(rows, options(policy, key));
      expect(answer.rows.every(({ taken }) => taken)).toBe(true);
      await audit(world, answer.batchId ?? '', rows.length);
      await sweep.sweep(0, LATER);
      expect(await world.redis.zcard(world.keys.acceptingBatches)).toBe(0);
      expect(await world.redis.zscore(world.keys.batches, answer.batchId ?? '')).not.toBeNull();
    }
    expect(finishedBySweep).toBeGreaterThan(0);
  });
}

test('an accept that cannot be finished keeps neither others nor the ends of batches', async () => {
  const world = await open();
  const groups = new GroupDirectory(world.redis, world.keys, SHARDS);
  const member = await world.identity();
  const { id: groupId } = await groups.create('plant', undefined, 'tests');
  await groups.add(groupId, member);
  const throughGroup = { ...request('', { thing: 'device_1' }), groupId };
  const begin = async (rows: readonly UpdateRequest[], key: string) => {
    const queues = new DyingQueues(world.queueRedis, world.keys);
    queues.left = 0;
    const dying = world.batchIntake(world.redis, queues);
    await expect(dying.accept(rows, options('REJECT_ALL', key))).rejects.toThrow(Killed);
  };
  await begin([throughGroup], 'stuck');
  // Another member sends for the thing before the row is taken, and goes as well.
  const successor = await world.identity();
  await groups.add(groupId, successor);
  await groups.remove(groupId, member);
  const router = new GroupRouter(world.redis, world.keys, { shardCount: SHARDS, retentionMs: 1e6 });
  expect((await router.routes(groupId, ['device_1'])).get('device_1')?.identityId).toBe(successor);
  await groups.remove(groupId, successor);
  const others = await requests(world);
  await begin(others, 'another');

  const stuck: string[] = [];
  const sweep = new BatchSweep(world.batchIntake(), world.ends, (id) => stuck.push(id));
  await sweep.sweep(0, LATER);
  expect(await world.redis.zrange(world.keys.acceptingBatches, 0, '-1')).toEqual(stuck);
  expect(stuck).toHaveLength(1);
  // It comes last from now on.
  expect(await world.redis.zscore(world.keys.acceptingBatches, stuck[0] ?? '')).toBe(String(LATER));
  const answer = await world.batchIntake().accept(others, options('REJECT_ALL', 'another'));
  expect(answer.rows.every(({ taken }) => taken)).toBe(true);
});

test('rows that were routed anew are taken once, though their members change and who takes them dies', async () => {
  const world = await open();
  const { redis, keys } = world;
  const groups = new GroupDirectory(redis, keys, SHARDS);
  const { id: groupId } = await groups.create('plant', undefined, 'tests');
  const rows = ['a', 'b', 'c'].map((thing) => request('', { groupId, thing }));
  /** The one member from then on, in that shard, whom every thing's choice has moved to. */
  const member = async (shard: number) => {
    const before = await groups.memberIds(groupId);
    await groups.add(groupId, await world.identity(shard));
    for (const id of before) await groups.remove(groupId, id);
    for (const id of await world.accept(rows)) await world.control.cancel(id, 'tests', undefined);
  };
  await member(0);
  const queues = new DyingQueues(world.queueRedis, keys);
  queues.left = 0;
  const begun = world.batchIntake(redis, queues).accept(rows, options());
  await expect(begun).rejects.toThrow(Killed);
  const [batchId = ''] = await redis.zrange(keys.acceptingBatches, 0, '-1');
  await member(1);
  // Up to the rows being taken by the second member, and that not being told.
  const taken = () => redis.hlen(keys.shard(1).through(groupId));
  for (let at = 1; (await taken()) === 0; at += 1) {
    const { client } = dying(redis, at);
    await expect(world.batchIntake(client).finish(batchId)).rejects.toThrow(Killed);
  }
  expect(await redis.zrange(keys.acceptingBatches, 0, '-1')).toEqual([batchId]);
  const lanes = await redis.zrange(keys.shard(1).lanes, 0, '-1');
  const ids = await Promise.all(lanes.map((lane) => redis.lindex(keys.shard(1).lane(lane), 0)));
  for (const id of ids) await world.end(id ?? '', 'SUCCEEDED');
  await member(2);
  await world.batchIntake().finish(batchId);
  expect(await world.batches.find(batchId)).toMatchObject({ state: 'COMPLETED', total: 3 });
  expect(ids).toHaveLength(3);
});

test('batches are listed, the newest first', async () => {
  const world = await open();
  const rows = (await requests(world)).slice(0, 2);
  const ids: string[] = [];
  for (let n = 0; n < 5; n += 1) {
    ids.push((await world.batchIntake().accept(rows, options())).batchId ?? '');
  }
  const seen: string[] = [];
  let after: { createdAt: number; id: string } | undefined;
  do {
    const page = await world.batches.page(2, after);
    seen.push(...page.batches.map(({ id }) => id));
    after = page.next;
  } while (after !== undefined);
  expect(seen.toSorted()).toEqual(ids.toSorted());
  const createdAt = await Promise.all(
    seen.map(async (id) => (await world.batches.find(id))?.createdAt),
  );
  expect(createdAt).toEqual(createdAt.toSorted((a, b) => (b ?? 0) - (a ?? 0)));
});
