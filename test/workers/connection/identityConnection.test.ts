import { expect, test } from 'vitest';
import type { IdentityConnection } from '../../../src/workers/connection/identityConnection.ts';
import { eventually } from '../../support/eventually.ts';
import { oneConnection } from '../support/oneConnection.ts';
import { useFleet } from '../support/useFleet.ts';

const world = useFleet();
const PATIENCE_MS = 10_000;

function publish(connection: IdentityConnection, token: string, thing = 'device_1') {
  return connection.publish({
    thing,
    token,
    desired: '{"power":"ON"}',
    expectedVersion: undefined,
    confirm: 'ACCEPTED',
  });
}

test('a probe that comes while a connection is let go opens no second one beside it', async () => {
  const fleet = world.fleet();
  const aws = world.aws();
  const { id } = await fleet.register();
  const one = await oneConnection(fleet, id, {
    settings: { RECYCLE_MIN_MS: '100', RECYCLE_MAX_MS: '100' },
  });
  expect(await one.connection.ready(PATIENCE_MS)).toEqual({ kind: 'ready' });
  const { cognitoId = '' } = await fleet.identity(id);
  await aws.deviceFaults({ clientIds: [cognitoId], delayAcceptedMs: { min: 1000, max: 1000 } });
  const inFlight = publish(one.connection, 'upd_0_drain');
  await eventually(() => expect(one.connection.inFlight).toBe(1));
  const renewed = eventually(async () => {
    await one.connection.maintain();
    expect(one.lost).toEqual(['recycled']);
  });
  await eventually(() => expect(one.states.at(-1)).toBe('draining'));
  await one.connection.probe();

  expect(await inFlight).toMatchObject({ kind: 'accepted' });
  await renewed;
  await aws.deviceFaults({});
  const ends = await aws.log({ eventType: 'Disconnect', clientId: cognitoId });
  expect(ends.map((end) => end.disconnectReason)).toEqual(['CLIENT_INITIATED_DISCONNECT']);
  await one.stop();
});

test('a record that cannot be told of the connection is told later; the connection stays', async () => {
  const fleet = world.fleet();
  const { id } = await fleet.register();
  let failures = 2;
  const one = await oneConnection(fleet, id, {
    onActive: () => {
      failures -= 1;
      return failures >= 0 ? Promise.reject(new Error('Redis said no')) : Promise.resolve();
    },
  });
  expect(await one.connection.ready(PATIENCE_MS)).toEqual({ kind: 'ready' });
  await one.connection.maintain();
  await one.connection.maintain();
  await one.connection.maintain();
  expect(one.announced()).toBe(3);
  expect(one.states.filter((state) => state === 'connected')).toHaveLength(1);
  expect(one.lost).toEqual([]);
  await one.stop();
});

test('closing while a renewal drains waits for the answer in flight and closes once', async () => {
  const fleet = world.fleet();
  const aws = world.aws();
  const { id } = await fleet.register();
  const one = await oneConnection(fleet, id, {
    settings: { RECYCLE_MIN_MS: '100', RECYCLE_MAX_MS: '100' },
  });
  await one.connection.ready(PATIENCE_MS);
  const { cognitoId = '' } = await fleet.identity(id);
  await aws.deviceFaults({ clientIds: [cognitoId], delayAcceptedMs: { min: 1000, max: 1000 } });
  const inFlight = publish(one.connection, 'upd_0_close');
  await eventually(() => expect(one.connection.inFlight).toBe(1));
  const renewals = eventually(async () => {
    await one.connection.maintain();
    expect(one.states).toContain('draining');
  });
  await eventually(() => expect(one.states.at(-1)).toBe('draining'));
  await Promise.all([one.connection.close(), one.connection.close()]);
  await renewals;
  await aws.deviceFaults({});

  expect(await inFlight).toMatchObject({ kind: 'accepted' });
  expect(one.lost).toEqual(['recycled']);
  expect(one.connection.state).toBe('closed');
  expect(await aws.connects(cognitoId)).toHaveLength(1);
  await one.stop();
});

test('an abandoned connection waits for no answer: what is in flight is unknown at once', async () => {
  const fleet = world.fleet();
  const aws = world.aws();
  const { id } = await fleet.register();
  const one = await oneConnection(fleet, id, { settings: { ANSWER_TIMEOUT_MS: '600000' } });
  await one.connection.ready(PATIENCE_MS);
  const { cognitoId = '' } = await fleet.identity(id);
  await aws.deviceFaults({ clientIds: [cognitoId], swallowAccepted: 1 });
  const inFlight = publish(one.connection, 'upd_0_abandon');
  await eventually(() => expect(one.connection.inFlight).toBe(1));
  await one.connection.abandon();
  await aws.deviceFaults({});
  expect(await inFlight).toMatchObject({ kind: 'unknown' });
  expect(one.connection.state).toBe('closed');
  await one.stop();
});

test('whoever waits for a connection is let go when its shard is handed over', async () => {
  const fleet = world.fleet();
  const aws = world.aws();
  const user = aws.user();
  await aws.post('/faults', {
    on: 'InitiateAuth',
    effect: 'swallow',
    count: 1,
    containing: user.username,
  });
  const { id } = await fleet.register(user);
  const one = await oneConnection(fleet, id);
  const waiting = one.connection.ready(600_000);
  await eventually(() => expect(one.states).toEqual(['authenticating']));
  one.connection.quiet();
  expect(await waiting).toMatchObject({ kind: 'waits', wait: { reason: 'CONNECTING' } });
  await one.stop();
  expect(one.connection.state).toBe('closed');
});

test('updates of an identity that is gone are not kept waiting: their claim ends them', async () => {
  const fleet = world.fleet();
  const { id, shard } = await fleet.register();
  const one = await oneConnection(fleet, id);
  await fleet.redis.del(fleet.keys.shard(shard).identity(id));
  expect(await one.connection.ready(PATIENCE_MS)).toEqual({ kind: 'ready' });
  expect(one.connection.state).toBe('idle');
  await one.stop();
});

test('nothing connects, and nothing is published, without a valid lease', async () => {
  const fleet = world.fleet();
  const { id } = await fleet.register();
  const one = await oneConnection(fleet, id);
  await one.connection.ready(PATIENCE_MS);
  one.lease.lose();
  const owned = await one.connection.ready(PATIENCE_MS);
  expect(owned).toMatchObject({ kind: 'waits', wait: { reason: 'NO_OWNER' } });
  expect(await publish(one.connection, 'upd_0_lost')).toMatchObject({
    kind: 'unsent',
    reason: 'NO_OWNER',
  });
  await one.stop();
});

test('what waits to be published is given back when the shard is handed over', async () => {
  const fleet = world.fleet();
  const { id } = await fleet.register();
  // A shadow needs two subscriptions, and there is one a second for the whole account.
  const one = await oneConnection(fleet, id, { settings: { BUDGET_SUBSCRIBE: '1' } });
  expect(await one.connection.ready(PATIENCE_MS)).toEqual({ kind: 'ready' });
  const waiting = publish(one.connection, 'upd_0_quiet');
  one.connection.quiet();
  expect(await waiting).toMatchObject({ kind: 'unsent', reason: 'NO_OWNER' });
  await one.stop();
});

test('a publish that would wait long for its subscriptions steps aside and says for what', async () => {
  const fleet = world.fleet();
  const { id } = await fleet.register();
  const one = await oneConnection(fleet, id, { settings: { BUDGET_SUBSCRIBE: '1' } });
  await one.connection.ready(PATIENCE_MS);
  const first = publish(one.connection, 'upd_0_first', 'device_1');
  expect(await publish(one.connection, 'upd_0_second', 'device_2')).toMatchObject({
    kind: 'unsent',
    reason: 'RATE_LIMITED',
    detail: 'subscriptions of the account',
  });
  expect(await first).toMatchObject({ kind: 'accepted' });
  await one.stop();
});

test('a connection that is closed on request while it opens does not stay open', async () => {
  const fleet = world.fleet();
  const { id } = await fleet.register();
  const one = await oneConnection(fleet, id);
  const opening = one.connection.ready(PATIENCE_MS);
  await eventually(() => expect(one.states).toContain('authenticating'));
  await one.connection.disconnect();
  await opening;
  expect(one.lost).toEqual(['requested']);
  expect(one.connection.state).toBe('idle');
  await one.stop();
});

test('a reconnect that comes while an attempt is being refused makes one of its own', async () => {
  const fleet = world.fleet();
  const { id } = await fleet.register();
  const one = await oneConnection(fleet, id, { settings: { QUARANTINE_PROBE_MS: '600000' } });
  expect(await one.connection.ready(PATIENCE_MS)).toEqual({ kind: 'ready' });
  const { cognitoId = '' } = await fleet.identity(id);
  await world.aws().detachPolicy(cognitoId);
  await one.connection.disconnect();
  const attempts = () => one.states.filter((state) => state === 'authenticating').length;
  const before = attempts();
  const refused = one.connection.probe();
  await Promise.all([refused, one.connection.reconnect()]);
  expect(attempts()).toBe(before + 2);
  await world.aws().attachPolicy(cognitoId);
  await one.connection.reconnect();
  expect(one.connection.state).toBe('connected');
  await one.stop();
});

test('a CONNECT waits for the budget of the account, and its spacing counts from then on', async () => {
  const fleet = world.fleet();
  const { id, shard } = await fleet.register();
  const record = fleet.keys.shard(shard).identity(id);
  const grantedAt = async () => Number(await fleet.redis.hget(record, 'lastConnectAt'));
  const one = await oneConnection(fleet, id);
  const { connect } = one.shared.budgets;
  const others = new AbortController();
  const before = connect.take(1_000_000, others.signal);
  expect(await one.connection.ready(0)).toMatchObject({ kind: 'waits' });
  await eventually(() => expect(connect.waiting).toBe(2));
  const first = await grantedAt();
  const waitsSince = performance.now();
  await eventually(() => expect(performance.now() - waitsSince).toBeGreaterThan(200));
  others.abort(new Error('given up'));
  await expect(before).rejects.toThrow('given up');
  expect(await one.connection.ready(PATIENCE_MS)).toEqual({ kind: 'ready' });
  expect(await grantedAt()).toBeGreaterThan(first);
  await one.stop();
});

test('a worker opens so many connections at once, and the next one when one of them is open', async () => {
  const fleet = world.fleet();
  const { id } = await fleet.register();
  const one = await oneConnection(fleet, id);
  const { signal } = new AbortController();
  const enter = () => one.shared.runtime.opening.enter(signal);
  const others = await Promise.all(Array.from({ length: 100 }, enter));
  expect(await one.connection.ready(0)).toMatchObject({ kind: 'waits' });
  await eventually(() => expect(one.states.at(-1)).toBe('connecting'));
  expect(await one.connection.ready(1000)).toMatchObject({
    kind: 'waits',
    wait: { detail: 'connecting' },
  });
  for (const leave of others) leave();
  expect(await one.connection.ready(PATIENCE_MS)).toEqual({ kind: 'ready' });
  await one.stop();
});
