import { expect, test } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { useFleet } from '../support/useFleet.ts';

const world = useFleet();

test('cached credentials that cannot be read are replaced by signing in', async () => {
  const fleet = world.fleet();
  const aws = world.aws();
  const user = aws.user();
  const first = await fleet.worker();
  const { id } = await fleet.active(user);
  await first.stop();
  const { shard } = await fleet.identity(id);
  await fleet.redis.set(fleet.keys.shard(shard).credentials(id), 'v1.gone.AAAA');
  const [signIns, getIds, attaches] = await Promise.all([
    aws.counter('InitiateAuth', user.username),
    aws.counter('GetId'),
    aws.counter('AttachPolicy'),
  ]);
  await fleet.worker();
  await fleet.succeeded(await fleet.send(id, 'device_1', { power: 'ON' }));
  // The Cognito id and the attachment are remembered apart from the credentials.
  expect(await Promise.all([signIns(), getIds(), attaches()])).toEqual([1, 0, 0]);
});

test('an ID token that the identity pool refuses is replaced before the identity counts as refused', async () => {
  const fleet = world.fleet();
  const aws = world.aws();
  const parked: string[] = [];
  // Stale at once, so that the next connect needs new ones.
  const worker = await fleet.worker({ REFRESH_AHEAD_MS: '3500000' });
  worker.events.on('identity:parked', ({ identityId }) => parked.push(identityId));
  const { id, cognitoId } = await fleet.active();
  await aws.post('/faults', {
    on: 'GetCredentialsForIdentity',
    effect: 'refuse',
    status: 400,
    errorName: 'NotAuthorizedException',
    count: 1,
    containing: cognitoId,
  });
  await aws.post('/actions/expire-credentials', { identityId: cognitoId });
  await aws.post('/actions/drop-connections', { clientIds: [cognitoId] });
  await fleet.succeeded(await fleet.send(id, 'device_2', { power: 'ON' }));
  expect(parked).toEqual([]);
});

test('a role mapping that refuses parks the identity, and a probe releases it once it is mended', async () => {
  const fleet = world.fleet();
  const aws = world.aws();
  const fault = (await aws.post('/faults', {
    on: 'GetCredentialsForIdentity',
    effect: 'refuse',
    status: 400,
    errorName: 'InvalidIdentityPoolConfigurationException',
  })) as { id: string };
  await fleet.worker({ QUARANTINE_PROBE_MS: '300' });
  const { id } = await fleet.register();
  const update = await fleet.send(id, 'device_3', { power: 'ON' });
  await fleet.waiting(update, 'IDENTITY_QUARANTINED');
  expect((await fleet.identity(id)).quarantine).toMatchObject({
    denial: { stage: 'IDENTITY_POOL', gate: 'ROLE_MAPPING' },
  });
  await aws.clearFault(fault.id);
  expect(await fleet.succeeded(update)).toMatchObject({ tries: 1 });
});

test('a throttled Cognito makes the identity wait its turn, not park', async () => {
  const fleet = world.fleet();
  const aws = world.aws();
  const user = aws.user();
  await aws.post('/faults', {
    on: 'InitiateAuth',
    effect: 'throttle',
    count: 3,
    containing: user.username,
  });
  const worker = await fleet.worker();
  const parked: string[] = [];
  worker.events.on('identity:parked', ({ identityId }) => parked.push(identityId));
  const { id } = await fleet.register(user);
  await fleet.succeeded(await fleet.send(id, 'device_4', { power: 'ON' }));
  expect(parked).toEqual([]);
});

test('two registrations of one Cognito user do not share its client id: the second needs an operator', async () => {
  const fleet = world.fleet();
  const aws = world.aws();
  const user = aws.user();
  await fleet.worker();
  const first = await fleet.active(user);
  // As an alias would: another name in our records, the same user at Cognito.
  const second = await fleet.register({ username: `${user.username}-alias`, password: 'x' });
  await eventually(async () => {
    expect((await fleet.identity(second.id)).status).toBe('NEEDS_OPERATOR');
  });
  const key = fleet.keys.shard(second.shard).identity(second.id);
  await fleet.redis.hset(key, 'username', user.username);
  await fleet.directory.replaceSecret(second.id, { password: user.password });
  await eventually(async () => {
    expect(await fleet.identity(second.id)).toMatchObject({
      status: 'NEEDS_OPERATOR',
      quarantine: { denial: { gate: 'DUPLICATE_IDENTITY' } },
    });
  });
  expect((await fleet.identity(first.id)).status).toBe('ACTIVE');
  expect(await aws.connects(first.cognitoId)).toHaveLength(1);
});
