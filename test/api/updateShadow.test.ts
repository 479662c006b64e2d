import { describe, expect, test } from 'vitest';
import { shardOfUpdate } from '../../src/shared/domain/ids.ts';
import { useRedis } from '../support/useRedis.ts';
import { register, UPDATE_SHADOW, updateShadow } from './support/operations.ts';
import { startApi } from './support/testApi.ts';

const redis = useRedis();

const UPDATE = /* GraphQL */ `
  query ($id: ID!) {
    update(id: $id) {
      id identityId thing shadow desired confirm expectedVersion expiresAt actor
      state milestone version tries wait { reason detail until } failure { code } maybeApplied
      createdAt publishedAt finishedAt identity { username pendingUpdates }
    }
  }
`;

test('an update taken with no worker running is queued for want of an owner', async () => {
  const api = await startApi(redis().url);
  const identityId = await register(api);
  const answer = await updateShadow(api, {
    identityId,
    thing: 'device_1',
    shadow: 'settings',
    desired: { power: 'OFF', gone: null },
    confirm: 'PUBACK',
    expectedVersion: 3,
    expiresAt: '2099-01-02T04:04:05.006+01:00',
  });
  expect(answer).toMatchObject({ __typename: 'UpdateShadowSuccess', update: { state: 'QUEUED' } });
  const { update } = await api.run(UPDATE, { id: answer.update.id });
  expect(update).toEqual({
    id: answer.update.id,
    identityId,
    thing: 'device_1',
    shadow: 'settings',
    desired: { power: 'OFF', gone: null },
    confirm: 'PUBACK',
    expectedVersion: 3,
    expiresAt: '2099-01-02T03:04:05.006Z',
    actor: 'tests',
    state: 'QUEUED',
    milestone: null,
    version: null,
    tries: 0,
    wait: { reason: 'NO_OWNER', detail: null, until: null },
    failure: null,
    maybeApplied: false,
    createdAt: expect.stringMatching(/^20\d\d-.*Z$/),
    publishedAt: null,
    finishedAt: null,
    identity: { username: 'alice', pendingUpdates: 1 },
  });
});

test('an update leaves a job that names it and its lane', async () => {
  const api = await startApi(redis().url);
  const identityId = await register(api);
  const desired = { power: 'OFF' };
  const { update } = await updateShadow(api, { identityId, thing: 'device_1', desired });
  const shard = api.keys.shard(shardOfUpdate(update.id) ?? -1);
  const job = await api.redis.hgetall(`${shard.queue}:d_${update.id}`);
  expect(JSON.parse(job.data ?? '')).toEqual({ lane: `${identityId}/device_1` });
  // A longer value has Redis keep the hash in three times the memory.
  for (const value of Object.values(job)) expect(Buffer.byteLength(value)).toBeLessThanOrEqual(64);
  expect(await api.redis.lrange(shard.lane(`${identityId}/device_1`), 0, -1)).toEqual([update.id]);
});

test('the second update to a shadow says which one it is behind', async () => {
  const api = await startApi(redis().url);
  const identityId = await register(api);
  const patch = { identityId, thing: 'device_1', desired: { power: 'ON' } };
  const first = await updateShadow(api, patch);
  const second = await updateShadow(api, { ...patch, desired: { power: 'OFF' } });
  const { update } = await api.run(UPDATE, { id: second.update.id });
  expect(update.wait).toEqual({
    reason: 'BEHIND_ANOTHER_UPDATE',
    detail: first.update.id,
    until: null,
  });
});

test('many updates are read at once, in their order, with null for what is not there', async () => {
  const api = await startApi(redis().url);
  const identityId = await register(api);
  const ids: string[] = [];
  for (const thing of ['device_1', 'device_2', 'device_1']) {
    const { update } = await updateShadow(api, { identityId, thing, desired: { power: 'ON' } });
    ids.push(update.id);
  }
  const asked = [...ids, 'upd_0_01ARZ3NDEKTSV4RRFFQ69G5FAV', 'nonsense', ids[0]];
  const { updatesById: updates } = await api.run(
    'query ($ids: [ID!]!) { updatesById(ids: $ids) { id thing wait { reason } } }',
    { ids: asked },
  );
  expect(updates.map((update: { id: string } | null) => update?.id)).toEqual([
    ...ids,
    undefined,
    undefined,
    ids[0],
  ]);
  expect(updates[2].wait).toEqual({ reason: 'BEHIND_ANOTHER_UPDATE' });
  const tooMany = await api.send('query ($ids: [ID!]!) { updatesById(ids: $ids) { id } }', {
    ids: Array.from({ length: 1001 }, () => ids[0]),
  });
  expect(tooMany.errors[0].extensions).toMatchObject({ code: 'TOO_MANY_UPDATES' });
});

const deep = (levels: number): object => (levels === 0 ? { leaf: 1 } : { a: deep(levels - 1) });

describe('what is wrong with a request is its answer, with what to do', () => {
  const table: readonly [string, object, string][] = [
    ['a thing name with a space', { thing: 'device 1' }, 'THING_NAME_INVALID'],
    ['an empty thing name', { thing: '' }, 'THING_NAME_INVALID'],
    ['a thing name of 129 characters', { thing: 'd'.repeat(129) }, 'THING_NAME_INVALID'],
    ['a topic as a thing name', { thing: 'a/b' }, 'THING_NAME_INVALID'],
    ['an empty shadow name', { shadow: '' }, 'SHADOW_NAME_INVALID'],
    ['a shadow name of 65 characters', { shadow: 's'.repeat(65) }, 'SHADOW_NAME_INVALID'],
    ['a text as desired', { desired: 'OFF' }, 'DESIRED_INVALID'],
    ['a list as desired', { desired: [{ power: 'OFF' }] }, 'DESIRED_INVALID'],
    ['a number as desired', { desired: 5 }, 'DESIRED_INVALID'],
    ['an empty object as desired', { desired: {} }, 'DESIRED_INVALID'],
    ['null in an array', { desired: { modes: ['a', null] } }, 'DESIRED_INVALID'],
    ['null in a nested array', { desired: { a: [[{ b: [null] }]] } }, 'DESIRED_INVALID'],
    ['over 8 KB', { desired: { text: 'x'.repeat(8192) } }, 'DESIRED_INVALID'],
    ['over 8 KB in bytes only', { desired: { text: 'ü'.repeat(4100) } }, 'DESIRED_INVALID'],
    ['deeper than the limit', { desired: deep(5) }, 'DESIRED_INVALID'],
    ['a lone surrogate in a value', { desired: { text: '\ud800' } }, 'DESIRED_INVALID'],
    ['a lone surrogate in a key', { desired: { '\udc00': 1 } }, 'DESIRED_INVALID'],
    ['a negative version', { expectedVersion: -1 }, 'EXPECTED_VERSION_INVALID'],
    ['an expiry in the past', { expiresAt: '2020-01-01T00:00:00Z' }, 'EXPIRES_AT_INVALID'],
    ['an unknown identity', { identityId: 'idn_01ARZ3NDEKTSV4RRFFQ69G5FAV' }, 'IDENTITY_NOT_FOUND'],
    ['no identity id at all', { identityId: 'alice' }, 'IDENTITY_NOT_FOUND'],
    ['an empty idempotency key', { idempotencyKey: '' }, 'IDEMPOTENCY_KEY_INVALID'],
    ['a key of 256 characters', { idempotencyKey: 'k'.repeat(256) }, 'IDEMPOTENCY_KEY_INVALID'],
  ];
  test.each(table)('%s', async (_name, wrong, code) => {
    const api = await startApi(redis().url);
    const identityId = await register(api);
    const sound = { identityId, thing: 'device_1', desired: { power: 'OFF' } };
    const answer = await updateShadow(api, { ...sound, ...wrong });
    expect(answer).toMatchObject({ __typename: 'RequestError', code });
    expect(answer.message).toMatch(/\.$/);
    expect(answer.remedy).toMatch(/\.$/);
    const pending = await api.run('query ($id: ID!) { identity(id: $id) { pendingUpdates } }', {
      id: identityId,
    });
    expect(pending.identity.pendingUpdates).toBe(0);
  });
});

test('a document at the limits is taken', async () => {
  const api = await startApi(redis().url);
  const identityId = await register(api);
  const sound = { identityId, thing: 'device_1' };
  for (const desired of [deep(4), { text: 'x'.repeat(8192 - '{"text":""}'.length) }]) {
    const answer = await updateShadow(api, { ...sound, desired });
    expect(answer.__typename).toBe('UpdateShadowSuccess');
  }
});

test('a document may be written into the operation itself', async () => {
  const api = await startApi(redis().url);
  const identityId = await register(api);
  const data = await api.run(`mutation {
    updateShadow(input: {
      identityId: "${identityId}", thing: "device_1", desired: { power: "OFF", level: 3, gone: null }
    }) { ... on UpdateShadowSuccess { update { desired } } }
  }`);
  expect(data.updateShadow.update.desired).toEqual({ power: 'OFF', level: 3, gone: null });
});

test('a variable of the wrong type is named by its place, without its value', async () => {
  const api = await startApi(redis().url);
  const body = await api.send(UPDATE_SHADOW, {
    input: { identityId: 'x', thing: ['hunter2'], desired: {}, expiresAt: 'hunter2', extra: 1 },
  });
  const messages = body.errors.map((error: { message: string }) => error.message).join('\n');
  expect(messages).toContain('"input.thing": ThingName must be a string');
  expect(messages).toContain('"input.expiresAt": DateTime must be RFC 3339');
  expect(messages).toContain('Field "extra" is not defined');
  expect(JSON.stringify(body)).not.toContain('hunter2');
});
