import { expect, test } from 'vitest';
import { laneId } from '../../src/shared/domain/lane.ts';
import { FencedError } from '../../src/workers/fleet/lease.ts';
import type { Claim, LaneStep } from '../../src/workers/shard/laneStore.ts';
import { auditShard } from './support/auditShard.ts';
import { request, type ShardWorld } from './support/shardWorld.ts';
import { useShardWorld } from './support/useShardWorld.ts';

const openWorld = useShardWorld();

/** An update in each of so many lanes of one identity, and an owner. */
async function start(lanes: number) {
  const world = await openWorld();
  const identityId = await world.identity();
  const requests = Array.from({ length: lanes }, (_, at) =>
    request(identityId, { thing: `device_${at}` }),
  );
  const ids = await world.accept(requests);
  return { world, ids, lanes: requests.map(laneId), owner: await world.takeOver() };
}

function claimOf(step: LaneStep): Claim {
  if (step.kind !== 'claimed') throw new Error(`the lane is ${step.kind}`);
  return step.claim;
}

/** Scripts that Redis was asked to run so far. */
async function scriptsRun({ redis }: ShardWorld): Promise<number> {
  const stats = await redis.info('commandstats');
  return Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1] ?? 0);
}

test('calls of one turn travel as one script, and each gets its own answer', async () => {
  const { world, ids, lanes, owner } = await start(20);
  await owner.lanes.claim(lanes[0] ?? '');
  const before = await scriptsRun(world);
  const steps = await Promise.all(lanes.slice(1).map((lane) => owner.lanes.claim(lane)));
  expect(await scriptsRun(world)).toBe(before + 1);
  expect(steps.map((step) => claimOf(step).updateId)).toEqual(ids.slice(1));
  await auditShard(world);
});

test('more calls than one script takes are divided, and none is left out', async () => {
  const { world, ids, lanes, owner } = await start(250);
  const claims = (await Promise.all(lanes.map((lane) => owner.lanes.claim(lane)))).map(claimOf);
  expect(claims.map(({ updateId }) => updateId)).toEqual(ids);
  await Promise.all(
    claims.map((claim, at) =>
      owner.lanes.settle(lanes[at] ?? '', claim, 'SUCCEEDED', { version: at }, true),
    ),
  );
  expect(new Set(await world.states(ids))).toEqual(new Set(['SUCCEEDED']));
  await auditShard(world);
});

test('a call that is not current any more leaves those beside it alone', async () => {
  const { world, ids, lanes, owner } = await start(3);
  const claims = (await Promise.all(lanes.map((lane) => owner.lanes.claim(lane)))).map(claimOf);
  const settles = await Promise.all(
    [claims[0], claims[0], claims[2]].map((claim, at) => {
      if (claim === undefined) throw new Error('not claimed');
      return owner.lanes.settle(lanes[at === 2 ? 2 : 0] ?? '', claim, 'SUCCEEDED', {}, false);
    }),
  );
  expect(settles.map((step) => step?.kind)).toEqual(['empty', undefined, 'empty']);
  expect(await world.states(ids)).toEqual(['SUCCEEDED', 'IN_FLIGHT', 'SUCCEEDED']);
  await auditShard(world);
});

test('a lane that is settled and claimed by calls of one turn keeps its order', async () => {
  const world = await openWorld();
  const wanted = request(await world.identity());
  const ids = await world.accept([wanted, wanted, wanted]);
  const lane = laneId(wanted);
  const owner = await world.takeOver();
  const first = claimOf(await owner.lanes.claim(lane));
  const [settled, claimed] = await Promise.all([
    owner.lanes.settle(lane, first, 'SUCCEEDED', {}, false),
    owner.lanes.claim(lane),
  ]);
  expect(settled?.kind).toBe('empty');
  expect(claimed.kind === 'claimed' && claimed.claim.updateId).toBe(ids[1]);
  await auditShard(world);
});

test('calls of an owner that lost its lease are refused together and change nothing', async () => {
  const { world, lanes, owner } = await start(3);
  await world.takeOver();
  const before = await world.dump();
  const calls = await Promise.allSettled(lanes.map((lane) => owner.lanes.claim(lane)));
  for (const call of calls) {
    expect(call.status === 'rejected' && call.reason).toBeInstanceOf(FencedError);
  }
  expect(await world.dump()).toEqual(before);
});

test('a reason with half of a surrogate pair in it does not fail the calls beside it', async () => {
  const { world, ids, lanes, owner } = await start(2);
  const [first = '', second = ''] = lanes;
  const claim = claimOf(await owner.lanes.claim(first));
  const wait = { reason: 'BACKOFF', detail: 'said: \ud83d', until: Date.now() } as const;
  const [held, step] = await Promise.all([
    owner.lanes.giveBack(first, claim, wait, 'answered'),
    owner.lanes.claim(second),
  ]);
  expect([held, step.kind]).toEqual([true, 'claimed']);
  expect(await world.field(ids[0] ?? '', 'waitDetail')).toBe('said: \ufffd');
});
