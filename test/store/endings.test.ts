import { expect, test } from 'vitest';
import { laneId } from '../../src/shared/domain/lane.ts';
import { DeadUpdates, cursorOf } from '../../src/shared/store/deadUpdates.ts';
import type { UpdateRequest } from '../../src/shared/domain/update.ts';
import { parseUpdate } from '../../src/shared/store/updateRecord.ts';
import type { Claim, LaneStep } from '../../src/workers/shard/laneStore.ts';
import { auditShard } from './support/auditShard.ts';
import { request, type ShardWorld } from './support/shardWorld.ts';
import { useShardWorld } from './support/useShardWorld.ts';

const openWorld = useShardWorld();
const BACKOFF = { reason: 'BACKOFF', until: Date.now() + 3_600_000 } as const;

async function start(...over: Partial<UpdateRequest>[]) {
  const world = await openWorld();
  const identityId = await world.identity();
  const ids: string[] = [];
  // One by one, so that each has a job of its own.
  for (const one of over) ids.push(...(await world.accept([request(identityId, one)])));
  const lane = laneId(request(identityId));
  return { world, identityId, lane, ids, owner: await world.takeOver() };
}

function claimOf(step: LaneStep | undefined): Claim {
  if (step?.kind !== 'claimed') throw new Error(`not claimed but ${step?.kind}`);
  return step.claim;
}

const cancel = (world: ShardWorld, id: string | undefined, reason?: string) =>
  world.control.cancel(id ?? '', 'somebody', reason);

test('a queued update is canceled wherever it stands, and its lane goes on', async () => {
  const { world, owner, lane, ids } = await start({}, {}, {});
  await cancel(world, ids[1], 'not needed');
  expect(await world.states(ids)).toEqual(['QUEUED', 'CANCELED', 'QUEUED']);
  expect(await world.field(ids[1] ?? '', 'canceledBy')).toBe('somebody');
  expect(await world.field(ids[1] ?? '', 'cancelReason')).toBe('not needed');
  await auditShard(world);
  const first = claimOf(await owner.lanes.claim(lane));
  const next = claimOf(await owner.lanes.settle(lane, first, 'SUCCEEDED', {}, true));
  expect([first.updateId, next.updateId]).toEqual([ids[0], ids[2]]);
});

test('canceling a held head wakes what stood behind it', async () => {
  const { world, owner, lane, ids } = await start({}, {});
  await owner.lanes.giveBack(lane, claimOf(await owner.lanes.claim(lane)), BACKOFF, 'answered');
  const job = await world.queues.queue(0).getJob(await world.jobOf(ids[1] ?? ''));
  const taken = await owner.takeJob();
  expect(taken?.id).not.toBe(job?.id);
  expect(await owner.run(await owner.takeJob().then((next) => next ?? fail()))).toBe('delayed');
  expect(await job?.isDelayed()).toBe(true);
  await cancel(world, ids[0]);
  expect(await job?.isDelayed()).toBe(false);
  expect(claimOf(await owner.lanes.claim(lane)).updateId).toBe(ids[1]);
  await auditShard(world);
});

function fail(): never {
  throw new Error('there is no job');
}

test('canceling what was canceled is no error, and what ended or is published is refused', async () => {
  const { world, owner, lane, ids } = await start({}, {});
  await cancel(world, ids[1]);
  await cancel(world, ids[1]);
  const claim = claimOf(await owner.lanes.claim(lane));
  await expect(cancel(world, ids[0])).rejects.toMatchObject({ code: 'UPDATE_IN_FLIGHT' });
  await owner.lanes.settle(lane, claim, 'SUCCEEDED', {}, false);
  await expect(cancel(world, ids[0])).rejects.toMatchObject({ code: 'UPDATE_FINISHED' });
  for (const id of ['', 'nonsense', (ids[0] ?? '').replace(/.$/, '_'), 'upd_zz_x']) {
    await expect(cancel(world, id)).rejects.toMatchObject({ code: 'UPDATE_NOT_FOUND' });
  }
});

test('updates expire in time behind a head that waits, and while the identity is parked', async () => {
  const { world, owner, lane, ids } = await start({}, { expiresAt: Date.now() + 3_600_000 }, {});
  await world.redis.zadd(world.shardKeys.expiring, 1, ids[1] ?? '');
  await owner.lanes.hold(lane, { reason: 'IDENTITY_QUARANTINED' });
  await owner.sweeper.sweep();
  expect(await world.states(ids)).toEqual(['HELD', 'EXPIRED', 'QUEUED']);
  expect(await world.field(ids[1] ?? '', 'failure')).toContain('DEADLINE_PASSED');
  expect(await world.redis.zcard(world.shardKeys.expiring)).toBe(0);
  await auditShard(world);
});

test('an update that expired says what it waited for', async () => {
  const { world, owner, lane, ids } = await start(
    { expiresAt: Date.now() + 3_600_000 },
    { expiresAt: Date.now() + 3_600_000 },
  );
  await owner.lanes.hold(lane, { reason: 'PAUSED', detail: 'the fleet' });
  await world.redis.zadd(world.shardKeys.expiring, 1, ids[0] ?? '');
  await owner.sweeper.sweep();
  const failureOf = async (id = '') => {
    const { failure } = parseUpdate(id, await world.redis.hgetall(world.shardKeys.update(id)));
    return failure?.message;
  };
  expect(await failureOf(ids[0])).toBe(
    'expiresAt passed before the update could be published; it waited as PAUSED (the fleet).',
  );
  await owner.lanes.hold(lane, { reason: 'CONNECTING' });
  await world.redis.hset(world.shardKeys.update(ids[1] ?? ''), 'expiresAt', 1);
  expect(await owner.lanes.claim(lane)).toMatchObject({ kind: 'empty' });
  expect(await failureOf(ids[1])).toBe(
    'expiresAt passed before the update could be published; it waited as CONNECTING.',
  );
});

test('a deadline that passes during a publish waits for its answer', async () => {
  const { world, owner, lane, ids } = await start({ expiresAt: Date.now() + 3_600_000 });
  const claim = claimOf(await owner.lanes.claim(lane));
  await world.redis.zadd(world.shardKeys.expiring, 1, ids[0] ?? '');
  await owner.sweeper.sweep();
  expect(await world.states(ids)).toEqual(['IN_FLIGHT']);
  expect(await world.redis.zscore(world.shardKeys.expiring, ids[0] ?? '')).not.toBe('1');
  await owner.lanes.settle(lane, claim, 'SUCCEEDED', {}, false);
  await world.redis.zadd(world.shardKeys.expiring, 1, ids[0] ?? '');
  await owner.sweeper.sweep();
  expect(await world.states(ids)).toEqual(['SUCCEEDED']);
});

test('what failed or expired is listed newest first, in pages that neither skip nor repeat', async () => {
  const { world, owner, lane, ids } = await start({}, {}, {}, {}, {});
  for (let at = 0; at < ids.length; at += 1) {
    const claim = claimOf(await owner.lanes.claim(lane));
    const state = at === 2 ? 'SUCCEEDED' : 'FAILED';
    await owner.lanes.settle(lane, claim, state, {}, false);
  }
  // As a group would leave them.
  await world.redis.zadd(world.shardKeys.dead, 5000, ids[0] ?? '', 5000, ids[1] ?? '');
  const dead = new DeadUpdates(world.redis, world.keys, 1);
  const seen: string[] = [];
  for (let after: string | undefined, more = true; more; ) {
    const page = await dead.page(1, after);
    seen.push(...page.updates.map(({ id }) => id));
    after = page.updates[0] && cursorOf(page.updates[0]);
    more = page.hasMore;
  }
  expect(seen).toEqual([ids[4], ids[3], ids[1], ids[0]]);
  await expect(dead.page(1, 'nonsense')).rejects.toMatchObject({ code: 'PAGE_INVALID' });
});

test('the dead are forgotten with their records', async () => {
  const { world, owner, lane, ids } = await start({});
  await world.redis.zadd(world.shardKeys.dead, Date.now() - 3_600_000, 'upd_0_old');
  const claim = claimOf(await owner.lanes.claim(lane));
  await owner.lanes.settle(lane, claim, 'FAILED', {}, false);
  expect(await world.redis.zrange(world.shardKeys.dead, 0, '-1')).toEqual(ids);
});

test('a job whose last update of a lane was canceled settles those ahead of it all the same', async () => {
  const world = await openWorld();
  const identityId = await world.identity();
  const ids = await world.accept([1, 2, 3].map((at) => request(identityId, { desired: { at } })));
  await cancel(world, ids[2]);
  const owner = await world.takeOver();
  const job = await owner.takeJob();
  expect(job && (await owner.run(job))).toBe('completed');
  expect(await world.states(ids)).toEqual(['SUCCEEDED', 'SUCCEEDED', 'CANCELED']);
});
