import { expect, test } from 'vitest';
import type { PauseTarget } from '../../../src/shared/domain/pause.ts';
import { FleetPauses } from '../../../src/shared/store/fleetPauses.ts';
import { eventually } from '../../support/eventually.ts';
import { GroupDirectory } from '../../../src/shared/store/groupDirectory.ts';
import type { Fleet } from '../support/fleet.ts';
import { useFleet } from '../support/useFleet.ts';

const world = useFleet();
const by = { actor: 'ops', reason: 'maintenance' };

const pausesOf = (fleet: Fleet) => new FleetPauses(fleet.redis, fleet.keys);

async function pause(fleet: Fleet, target: PauseTarget): Promise<void> {
  await pausesOf(fleet).pause(target, by);
  await followed(fleet);
}

/** Waits until the worker has seen what holds now: it reads that after each heartbeat. */
async function followed(fleet: Fleet): Promise<void> {
  const beats = async () => (await fleet.reader.read()).workers[0]?.lastHeartbeatAt ?? 0;
  for (let beat = 0; beat < 2; beat += 1) {
    const last = await beats();
    await eventually(async () => expect(await beats()).toBeGreaterThan(last));
  }
}

test('what is paused waits in its order and says so; it goes on when the pause ends', async () => {
  const fleet = world.fleet();
  await fleet.worker();
  const paused = await fleet.active();
  const other = await fleet.active();
  const pauses = pausesOf(fleet);
  const target: PauseTarget = { kind: 'IDENTITY', identityId: paused.id };
  await pause(fleet, target);
  const first = await fleet.send(paused.id, 'device_1', { n: 1 });
  const held = await fleet.waiting(first, 'PAUSED');
  expect(held.wait?.detail).toBe(`identity:${paused.id}, by ops: maintenance`);
  const later = await fleet.sendAll(
    [2, 3].map((n) => ({ identityId: paused.id, thing: 'device_1', desired: { n } })),
  );
  await fleet.succeeded(await fleet.send(other.id, 'device_2', { n: 1 }));
  expect((await fleet.updates([first, ...later])).map(({ tries }) => tries)).toEqual([0, 0, 0]);

  await pauses.resume(target);
  const ends = await Promise.all([first, ...later].map((id) => fleet.succeeded(id)));
  const versions = ends.map(({ version = 0 }) => version);
  expect(versions).toEqual(versions.toSorted((a, b) => a - b));
});

test('another pause that holds the same updates goes on holding them', async () => {
  const fleet = world.fleet();
  await fleet.worker();
  const { id } = await fleet.active();
  const { shard } = await fleet.identity(id);
  const pauses = pausesOf(fleet);
  await pause(fleet, { kind: 'FLEET' });
  await pause(fleet, { kind: 'SHARD', shard });
  const update = await fleet.send(id, 'device_1', { power: 'ON' });
  await fleet.waiting(update, 'PAUSED');
  await pauses.resume({ kind: 'FLEET' });
  const waiting = await fleet.waiting(update, 'PAUSED');
  expect(waiting.wait?.detail).toBe(`shard:${shard}, by ops: maintenance`);
  await pauses.resume({ kind: 'SHARD', shard });
  await fleet.succeeded(update);
});

test('a pause outlasts its worker, and what ended while nobody ran holds nothing up', async () => {
  const fleet = world.fleet();
  const worker = await fleet.worker();
  const { id } = await fleet.active();
  const pauses = pausesOf(fleet);
  await pause(fleet, { kind: 'FLEET' });
  const update = await fleet.send(id, 'device_1', { power: 'ON' });
  await fleet.waiting(update, 'PAUSED');
  await worker.stop();
  const next = await fleet.worker();
  const second = await fleet.send(id, 'device_2', { power: 'ON' });
  await fleet.waiting(second, 'PAUSED');
  await next.stop();
  await pauses.resume({ kind: 'FLEET' });
  await fleet.worker();
  await fleet.succeeded(update);
  await fleet.succeeded(second);
});

test('a paused group holds its members, whoever joins it and not who leaves it', async () => {
  const fleet = world.fleet();
  await fleet.worker();
  const groups = new GroupDirectory(fleet.redis, fleet.keys, fleet.shardCount);
  const { id: groupId } = await groups.create('floor-1', undefined, 'ops');
  const [first, second] = [await fleet.active(), await fleet.active()];
  await groups.add(groupId, first.id);
  const target: PauseTarget = { kind: 'GROUP', groupId };
  await pause(fleet, target);
  const held = await fleet.send(first.id, 'device_1', { power: 'ON' });
  const waiting = await fleet.waiting(held, 'PAUSED');
  expect(waiting.wait?.detail).toBe(`group:${groupId}, by ops: maintenance`);
  await fleet.succeeded(await fleet.send(second.id, 'device_2', { power: 'ON' }));

  await groups.add(groupId, second.id);
  await followed(fleet);
  const joined = await fleet.send(second.id, 'device_3', { power: 'ON' });
  await fleet.waiting(joined, 'PAUSED');
  await groups.remove(groupId, first.id);
  await fleet.succeeded(held);
  await pausesOf(fleet).resume(target);
  await fleet.succeeded(joined);
});
