import { expect, test } from 'vitest';
import { useFleet } from '../support/useFleet.ts';

const world = useFleet();

test('the first update signs in, attaches the policy once, connects and is accepted', async () => {
  const fleet = world.fleet();
  const aws = world.aws();
  const attaches = await aws.counter('AttachPolicy');
  await fleet.worker();
  const { id } = await fleet.register();
  const update = await fleet.send(id, 'device_1', { power: 'OFF' });

  expect(await fleet.succeeded(update)).toMatchObject({
    milestone: 'ACCEPTED',
    version: 1,
    tries: 1,
    maybeApplied: false,
  });
  const { cognitoId = '' } = await fleet.identity(id);
  expect(await attaches()).toBe(1);
  expect(await aws.connects(cognitoId)).toHaveLength(1);
  expect(await aws.applied(cognitoId)).toMatchObject([
    { thing: 'device_1', clientToken: update, version: 1, desired: { power: 'OFF' } },
  ]);
});

test('a worker that starts later connects with the cached credentials and asks Cognito nothing', async () => {
  const fleet = world.fleet();
  const aws = world.aws();
  const first = await fleet.worker();
  const { id, cognitoId } = await fleet.active();
  await first.stop();
  const calls = await Promise.all([
    aws.counter('InitiateAuth'),
    aws.counter('GetId'),
    aws.counter('GetCredentialsForIdentity'),
    aws.counter('AttachPolicy'),
  ]);

  await fleet.worker();
  await fleet.succeeded(await fleet.send(id, 'device_2', { power: 'ON' }));

  expect(await Promise.all(calls.map((count) => count()))).toEqual([0, 0, 0, 0]);
  expect(await aws.connects(cognitoId)).toHaveLength(2);
});

test('updates of one shadow are applied in the order of their acceptance, each once', async () => {
  const fleet = world.fleet();
  await fleet.worker();
  const { id, cognitoId } = await fleet.active();
  const ids = await fleet.sendAll(
    Array.from({ length: 30 }, (_, step) => ({
      identityId: id,
      thing: 'device_order',
      desired: { step },
    })),
  );
  for (const update of ids) await fleet.succeeded(update);

  const applied = await world.aws().applied(cognitoId);
  expect(applied.map((entry) => entry.clientToken)).toEqual(ids);
  expect(applied.map((entry) => entry.version)).toEqual(ids.map((_, index) => index + 1));
});

test('order is kept when answers get lost: the head is tried again with its token first', async () => {
  const fleet = world.fleet();
  const aws = world.aws();
  await fleet.worker({ ANSWER_TIMEOUT_MS: '400' });
  const { id, cognitoId } = await fleet.active();
  await aws.deviceFaults({ clientIds: [cognitoId], swallowAccepted: 1 });
  const ids = await fleet.sendAll(
    ['ON', 'OFF'].map((power) => ({ identityId: id, thing: 'device_lost', desired: { power } })),
  );
  await fleet.waiting(ids[0] ?? '', 'BACKOFF');
  await aws.deviceFaults({});
  const [first, second] = await Promise.all(ids.map((update) => fleet.succeeded(update)));

  expect(first?.tries).toBeGreaterThan(1);
  expect(second?.tries).toBe(1);
  const tokens = (await aws.applied(cognitoId)).map((entry) => entry.clientToken);
  expect([...new Set(tokens)]).toEqual(ids);
  expect(tokens.at(-1)).toBe(ids[1]);
});

test('a puback that never comes does not keep the accepted answer from counting', async () => {
  const fleet = world.fleet();
  await fleet.worker();
  const { id, cognitoId } = await fleet.active();
  await world.aws().deviceFaults({ clientIds: [cognitoId], swallowPuback: 1 });
  const update = await fleet.succeeded(await fleet.send(id, 'device_3', { power: 'ON' }));
  await world.aws().deviceFaults({});
  expect(update).toMatchObject({ milestone: 'ACCEPTED', tries: 1 });
});

test('an answer to an earlier try settles a later one whose first puback comes late', async () => {
  const fleet = world.fleet();
  const aws = world.aws();
  await fleet.worker({ ANSWER_TIMEOUT_MS: '1500' });
  const { id, cognitoId } = await fleet.active();
  await fleet.succeeded(await fleet.send(id, 'device_4', { warm: true }));
  // Handled after the deadline of the first try and before that of the second.
  await aws.deviceFaults({ clientIds: [cognitoId], latencyMs: { min: 2400, max: 2400 } });
  const update = await fleet.succeeded(await fleet.send(id, 'device_4', { late: true }));
  await aws.deviceFaults({});
  expect(update.tries).toBe(2);
});

test('connections that the broker drops with publishes in flight lose and reorder nothing', async () => {
  const fleet = world.fleet();
  const aws = world.aws();
  await fleet.worker();
  const { id, cognitoId } = await fleet.active();
  await aws.deviceFaults({ clientIds: [cognitoId], delayAcceptedMs: { min: 100, max: 200 } });
  const steps = Array.from({ length: 8 }, (_, step) => step);
  const ids = await fleet.sendAll(
    steps.flatMap((step) =>
      ['device_a', 'device_b', 'device_c'].map((thing) => ({
        identityId: id,
        thing,
        desired: { step },
      })),
    ),
  );
  await fleet.settled(ids[3] ?? '');
  await aws.post('/actions/drop-connections', { clientIds: [cognitoId] });
  await aws.deviceFaults({});
  for (const update of ids) await fleet.succeeded(update);

  const applied = await aws.applied(cognitoId);
  for (const thing of ['device_a', 'device_b', 'device_c']) {
    const seen = applied.filter((entry) => entry.thing === thing).map(({ desired }) => desired);
    const distinct = seen.filter(
      (desired, at) => JSON.stringify(desired) !== JSON.stringify(seen[at - 1]),
    );
    expect(distinct).toEqual(steps.map((step) => ({ step })));
  }
});

test("a version-guarded update that meets another version is the caller's failure, untried again", async () => {
  const fleet = world.fleet();
  await fleet.worker();
  const { id } = await fleet.active();
  await fleet.succeeded(await fleet.send(id, 'device_5', { n: 1 }));
  const stale = await fleet.send(id, 'device_5', { n: 2 }, { expectedVersion: 7 });
  const next = await fleet.send(id, 'device_5', { n: 3 }, { expectedVersion: 1 });

  expect(await fleet.settled(stale)).toMatchObject({
    state: 'FAILED',
    tries: 1,
    failure: { code: 'VERSION_CONFLICT', awsCode: 409 },
  });
  expect(await fleet.succeeded(next)).toMatchObject({ version: 2 });
});

test('named shadows have lanes, versions and answers of their own', async () => {
  const fleet = world.fleet();
  await fleet.worker();
  const { id, cognitoId } = await fleet.active();
  const [classic, config] = await Promise.all([
    fleet.send(id, 'device_6', { power: 'ON' }),
    fleet.send(id, 'device_6', { brightness: 3 }, { shadow: 'config' }),
  ]);
  expect(await fleet.succeeded(classic)).toMatchObject({ version: 1 });
  expect(await fleet.succeeded(config)).toMatchObject({ version: 1 });
  const applied = await world.aws().applied(cognitoId);
  expect(applied.find((entry) => entry.clientToken === config)).toMatchObject({ shadow: 'config' });
});

test("confirm level PUBACK ends with the broker's acknowledgement and subscribes to nothing", async () => {
  const fleet = world.fleet();
  const aws = world.aws();
  await fleet.worker();
  const { id, cognitoId } = await fleet.active();
  const update = await fleet.send(id, 'device_7', { power: 'ON' }, { confirm: 'PUBACK' });

  expect(await fleet.succeeded(update)).toMatchObject({ milestone: 'PUBLISHED' });
  expect(await aws.log({ eventType: 'Subscribe', clientId: cognitoId })).toHaveLength(0);
  expect(await aws.applied(cognitoId)).toMatchObject([{ clientToken: update }]);
});

test('more shadows than a connection may subscribe to are served in turn, none cut off', async () => {
  const fleet = world.fleet();
  const aws = world.aws();
  await fleet.worker();
  const { id, cognitoId } = await fleet.active();
  const ids = await fleet.sendAll(
    Array.from({ length: 60 }, (_, thing) => ({
      identityId: id,
      thing: `device_many_${thing}`,
      desired: { thing },
    })),
  );
  for (const update of ids) await fleet.succeeded(update, 30_000);

  expect(await aws.applied(cognitoId)).toHaveLength(60);
  expect(await aws.connects(cognitoId)).toHaveLength(1);
  expect(await aws.log({ eventType: 'Disconnect', clientId: cognitoId })).toHaveLength(0);
});
