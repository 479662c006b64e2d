import { expect, test } from 'vitest';
import { laneId } from '../../src/shared/domain/lane.ts';
import { UpdateReader } from '../../src/shared/store/updateReader.ts';
import { eventually } from '../support/eventually.ts';
import { auditShard } from './support/auditShard.ts';
import { request, type ShardWorld } from './support/shardWorld.ts';
import { useShardWorld } from './support/useShardWorld.ts';

const openWorld = useShardWorld();
const LATER = { delayMs: 3_600_000 };

async function delayedJobs(world: ShardWorld) {
  return world.queues.queue(0).getJobs(['delayed']);
}

test('what must not begin yet stands in no lane, and what comes later goes before it', async () => {
  const world = await openWorld();
  const identityId = await world.identity();
  const [late = ''] = await world.accept([request(identityId, LATER)]);
  const [now = ''] = await world.accept([request(identityId)]);
  await auditShard(world);
  const lane = laneId(request(identityId));
  expect(await world.redis.lrange(world.shardKeys.lane(lane), 0, '-1')).toEqual([now]);
  const reader = new UpdateReader(world.redis, world.keys, 1);
  const found = await reader.find(late);
  expect(found).toMatchObject({ state: 'HELD', wait: { reason: 'SCHEDULED' } });
  expect(found?.wait?.until).toBe(found?.notBefore);
  expect(found?.notBefore).toBe((found?.createdAt ?? 0) + LATER.delayMs);

  const owner = await world.takeOver();
  await owner.release();
  expect(await world.states([late])).toEqual(['HELD']);
  await world.dueNow();
  await owner.finish();
  expect(await world.states([late, now])).toEqual(['SUCCEEDED', 'SUCCEEDED']);
  await auditShard(world);
});

test('a job wakes the owner at the time, one for all that are due together', async () => {
  const world = await openWorld();
  const identityId = await world.identity();
  const notBefore = Math.ceil(Date.now() / 1000) * 1000 + 60_000;
  for (const thing of ['device_1', 'device_2', 'device_3']) {
    await world.accept([request(identityId, { thing, notBefore })]);
  }
  const [job, ...others] = await delayedJobs(world);
  expect(others).toEqual([]);
  expect((job?.timestamp ?? 0) + (job?.delay ?? 0)).toBeGreaterThanOrEqual(notBefore);
  expect(job?.data).toEqual({ dueAt: notBefore });
});

test('what was due together gets its places in the order in which it was accepted', async () => {
  const world = await openWorld();
  const identityId = await world.identity();
  const notBefore = Date.now() + 60_000;
  const requests = Array.from({ length: 250 }, (_, at) =>
    request(identityId, { desired: { at }, notBefore }),
  );
  const ids = await world.accept(requests);
  const owner = await world.takeOver();
  await world.dueNow();
  await owner.release();
  const lane = laneId(request(identityId));
  expect(await world.redis.lrange(world.shardKeys.lane(lane), 0, '-1')).toEqual(ids);
  await auditShard(world);
  await owner.finish();
  await auditShard(world);
});

test('a time that has passed is at once', async () => {
  const world = await openWorld();
  const identityId = await world.identity();
  const [id = ''] = await world.accept([request(identityId, { notBefore: Date.now() - 1 })]);
  expect(await world.states([id])).toEqual(['QUEUED']);
  const [other = ''] = await world.accept([request(identityId, { delayMs: 0 })]);
  expect(await world.states([other])).toEqual(['QUEUED']);
});

test('what is scheduled can be canceled, and expires in time', async () => {
  const world = await openWorld();
  const identityId = await world.identity();
  const owner = await world.takeOver();
  const expiresAt = Date.now() + 50;
  const [canceled = '', expired = ''] = await world.accept([
    request(identityId, LATER),
    request(identityId, { ...LATER, expiresAt }),
  ]);
  await world.control.cancel(canceled, 'tests', 'no');
  await eventually(async () => {
    await owner.sweeper.sweep();
    expect(await world.states([canceled, expired])).toEqual(['CANCELED', 'EXPIRED']);
  });
  await auditShard(world);
  await world.dueNow();
  await owner.finish();
  expect(await world.states([canceled, expired])).toEqual(['CANCELED', 'EXPIRED']);
});

test('a lost job loses no update: the owner releases what is due when it looks', async () => {
  const world = await openWorld();
  const identityId = await world.identity();
  const [id = ''] = await world.accept([request(identityId, LATER)]);
  await world.queues.queue(0).obliterate({ force: true });
  await world.dueNow();
  const owner = await world.takeOver();
  await owner.finish();
  expect(await world.states([id])).toEqual(['SUCCEEDED']);
});

test('whoever lost the lease releases nothing', async () => {
  const world = await openWorld();
  const identityId = await world.identity();
  const [id = ''] = await world.accept([request(identityId, LATER)]);
  await world.dueNow();
  const old = await world.takeOver();
  const owner = await world.takeOver();
  await expect(old.schedule.release()).rejects.toThrow(/lease/i);
  expect(await world.states([id])).toEqual(['HELD']);
  await owner.release();
  expect(await world.states([id])).toEqual(['QUEUED']);
});

test('a repeated request finds its updates, whether they were released meanwhile or not', async () => {
  const world = await openWorld();
  const identityId = await world.identity();
  const key = { idempotencyKey: 'one' };
  const [id = ''] = await world.accept([request(identityId, LATER)], key);
  expect(await world.accept([request(identityId, LATER)], key)).toEqual([id]);
  await auditShard(world);
  await world.dueNow();
  const owner = await world.takeOver();
  await owner.release();
  expect(await world.accept([request(identityId, LATER)], key)).toEqual([id]);
  await auditShard(world);
});
