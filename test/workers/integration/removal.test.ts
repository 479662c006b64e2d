import { expect, test } from 'vitest';
import { isFinal } from '../../../src/shared/domain/sets.ts';
import { eventually } from '../../support/eventually.ts';
import { keysLike } from '../../support/servers.ts';
import { useFleet } from '../support/useFleet.ts';

const world = useFleet();
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
