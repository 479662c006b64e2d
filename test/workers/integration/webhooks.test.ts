import { afterEach, beforeEach, expect, test } from 'vitest';
import { Webhooks } from '../../../src/shared/store/webhooks.ts';
import { parseVaultKeys } from '../../../src/shared/vault/keys.ts';
import { Vault } from '../../../src/shared/vault/vault.ts';
import { eventually } from '../../support/eventually.ts';
import type { Fleet } from '../support/fleet.ts';
import { useFleet } from '../support/useFleet.ts';
import { Receiver, verify } from '../webhooks/support/receiver.ts';

const world = useFleet();
let receiver: Receiver;

beforeEach(async () => {
  receiver = await Receiver.start();
});

afterEach(() => receiver.stop());

function webhooksOf(fleet: Fleet): Webhooks {
  const vaultKeys = parseVaultKeys(fleet.environment().VAULT_KEYS ?? '');
  if (typeof vaultKeys === 'string') throw new Error(vaultKeys);
  return new Webhooks(fleet.redis, fleet.keys, new Vault(vaultKeys));
}

test('a receiver hears of an update that died and of an identity that was quarantined', async () => {
  const fleet = world.fleet();
  const { secret } = await webhooksOf(fleet).create({
    name: 'receiver',
    url: receiver.url,
    events: ['UPDATES_DEAD', 'IDENTITY_QUARANTINED'],
    createdBy: 'tests',
  });
  await fleet.worker({ WEBHOOK_ALLOWED_NETWORKS: '127.0.0.0/8' });
  // A second worker changes nothing: one of them owns the shard, and either may deliver.
  await fleet.worker({ WEBHOOK_ALLOWED_NETWORKS: '127.0.0.0/8' });
  const { id, cognitoId } = await fleet.active();
  const dead = await fleet.send(id, 'thermostat_9', { power: 'OFF' });
  await fleet.settled(dead);
  await fleet.succeeded(await fleet.send(id, 'device_w1', { power: 'ON' }));
  await world.aws().detachPolicy(cognitoId);
  await fleet.send(id, 'device_w1', { power: 'OFF' });
  await eventually(
    () => {
      const told = receiver.received.map((one) => verify(secret, one));
      expect(told).toHaveLength(2);
      expect(told).toContainEqual({
        type: 'updates.dead',
        timestamp: expect.any(String),
        data: {
          count: 1,
          updates: [expect.objectContaining({ id: dead, failureCode: 'NOT_AUTHORIZED' })],
        },
      });
      expect(told).toContainEqual({
        type: 'identity.quarantined',
        timestamp: expect.any(String),
        data: expect.objectContaining({ identityId: id, status: 'QUARANTINED' }),
      });
    },
    { deadlineMs: 20_000 },
  );
});

test('a worker that may not call private addresses does not', async () => {
  const fleet = world.fleet();
  const webhooks = webhooksOf(fleet);
  const { webhook } = await webhooks.create({
    name: 'receiver',
    url: `https://localhost:${receiver.port}/`,
    events: ['UPDATES_DEAD'],
    createdBy: 'tests',
  });
  await fleet.worker();
  const { id } = await fleet.active();
  await fleet.settled(await fleet.send(id, 'thermostat_9', { power: 'OFF' }));
  await eventually(async () => {
    const key = fleet.keys.webhookDeliveries(webhook.id);
    const [delivery = ''] = await fleet.redis.zrange(key, 0, '-1');
    const record = await fleet.redis.hgetall(fleet.keys.webhookDelivery(delivery));
    expect(record.error).toContain('private, local or reserved');
  });
  expect(receiver.received).toEqual([]);
});
