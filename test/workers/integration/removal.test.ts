import { expect, test } from 'vitest';
import { isFinal } from '../../../src/shared/domain/sets.ts';
import { shardOf } from '../../../src/shared/domain/ids.ts';
import { GroupDirectory } from '../../../src/shared/store/groupDirectory.ts';
import { IdentityRemovals } from '../../../src/shared/store/identityRemovals.ts';
import { Cut, CutOff } from '../../store/support/cutOff.ts';
import { eventually } from '../../support/eventually.ts';
import { keysLike } from '../../support/servers.ts';
import type { Fleet } from '../support/fleet.ts';
import { useFleet } from '../support/useFleet.ts';

const world = useFleet();
/** Removals by somebody who ends after so many calls. */
const removals = (fleet: Fleet, cut: Cut) =>
  new IdentityRemovals(cut.of(fleet.redis), fleet.keys, fleet.queues, fleet.shardCount);
const ORDER = { pending: 'CANCEL', actor: 'tests', reason: 'left' } as const;

test('an identity that is removed under load disconnects, and each of its updates ends', async () => {
  const fleet = world.fleet();
  await fleet.worker();
  const user = world.aws().user();
  const { id, cognitoId } = await fleet.active(user);
  const requests = Array.from({ length: 300 }, (_, at) => ({
    identityId: id,
    thing: `device_${at % 20}`,
    desired: { at },
  }));
  const ids = await fleet.sendAll(requests);
  await eventually(async () => {
    const states = (await fleet.updates(ids)).map(({ state }) => state);
    expect(states).toContain('SUCCEEDED');
  });
  const { canceled } = await fleet.editor.remove(id, ORDER);
  expect(canceled).toBeGreaterThan(0);
  await eventually(async () => {
    const states = (await fleet.updates(ids)).map(({ state }) => state);
    expect(states.every(isFinal), states.join(' ')).toBe(true);
  });
  const ended = (await fleet.updates(ids)).map(({ state }) => state);
  expect(ended.filter((state) => state === 'CANCELED')).toHaveLength(canceled);
  await eventually(async () => {
    const log = await world.aws().log({ eventType: 'Disconnect', clientId: cognitoId });
    expect(log.length).toBeGreaterThan(0);
  });
  const left = await keysLike(fleet.redis, `*${fleet.keys.prefix}*`);
  const ofIdentity = left.filter(
    (key) => key.includes(id) && !/:(deliver|i:o|events|removed):/.test(key),
  );
  expect(ofIdentity).toEqual([]);

  const again = await fleet.active(user);
  expect(again.id).not.toBe(id);
  expect(again.cognitoId).toBe(cognitoId);
  await fleet.succeeded(await fleet.send(again.id, 'device_1', { power: 'ON' }));
});

test('a removal whose caller died is ended by the worker that owns the identity', async () => {
  const fleet = world.fleet();
  await fleet.worker();
  const { id } = await fleet.active();
  const group = await fleet.groups.create('plant', undefined, 'tests');
  await fleet.groups.add(group.id, id);
  const waiting = await fleet.send(id, 'device_1', { power: 'ON' }, { delayMs: 600_000 });
  const keys = fleet.keys.shard(shardOf(id, fleet.shardCount));
  for (let calls = 1; (await fleet.redis.exists(keys.identity(id))) === 1; calls += 1) {
    await expect(removals(fleet, new Cut(calls)).remove(id, ORDER, 600_000)).rejects.toThrow(
      CutOff,
    );
  }
  // As if that had been a while ago.
  await fleet.redis.zadd(keys.removals, 1, id);
  await eventually(async () => {
    expect(await fleet.redis.zcard(keys.removals)).toBe(0);
  });
  expect(await fleet.groups.memberIds(group.id)).toEqual([]);
  const [update] = await fleet.updates([waiting]);
  expect(update).toMatchObject({ state: 'CANCELED', cancellation: { reason: 'left' } });
});

test('a deletion of a group whose caller died is ended by a worker', async () => {
  const fleet = world.fleet();
  await fleet.worker();
  const { id } = await fleet.groups.create('plant', undefined, 'tests');
  for (let calls = 1; (await fleet.groups.find(id)) !== undefined; calls += 1) {
    const groups = new GroupDirectory(new Cut(calls).of(fleet.redis), fleet.keys, fleet.shardCount);
    await expect(groups.delete(id)).rejects.toThrow(CutOff);
  }
  await fleet.redis.zadd(fleet.keys.groupDeletions, 1, id);
  await eventually(async () => {
    expect(await fleet.redis.zcard(fleet.keys.groupDeletions)).toBe(0);
  });
  expect(await fleet.redis.hlen(fleet.keys.groupNames)).toBe(0);
});

test('a group sends through another member when the first one is quarantined', async () => {
  const fleet = world.fleet();
  await fleet.worker({ QUARANTINE_PROBE_MS: '600000' });
  const members = [await fleet.active(), await fleet.active()];
  const group = await fleet.groups.create('plant', undefined, 'tests');
  for (const { id } of members) await fleet.groups.add(group.id, id);
  const send = () => fleet.send('', 'device_7', { power: 'ON' }, { groupId: group.id });
  const first = await fleet.succeeded(await send());
  expect(await fleet.succeeded(await send())).toMatchObject({ identityId: first.identityId });

  const sender = members.find(({ id }) => id === first.identityId);
  await world.aws().detachPolicy(sender?.cognitoId ?? '');
  await fleet.control.connections('reconnect', [first.identityId]);
  await eventually(async () => {
    expect((await fleet.identity(first.identityId)).status).toBe('QUARANTINED');
  });
  const next = await fleet.succeeded(await send());
  expect(next.identityId).not.toBe(first.identityId);
});
