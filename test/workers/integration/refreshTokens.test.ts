import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { loadWorkerConfig } from '../../../src/shared/config/worker.ts';
import { createAwsClients, destroyAwsClients } from '../../../src/workers/aws/clients.ts';
import { UserPool } from '../../../src/workers/credentials/userPool.ts';
import { eventually } from '../../support/eventually.ts';
import type { Aws, User } from '../support/aws.ts';
import type { Fleet } from '../support/fleet.ts';
import { oneConnection } from '../support/oneConnection.ts';
import { useFleet } from '../support/useFleet.ts';

/** The project's template with rotation, and with no grace for a token that was used. */
const directory = mkdtempSync(join(tmpdir(), 'courier-rotation-'));
const template = join(directory, 'template.yaml');
writeFileSync(
  template,
  readFileSync('infra/template.yaml', 'utf8').replace(
    '      GenerateSecret: true\n',
    `      GenerateSecret: true
      RefreshTokenRotation:
        Feature: ENABLED
        RetryGracePeriodSeconds: 0
`,
  ),
);
afterAll(() => rmSync(directory, { recursive: true }));

const steady = useFleet();
const rotating = useFleet({ emulator: ['--template', template] });
const ROTATION = { REFRESH_TOKEN_ROTATION: 'on' };

/** What a user who signs in somewhere else may hand over. */
async function refreshTokenOf(aws: Aws, fleet: Fleet, user: User): Promise<string> {
  const config = loadWorkerConfig(fleet.environment());
  const clients = createAwsClients(config);
  try {
    const { COGNITO_CLIENT_ID: clientId, COGNITO_CLIENT_SECRET: secret } = config;
    const pool = new UserPool(clients.userPool, clientId, secret);
    const { signal } = new AbortController();
    const { refreshToken } = await pool.signIn(user.username, user.password, signal);
    return refreshToken ?? '';
  } finally {
    destroyAwsClients(clients);
  }
}

async function active(fleet: Fleet, username: string, refreshToken: string): Promise<string> {
  const { id } = await fleet.directory.register({ username, secret: { refreshToken } });
  await eventually(async () => expect((await fleet.identity(id)).status).toBe('ACTIVE'));
  return id;
}

/** Has the next connect sign in anew, whatever tokens are known. */
async function forget(fleet: Fleet, identityId: string): Promise<void> {
  const { shard } = await fleet.identity(identityId);
  await fleet.redis.del(fleet.keys.shard(shard).credentials(identityId));
}

test('a refresh token is as good a secret as the password, under whatever name it is registered', async () => {
  const fleet = steady.fleet();
  const aws = steady.aws();
  const user = aws.user();
  const refreshToken = await refreshTokenOf(aws, fleet, user);
  const passwords = await aws.counter('InitiateAuth', user.username);
  const first = await fleet.worker();
  // SECRET_HASH would need the pool's own name for the user, which an alias is not.
  const id = await active(fleet, 'an-alias@example.com', refreshToken);
  await fleet.succeeded(await fleet.send(id, 'device_1', { power: 'ON' }));
  await first.stop();
  await forget(fleet, id);
  await fleet.worker();
  await fleet.succeeded(await fleet.send(id, 'device_1', { power: 'OFF' }));
  expect(await passwords()).toBe(0);
});

test('a refresh token that is not good parks the identity until it gets another secret', async () => {
  const fleet = steady.fleet();
  const user = steady.aws().user();
  await fleet.worker();
  const { username } = user;
  const secret = { refreshToken: 'no.such.token' };
  const { id } = await fleet.directory.register({ username, secret });
  const update = await fleet.send(id, 'device_2', { power: 'ON' });
  await fleet.waiting(update, 'NEEDS_OPERATOR');
  expect((await fleet.identity(id)).quarantine?.denial).toMatchObject({ stage: 'USER_POOL' });
  await fleet.directory.replaceSecret(id, { password: user.password });
  await fleet.succeeded(update);
});

test('rotated: each new token is kept over workers and crashes, the first one is used once', async () => {
  const fleet = rotating.fleet();
  const aws = rotating.aws();
  const refreshToken = await refreshTokenOf(aws, fleet, aws.user());
  const exchanges = await aws.counter('GetTokensFromRefreshToken');
  const first = await fleet.worker(ROTATION);
  const id = await active(fleet, 'rotated', refreshToken);
  await first.stop();
  for (const power of ['ON', 'OFF']) {
    await forget(fleet, id);
    const next = await fleet.worker(ROTATION);
    await fleet.succeeded(await fleet.send(id, 'device_3', { power }));
    await next.stop();
  }
  expect(await exchanges()).toBe(3);
  expect((await fleet.identity(id)).status).toBe('ACTIVE');
});

test('rotated: a worker that stops waits for the token that Cognito gives for the one it sent', async () => {
  const fleet = rotating.fleet();
  const aws = rotating.aws();
  const refreshToken = await refreshTokenOf(aws, fleet, aws.user());
  const slow = { on: 'GetTokensFromRefreshToken', effect: 'delay', delayMs: 500, count: 1 };
  await aws.post('/faults', slow);
  const refreshes = await aws.counter('GetTokensFromRefreshToken');
  const first = await fleet.worker(ROTATION);
  const { id, shard } = await fleet.directory.register({
    username: 'stopped',
    secret: { refreshToken },
  });
  const secret = () => fleet.redis.get(fleet.keys.shard(shard).secret(id));
  const used = await secret();
  await eventually(async () => expect(await refreshes()).toBe(1));
  await first.stop();
  expect(await secret()).not.toBe(used);
  await fleet.worker(ROTATION);
  await eventually(async () => expect((await fleet.identity(id)).status).toBe('ACTIVE'));
});

test('rotated: a worker whose lease has run out does not use up the token of its successor', async () => {
  const fleet = rotating.fleet();
  const aws = rotating.aws();
  const refreshToken = await refreshTokenOf(aws, fleet, aws.user());
  const refreshes = await aws.counter('GetTokensFromRefreshToken');
  const secret = { refreshToken };
  const { id } = await fleet.directory.register({ username: 'succeeded', secret });
  const former = await oneConnection(fleet, id, { settings: ROTATION });
  former.lease.lose();
  await former.connection.probe();
  expect(await refreshes()).toBe(0);
  await former.stop();
});

test('rotated: a token that an operator gave meanwhile is not overwritten', async () => {
  const fleet = rotating.fleet();
  const aws = rotating.aws();
  const user = aws.user();
  const [first, second] = [
    await refreshTokenOf(aws, fleet, user),
    await refreshTokenOf(aws, fleet, user),
  ];
  await aws.post('/faults', {
    on: 'GetTokensFromRefreshToken',
    effect: 'delay',
    delayMs: 600,
    count: 1,
  });
  await fleet.worker(ROTATION);
  const refreshes = await aws.counter('GetTokensFromRefreshToken');
  const { id } = await fleet.directory.register({
    username: 'replaced',
    secret: { refreshToken: first },
  });
  await fleet.directory.replaceSecret(id, { refreshToken: second });
  await eventually(async () => {
    expect((await fleet.identity(id)).status).toBe('ACTIVE');
    expect(await refreshes()).toBeGreaterThan(0);
  });
  await fleet.succeeded(await fleet.send(id, 'device_4', { power: 'ON' }));
});

test('rotated: a user with a password is asked for it once, and its tokens go on from there', async () => {
  const fleet = rotating.fleet();
  const aws = rotating.aws();
  const user = aws.user();
  const passwords = await aws.counter('InitiateAuth', user.username);
  const first = await fleet.worker(ROTATION);
  const { id } = await fleet.active(user);
  await first.stop();
  const exchanges = await aws.counter('GetTokensFromRefreshToken');
  // A token's whole life, as far as the workers know: they take theirs from their own clock.
  await aws.post('/faults', {
    on: 'GetCredentialsForIdentity',
    effect: 'refuse',
    status: 400,
    errorName: 'NotAuthorizedException',
    count: 1,
  });
  await fleet.worker({ ...ROTATION, REFRESH_AHEAD_MS: '3600000' });
  await fleet.succeeded(await fleet.send(id, 'device_5', { power: 'ON' }));
  expect(await passwords()).toBe(1);
  expect(await exchanges()).toBeGreaterThan(0);
});
