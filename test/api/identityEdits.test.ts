import { expect, test } from 'vitest';
import { shardOf } from '../../src/shared/domain/ids.ts';
import { keysLike } from '../support/servers.ts';
import { useRedis } from '../support/useRedis.ts';
import { register, updateShadow } from './support/operations.ts';
import { type Json, startApi, type TestApi } from './support/testApi.ts';

const redis = useRedis();

const RENAME = /* GraphQL */ `
  mutation ($input: RenameIdentityInput!) {
    result: renameIdentity(input: $input) {
      ... on RenameIdentitySuccess { identity { label } } ... on Error { code }
    }
  }
`;
const tagging = (name: string) => /* GraphQL */ `
  mutation ($input: IdentityTagsInput!) {
    result: ${name.charAt(0).toLowerCase()}${name.slice(1)}(input: $input) {
      ... on ${name}Success { done refused rows { identity { tags } error { code } } }
      ... on Error { code }
    }
  }
`;
const REMOVE = /* GraphQL */ `
  mutation ($input: RemoveIdentityInput!) {
    result: removeIdentity(input: $input) {
      ... on RemoveIdentitySuccess { removal { username canceled inFlight } }
      ... on Error { code message }
    }
  }
`;
const LIST = /* GraphQL */ `
  query ($filter: IdentityFilter) { identities(filter: $filter) { nodes { id } } }
`;
const UPDATE = /* GraphQL */ `
  query ($id: ID!) { update(id: $id) { state cancellation { actor reason } identity { id } } }
`;

const run = async (api: TestApi, mutation: string, input: object): Promise<Json> =>
  (await api.run(mutation, { input })).result;

const found = async (api: TestApi, filter: object): Promise<string[]> =>
  (await api.run(LIST, { filter })).identities.nodes.map(({ id }: Json) => id as string);

const patch = (identityId: string, over: object = {}) => ({
  identityId,
  thing: 'device_1',
  desired: { power: 'OFF' },
  ...over,
});

test('a label is changed and taken away, and the identity is found by the one that it has', async () => {
  const api = await startApi(redis().url);
  const identityId = await register(api);
  const first = await run(api, RENAME, { identityId, label: 'Kitchen' });
  expect(first.identity.label).toBe('Kitchen');
  await run(api, RENAME, { identityId, label: 'Cellar' });
  expect(await found(api, { label: 'kit' })).toEqual([]);
  expect(await found(api, { label: 'cell' })).toEqual([identityId]);
  expect((await run(api, RENAME, { identityId })).identity.label).toBeNull();
  expect(await found(api, { label: 'cell' })).toEqual([]);
  expect(await run(api, RENAME, { identityId, label: ' ' })).toEqual({ code: 'LABEL_INVALID' });
  const unknown = await run(api, RENAME, { identityId: 'nobody', label: 'x' });
  expect(unknown).toEqual({ code: 'IDENTITY_NOT_FOUND' });
});

test('tags are given and taken, as often as asked, and no more than an identity may have', async () => {
  const api = await startApi(redis().url);
  const ids = [await register(api, 'alice'), await register(api, 'bob')];
  for (const _time of [1, 2]) {
    const given = await run(api, tagging('TagIdentities'), { identityIds: ids, tags: ['b', 'a'] });
    expect(given).toMatchObject({ done: 2, rows: [{ identity: { tags: ['a', 'b'] } }, {}] });
  }
  expect(await api.services.identityIndex.tags()).toEqual([
    ['a', 2],
    ['b', 2],
  ]);
  const taken = await run(api, tagging('UntagIdentities'), {
    identityIds: [ids[0], 'nobody'],
    tags: ['a', 'c'],
  });
  expect(taken.rows).toEqual([
    { identity: { tags: ['b'] }, error: null },
    { identity: null, error: { code: 'IDENTITY_NOT_FOUND' } },
  ]);
  expect(await found(api, { tag: 'a' })).toEqual([ids[1]]);
  const many = Array.from({ length: 20 }, (_, at) => `tag-${at}`);
  const over = await run(api, tagging('TagIdentities'), { identityIds: ids, tags: many });
  expect(over.rows[0].error.code).toBe('TAGS_INVALID');
  expect(await found(api, { tag: 'tag-0' })).toEqual([]);
});

test('an identity with updates that have not ended is not removed unless they may be canceled', async () => {
  const api = await startApi(redis().url);
  const identityId = await register(api);
  await updateShadow(api, patch(identityId));
  await updateShadow(api, patch(identityId, { delay: '1h' }));
  const refused = await run(api, REMOVE, { identityId, reason: 'left' });
  expect(refused).toMatchObject({ code: 'IDENTITY_HAS_PENDING' });
  expect(refused.message).toContain('2 updates');
  expect((await updateShadow(api, patch(identityId))).update.state).toBe('QUEUED');
});

test('a removal cancels what waits, says so, and leaves nothing of the identity', async () => {
  const api = await startApi(redis().url);
  const identityId = await register(api);
  await run(api, tagging('TagIdentities'), { identityIds: [identityId], tags: ['a'] });
  const { update } = await updateShadow(api, patch(identityId));
  const scheduled = await updateShadow(api, patch(identityId, { delay: '1h' }));
  const published = await updateShadow(api, patch(identityId, { thing: 'device_2' }));
  const shardKeys = api.keys.shard(shardOf(identityId, 8));
  await api.redis.hset(shardKeys.update(published.update.id), { state: 'IN_FLIGHT', epoch: '1' });

  const input = { identityId, pending: 'CANCEL', reason: 'left the company' };
  expect(await run(api, REMOVE, input)).toEqual({
    removal: { username: 'alice', canceled: 2, inFlight: 1 },
  });
  for (const { id } of [update, scheduled.update]) {
    const { update: ended } = await api.run(UPDATE, { id });
    expect(ended).toEqual({
      state: 'CANCELED',
      cancellation: { actor: 'tests', reason: 'left the company' },
      identity: null,
    });
  }
  expect(await run(api, REMOVE, input)).toMatchObject({ code: 'IDENTITY_NOT_FOUND' });
  expect(await updateShadow(api, patch(identityId))).toMatchObject({ code: 'IDENTITY_NOT_FOUND' });
  expect(await found(api, {})).toEqual([]);
  const left = await keysLike(api.redis, `*${api.keys.prefix}*`);
  const kept = (key: string) => key.includes(':deliver:') || key.includes(':i:o:');
  const ofIdentity = left.filter((key) => key.includes(identityId) && !kept(key));
  // What is being published stands in its lane until it ends; its history is kept as any. That it
  // was removed expires.
  expect(ofIdentity.toSorted()).toEqual([
    shardKeys.lane(`${identityId}/device_2`),
    shardKeys.lanesOf(identityId),
    shardKeys.removed(identityId),
  ]);
  expect(Object.keys(await api.redis.hgetall(shardKeys.removed(identityId)))).toEqual(['ended']);
  expect(await api.redis.pttl(shardKeys.removed(identityId))).toBeGreaterThan(0);
});

test('a username can be registered again after its identity was removed', async () => {
  const api = await startApi(redis().url);
  const identityId = await register(api);
  await run(api, REMOVE, { identityId, reason: 'a mistake' });
  const again = await register(api);
  expect(again).not.toBe(identityId);
  expect(await found(api, { username: 'alice' })).toEqual([again]);
});

test('an identity with more updates than one script cancels is removed, too', async () => {
  const api = await startApi(redis().url);
  const identityId = await register(api);
  const requests = Array.from({ length: 1201 }, (_, at) => ({
    identityId,
    thing: `device_${at % 3}`,
    desired: { at },
    confirm: 'ACCEPTED' as const,
  }));
  await api.services.intake.accept(requests, { actor: 'tests' });
  const input = { identityId, pending: 'CANCEL', reason: 'left' };
  expect(await run(api, REMOVE, input)).toMatchObject({ removal: { canceled: 1201 } });
});
