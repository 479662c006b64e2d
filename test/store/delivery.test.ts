import type { Job } from 'bullmq';
import { expect, test } from 'vitest';
import { laneId } from '../../src/shared/domain/lane.ts';
import type { PublishOutcome } from '../../src/workers/connection/publishOutcome.ts';
import type { WorkerEvents } from '../../src/workers/events.ts';
import { FencedError } from '../../src/workers/fleet/lease.ts';
import { auditShard } from './support/auditShard.ts';
import type { Owner } from './support/owner.ts';
import { request } from './support/shardWorld.ts';
import { useShardWorld } from './support/useShardWorld.ts';

const openWorld = useShardWorld();

const UNKNOWN: PublishOutcome = { kind: 'unknown', why: 'cut' };

/** One identity with as many single updates in one lane as asked for, and an owner. */
async function start(updates: number) {
  const world = await openWorld();
  const identityId = await world.identity();
  const settled: WorkerEvents['update:settled'][] = [];
  world.events.on('update:settled', (event) => settled.push(event));
  const ids: string[] = [];
  for (let at = 0; at < updates; at += 1) {
    ids.push(...(await world.accept([request(identityId, { desired: { at } })])));
  }
  const owner = await world.takeOver();
  return { world, identityId, ids, owner, settled, lane: laneId(request(identityId)) };
}

async function nextJob(owner: Owner): Promise<Job> {
  const job = await owner.takeJob();
  if (job === undefined) throw new Error('no job is ready');
  return job;
}

test('a job settles what stands before its update; the older jobs find that done', async () => {
  const { world, owner, ids } = await start(3);
  const jobs = [await nextJob(owner), await nextJob(owner), await nextJob(owner)];
  const [first, second, third] = jobs;
  if (first === undefined || second === undefined || third === undefined) return;
  expect(await owner.run(third)).toBe('completed');
  expect(await world.states(ids)).toEqual(['SUCCEEDED', 'SUCCEEDED', 'SUCCEEDED']);
  expect(await owner.process(first)).toEqual({ SUCCEEDED: 1 });
  expect(await owner.run(second)).toBe('completed');
  for (const id of ids) expect(await world.field(id, 'tries')).toBe('1');
});

test('jobs of one lane at once publish each update once, in order', async () => {
  const { world, owner, ids, lane } = await start(10);
  const jobs: Job[] = [];
  for (let at = 0; at < 10; at += 1) jobs.push(await nextJob(owner));
  await Promise.all(jobs.toReversed().map((job) => owner.run(job)));
  expect(world.firstPublished.get(lane)).toEqual(ids);
  for (const id of ids) expect(await world.field(id, 'tries')).toBe('1');
  await auditShard(world);
});

test('a lane that must wait gives its job back with a delay and without using an attempt', async () => {
  const { world, owner, ids } = await start(1);
  owner.answer = () => UNKNOWN;
  const job = await nextJob(owner);
  expect(await owner.run(job)).toBe('delayed');
  expect(await world.states(ids)).toEqual(['HELD']);
  const stored = await world.queues.queue(0).getJob(job.id ?? '');
  expect(await stored?.isDelayed()).toBe(true);
  expect(stored?.attemptsMade).toBe(0);
});

test('an update that needs three tries still comes before the one behind it', async () => {
  const { world, owner, ids } = await start(2);
  const tokens: string[] = [];
  owner.answer = (id) => {
    tokens.push(id);
    return tokens.length < 3 ? UNKNOWN : { kind: 'accepted', version: 1, pubackMs: 1, answerMs: 1 };
  };
  await owner.finish();
  const [first, second] = ids;
  expect(tokens).toEqual([first, first, first, second]);
  expect(await world.field(first ?? '', 'tries')).toBe('3');
});

test('a bulk job with one lane that waits settles the others and comes back for that one', async () => {
  const world = await openWorld();
  const identityId = await world.identity();
  const requests = [1, 2, 3].map((at) => request(identityId, { thing: `device_${at}` }));
  const ids = await world.accept(requests);
  const owner = await world.takeOver();
  owner.answer = (id) =>
    id === ids[1] ? UNKNOWN : { kind: 'accepted', version: 1, pubackMs: 1, answerMs: 1 };
  expect(await owner.run(await nextJob(owner))).toBe('delayed');
  expect(await world.states(ids)).toEqual(['SUCCEEDED', 'HELD', 'SUCCEEDED']);
  owner.answer = () => ({ kind: 'accepted', version: 1, pubackMs: 1, answerMs: 1 });
  await owner.finish();
  expect(await world.states(ids)).toEqual(['SUCCEEDED', 'SUCCEEDED', 'SUCCEEDED']);
});

test('expired updates end while there is no connection, are counted, and their job does not spin', async () => {
  const { world, owner, ids, settled } = await start(1);
  owner.isConnected = false;
  await world.redis.hset(world.shardKeys.update(ids[0] ?? ''), 'expiresAt', Date.now() - 1);
  expect(await owner.run(await nextJob(owner))).toBe('completed');
  expect(await world.states(ids)).toEqual(['EXPIRED']);
  expect(settled).toMatchObject([{ state: 'EXPIRED', code: 'DEADLINE_PASSED' }]);
});

test('every update that ends is told once, whoever ended it', async () => {
  const { world, owner, ids, settled } = await start(4);
  await world.redis.hset(world.shardKeys.update(ids[1] ?? ''), 'expiresAt', Date.now() - 1);
  await owner.finish();
  expect(settled.map(({ state }) => state)).toEqual([
    'SUCCEEDED',
    'EXPIRED',
    'SUCCEEDED',
    'SUCCEEDED',
  ]);
});

test('a copy of a job that somebody made on a board ends at once, and settles nothing', async () => {
  const { world, owner, ids } = await start(1);
  const job = await nextJob(owner);
  await world.queues.add(0, { name: job.name, data: job.data as object, id: '17x' });
  const copy = await nextJob(owner);
  expect(copy.id).toBe('17x');
  expect(await owner.run(copy)).toBe('completed');
  expect(await world.states(ids)).toEqual(['QUEUED']);
  expect(await owner.run(job)).toBe('completed');
  expect(await world.states(ids)).toEqual(['SUCCEEDED']);
});

test('a job whose worker lost the lease neither settles nor completes', async () => {
  const { world, owner, ids } = await start(1);
  const job = await nextJob(owner);
  const successor = await world.takeOver();
  await expect(owner.process(job)).rejects.toThrow(FencedError);
  expect(await world.states(ids)).toEqual(['QUEUED']);
  await successor.finish();
  expect(await world.states(ids)).toEqual(['SUCCEEDED']);
});

test('a lease lost between the publish and the settle leaves the update to the successor', async () => {
  const { world, owner, ids } = await start(2);
  const job = await nextJob(owner);
  let takingOver: Promise<Owner> | undefined;
  const accept = owner.answer;
  owner.answer = (id) => {
    takingOver ??= world.takeOver();
    return accept(id);
  };
  const lost = owner.process(job);
  await expect(lost).rejects.toThrow(FencedError);
  const successor = await takingOver;
  await successor?.finish();
  expect(await world.states(ids)).toEqual(['SUCCEEDED', 'SUCCEEDED']);
  expect(await world.field(ids[0] ?? '', 'unknown')).toBe('1');
  await auditShard(world);
});

test('every job that steps aside for a connection is called when that is up', async () => {
  const { world, owner, ids } = await start(3);
  owner.isConnected = false;
  for (let at = 0; at < 3; at += 1) expect(await owner.run(await nextJob(owner))).toBe('delayed');
  await owner.connect();
  for (let at = 0; at < 3; at += 1) expect(await owner.run(await nextJob(owner))).toBe('completed');
  expect(new Set(await world.states(ids))).toEqual(new Set(['SUCCEEDED']));
});

test('a job that steps aside just as its connection comes up goes on at once', async () => {
  const { world, owner, ids } = await start(1);
  owner.isConnected = false;
  const aside = owner.run(await nextJob(owner));
  owner.isConnected = true;
  expect(await aside).toBe('delayed');
  expect(await world.states(ids)).toEqual(['HELD']);
  expect(await owner.run(await nextJob(owner))).toBe('completed');
  expect(await world.states(ids)).toEqual(['SUCCEEDED']);
});

test('a job that steps aside just as its pause ends goes on at once', async () => {
  const { world, owner, ids } = await start(1);
  owner.pausedBy = 'fleet, by ops: maintenance';
  const aside = owner.run(await nextJob(owner));
  owner.pausedBy = undefined;
  expect(await aside).toBe('delayed');
  expect(await owner.run(await nextJob(owner))).toBe('completed');
  expect(await world.states(ids)).toEqual(['SUCCEEDED']);
});
