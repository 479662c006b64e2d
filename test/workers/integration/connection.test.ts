import { expect, test } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { connectAs } from '../support/foreignClient.ts';
import { useFleet } from '../support/useFleet.ts';

const world = useFleet();
/** With a window in which a second CONNECT comes for certain. */
const strict = useFleet({ emulator: ['--setting', 'connectWindowMs=2000'] });

test('a foreign client that takes the client id over keeps it: the worker does not fight', async () => {
  const fleet = world.fleet();
  const aws = world.aws();
  const user = aws.user();
  const worker = await fleet.worker();
  const lost: string[] = [];
  worker.events.on('connection:lost', ({ kind }) => lost.push(kind));
  const { id, cognitoId } = await fleet.active(user);
  // The emulator refuses a second CONNECT of a client id that comes too soon.
  const foreign = await eventually(() => connectAs(aws, user, cognitoId));
  await eventually(() => expect(lost).toEqual(['taken_over']));
  const update = await fleet.send(id, 'device_1', { power: 'ON' });
  const waiting = await fleet.waiting(update, 'CONNECTING');

  expect(waiting.wait?.detail).toContain('same client id');
  expect((waiting.wait?.until ?? 0) - waiting.createdAt).toBeGreaterThan(10_000);
  // Others go on meanwhile, sweeps pass, and nobody takes the client id back.
  const other = await fleet.active();
  await fleet.succeeded(await fleet.send(other.id, 'device_2', { power: 'ON' }));
  expect(foreign.downs).toEqual([]);
  const connects = await aws.connects(cognitoId);
  expect(connects.filter(({ status }) => status === 'Success')).toHaveLength(2);
  await foreign.link.close();
});

test('a CONNECT refused with 0x97 is tried again later and parks nobody', async () => {
  const fleet = strict.fleet();
  const aws = strict.aws();
  const refused: string[] = [];
  // Less than the emulator's window, so that a CONNECT comes too soon for it.
  const worker = await fleet.worker({ CONNECT_SPACING_MS: '1' });
  worker.events.on('connection:refused', ({ kind, reason }) => refused.push(`${kind} ${reason}`));
  const { id, cognitoId } = await fleet.active();
  for (let step = 0; refused.length === 0; step += 1) {
    await aws.post('/actions/drop-connections', { clientIds: [cognitoId] });
    await fleet.succeeded(await fleet.send(id, 'device_3', { step }));
  }
  for (const reason of refused) expect(reason).toMatch(/^connack .*rate of CONNECT/);
  expect((await fleet.identity(id)).status).toBe('ACTIVE');
});

test('a CONNECT that was long under way is not followed too soon by the next one', async () => {
  const fleet = world.fleet();
  const aws = world.aws();
  await fleet.worker();
  // More than the spacing, so that the next one could go out at once.
  await aws.deviceFaults({ latencyMs: { min: 700, max: 700 } });
  const { id, cognitoId } = await fleet.active();
  await aws.deviceFaults({});
  await fleet.control.connections('reconnect', [id]);
  const connects = await eventually(async () => {
    const seen = await aws.connects(cognitoId);
    expect(seen).toHaveLength(2);
    return seen;
  });
  expect(connects.map(({ status }) => status)).toEqual(['Success', 'Success']);
});

test('upgrades that the gateway refuses for now are tried again until they pass', async () => {
  const fleet = world.fleet();
  const aws = world.aws();
  await aws.deviceFaults({ refuseUpgrade: { share: 1, status: 503 } });
  const worker = await fleet.worker();
  const refused: string[] = [];
  worker.events.on('connection:refused', ({ kind }) => refused.push(kind));
  const { id } = await fleet.register();
  const update = await fleet.send(id, 'device_4', { power: 'ON' });
  await eventually(() => expect(refused.length).toBeGreaterThanOrEqual(2));
  await aws.deviceFaults({});
  expect(await fleet.succeeded(update)).toMatchObject({ tries: 1 });
  expect((await fleet.identity(id)).status).toBe('ACTIVE');
});

test('credentials that AWS lets expire early are replaced at the next connect', async () => {
  const fleet = world.fleet();
  const aws = world.aws();
  await fleet.worker();
  const { id, cognitoId } = await fleet.active();
  const exchanged = await aws.counter('GetCredentialsForIdentity', cognitoId);
  await aws.post('/actions/expire-credentials', { identityId: cognitoId });
  // A live connection outlives its credentials.
  await fleet.succeeded(await fleet.send(id, 'device_5', { step: 1 }));
  expect(await aws.connects(cognitoId)).toHaveLength(1);

  await aws.post('/actions/drop-connections', { clientIds: [cognitoId] });
  await fleet.succeeded(await fleet.send(id, 'device_5', { step: 2 }));
  expect(await exchanged()).toBe(1);
  expect((await fleet.identity(id)).status).toBe('ACTIVE');
});

test('a connection that gets old is renewed while updates flow, and none is lost', async () => {
  const fleet = world.fleet();
  const aws = world.aws();
  const worker = await fleet.worker({ RECYCLE_MIN_MS: '700', RECYCLE_MAX_MS: '900' });
  const lost: string[] = [];
  worker.events.on('connection:lost', ({ kind }) => lost.push(kind));
  const { id, cognitoId } = await fleet.active();
  const ids: string[] = [];
  while (lost.length < 2) {
    ids.push(await fleet.send(id, 'device_6', { step: ids.length }));
    await fleet.succeeded(ids.at(-1) ?? '');
  }
  expect(new Set(lost)).toEqual(new Set(['recycled']));
  const applied = await aws.applied(cognitoId);
  expect(applied.map(({ clientToken }) => clientToken)).toEqual(ids);
  const ends = await aws.log({ eventType: 'Disconnect', clientId: cognitoId });
  for (const end of ends) expect(end.disconnectReason).toBe('CLIENT_INITIATED_DISCONNECT');
});

test('a connection that nobody uses closes with a DISCONNECT, is forgotten, and opens again on demand', async () => {
  const fleet = world.fleet();
  const aws = world.aws();
  const worker = await fleet.worker({ IDLE_CLOSE_MS: '300' });
  const { id, cognitoId } = await fleet.active();
  await eventually(async () => {
    const ends = await aws.log({ eventType: 'Disconnect', clientId: cognitoId });
    expect(ends).toMatchObject([{ disconnectReason: 'CLIENT_INITIATED_DISCONNECT' }]);
  });
  await eventually(() => {
    const remembered = [...worker.keeper.runtimes].flatMap((shard) => [
      ...shard.connectionStates(),
    ]);
    expect(remembered).toEqual([]);
  });
  await fleet.succeeded(await fleet.send(id, 'device_7', { power: 'ON' }));
  expect(await aws.connects(cognitoId)).toHaveLength(2);
});

test('an identity is not sent more than AWS lets through: nothing is discarded, all is tried once', async () => {
  const fleet = world.fleet();
  const aws = world.aws();
  await fleet.worker();
  const { id, cognitoId } = await fleet.active();
  const requests = Array.from({ length: 200 }, (_, number) => ({
    identityId: id,
    thing: `device_paced_${number % 20}`,
    desired: { number },
  }));
  const settled = await Promise.all(
    (await fleet.sendAll(requests)).map((update) => fleet.succeeded(update, 40_000)),
  );

  expect(settled.every(({ tries }) => tries === 1)).toBe(true);
  expect(await aws.log({ clientId: cognitoId, reason: 'THROTTLED' })).toEqual([]);
  const times = (await aws.applied(cognitoId)).map(({ receivedAtMs }) => receivedAtMs);
  expect(times).toHaveLength(200);
  // A publish and its answer are two of the 90 messages a second that a connection may carry.
  const tookMs = (times.at(-1) ?? 0) - (times[0] ?? 0);
  expect((200 * 2) / (tookMs / 1000)).toBeLessThan(100);
});
