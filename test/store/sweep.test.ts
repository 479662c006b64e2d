import { expect, test } from 'vitest';
import { laneId } from '../../src/shared/domain/lane.ts';
import { endWaits } from '../../src/workers/shard/endWaits.ts';
import { auditLiveJobs, auditShard } from './support/auditShard.ts';
import type { Owner } from './support/owner.ts';
import { request } from './support/shardWorld.ts';
import { useShardWorld } from './support/useShardWorld.ts';

const openWorld = useShardWorld();
const SLACK_MS = 2000;

const DENIAL = { stage: 'CONNECT', gate: 'CONNECT_POLICY', message: 'no', remedy: 'do' } as const;

async function start(updates: number) {
  const world = await openWorld();
  const identityId = await world.identity();
  const found: { orphans: number; late: number }[] = [];
  world.events.on('sweep:found', (event) => found.push(event));
  const ids: string[] = [];
  for (let at = 0; at < updates; at += 1) {
    ids.push(...(await world.accept([request(identityId, { desired: { at } })])));
  }
  const owner = await world.takeOver();
  return { world, identityId, ids, owner, found, lane: laneId(request(identityId)) };
}

/** Takes every job that is ready and gives it back for an hour. */
async function putOff(owner: Owner): Promise<void> {
  for (let job = await owner.takeJob(); job !== undefined; job = await owner.takeJob()) {
    await job.moveToDelayed(Date.now() + 3_600_000, owner.lease.token);
  }
}

/** Runs every job that is ready now. */
async function runReady(owner: Owner): Promise<void> {
  for (let job = await owner.takeJob(); job !== undefined; job = await owner.takeJob()) {
    await owner.run(job);
  }
}

test('a sweep of a healthy shard finds nothing and changes nothing', async () => {
  const { world, owner, found } = await start(3);
  const before = await world.dump();
  await owner.sweeper.sweep();
  expect(found).toEqual([]);
  expect(await world.dump()).toEqual(before);
});

test('after a drained queue one new job promises all of a lane, so that none waits its turn', async () => {
  const { world, owner, found, ids } = await start(5);
  await world.queues.queue(0).drain(true);
  await owner.sweeper.sweep();
  await auditLiveJobs(world, SLACK_MS);
  expect(found).toEqual([{ orphans: 1, late: 0 }]);
  const job = await owner.takeJob();
  if (job === undefined) throw new Error('no job');
  expect(await owner.run(job)).toBe('completed');
  expect(new Set(await world.states(ids))).toEqual(new Set(['SUCCEEDED']));
  expect(await owner.takeJob()).toBeUndefined();
});

test('a second sweep leaves the job of the first alone', async () => {
  const { world, owner, found } = await start(2);
  await world.queues.queue(0).drain(true);
  await owner.sweeper.sweep();
  await owner.sweeper.sweep();
  expect(found).toHaveLength(1);
  expect(await world.queues.queue(0).getWaitingCount()).toBe(1);
});

test('updates behind the head that have a live job keep it', async () => {
  const { world, owner, ids } = await start(2);
  const [first, second] = ids;
  await (await world.queues.queue(0).getJob(`d_${first}`))?.remove();
  await owner.sweeper.sweep();
  expect(await world.jobOf(first ?? '')).toMatch(/^s_/);
  expect(await world.jobOf(second ?? '')).toBe(`d_${second}`);
});

test('a job that finished although its update is open is replaced', async () => {
  const { world, owner, ids } = await start(1);
  const job = await owner.takeJob();
  await job?.moveToCompleted({}, owner.lease.token, false);
  await owner.sweeper.sweep();
  await auditLiveJobs(world, SLACK_MS);
  await owner.finish();
  expect(await world.states(ids)).toEqual(['SUCCEEDED']);
});

test('a job delayed beyond what its lane waits for is hurried', async () => {
  const { world, owner, found, ids } = await start(1);
  const job = await owner.takeJob();
  await job?.moveToDelayed(Date.now() + 3_600_000, owner.lease.token);
  await owner.sweeper.sweep();
  expect(found).toEqual([{ orphans: 0, late: 1 }]);
  await owner.finish();
  expect(await world.states(ids)).toEqual(['SUCCEEDED']);
});

test('where the first job of a lane is late, those behind it are hurried too', async () => {
  const { world, owner, ids } = await start(5);
  await putOff(owner);
  await owner.sweeper.sweep();
  await runReady(owner);
  expect(new Set(await world.states(ids))).toEqual(new Set(['SUCCEEDED']));
});

test('the end of a pause wakes every job of a lane', async () => {
  const { world, owner, ids } = await start(5);
  owner.pausedBy = 'fleet, by ops: maintenance';
  await runReady(owner);
  expect(await world.field(ids[0] ?? '', 'waitReason')).toBe('PAUSED');
  owner.pausedBy = undefined;
  const { redis, shardKeys, queues } = world;
  await endWaits(['PAUSED'], redis, shardKeys, queues, owner.lease.lost);
  await runReady(owner);
  expect(new Set(await world.states(ids))).toEqual(new Set(['SUCCEEDED']));
});

test('a job that waits for a backoff is left to it', async () => {
  const { owner, found, lane } = await start(1);
  const job = await owner.takeJob();
  const step = await owner.lanes.claim(lane);
  if (step.kind !== 'claimed') throw new Error(step.kind);
  const until = Date.now() + 60_000;
  await owner.lanes.giveBack(lane, step.claim, { reason: 'BACKOFF', until }, 'answered');
  await job?.moveToDelayed(until, owner.lease.token);
  await owner.sweeper.sweep();
  expect(found).toEqual([]);
});

test('the jobs of an identity that waits for an operator are not woken at every sweep', async () => {
  const { owner, found, lane, identityId } = await start(1);
  const park = {
    status: 'NEEDS_OPERATOR',
    waitReason: 'NEEDS_OPERATOR',
    denial: DENIAL,
    probeInMs: undefined,
  } as const;
  await owner.records.park(identityId, park);
  const job = await owner.takeJob();
  await owner.lanes.hold(lane, { reason: 'NEEDS_OPERATOR' });
  await job?.moveToDelayed(Date.now() + 300_000, owner.lease.token);
  await owner.sweeper.sweep();
  expect(found).toEqual([]);
});

test('a lane that was held for a quarantine just as it ended is woken by the sweep', async () => {
  const { world, owner, found, lane, identityId, ids } = await start(1);
  const park = {
    status: 'QUARANTINED',
    waitReason: 'IDENTITY_QUARANTINED',
    denial: DENIAL,
    probeInMs: 300_000,
  } as const;
  await owner.records.park(identityId, park);
  await owner.records.release(identityId);
  const job = await owner.takeJob();
  const until = Date.now() + 300_000;
  await owner.lanes.hold(lane, { reason: 'IDENTITY_QUARANTINED', until });
  await job?.moveToDelayed(until, owner.lease.token);
  await owner.sweeper.sweep();
  expect(found).toEqual([{ orphans: 0, late: 1 }]);
  await owner.finish();
  expect(await world.states(ids)).toEqual(['SUCCEEDED']);
});

test("a new owner's first sweep sees every lane, however many there are", async () => {
  const world = await openWorld();
  const identityId = await world.identity();
  const requests = Array.from({ length: 1100 }, (_, at) =>
    request(identityId, { thing: `device_${at}` }),
  );
  await world.accept(requests);
  const owner = await world.takeOver();
  await world.queues.queue(0).drain(true);
  await owner.sweeper.sweep();
  await auditLiveJobs(world, SLACK_MS);
  await auditShard(world);
});

test('a reassignment makes no record of an update that is gone', async () => {
  const { world, owner, ids } = await start(2);
  await world.queues.queue(0).drain(true);
  await world.redis.del(world.shardKeys.update(ids[0] ?? ''));
  await owner.sweeper.sweep();
  expect(await world.redis.exists(world.shardKeys.update(ids[0] ?? ''))).toBe(0);
  await owner.finish();
  expect(await world.states(ids)).toEqual([null, 'SUCCEEDED']);
});
