import { expect, test } from 'vitest';
import type { IotLogEntry, LedgerEntry } from '../../../src/emulator/contract.ts';
import { eventually } from '../../support/eventually.ts';
import type { Fleet } from '../support/fleet.ts';
import { connectAs } from '../support/foreignClient.ts';
import { useFleet } from '../support/useFleet.ts';

const world = useFleet();
const THINGS = ['device_h1', 'device_h2', 'device_h3', 'device_h4'];

/** Ten steps for each of four things, in the order of their acceptance. */
function steps(fleet: Fleet, identityId: string): Promise<readonly string[]> {
  return fleet.sendAll(
    Array.from({ length: 40 }, (_, number) => ({
      identityId,
      thing: THINGS[number % THINGS.length] ?? '',
      desired: { step: Math.floor(number / THINGS.length) },
    })),
  );
}

/** The steps of each thing as they were applied, immediate repetitions left out. */
function stepsApplied(entries: readonly LedgerEntry[]) {
  return THINGS.map((thing) => {
    const seen = entries
      .filter((entry) => entry.thing === thing)
      .map(({ desired }) => (desired as { step: number }).step);
    return seen.filter((step, at) => step !== seen[at - 1]);
  });
}

const IN_ORDER = THINGS.map(() => [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
const at = ({ timestamp }: IotLogEntry) => Date.parse(`${timestamp.replace(' ', 'T')}Z`);

test('SIGTERM in the middle of the stream loses and repeats nothing, and costs no sign-in', async () => {
  const fleet = world.fleet();
  const aws = world.aws();
  const first = await fleet.workerProcess();
  const { id, cognitoId } = await fleet.active();
  const signIns = await aws.counter('InitiateAuth');
  // Slow enough that there is a middle of the stream, however late the signal comes.
  await aws.deviceFaults({ delayAcceptedMs: { min: 200, max: 250 } });
  const ids = await steps(fleet, id);
  await fleet.settled(ids[5] ?? '');
  first.signal('SIGTERM');
  expect(await first.exited).toEqual({ code: 0, signal: null });
  await aws.deviceFaults({});
  const left = await Promise.all(ids.map((update) => fleet.update(update)));
  expect(left.some(({ state }) => state !== 'SUCCEEDED')).toBe(true);
  expect(left.some(({ state }) => state === 'IN_FLIGHT')).toBe(false);

  await fleet.worker();
  for (const update of ids) expect(await fleet.succeeded(update)).toMatchObject({ tries: 1 });
  const applied = await aws.applied(cognitoId);
  expect(applied).toHaveLength(ids.length);
  expect(stepsApplied(applied)).toEqual(IN_ORDER);
  expect(await signIns()).toBe(0);
  const [end] = await aws.log({ eventType: 'Disconnect', clientId: cognitoId });
  expect(end?.disconnectReason).toBe('CLIENT_INITIATED_DISCONNECT');
});

test('after SIGKILL a successor goes on once the lease has run out, in order and without a sign-in', async () => {
  const fleet = world.fleet();
  const aws = world.aws();
  const first = await fleet.workerProcess();
  const { id, cognitoId } = await fleet.active();
  const signIns = await aws.counter('InitiateAuth');
  await aws.deviceFaults({ delayAcceptedMs: { min: 30, max: 60 } });
  const ids = await steps(fleet, id);
  await fleet.settled(ids[5] ?? '');
  await first.kill();
  await aws.deviceFaults({});
  await fleet.worker();
  for (const update of ids) await fleet.succeeded(update);

  const applied = await aws.applied(cognitoId);
  expect(stepsApplied(applied)).toEqual(IN_ORDER);
  expect(new Set(applied.map(({ clientToken }) => clientToken))).toEqual(new Set(ids));
  // What was in flight, one for each lane at most, is the only thing that may come twice.
  expect(applied.length).toBeLessThanOrEqual(ids.length + THINGS.length);
  expect(await signIns()).toBe(0);
});

test('what a killed worker was running runs with its successor, which waits for no sweep', async () => {
  const fleet = world.fleet();
  const aws = world.aws();
  const first = await fleet.workerProcess();
  const { id, cognitoId } = await fleet.active();
  await aws.deviceFaults({ clientIds: [cognitoId], swallowAccepted: 1 });
  const update = await fleet.send(id, 'device_h1', { power: 'ON' });
  await eventually(async () => expect((await fleet.update(update)).state).toBe('IN_FLIGHT'));
  await first.kill();
  await aws.deviceFaults({});
  await fleet.worker({ SWEEP_MS: '600000' });
  await fleet.succeeded(update);
});

test('a worker that was stopped past its lease is refused by the broker and does not fight', async () => {
  const fleet = world.fleet();
  const aws = world.aws();
  const first = await fleet.workerProcess();
  const { id, cognitoId } = await fleet.active();
  // Slow enough that every lane has its head in flight when the worker stops.
  await aws.deviceFaults({ delayAcceptedMs: { min: 300, max: 300 } });
  const ids = await steps(fleet, id);
  await fleet.settled(ids[5] ?? '');
  first.signal('SIGSTOP');
  // It keeps the shard: moving it back to the first one would be a handover of its own.
  await fleet.worker({ SHARD_MIN_HOLD_MS: '60000' });
  await eventually(async () => expect(await aws.connects(cognitoId)).toHaveLength(2));
  // Its answers wait in its socket: continued, it would settle what its successor has in flight.
  first.signal('SIGCONT');
  await first.line(/lease:lost|lease.*lost/i);
  for (const update of ids) await fleet.succeeded(update);
  await aws.deviceFaults({});

  const applied = await aws.applied(cognitoId);
  expect(stepsApplied(applied)).toEqual(IN_ORDER);
  const [before] = applied;
  const successor = applied.findIndex((one) => one.sessionIdentifier !== before?.sessionIdentifier);
  const later = applied.slice(successor);
  // From the successor's CONNECT on, the broker accepts nothing from the first owner.
  expect(new Set(later.map(({ sessionIdentifier }) => sessionIdentifier)).size).toBe(1);
  const [, takeover, ...more] = await aws.connects(cognitoId);
  expect(more).toEqual([]);
  for (const { receivedAtMs } of applied.slice(0, successor)) {
    expect(receivedAtMs).toBeLessThanOrEqual(takeover === undefined ? 0 : at(takeover));
  }
  // At most one repetition for each lane's head, and it is the successor's that was written down.
  const versions = new Map<string, number[]>();
  for (const { clientToken = '', version } of applied) {
    versions.set(clientToken, [...(versions.get(clientToken) ?? []), version]);
  }
  expect(applied.length).toBeLessThanOrEqual(ids.length + THINGS.length);
  for (const update of ids) {
    const seen = versions.get(update) ?? [];
    expect(seen.length).toBeLessThanOrEqual(2);
    expect((await fleet.update(update)).version).toBe(seen.at(-1));
  }
  expect([...versions.values()].some((seen) => seen.length === 2)).toBe(true);
});

test('the spacing of CONNECTs of a client id is kept when its owner changes', async () => {
  const fleet = world.fleet();
  const aws = world.aws();
  const SPACING_MS = 2000;
  const first = await fleet.worker({ CONNECT_SPACING_MS: String(SPACING_MS) });
  const { id, cognitoId } = await fleet.active();
  const update = await fleet.send(id, 'device_h2', { power: 'ON' });
  await fleet.succeeded(update);
  await first.stop();
  await fleet.worker({ CONNECT_SPACING_MS: String(SPACING_MS) });
  await fleet.succeeded(await fleet.send(id, 'device_h2', { power: 'OFF' }));

  const [one, two, ...more] = await aws.connects(cognitoId);
  if (one === undefined || two === undefined) throw new Error('two CONNECTs were expected');
  expect(more).toEqual([]);
  // From the grant to the CONNECT takes a moment each time, longer for the first.
  expect(at(two) - at(one)).toBeGreaterThan(SPACING_MS * 0.75);
});

test("the backoff of one owner is not the next one's: what waited for its connection goes on", async () => {
  const fleet = world.fleet();
  const aws = world.aws();
  const user = aws.user();
  const first = await fleet.worker();
  const { id, cognitoId } = await fleet.active(user);
  const foreign = await eventually(() => connectAs(aws, user, cognitoId));
  const update = await fleet.send(id, 'device_h3', { power: 'ON' });
  const until = await eventually(async () => {
    const { wait } = await fleet.update(update);
    expect(wait?.detail).toContain('same client id');
    return wait?.until ?? 0;
  });
  await foreign.link.close();
  await first.stop();
  await fleet.worker();

  const settled = await fleet.succeeded(update);
  // The owner that met the foreign client would have waited half a minute.
  expect(settled.finishedAt).toBeLessThan(until);
});

test('an identity that is registered while its shard is handed over is verified by the next owner', async () => {
  const fleet = world.fleet();
  const aws = world.aws();
  const user = aws.user();
  const first = await fleet.worker();
  const signIns = await aws.counter('InitiateAuth', user.username);
  const slow = { on: 'InitiateAuth', effect: 'delay', delayMs: 20_000, containing: user.username };
  await aws.post('/faults', { ...slow, count: 1 });
  const { id } = await fleet.register(user);
  await eventually(async () => expect(await signIns()).toBe(1));
  await first.stop();
  expect((await fleet.identity(id)).status).toBe('PENDING');
  await fleet.worker();
  await eventually(async () => expect((await fleet.identity(id)).status).toBe('ACTIVE'));
});

test('a shard that moves to a new member moves its connection without ping-pong', async () => {
  const fleet = world.fleet();
  const aws = world.aws();
  await fleet.worker();
  const identities = await Promise.all([1, 2, 3, 4].map(() => fleet.active()));
  const second = await fleet.worker();
  await eventually(() => expect(second.keeper.shardsHeld).toBe(1));
  for (const { id } of identities) {
    await fleet.succeeded(await fleet.send(id, `device_${id}`, { moved: true }));
  }
  for (const { cognitoId } of identities) {
    expect((await aws.connects(cognitoId)).length).toBeLessThanOrEqual(2);
    const ends = await aws.log({ eventType: 'Disconnect', clientId: cognitoId });
    for (const end of ends) expect(end.disconnectReason).toBe('CLIENT_INITIATED_DISCONNECT');
  }
});
