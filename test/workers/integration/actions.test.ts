import { expect, test } from 'vitest';
import type { ConnectionView } from '../../../src/shared/domain/identity.ts';
import { eventually } from '../../support/eventually.ts';
import type { Fleet } from '../support/fleet.ts';
import { useFleet } from '../support/useFleet.ts';

const world = useFleet();

async function viewOf(fleet: Fleet, identityId: string): Promise<ConnectionView> {
  const view = await fleet.directory.connection(await fleet.identity(identityId));
  if (view === undefined) throw new Error('it never had a connection');
  return view;
}

const seen = (fleet: Fleet, identityId: string, expected: Partial<ConnectionView>) =>
  eventually(async () => {
    const view = await viewOf(fleet, identityId);
    expect(view).toMatchObject(expected);
    return view;
  });

test('reconnect and close do what they say, and the view tells why the connection ended', async () => {
  const fleet = world.fleet();
  const worker = await fleet.worker();
  const { id, cognitoId } = await fleet.active();
  const first = await seen(fleet, id, { state: 'connected', inFlight: 0, fights: 0 });
  expect(first.recycleAt).toBeGreaterThan(Date.now());
  expect(first.credentialsExpireAt).toBeGreaterThan(Date.now());

  await fleet.control.connections('reconnect', [id]);
  const renewed = await eventually(async () => {
    const view = await seen(fleet, id, { state: 'connected', lastDisconnectKind: 'requested' });
    expect(view.connectedAt).toBeGreaterThan(first.connectedAt ?? 0);
    return view;
  });
  expect(renewed.epoch).toBe(first.epoch);
  expect(await world.aws().connects(cognitoId)).toHaveLength(2);

  await fleet.control.connections('close', [id]);
  const closed = await seen(fleet, id, { state: 'idle', lastDisconnectKind: 'requested' });
  expect(closed.connectedAt).toBeUndefined();
  expect(closed.lastDisconnect).toBe('requested: an operator asked for it');
  await fleet.succeeded(await fleet.send(id, 'device_1', { power: 'ON' }));
  await seen(fleet, id, { state: 'connected' });
  expect(worker.logged()).not.toContain('an action failed');
});

test('chosen identities are connected before their first update', async () => {
  const fleet = world.fleet();
  const first = await fleet.worker();
  const identities = [await fleet.active(), await fleet.active(), await fleet.active()];
  await first.stop();
  await fleet.worker();
  const ids = identities.map(({ id }) => id);
  for (const id of ids) await seen(fleet, id, { state: 'closed' });
  await fleet.control.connections('warm', ids.slice(0, 2));
  for (const id of ids.slice(0, 2)) await seen(fleet, id, { state: 'connected' });
  await seen(fleet, ids[2] ?? '', { state: 'closed' });
});

test('a parked identity that is asked to reconnect is probed, and released where that passes', async () => {
  const fleet = world.fleet();
  const aws = world.aws();
  await fleet.worker({ QUARANTINE_PROBE_MS: '600000' });
  const { id, cognitoId } = await fleet.active();
  await aws.detachPolicy(cognitoId);
  await fleet.control.connections('reconnect', [id]);
  await seen(fleet, id, { lastDisconnectKind: 'requested' });
  const update = await fleet.send(id, 'device_2', { power: 'ON' });
  await fleet.waiting(update, 'IDENTITY_QUARANTINED');
  await aws.attachPolicy(cognitoId);
  await fleet.control.connections('reconnect', [id]);
  await fleet.succeeded(update);
});

const ownersOf = async (fleet: Fleet) =>
  (await fleet.reader.read()).shards.map(({ owner }) => owner);

test('a shard goes where it is moved, with its connections, and stays there', async () => {
  const fleet = world.fleet();
  await fleet.worker({ WORKER_NAME: 'one', SHARD_MIN_HOLD_MS: '600000' });
  await fleet.worker({ WORKER_NAME: 'two', SHARD_MIN_HOLD_MS: '600000' });
  await eventually(async () => {
    expect(new Set(await ownersOf(fleet))).toEqual(new Set(['one', 'two']));
  });
  const { id, cognitoId } = await fleet.active();
  const { shard } = await fleet.identity(id);
  const from = (await ownersOf(fleet))[shard];
  const to = from === 'one' ? 'two' : 'one';
  const first = await viewOf(fleet, id);
  await fleet.control.moveShard(shard, to);
  await eventually(async () => {
    const owners = await ownersOf(fleet);
    expect(owners[shard]).toBe(to);
    // The other shard comes in exchange, so that shares stay even.
    expect(new Set(owners).size).toBe(2);
  });
  await fleet.succeeded(await fleet.send(id, 'device_3', { power: 'ON' }));
  const view = await seen(fleet, id, { state: 'connected', worker: to });
  expect(view.epoch).toBeGreaterThan(first.epoch);
  const denied = (await world.aws().connects(cognitoId)).filter(
    ({ status }) => status !== 'Success',
  );
  expect(denied).toEqual([]);
});

test('a drained worker hands everything over and takes nothing until it is resumed', async () => {
  const fleet = world.fleet();
  const one = await fleet.worker({ WORKER_NAME: 'one' });
  await fleet.worker({ WORKER_NAME: 'two' });
  const identities = [await fleet.active(), await fleet.active(), await fleet.active()];
  await eventually(async () => expect(new Set(await ownersOf(fleet)).size).toBe(2));
  await fleet.control.drainWorker('one');
  await expect(fleet.control.drainWorker('two')).rejects.toMatchObject({ code: 'LAST_WORKER' });
  await expect(fleet.control.moveShard(0, 'one')).rejects.toMatchObject({
    code: 'WORKER_DRAINING',
  });
  await eventually(async () => {
    expect(await ownersOf(fleet)).toEqual(['two', 'two']);
    expect(one.keeper.shardsHeld).toBe(0);
  });
  expect((await fleet.reader.read()).workers).toMatchObject([
    { name: 'one', draining: true },
    { name: 'two', draining: false },
  ]);
  for (const { id } of identities) {
    await fleet.succeeded(await fleet.send(id, 'device_4', { id }));
  }
  await fleet.control.resumeWorker('one');
  await eventually(async () => expect(new Set(await ownersOf(fleet)).size).toBe(2));
});

test('beyond its limit of connections a worker serves identities in turn, and says why they wait', async () => {
  const fleet = world.fleet();
  const worker = await fleet.worker({ MAX_CONNECTIONS: '2' });
  let most = 0;
  worker.events.on('connection:state', () => {
    const up = [...worker.keeper.runtimes].flatMap((runtime) => [...runtime.connectionStates()]);
    most = Math.max(most, up.filter((state) => state === 'connected').length);
  });
  const identities = await Promise.all([1, 2, 3, 4].map(() => fleet.register()));
  const reasons = new Set<string>();
  const ids = await fleet.sendAll(
    identities.map(({ id }) => ({ identityId: id, thing: `device_${id}`, desired: { on: true } })),
  );
  await eventually(
    async () => {
      const updates = await Promise.all(ids.map((id) => fleet.update(id)));
      for (const { wait } of updates) if (wait !== undefined) reasons.add(wait.reason);
      expect(updates.map(({ state }) => state)).toEqual(ids.map(() => 'SUCCEEDED'));
    },
    { deadlineMs: 30_000 },
  );
  expect(most).toBe(2);
  expect(reasons).toContain('CONNECTION_LIMIT');
});
