import { expect, test } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { useFleet } from '../support/useFleet.ts';

const world = useFleet();

test('a wrong password needs an operator, and is never asked again', async () => {
  const fleet = world.fleet();
  const aws = world.aws();
  const worker = await fleet.worker({ QUARANTINE_PROBE_MS: '100' });
  const user = aws.user();
  const asked = await aws.counter('InitiateAuth', user.username);
  const { id } = await fleet.register({ ...user, password: 'Wrong-password-1' });
  const update = await fleet.send(id, 'device_1', { power: 'ON' });
  await fleet.waiting(update, 'NEEDS_OPERATOR');

  const { status, quarantine } = await fleet.identity(id);
  expect(status).toBe('NEEDS_OPERATOR');
  expect(quarantine).toMatchObject({ denial: { stage: 'USER_POOL', gate: 'USER_POOL_PASSWORD' } });
  expect(quarantine?.probeAt).toBeUndefined();
  // Another identity's whole delivery, and with it several sweeps, pass meanwhile.
  const other = await fleet.active();
  await fleet.succeeded(await fleet.send(other.id, 'device_2', { power: 'ON' }));
  expect(await asked()).toBe(1);
  expect(worker.logged()).not.toContain('Wrong-password-1');
});

test('the right password releases a parked identity and delivers what waited', async () => {
  const fleet = world.fleet();
  const user = world.aws().user();
  await fleet.worker();
  const { id } = await fleet.register({ ...user, password: 'Wrong-password-1' });
  const ids = await fleet.sendAll(
    [1, 2, 3].map((step) => ({ identityId: id, thing: 'device_3', desired: { step } })),
  );
  for (const update of ids) await fleet.waiting(update, 'NEEDS_OPERATOR');

  await fleet.directory.replaceSecret(id, { password: user.password });
  const settled = await Promise.all(ids.map((update) => fleet.succeeded(update)));
  expect(settled.map(({ version }) => version)).toEqual([1, 2, 3]);
});

test('a wrong password given to a connected identity shows at once, not at its next reconnect', async () => {
  const fleet = world.fleet();
  const user = world.aws().user();
  await fleet.worker();
  const { id } = await fleet.active(user);
  await fleet.directory.replaceSecret(id, { password: 'Wrong-password-1' });
  await eventually(async () => {
    expect(await fleet.identity(id)).toMatchObject({
      status: 'NEEDS_OPERATOR',
      quarantine: { denial: { gate: 'USER_POOL_PASSWORD' } },
    });
  });
  const update = await fleet.send(id, 'device_4', { power: 'ON' });
  await fleet.waiting(update, 'NEEDS_OPERATOR');
  await fleet.directory.replaceSecret(id, { password: user.password });
  await fleet.succeeded(update);
});

test('a password replaced while the old one is being refused does not park the identity', async () => {
  const fleet = world.fleet();
  const aws = world.aws();
  const user = aws.user();
  await aws.post('/faults', {
    on: 'InitiateAuth',
    effect: 'delay',
    delayMs: 3000,
    count: 1,
    containing: user.username,
  });
  const asked = await aws.counter('InitiateAuth', user.username);
  const parked: string[] = [];
  const worker = await fleet.worker();
  worker.events.on('identity:parked', ({ identityId }) => parked.push(identityId));
  const { id } = await fleet.register({ ...user, password: 'Wrong-password-1' });
  await eventually(async () => expect(await asked()).toBe(1));
  await fleet.directory.replaceSecret(id, { password: user.password });
  await fleet.succeeded(await fleet.send(id, 'device_5', { power: 'ON' }));
  expect(parked).toEqual([]);
});

test('a challenge needs an operator, and says which one it is', async () => {
  const fleet = world.fleet();
  const aws = world.aws();
  const user = aws.user();
  await aws.post('/actions/set-user', { username: user.username, status: 'FORCE_CHANGE_PASSWORD' });
  await fleet.worker();
  const { id } = await fleet.register(user);
  const update = await fleet.send(id, 'device_6', { power: 'ON' });
  await fleet.waiting(update, 'NEEDS_OPERATOR');
  const { status, quarantine } = await fleet.identity(id);
  expect(status).toBe('NEEDS_OPERATOR');
  expect(quarantine?.denial).toMatchObject({ gate: 'USER_POOL_CHALLENGE' });
  expect(quarantine?.denial.message).toContain('NEW_PASSWORD_REQUIRED');

  await aws.post('/actions/set-user', { username: user.username, status: 'CONFIRMED' });
  await fleet.directory.release(id);
  await fleet.succeeded(update);
});

test('a renewal that is refused is not asked again while the connection lives', async () => {
  const fleet = world.fleet();
  const aws = world.aws();
  const user = aws.user();
  // Always due, so that every sweep would renew.
  await fleet.worker({ REFRESH_AHEAD_MS: '7200000' });
  const { id, cognitoId } = await fleet.active(user);
  await aws.post('/actions/set-user', { username: user.username, enabled: false });
  const asked = await aws.counter('InitiateAuth', aws.ready.clientId);
  await aws.post('/faults', {
    on: 'GetCredentialsForIdentity',
    effect: 'refuse',
    status: 400,
    errorName: 'NotAuthorizedException',
    containing: cognitoId,
  });
  // The refresh token, then the password.
  await eventually(async () => expect(await asked()).toBe(2));
  for (const step of [1, 2, 3, 4, 5]) {
    await fleet.succeeded(await fleet.send(id, 'device_7', { step }));
  }
  expect(await asked()).toBe(2);

  // The next connect needs credentials, and finds out.
  await aws.post('/actions/drop-connections', { clientIds: [cognitoId] });
  const update = await fleet.send(id, 'device_7', { step: 6 });
  await fleet.waiting(update, 'NEEDS_OPERATOR');
  expect((await fleet.identity(id)).quarantine?.denial.message).toContain('disabled');
  expect(await asked()).toBe(4);
});

test('a sign-in that Cognito never answers does not keep a worker from handing over', async () => {
  const fleet = world.fleet();
  const aws = world.aws();
  const user = aws.user();
  const fault = { on: 'InitiateAuth', effect: 'swallow', count: 1, containing: user.username };
  await aws.post('/faults', fault);
  const asked = await aws.counter('InitiateAuth', user.username);
  const worker = await fleet.worker();
  const { id } = await fleet.register(user);
  const update = await fleet.send(id, 'device_8', { power: 'ON' });
  await eventually(async () => expect(await asked()).toBe(1));
  await worker.stop();
  expect(worker.logged()).not.toContain('abandoned at the deadline');

  await fleet.worker();
  expect(await fleet.succeeded(update)).toMatchObject({ tries: 1 });
});

test('no secret of an identity is logged at any level', async () => {
  const fleet = world.fleet();
  const user = world.aws().user();
  const worker = await fleet.worker();
  const { id } = await fleet.active(user);
  await fleet.succeeded(await fleet.send(id, 'device_9', { power: 'ON' }));
  await worker.stop();
  const said = worker.logged();
  expect(said).not.toContain(user.password);
  expect(said).not.toContain(world.aws().ready.clientSecret);
  expect(said).not.toMatch(/eyJ[\w-]+\.[\w-]+\./);
});
