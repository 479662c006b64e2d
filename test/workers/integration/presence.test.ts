import { afterEach, expect, test } from 'vitest';
import type { Presence } from '../../../src/shared/domain/presence.ts';
import { PresenceReader } from '../../../src/shared/store/presenceReader.ts';
import { eventually } from '../../support/eventually.ts';
import { ADMINISTRATOR } from '../support/aws.ts';
import { connectAs } from '../support/foreignClient.ts';
import { type Device, connectDevice } from '../support/device.ts';
import type { Fleet } from '../support/fleet.ts';
import { useFleet } from '../support/useFleet.ts';

/** The broker lets in whom it knows: a device of another kind than ours signs with these keys. */
const world = useFleet({
  emulator: [
    '--admin-access-key',
    ADMINISTRATOR.AWS_ACCESS_KEY_ID,
    '--admin-secret-key',
    ADMINISTRATOR.AWS_SECRET_ACCESS_KEY,
  ],
});
const devices: Device[] = [];
afterEach(() => Promise.all(devices.splice(0).map((device) => device.close())));

async function device(name: string): Promise<Device> {
  // The broker refuses a client that comes back too soon.
  const connected = await eventually(() => connectDevice(world.aws(), name));
  devices.push(connected);
  return connected;
}

function presenceOf(fleet: Fleet, clientId: string, expected: Partial<Presence>) {
  const reader = new PresenceReader(fleet.redis, fleet.keys);
  return eventually(async () => {
    const [presence] = await reader.find([clientId]);
    expect(presence).toMatchObject(expected);
    return presence;
  });
}

async function observed(fleet: Fleet) {
  const reader = new PresenceReader(fleet.redis, fleet.keys);
  return eventually(async () => {
    const observation = await reader.observation();
    expect(observation).toMatchObject({ observing: true });
    return observation;
  });
}

test('a device that connects and disconnects is seen, with how it ended', async () => {
  const fleet = world.fleet();
  const aws = world.aws();
  const user = aws.user();
  await fleet.worker({ PRESENCE_USERNAME: user.username });
  const { id } = await fleet.active(user);
  expect(await observed(fleet)).toMatchObject({ identityId: id, gaps: [] });
  await presenceOf(fleet, 'device_seen', { state: 'UNKNOWN' });

  const first = await device('device_seen');
  await presenceOf(fleet, 'device_seen', { state: 'ONLINE', unobservedMs: 0 });
  await first.close();
  await presenceOf(fleet, 'device_seen', {
    state: 'OFFLINE',
    disconnectReason: 'CLIENT_INITIATED_DISCONNECT',
  });
  await device('device_seen');
  await presenceOf(fleet, 'device_seen', { state: 'ONLINE', disconnectReason: undefined });
  await aws.post('/actions/drop-connections', { clientIds: ['device_seen'] });
  await presenceOf(fleet, 'device_seen', { state: 'OFFLINE', disconnectReason: 'CONNECTION_LOST' });
});

test('an identity whose client id another program takes shows from where', async () => {
  const fleet = world.fleet();
  const aws = world.aws();
  const observer = aws.user();
  const user = aws.user();
  await fleet.worker({ PRESENCE_USERNAME: observer.username });
  await fleet.active(observer);
  await observed(fleet);
  const { cognitoId } = await fleet.active(user);
  const before = await presenceOf(fleet, cognitoId, { state: 'ONLINE' });
  const foreign = await eventually(() => connectAs(aws, user, cognitoId));
  try {
    const after = await presenceOf(fleet, cognitoId, { state: 'ONLINE' });
    await eventually(async () => {
      const [presence] = await new PresenceReader(fleet.redis, fleet.keys).find([cognitoId]);
      expect(presence?.since).toBeGreaterThan(before?.since ?? 0);
    });
    expect(after?.ipAddress).toMatch(/127\.0\.0\.1|::1/);
  } finally {
    await foreign.link.close();
  }
});

test('one worker observes; when it is killed another takes over and admits the gap', async () => {
  const fleet = world.fleet();
  const aws = world.aws();
  const user = aws.user();
  const settings = { PRESENCE_USERNAME: user.username };
  const first = await fleet.workerProcess({ ...settings, WORKER_NAME: 'first' });
  const { cognitoId } = await fleet.active(user);
  expect(await observed(fleet)).toMatchObject({ worker: 'first' });
  const gone = await device('device_gone');
  await device('device_there');
  await presenceOf(fleet, 'device_gone', { state: 'ONLINE', unobservedMs: 0 });
  await presenceOf(fleet, 'device_there', { state: 'ONLINE', unobservedMs: 0 });

  await first.kill();
  await gone.close();
  const second = await fleet.worker({ ...settings, WORKER_NAME: 'second' });
  await eventually(async () => expect(await observed(fleet)).toMatchObject({ worker: 'second' }));
  // It left while nobody looked: what is known of it is old, and says so.
  const missed = await presenceOf(fleet, 'device_gone', { state: 'ONLINE' });
  expect(missed?.unobservedMs).toBeGreaterThan(0);
  await device('device_gone');
  await presenceOf(fleet, 'device_gone', { state: 'ONLINE', unobservedMs: 0 });
  expect(second.keeper.shardsHeld).toBe(fleet.shardCount);
  const subscribed = await aws.log({ eventType: 'Subscribe', clientId: cognitoId });
  const filters = subscribed.map(({ topicName }) => topicName);
  expect(filters.filter((filter) => filter?.includes('presence/connected'))).toHaveLength(2);
});

test('the observer publishes to more shadows than its filters leave room for, and is not cut off', async () => {
  const fleet = world.fleet();
  const aws = world.aws();
  const user = aws.user();
  await fleet.worker({ PRESENCE_USERNAME: user.username });
  const { id: identityId, cognitoId } = await fleet.active(user);
  await observed(fleet);
  const updates = await fleet.sendAll(
    Array.from({ length: 30 }, (_, at) => ({
      identityId,
      thing: `device_shadow_${at}`,
      desired: { power: 'ON' },
    })),
  );
  for (const update of updates) await fleet.succeeded(update);
  expect(await aws.connects(cognitoId)).toHaveLength(1);
  await device('device_still_seen');
  await presenceOf(fleet, 'device_still_seen', { state: 'ONLINE', unobservedMs: 0 });
});
