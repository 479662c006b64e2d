import { describe, expect, test } from 'vitest';
import { runScript } from '../../src/shared/redis/script.ts';
import { ACQUIRE_LEASE } from '../../src/shared/store/lua/leaseScripts.ts';
import { QUARANTINE } from '../../src/shared/store/lua/identityScripts.ts';
import { shardOf } from '../../src/shared/domain/ids.ts';
import { useRedis } from '../support/useRedis.ts';
import { keysOf, REGISTER, register, updateShadow } from './support/operations.ts';
import { type Json, startApi, type TestApi } from './support/testApi.ts';

const redis = useRedis();

const IDENTITY = /* GraphQL */ `
  query ($id: ID!) {
    identity(id: $id) {
      id username label status cognitoId createdAt attachedAt pendingUpdates
      quarantine { stage gate message remedy since probeAt probes }
      connection { state worker epoch connectedAt credentialsExpireAt recycleAt lastDisconnect }
    }
  }
`;

/** Parks an identity as the worker that owns its shard would. */
async function park(api: TestApi, identityId: string): Promise<void> {
  const { lease } = api.keys.shard(shardOf(identityId, 8));
  const [, epoch] = (await runScript(
    api.redis,
    ACQUIRE_LEASE,
    [lease],
    ['worker-1', 'token', 60_000],
  )) as [number, string];
  const denial = {
    stage: 'CONNECT',
    gate: 'IOT_POLICY_NOT_ATTACHED',
    message: 'Denied.',
    remedy: 'Attach it.',
  };
  const args = [identityId, 'QUARANTINED', 'IDENTITY_QUARANTINED', JSON.stringify(denial), 60_000];
  await runScript(api.redis, QUARANTINE, [lease], [epoch, 'token', ...args]);
}

test('a registered identity can be looked up by id and by username', async () => {
  const api = await startApi(redis().url);
  const input = { username: 'älice@example.org', password: 'her-password', label: 'the kitchen' };
  const { registerIdentity } = await api.run(REGISTER, { input });
  const { id } = registerIdentity.identity;
  const { identity } = await api.run(IDENTITY, { id });
  expect(identity).toEqual({
    id,
    username: 'älice@example.org',
    label: 'the kitchen',
    status: 'PENDING',
    cognitoId: null,
    createdAt: expect.stringMatching(/Z$/),
    attachedAt: null,
    pendingUpdates: 0,
    quarantine: null,
    connection: null,
  });
  const byName = await api.run('query ($n: String!) { identityByUsername(username: $n) { id } }', {
    n: 'älice@example.org',
  });
  expect(byName.identityByUsername.id).toBe(id);
});

test('an identity tells its shard, by which the fleet names it', async () => {
  const api = await startApi(redis().url);
  const id = await register(api);
  const query = `query ($id: ID!) {
    identity(id: $id) { shard }
    fleet { shards { number openUpdates { queued } } }
  }`;
  const { identity } = await api.run(query, { id });
  expect(identity.shard).toBe(shardOf(id, 8));
  await updateShadow(api, { identityId: id, thing: 'device_1', desired: { power: 'OFF' } });
  const { fleet } = await api.run(query, { id });
  expect(fleet.shards[identity.shard]).toEqual({
    number: identity.shard,
    openUpdates: { queued: 1 },
  });
});

test('what is not registered is null', async () => {
  const api = await startApi(redis().url);
  const data = await api.run(`{
    a: identity(id: "idn_01ARZ3NDEKTSV4RRFFQ69G5FAV") { id }
    b: identity(id: "../secret") { id }
    c: identityByUsername(username: "nobody") { id }
  }`);
  expect(data).toEqual({ a: null, b: null, c: null });
});

test('registering a username again is refused and names the identity', async () => {
  const api = await startApi(redis().url);
  const id = await register(api);
  const { registerIdentity } = await api.run(REGISTER, {
    input: { username: 'alice', password: 'another-password' },
  });
  expect(registerIdentity).toMatchObject({ __typename: 'RequestError', code: 'IDENTITY_EXISTS' });
  expect(registerIdentity.message).toContain(id);
});

test('of two registrations of one username at once, one is taken', async () => {
  const api = await startApi(redis().url);
  const input = { username: 'alice', password: 'her-password' };
  const answers = await Promise.all([1, 2, 3].map(() => api.run(REGISTER, { input })));
  const kinds = answers.map((answer: Json) => answer.registerIdentity.__typename as string);
  expect(kinds.sort()).toEqual(['RegisterIdentitySuccess', 'RequestError', 'RequestError']);
});

test('a registration asks the owner to sign the user in', async () => {
  const api = await startApi(redis().url);
  const id = await register(api);
  const [job] = await api.redis.keys(`*${api.keys.prefix}*:deliver:v_${id}*`);
  expect(await api.redis.hmget(job ?? '', 'name', 'data')).toEqual([
    'verify',
    JSON.stringify({ identityId: id }),
  ]);
});

describe('what is wrong with a registration is its answer, and nothing is stored', () => {
  const table: readonly [string, object, string][] = [
    ['an empty username', { username: '' }, 'USERNAME_INVALID'],
    ['a username with a space', { username: 'al ice' }, 'USERNAME_INVALID'],
    ['a username of 129 characters', { username: 'a'.repeat(129) }, 'USERNAME_INVALID'],
    ['a username with a control character', { username: 'a\u0000' }, 'USERNAME_INVALID'],
    ['a username with a lone surrogate', { username: 'a\ud800' }, 'USERNAME_INVALID'],
    ['an empty password', { password: '' }, 'PASSWORD_INVALID'],
    ['a password of spaces only', { password: '   ' }, 'PASSWORD_INVALID'],
    ['a password that ends in a space', { password: 'secret ' }, 'PASSWORD_INVALID'],
    ['a password of 257 characters', { password: 'p'.repeat(257) }, 'PASSWORD_INVALID'],
    ['an empty label', { label: ' ' }, 'LABEL_INVALID'],
    ['a label of 129 characters', { label: 'l'.repeat(129) }, 'LABEL_INVALID'],
    ['a label with a line break', { label: 'a\nb' }, 'LABEL_INVALID'],
  ];
  test.each(table)('%s', async (_name, wrong, code) => {
    const api = await startApi(redis().url);
    const input = { username: 'alice', password: 'her-password', ...wrong };
    const { registerIdentity } = await api.run(REGISTER, { input });
    expect(registerIdentity).toMatchObject({ __typename: 'RequestError', code });
    expect(registerIdentity.remedy).toMatch(/\.$/);
    // But that it was refused, which the audit has.
    const audit = [api.keys.audit('refusals'), api.keys.auditLast];
    expect(await keysOf(api)).toEqual(audit.toSorted());
  });
});

const RELEASE = /* GraphQL */ `
  mutation ($input: ReleaseIdentityInput!) {
    releaseIdentity(input: $input) {
      ... on ReleaseIdentitySuccess { identity { status quarantine { gate } } }
      ... on Error { code message remedy }
    }
  }
`;

const REPLACE = /* GraphQL */ `
  mutation ($input: ReplaceIdentitySecretInput!) {
    replaceIdentitySecret(input: $input) {
      ... on ReplaceIdentitySecretSuccess { identity { status } }
      ... on Error { code message remedy }
    }
  }
`;

test('a parked identity says why, its updates wait for it, and releasing it ends that', async () => {
  const api = await startApi(redis().url);
  const id = await register(api);
  const desired = { power: 'OFF' };
  const { update } = await updateShadow(api, { identityId: id, thing: 'device_1', desired });
  await park(api, id);
  const { identity } = await api.run(IDENTITY, { id });
  expect(identity).toMatchObject({
    status: 'QUARANTINED',
    quarantine: {
      stage: 'CONNECT',
      gate: 'IOT_POLICY_NOT_ATTACHED',
      message: 'Denied.',
      remedy: 'Attach it.',
      probes: 0,
      probeAt: expect.stringMatching(/Z$/),
    },
  });
  const waiting = await api.run(
    'query ($id: ID!) { update(id: $id) { wait { reason detail until } } }',
    { id: update.id },
  );
  expect(waiting.update.wait).toEqual({
    reason: 'IDENTITY_QUARANTINED',
    detail: 'IOT_POLICY_NOT_ATTACHED at CONNECT',
    until: identity.quarantine.probeAt,
  });
  const { releaseIdentity } = await api.run(RELEASE, { input: { identityId: id } });
  expect(releaseIdentity).toEqual({ identity: { status: 'ACTIVE', quarantine: null } });
  const again = await api.run(RELEASE, { input: { identityId: id } });
  expect(again.releaseIdentity).toMatchObject({ code: 'IDENTITY_NOT_QUARANTINED' });
});

test('another password releases a parked identity', async () => {
  const api = await startApi(redis().url);
  const id = await register(api);
  await park(api, id);
  const input = { identityId: id, password: 'a-better-password' };
  const { replaceIdentitySecret } = await api.run(REPLACE, { input });
  expect(replaceIdentitySecret).toEqual({ identity: { status: 'ACTIVE' } });
});

test('an unknown identity can be neither released nor given a password', async () => {
  const api = await startApi(redis().url);
  const identityId = 'idn_01ARZ3NDEKTSV4RRFFQ69G5FAV';
  const { releaseIdentity } = await api.run(RELEASE, { input: { identityId } });
  expect(releaseIdentity).toMatchObject({ code: 'IDENTITY_NOT_FOUND' });
  const { replaceIdentitySecret } = await api.run(REPLACE, {
    input: { identityId, password: 'pass-word' },
  });
  expect(replaceIdentitySecret).toMatchObject({ code: 'IDENTITY_NOT_FOUND' });
});

test('an identity may be registered with its tags, which are looked at first', async () => {
  const api = await startApi(redis().url);
  const query = `mutation ($input: RegisterIdentityInput!) {
    registerIdentity(input: $input) {
      ... on RegisterIdentitySuccess { identity { tags } } ... on Error { code }
    }
  }`;
  const ask = async (tags: readonly string[]) => {
    const input = { username: 'alice', password: 'a-Password-1', tags };
    return (await api.run(query, { input })).registerIdentity;
  };
  expect(await ask(['no tag'])).toEqual({ code: 'TAGS_INVALID' });
  expect(await ask(['plant:a', 'floor-1'])).toEqual({ identity: { tags: ['floor-1', 'plant:a'] } });
});
