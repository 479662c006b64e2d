import { expect, test } from 'vitest';
import { AWS_SHADOW_LIMITS, type JsonObject } from '../../src/shared/domain/desired.ts';
import { laneId } from '../../src/shared/domain/lane.ts';
import type { UpdateRequest } from '../../src/shared/domain/update.ts';
import { documentOf } from '../../src/workers/shard/group.ts';
import type { Claim, LaneStep } from '../../src/workers/shard/laneStore.ts';
import { auditShard } from './support/auditShard.ts';
import { request } from './support/shardWorld.ts';
import { useShardWorld } from './support/useShardWorld.ts';

const openWorld = useShardWorld();
const LATER = { reason: 'BACKOFF', until: Date.now() - 1 } as const;

async function start(...over: Partial<UpdateRequest>[]) {
  const world = await openWorld();
  const identityId = await world.identity();
  const asked = over.map((one) => request(identityId, { coalesce: true, ...one }));
  const ids = await world.accept(asked);
  return {
    world,
    identityId,
    lane: laneId(request(identityId)),
    ids,
    owner: await world.takeOver(),
  };
}

const patches = (...desired: JsonObject[]) => desired.map((one) => ({ desired: one }));

function claimOf(step: LaneStep | undefined): Claim {
  if (step?.kind !== 'claimed') throw new Error(`not claimed but ${step?.kind}`);
  return step.claim;
}

const idsOf = (claim: Claim) => [claim.updateId, ...claim.members.map(({ updateId }) => updateId)];

test('updates that allow it are one publish, and each tells what became of its fields', async () => {
  const { world, owner, lane, ids } = await start(
    ...patches({ a: 1, c: { d: 1 } }, { b: 1 }, { a: 2, b: null }, { c: { e: [1] } }),
  );
  const claim = claimOf(await owner.lanes.claim(lane));
  expect(idsOf(claim)).toEqual(ids);
  expect(JSON.parse(documentOf(claim))).toEqual({ a: 2, b: null, c: { d: 1, e: [1] } });
  await auditShard(world);
  const next = await owner.lanes.settle(lane, claim, 'SUCCEEDED', { version: 9 }, true);
  expect(next?.kind).toBe('empty');
  expect(await world.states(ids)).toEqual(['SUCCEEDED', 'SUPERSEDED', 'SUCCEEDED', 'SUCCEEDED']);
  const field = (name: string) => Promise.all(ids.map((id) => world.field(id, name)));
  expect(await field('superseded')).toEqual(['["a"]', '["b"]', null, null]);
  expect(await field('carriedBy')).toEqual([null, ids[0], ids[0], ids[0]]);
  expect(await field('version')).toEqual(['9', '9', '9', '9']);
  await auditShard(world);
});

test.each([
  ['does not allow it', { coalesce: false }],
  ['names a version', { expectedVersion: 3 }],
  ['has a deadline', { expiresAt: Date.now() + 3_600_000 }],
  ['confirms otherwise', { confirm: 'PUBACK' }],
] as const)('one that %s goes alone, in its place', async (_why, alone) => {
  const { owner, lane, ids } = await start({}, {}, alone, {}, {});
  const sizes: string[][] = [];
  let step: LaneStep | undefined = await owner.lanes.claim(lane);
  while (step?.kind === 'claimed') {
    sizes.push(idsOf(step.claim));
    step = await owner.lanes.settle(lane, step.claim, 'SUCCEEDED', {}, true);
  }
  expect(sizes).toEqual([ids.slice(0, 2), ids.slice(2, 3), ids.slice(3)]);
});

test('an object that follows a value at the same place is not merged: it would keep old fields', async () => {
  const { owner, lane, ids } = await start(...patches({ a: 5 }, { b: 1 }, { a: { x: 1 } }));
  expect(idsOf(claimOf(await owner.lanes.claim(lane)))).toEqual(ids.slice(0, 2));
});

test('a merged document stays within what a shadow takes', async () => {
  const text = 'x'.repeat(3000);
  const { owner, lane, ids } = await start(...patches({ a: text }, { b: text }, { c: text }));
  const claim = claimOf(await owner.lanes.claim(lane));
  expect(idsOf(claim)).toEqual(ids.slice(0, 2));
  expect(Buffer.byteLength(documentOf(claim))).toBeLessThanOrEqual(AWS_SHADOW_LIMITS.maxBytes);
});

test('a group is frozen by its claim: every try publishes the same document', async () => {
  const { world, owner, identityId, lane, ids } = await start(...patches({ a: 1 }, { a: 2 }));
  const first = claimOf(await owner.lanes.claim(lane));
  const [late] = await world.accept([request(identityId, { coalesce: true, desired: { a: 3 } })]);
  await owner.lanes.giveBack(lane, first, LATER, 'sent');
  expect(await world.states(ids)).toEqual(['HELD', 'QUEUED']);
  await auditShard(world);
  for (const id of ids) {
    await expect(world.control.cancel(id, 'tests', 'no')).rejects.toMatchObject({
      code: 'UPDATE_IN_FLIGHT',
    });
  }
  // And over a crash.
  await owner.lanes.claim(lane);
  const successor = await world.takeOver();
  const again = claimOf(await successor.lanes.claim(lane));
  expect(again).toMatchObject({ tries: 3, unknownTries: 2 });
  expect(documentOf(again)).toBe(documentOf(first));
  const next = await successor.lanes.settle(lane, again, 'FAILED', { failure: '{}' }, true);
  expect(claimOf(next).updateId).toBe(late);
  expect(await world.states(ids)).toEqual(['FAILED', 'FAILED']);
  expect(await world.field(ids[1] ?? '', 'unknown')).toBe('2');
  await auditShard(world);
});

test('a group of which nothing went out is made anew', async () => {
  const { world, owner, identityId, lane, ids } = await start(...patches({ a: 1 }, { a: 2 }));
  await owner.lanes.giveBack(lane, claimOf(await owner.lanes.claim(lane)), LATER, 'unsent');
  const more = await world.accept([request(identityId, { coalesce: true })]);
  await world.control.cancel(ids[1] ?? '', 'tests', 'no');
  expect(idsOf(claimOf(await owner.lanes.claim(lane)))).toEqual([ids[0], ...more]);
  await auditShard(world);
});

test('a group that is sent apart is published one by one', async () => {
  const { world, owner, lane, ids } = await start(...patches({ a: 1 }, { a: 2 }));
  await owner.lanes.giveBack(lane, claimOf(await owner.lanes.claim(lane)), LATER, 'apart');
  await auditShard(world);
  const first = claimOf(await owner.lanes.claim(lane));
  const second = claimOf(await owner.lanes.settle(lane, first, 'SUCCEEDED', {}, true));
  expect([idsOf(first), idsOf(second)]).toEqual([[ids[0]], [ids[1]]]);
});
