import { expect, test } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { useFleet } from '../support/useFleet.ts';

const world = useFleet();

test('a thing outside the policy fails at once with stage, gate and remedy; other lanes go on', async () => {
  const fleet = world.fleet();
  const aws = world.aws();
  const worker = await fleet.worker();
  const failures: string[] = [];
  worker.events.on('authorization:failed', ({ stage, gate }) => failures.push(`${stage} ${gate}`));
  const { id, cognitoId } = await fleet.active();
  const [outside, inside] = await Promise.all([
    fleet.send(id, 'thermostat_9', { power: 'OFF' }),
    fleet.send(id, 'device_1', { power: 'OFF' }),
  ]);

  const denied = await fleet.settled(outside);
  expect(denied).toMatchObject({
    state: 'FAILED',
    maybeApplied: false,
    failure: {
      code: 'NOT_AUTHORIZED',
      denial: { stage: 'SUBSCRIBE', gate: 'TOPIC_FILTER_POLICY' },
    },
  });
  expect(denied.failure?.remedy).toContain('thermostat_9');
  await fleet.succeeded(inside);
  expect(failures).toEqual(['SUBSCRIBE TOPIC_FILTER_POLICY']);
  expect((await fleet.identity(id)).status).toBe('ACTIVE');
  expect((await aws.applied(cognitoId)).map(({ thing }) => thing)).toEqual(['device_1']);
  expect(await aws.connects(cognitoId)).toHaveLength(1);
});

test('a policy that was detached before anything was accepted quarantines the identity as well', async () => {
  const fleet = world.fleet();
  const aws = world.aws();
  await fleet.worker({ QUARANTINE_PROBE_MS: '600' });
  const { id, cognitoId } = await fleet.active();
  await aws.detachPolicy(cognitoId);
  // The first one is no surprise to its connection, and ends; it has the policy looked up.
  const first = await fleet.settled(await fleet.send(id, 'device_d1', { power: 'ON' }));
  expect(first.failure?.code).toBe('NOT_AUTHORIZED');
  await eventually(async () => expect((await fleet.identity(id)).status).toBe('QUARANTINED'));
  const held = await fleet.send(id, 'device_d1', { power: 'OFF' });
  await fleet.waiting(held, 'IDENTITY_QUARANTINED');
  await aws.attachPolicy(cognitoId);
  await fleet.succeeded(held);
});

test('without a subscription the publish itself is what is denied', async () => {
  const fleet = world.fleet();
  await fleet.worker();
  const { id } = await fleet.active();
  const update = await fleet.send(id, 'thermostat_9', { power: 'ON' }, { confirm: 'PUBACK' });
  expect(await fleet.settled(update)).toMatchObject({
    state: 'FAILED',
    failure: { code: 'NOT_AUTHORIZED', denial: { stage: 'PUBLISH', gate: 'TOPIC_POLICY' } },
  });
});

test('a policy detached under a live connection quarantines the identity until it is back', async () => {
  const fleet = world.fleet();
  const aws = world.aws();
  const worker = await fleet.worker({ QUARANTINE_PROBE_MS: '600' });
  const released: string[] = [];
  worker.events.on('identity:released', ({ identityId }) => released.push(identityId));
  const attaches = await aws.counter('AttachPolicy');
  const { id, cognitoId } = await fleet.active();
  const things = ['device_q1', 'device_q2', 'device_q3'];
  const warm = things.map((thing) => ({ identityId: id, thing, desired: { step: 0 } }));
  for (const update of await fleet.sendAll(warm)) await fleet.succeeded(update);

  await aws.detachPolicy(cognitoId);
  const sent = await fleet.sendAll(
    [1, 2, 3].flatMap((step) =>
      things.map((thing) => ({ identityId: id, thing, desired: { step } })),
    ),
  );
  await eventually(async () => {
    expect(await fleet.identity(id)).toMatchObject({
      status: 'QUARANTINED',
      quarantine: { denial: { stage: 'CONNECT', gate: 'IOT_POLICY_NOT_ATTACHED' } },
    });
  });
  for (const update of sent) {
    expect(await fleet.waiting(update, 'IDENTITY_QUARANTINED')).toMatchObject({ tries: 0 });
  }
  expect(await Promise.all(sent.slice(0, 3).map((update) => fleet.update(update)))).toMatchObject(
    things.map(() => ({ state: 'HELD' })),
  );
  await eventually(async () => {
    expect((await fleet.identity(id)).quarantine?.probes).toBeGreaterThanOrEqual(2);
  });
  // The first connect, the one that asked whether the policy is gone, and one for each probe.
  await eventually(async () => {
    const { quarantine } = await fleet.identity(id);
    expect(await aws.connects(cognitoId)).toHaveLength(2 + (quarantine?.probes ?? Number.NaN));
  });

  await aws.attachPolicy(cognitoId);
  for (const update of sent) await fleet.succeeded(update);
  expect(await fleet.identity(id)).toMatchObject({ status: 'ACTIVE', quarantine: undefined });
  expect(released).toEqual([id]);
  expect(await attaches()).toBe(1);
  const applied = await aws.applied(cognitoId);
  for (const thing of things) {
    const steps = applied.filter((entry) => entry.thing === thing).map(({ desired }) => desired);
    expect(steps).toEqual([0, 1, 2, 3].map((step) => ({ step })));
  }
});

test('an identity with one thing is quarantined as well when its policy is detached: nothing fails', async () => {
  const fleet = world.fleet();
  const aws = world.aws();
  await fleet.worker();
  const { id, cognitoId } = await fleet.active();
  await fleet.succeeded(await fleet.send(id, 'device_only', { step: 0 }));
  await aws.detachPolicy(cognitoId);
  const sent = await fleet.sendAll(
    [1, 2, 3].map((step) => ({ identityId: id, thing: 'device_only', desired: { step } })),
  );
  for (const update of sent) {
    expect(await fleet.waiting(update, 'IDENTITY_QUARANTINED')).toMatchObject({ tries: 0 });
  }
  expect((await fleet.identity(id)).quarantine?.denial).toMatchObject({
    stage: 'CONNECT',
    gate: 'IOT_POLICY_NOT_ATTACHED',
  });
  await aws.attachPolicy(cognitoId);
  for (const update of sent) await fleet.succeeded(update);
});

test('an update that expires while its identity is quarantined ends as EXPIRED, unpublished', async () => {
  const fleet = world.fleet();
  const aws = world.aws();
  const first = await fleet.worker();
  const { id, cognitoId } = await fleet.active();
  await first.stop();
  await aws.detachPolicy(cognitoId);
  await fleet.worker({ QUARANTINE_PROBE_MS: '60000' });
  // Its worker may take longer to find out than an update has that expires soon.
  await fleet.waiting(await fleet.send(id, 'device_f', { power: 'ON' }), 'IDENTITY_QUARANTINED');
  const expiring = await fleet.send(
    id,
    'device_e',
    { power: 'ON' },
    { expiresAt: Date.now() + 4000 },
  );
  await fleet.waiting(expiring, 'IDENTITY_QUARANTINED');
  expect(await fleet.settled(expiring)).toMatchObject({
    state: 'EXPIRED',
    tries: 0,
    maybeApplied: false,
    failure: { code: 'DEADLINE_PASSED' },
  });
  expect(await aws.applied(cognitoId)).toEqual([]);
});

test('an operator releases an identity that its worker holds parked, without a new sign-in', async () => {
  const fleet = world.fleet();
  const aws = world.aws();
  const first = await fleet.worker();
  const { id, cognitoId } = await fleet.active();
  await first.stop();
  await aws.detachPolicy(cognitoId);
  await fleet.worker({ QUARANTINE_PROBE_MS: '600000' });
  const ids = await fleet.sendAll(
    ['ON', 'OFF'].map((power) => ({ identityId: id, thing: 'device_r', desired: { power } })),
  );
  for (const update of ids) await fleet.waiting(update, 'IDENTITY_QUARANTINED');

  await aws.attachPolicy(cognitoId);
  await fleet.directory.release(id);
  for (const update of ids) await fleet.succeeded(update);
  expect((await fleet.identity(id)).status).toBe('ACTIVE');
});

test('within the propagation time a denied CONNECT is no quarantine but a wait', async () => {
  const fleet = world.fleet();
  const aws = world.aws();
  await aws.post('/actions/propagation', { minMs: 3000 });
  await fleet.worker({ PROPAGATION_MS: '600000', PROPAGATION_PROBE_MS: '300' });
  const { id } = await fleet.register();
  const update = await fleet.send(id, 'device_p', { power: 'ON' });
  expect(await fleet.waiting(update, 'PROPAGATING')).toMatchObject({ tries: 0 });
  expect((await fleet.identity(id)).quarantine?.denial.gate).toBe('IOT_POLICY_PROPAGATING');
  await fleet.succeeded(update);
  await aws.post('/actions/propagation', { minMs: 0 });
});
