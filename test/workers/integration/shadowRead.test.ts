import { expect, test } from 'vitest';
import type { ShadowRef } from '../../../src/shared/domain/shadow.ts';
import { eventually } from '../../support/eventually.ts';
import type { Fleet } from '../support/fleet.ts';
import { useFleet } from '../support/useFleet.ts';

const world = useFleet();
const FOR_EVER = new AbortController().signal;

const read = (fleet: Fleet, identityId: string, ref: ShadowRef) =>
  fleet.shadowReads.read(identityId, ref, FOR_EVER);

test('a shadow is read as it is now, the classic one and a named one', async () => {
  const fleet = world.fleet();
  await fleet.worker();
  const { id } = await fleet.active();
  await fleet.succeeded(await fleet.send(id, 'device_1', { power: 'ON', level: 3 }));
  await fleet.succeeded(await fleet.send(id, 'device_1', { mode: 'eco' }, { shadow: 'config' }));
  await world.aws().updateShadow('device_1', { power: 'OFF' });

  const classic = await read(fleet, id, { thing: 'device_1' });
  expect(classic).toMatchObject({
    kind: 'shadow',
    shadow: {
      version: 2,
      desired: { power: 'OFF', level: 3 },
      metadata: { desired: { power: { timestamp: expect.any(Number) } } },
      timestamp: expect.any(Number),
    },
  });
  const named = await read(fleet, id, { thing: 'device_1', shadow: 'config' });
  expect(named).toMatchObject({ kind: 'shadow', shadow: { version: 1, desired: { mode: 'eco' } } });
  expect(await fleet.redis.keys('*:answer:*')).toEqual([]);
  const { shard } = await fleet.identity(id);
  // Its job ends behind its answer.
  await eventually(async () => {
    expect(await fleet.redis.keys(`${fleet.keys.shard(shard).queue}:g_*`)).toEqual([]);
  });
});

test('reading opens the connection where it is closed', async () => {
  const fleet = world.fleet();
  await fleet.worker();
  const { id } = await fleet.active();
  await fleet.succeeded(await fleet.send(id, 'device_2', { power: 'ON' }));
  await fleet.control.connections('close', [id]);
  expect(await read(fleet, id, { thing: 'device_2' })).toMatchObject({ kind: 'shadow' });
});

test('what is not there is said to be missing', async () => {
  const fleet = world.fleet();
  await fleet.worker();
  const { id } = await fleet.active();
  expect(await read(fleet, id, { thing: 'device_3', shadow: 'none' })).toEqual({
    kind: 'missing',
    why: 'No shadow exists with name: none',
  });
});

test('what the policies do not allow is denied, with the gate', async () => {
  const fleet = world.fleet();
  await fleet.worker();
  const { id } = await fleet.active();
  expect(await read(fleet, id, { thing: 'someone_elses' })).toMatchObject({
    kind: 'denied',
    denial: { stage: 'SUBSCRIBE', gate: 'TOPIC_FILTER_POLICY' },
  });
  const { username } = world.aws().user();
  const parked = await fleet.register({ username, password: 'not this one' });
  expect(await read(fleet, parked.id, { thing: 'device_1' })).toMatchObject({
    kind: 'denied',
    denial: { stage: 'USER_POOL', gate: 'USER_POOL_PASSWORD' },
  });
});

test('without a worker nobody reads, and that is said at once', async () => {
  const fleet = world.fleet();
  const { id } = await fleet.register();
  expect(await read(fleet, id, { thing: 'device_1' })).toEqual({ kind: 'no-owner' });
  const unknown = await read(fleet, id.replace(/.$/, '0'), { thing: 'device_1' });
  expect(unknown).toEqual({ kind: 'no-identity' });
});
