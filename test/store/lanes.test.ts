import { expect, test } from 'vitest';
import { laneId } from '../../src/shared/domain/lane.ts';
import type { Claim, LaneStep } from '../../src/workers/shard/laneStore.ts';
import { auditShard } from './support/auditShard.ts';
import { request, type ShardWorld } from './support/shardWorld.ts';
import { useShardWorld } from './support/useShardWorld.ts';

const openWorld = useShardWorld();

const DENIAL = { stage: 'CONNECT', gate: 'CONNECT_POLICY', message: 'no', remedy: 'do' } as const;
const PARK = {
  status: 'QUARANTINED',
  waitReason: 'IDENTITY_QUARANTINED',
  denial: DENIAL,
  probeInMs: 60_000,
} as const;

async function start(...desired: number[]) {
  const world = await openWorld();
  const identityId = await world.identity();
  const lane = laneId(request(identityId));
  const ids: string[] = [];
  for (const at of desired) {
    ids.push(...(await world.accept([request(identityId, { desired: { at } })])));
  }
  return { world, identityId, lane, ids, owner: await world.takeOver() };
}

function claimOf(step: LaneStep | undefined): Claim {
  if (step?.kind !== 'claimed') throw new Error(`not claimed but ${step?.kind}`);
  return step.claim;
}

/** Lets the deadline of an update pass. */
async function expire(world: ShardWorld, id: string): Promise<void> {
  await world.redis.hset(world.shardKeys.update(id), 'expiresAt', Date.now() - 1000);
}

test('a claim freezes the head: its try, its document and what the caller asked for', async () => {
  const world = await openWorld();
  const identityId = await world.identity();
  const expiresAt = Date.now() + 60_000;
  const asked = { expectedVersion: 7, expiresAt, confirm: 'PUBACK', shadow: 'config' } as const;
  const [id] = await world.accept([request(identityId, asked)]);
  const owner = await world.takeOver();
  const step = await owner.lanes.claim(`${identityId}/device_1/config`);
  expect(claimOf(step)).toMatchObject({
    updateId: id,
    tries: 1,
    desired: '{"power":"OFF"}',
    confirm: 'PUBACK',
    expectedVersion: 7,
    expiresAt,
    unknownTries: 0,
  });
});

test('settling ends the head and claims the next one in the same step', async () => {
  const { world, owner, lane, ids } = await start(1, 2);
  const first = claimOf(await owner.lanes.claim(lane));
  const next = await owner.lanes.settle(lane, first, 'SUCCEEDED', { version: 3 }, true);
  expect(claimOf(next).updateId).toBe(ids[1]);
  expect(await world.states(ids)).toEqual(['SUCCEEDED', 'IN_FLIGHT']);
  expect(await world.field(ids[0] ?? '', 'version')).toBe('3');
  await auditShard(world);
});

test('a settle that comes twice, as a reconnect sends it, changes nothing the second time', async () => {
  const { world, owner, lane } = await start(1, 2);
  const first = claimOf(await owner.lanes.claim(lane));
  await owner.lanes.settle(lane, first, 'SUCCEEDED', {}, false);
  const before = await world.dump();
  expect(await owner.lanes.settle(lane, first, 'FAILED', {}, false)).toBeUndefined();
  expect(await owner.lanes.giveBack(lane, first, { reason: 'BACKOFF' }, 'sent')).toBe(false);
  expect(await world.dump()).toEqual(before);
});

test.each([
  ['unsent', '0', null],
  ['answered', '1', null],
  ['sent', '1', '1'],
] as const)('a try that is given back %s counts %s tries', async (progress, tries, unknown) => {
  const { world, owner, lane, ids } = await start(1);
  const claimed = claimOf(await owner.lanes.claim(lane));
  const until = Date.now() + 60_000;
  await owner.lanes.giveBack(lane, claimed, { reason: 'BACKOFF', detail: 'why', until }, progress);
  expect(await world.field(ids[0] ?? '', 'tries')).toBe(tries);
  expect(await world.field(ids[0] ?? '', 'unknown')).toBe(unknown);
  expect(await owner.lanes.claim(lane)).toMatchObject({
    kind: 'waits',
    wait: { reason: 'BACKOFF', detail: 'why', until },
  });
  await auditShard(world);
});

test('a backoff ends with its time', async () => {
  const { owner, lane } = await start(1);
  const claimed = claimOf(await owner.lanes.claim(lane));
  await owner.lanes.giveBack(lane, claimed, { reason: 'BACKOFF', until: Date.now() - 1 }, 'sent');
  expect(claimOf(await owner.lanes.claim(lane))).toMatchObject({ tries: 2, unknownTries: 1 });
});

test('a hold for the connection ends with the connection, not with its time', async () => {
  const { world, owner, lane } = await start(1);
  await owner.lanes.hold(lane, { reason: 'CONNECTING', until: Date.now() + 60_000 });
  await auditShard(world);
  expect(claimOf(await owner.lanes.claim(lane)).tries).toBe(1);
});

test('a hold that crossed a release does not outlive the quarantine', async () => {
  const { owner, lane, identityId } = await start(1);
  await owner.records.park(identityId, PARK);
  await owner.records.release(identityId);
  // A drainer that saw the identity parked writes this after the release.
  await owner.lanes.hold(lane, { reason: 'IDENTITY_QUARANTINED', until: Date.now() + 300_000 });
  expect(claimOf(await owner.lanes.claim(lane)).tries).toBe(1);
});

test('a claim that nobody settled counts as a try whose outcome is unknown', async () => {
  const { world, owner, lane } = await start(1);
  await owner.lanes.claim(lane);
  const successor = await world.takeOver();
  expect(claimOf(await successor.lanes.claim(lane))).toMatchObject({ tries: 2, unknownTries: 1 });
});

test('an update that expires after a crashed try says that it may have been applied', async () => {
  const { world, owner, lane, ids } = await start(1);
  await owner.lanes.claim(lane);
  await expire(world, ids[0] ?? '');
  const successor = await world.takeOver();
  expect((await successor.lanes.claim(lane)).kind).toBe('empty');
  expect(await world.states(ids)).toEqual(['EXPIRED']);
  expect(await world.field(ids[0] ?? '', 'unknown')).toBe('1');
  expect(await world.field(ids[0] ?? '', 'failure')).toContain('may have been applied');
  await auditShard(world);
});

test('a crashed try of an identity that is parked meanwhile stays counted as unknown', async () => {
  const { world, owner, lane, identityId, ids } = await start(1);
  await owner.lanes.claim(lane);
  await owner.records.park(identityId, PARK);
  const successor = await world.takeOver();
  expect((await successor.lanes.claim(lane)).kind).toBe('waits');
  expect(await world.field(ids[0] ?? '', 'unknown')).toBe('1');
  await successor.records.release(identityId);
  expect(claimOf(await successor.lanes.claim(lane))).toMatchObject({ tries: 2, unknownTries: 1 });
  await auditShard(world);
});

test('a crashed claim is released by a hold too, and does not show as in flight', async () => {
  const { world, owner, lane, ids } = await start(1);
  await owner.lanes.claim(lane);
  const successor = await world.takeOver();
  await successor.lanes.hold(lane, { reason: 'CONNECTING', until: Date.now() + 1000 });
  expect(await world.states(ids)).toEqual(['HELD']);
  expect(await world.field(ids[0] ?? '', 'unknown')).toBe('1');
  await auditShard(world);
});

test('heads expire while there is no connection to claim them for', async () => {
  const { world, owner, lane, ids } = await start(1, 2, 3);
  await expire(world, ids[0] ?? '');
  await expire(world, ids[1] ?? '');
  const step = await owner.lanes.hold(lane, { reason: 'CONNECTING', until: Date.now() + 1000 });
  expect(step).toMatchObject({
    kind: 'waits',
    ended: [
      { updateId: ids[0], state: 'EXPIRED', code: 'DEADLINE_PASSED', confirm: 'ACCEPTED' },
      { updateId: ids[1], state: 'EXPIRED', code: 'DEADLINE_PASSED', confirm: 'ACCEPTED' },
    ],
  });
  expect(await world.states(ids)).toEqual(['EXPIRED', 'EXPIRED', 'HELD']);
  await auditShard(world);
});

test('what a claim ended on its way is told, so that it can be counted', async () => {
  const { world, owner, lane, ids } = await start(1, 2);
  await expire(world, ids[0] ?? '');
  const step = await owner.lanes.claim(lane);
  expect(step).toMatchObject({ kind: 'claimed', ended: [{ updateId: ids[0], state: 'EXPIRED' }] });
  expect(step.ended[0]?.createdAt).toBe(Number(await world.field(ids[0] ?? '', 'createdAt')));
});

test('updates of an identity that was removed fail with that reason', async () => {
  const { world, owner, lane, ids, identityId } = await start(1, 2);
  await world.redis.del(world.shardKeys.identity(identityId));
  expect(await owner.lanes.hold(lane, { reason: 'CONNECTING' })).toMatchObject({
    kind: 'empty',
    ended: [{ code: 'IDENTITY_REMOVED' }, { code: 'IDENTITY_REMOVED' }],
  });
  expect(await world.states(ids)).toEqual(['FAILED', 'FAILED']);
  await auditShard(world);
});

test('a record that vanished does not block its lane', async () => {
  const { world, owner, lane, ids } = await start(1, 2);
  await world.redis.del(world.shardKeys.update(ids[0] ?? ''));
  expect(claimOf(await owner.lanes.claim(lane)).updateId).toBe(ids[1]);
});

test('the last update to leave a lane takes the lane out of every index', async () => {
  const { world, owner, lane, identityId } = await start(1);
  const claimed = claimOf(await owner.lanes.claim(lane));
  await owner.lanes.settle(lane, claimed, 'FAILED', {}, false);
  const { redis, shardKeys } = world;
  expect(await redis.exists(shardKeys.lane(lane), shardKeys.lanesOf(identityId))).toBe(0);
  expect(await redis.exists(shardKeys.lanes, shardKeys.waiting)).toBe(0);
});

test('a settled record is kept for the retention time, an open one for good', async () => {
  const { world, owner, lane, ids } = await start(1, 2);
  const claimed = claimOf(await owner.lanes.claim(lane));
  await owner.lanes.settle(lane, claimed, 'SUCCEEDED', {}, false);
  const [settled, open] = ids.map((id) => world.shardKeys.update(id));
  expect(await world.redis.pttl(settled ?? '')).toBeGreaterThan(0);
  expect(await world.redis.pttl(open ?? '')).toBe(-1);
});
