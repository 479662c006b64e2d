import { expect, test } from 'vitest';
import { laneId } from '../../src/shared/domain/lane.ts';
import { configure } from '../support/servers.ts';
import { auditShard } from './support/auditShard.ts';
import { request } from './support/shardWorld.ts';
import { useShardWorld } from './support/useShardWorld.ts';
import { DESCRIPTION } from '../support/workerDescription.ts';

const openWorld = useShardWorld();

test('a full Redis takes nothing new, and lets the fleet keep its leases and end updates', async () => {
  const world = await openWorld();
  const identityId = await world.identity();
  const ids = await world.accept([1, 2].map((at) => request(identityId, { desired: { at } })));
  const owner = await world.takeOver();
  const lane = laneId(request(identityId));
  await configure(world.redis, 'maxmemory', '1');
  try {
    await expect(world.accept([request(identityId)])).rejects.toThrow(/OOM|EXECABORT/);
    expect(await world.leases.renew(owner.lease, 600_000)).toBe(true);
    expect(await world.leases.beat('worker-1', DESCRIPTION, 600_000)).toHaveLength(1);
    const first = await owner.lanes.claim(lane);
    if (first.kind !== 'claimed') throw new Error(first.kind);
    const second = await owner.lanes.settle(lane, first.claim, 'SUCCEEDED', { version: 1 }, true);
    if (second?.kind !== 'claimed') throw new Error(second?.kind);
    const wait = { reason: 'BACKOFF', until: Date.now() } as const;
    expect(await owner.lanes.giveBack(lane, second.claim, wait, 'sent')).toBe(true);
    await owner.lanes.hold(lane, { reason: 'CONNECTING', until: Date.now() });
  } finally {
    await configure(world.redis, 'maxmemory', '0');
  }
  expect(await world.states(ids)).toEqual(['SUCCEEDED', 'HELD']);
  await auditShard(world);
  await owner.finish();
  expect(await world.states(ids)).toEqual(['SUCCEEDED', 'SUCCEEDED']);
});
