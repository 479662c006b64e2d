import { expect, test } from 'vitest';
import { useRedis } from '../support/useRedis.ts';
import { register, updateShadow, updateShadows } from './support/operations.ts';
import { type Json, OTHER_TOKEN, startApi, type TestApi } from './support/testApi.ts';

const redis = useRedis();

const SEARCH = /* GraphQL */ `
  query ($filter: UpdateFilter, $first: Int, $after: String, $orderBy: UpdateOrder) {
    updates(filter: $filter, first: $first, after: $after, orderBy: $orderBy) {
      edges { cursor node { id } }
      nodes { thing labels }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
`;
const FACETS = /* GraphQL */ `
  query ($filter: UpdateFilter) {
    updateFacets(filter: $filter) {
      total atLeast
      states { state count atLeast }
      failureCodes { code count }
      waitReasons { reason count }
      actors { value count }
      labels { value count }
    }
  }
`;
const CANCEL =
  'mutation ($input: CancelUpdateInput!) { cancelUpdate(input: $input) { __typename } }';

async function populated(): Promise<{ api: TestApi; alice: string; bob: string }> {
  const api = await startApi(redis().url);
  const [alice, bob] = [await register(api), await register(api, 'bob')];
  const row = (identityId: string, n: number) => ({
    identityId,
    thing: `device_${n % 2}`,
    desired: { n },
    labels: n % 3 === 0 ? ['third', 'all'] : ['all'],
  });
  await updateShadows(api, { updates: Array.from({ length: 9 }, (_, n) => row(alice, n)) });
  const last = await updateShadow(api, { ...row(bob, 9) }, OTHER_TOKEN);
  await api.run(CANCEL, { input: { updateId: last.update.id } });
  return { api, alice, bob };
}

test('updates are searched by what they have, in both orders, page by page', async () => {
  const { api, alice } = await populated();
  const filter = { identityId: alice, labels: ['all'] };
  const whole: Json = (await api.run(SEARCH, { filter, orderBy: 'OLDEST_FIRST' })).updates;
  expect(whole.nodes.map(({ thing }: Json) => thing)).toEqual(
    Array.from({ length: 9 }, (_, n) => `device_${n % 2}`),
  );
  expect(whole.pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: false });

  const ids: string[] = [];
  for (let after: string | null = null, more = true; more; ) {
    const { updates }: Json = await api.run(SEARCH, { filter, first: 4, after });
    ids.push(...updates.edges.map(({ node }: Json) => node.id));
    expect(updates.pageInfo.hasPreviousPage).toBe(after !== null);
    after = updates.pageInfo.endCursor;
    more = updates.pageInfo.hasNextPage;
  }
  expect(ids).toEqual(whole.edges.map(({ node }: Json) => node.id).toReversed());

  const count = async (wanted: object) =>
    (await api.run(SEARCH, { filter: wanted })).updates.nodes.length;
  expect(await count({})).toBe(10);
  expect(await count({ thing: 'device_1', labels: ['third'] })).toBe(2);
  expect(await count({ states: ['CANCELED'] })).toBe(1);
  expect(await count({ actor: 'others' })).toBe(1);
  expect(await count({ failureCodes: ['REJECTED'] })).toBe(0);
  expect(await count({ waitReasons: ['NO_OWNER'] })).toBe(2);
  expect(await count({ waitReasons: ['BEHIND_ANOTHER_UPDATE'] })).toBe(7);
  expect(await count({ acceptedBefore: '2020-01-01T00:00:00Z' })).toBe(0);
});

test('an identity and a thing have their histories', async () => {
  const { api, bob } = await populated();
  const query = 'query ($id: ID!) { identity(id: $id) { updates { nodes { state labels } } } }';
  const { identity } = await api.run(query, { id: bob });
  expect(identity.updates.nodes).toEqual([{ state: 'CANCELED', labels: ['third', 'all'] }]);
  const { thing } = await api.run('{ thing(name: "device_1") { updates { nodes { thing } } } }');
  expect(thing.updates.nodes).toEqual(Array.from({ length: 5 }, () => ({ thing: 'device_1' })));
});

test('facets count by everything', async () => {
  const { api, alice } = await populated();
  const { updateFacets: all }: Json = await api.run(FACETS);
  expect(all).toEqual({
    total: 10,
    atLeast: false,
    states: [
      { state: 'QUEUED', count: 9, atLeast: false },
      { state: 'CANCELED', count: 1, atLeast: false },
    ],
    failureCodes: [],
    waitReasons: [
      { reason: 'BEHIND_ANOTHER_UPDATE', count: 7 },
      { reason: 'NO_OWNER', count: 2 },
    ],
    actors: [
      { value: 'tests', count: 9 },
      { value: 'others', count: 1 },
    ],
    labels: [
      { value: 'all', count: 10 },
      { value: 'third', count: 4 },
    ],
  });
  const filter = { identityId: alice, thing: 'device_0' };
  const { updateFacets: some }: Json = await api.run(FACETS, { filter });
  expect(some.total).toBe(5);
});

test('a filter that nothing can match says what is wrong with it', async () => {
  const api = await startApi(redis().url);
  const wrong = [
    { identityId: 'alice' },
    { batchId: 'bat_1' },
    { groupId: 'plant' },
    { shadow: 'a/b' },
    { shadow: 'settings', classicShadow: true },
    { labels: ['a,b'] },
    { labels: Array.from({ length: 11 }, (_, n) => `l${n}`) },
    { actor: 'x'.repeat(257) },
  ];
  for (const filter of wrong) {
    const { errors } = await api.send(SEARCH, { filter });
    expect([filter, errors[0].extensions.code]).toEqual([filter, 'FILTER_INVALID']);
  }
  const { errors } = await api.send(SEARCH, { after: 'nonsense' });
  expect(errors[0].extensions.code).toBe('PAGE_INVALID');
});

test('updates are searched by their shadow and by the group that they were sent through', async () => {
  const api = await startApi(redis().url);
  const identityId = await register(api);
  const create = `mutation { createGroup(input: { name: "plant" }) {
    ... on CreateGroupSuccess { group { id } }
  } }`;
  const groupId: string = (await api.run(create)).createGroup.group.id;
  const add = 'mutation ($input: GroupMembersInput!) { addToGroup(input: $input) { __typename } }';
  await api.run(add, { input: { group: 'plant', identityIds: [identityId] } });
  const desired = { power: 'OFF' };
  const updates = [
    { identityId, thing: 'device_1', desired },
    { identityId, thing: 'device_1', shadow: 'settings', desired },
    { identityId, thing: 'device_2', shadow: 'settings', desired },
    { identityId, thing: 'device_2', shadow: 'other', desired },
    { group: 'plant', thing: 'device_1', desired },
    { group: 'plant', thing: 'device_2', shadow: 'settings', desired },
  ];
  expect((await updateShadows(api, { updates })).accepted).toBe(6);
  const count = async (filter: object) => {
    const { updates: page } = await api.run(SEARCH, { filter });
    const { updateFacets } = await api.run(FACETS, { filter });
    expect(updateFacets.total).toBe(page.nodes.length);
    return page.nodes.length;
  };
  expect(await count({ shadow: 'settings' })).toBe(3);
  expect(await count({ shadow: 'settings', thing: 'device_1' })).toBe(1);
  expect(await count({ classicShadow: true })).toBe(2);
  expect(await count({ classicShadow: false, thing: 'device_2' })).toBe(3);
  expect(await count({ groupId })).toBe(2);
  expect(await count({ groupId, shadow: 'settings' })).toBe(1);
  expect(await count({ groupId, states: ['SUCCEEDED'] })).toBe(0);
  expect(await count({ waitReasons: ['BEHIND_ANOTHER_UPDATE'], shadow: 'settings' })).toBe(1);
});

test('labels are checked when an update is accepted', async () => {
  const api = await startApi(redis().url);
  const identityId = await register(api);
  const send = async (labels: readonly string[]) =>
    updateShadow(api, { identityId, thing: 'device_1', desired: { power: 'OFF' }, labels });
  expect((await send(['one, two'])).code).toBe('LABELS_INVALID');
  expect((await send([''])).code).toBe('LABELS_INVALID');
  expect((await send(Array.from({ length: 11 }, (_, n) => `l${n}`))).code).toBe('LABELS_INVALID');
  expect((await send(['release:2026-11', 'a/b'])).update.id).toBeDefined();
});

test('a list of one thing, identity or batch takes no filter that names another one', async () => {
  const api = await startApi(redis().url);
  const identityId = await register(api);
  const nobody = 'idn_01ARZ3NDEKTSV4RRFFQ69G5FAV';
  const query = (filter: string) => `{
    identity(id: "${identityId}") { updates(filter: ${filter}) { nodes { id } } }
  }`;
  const same = await api.run(query(`{ identityId: "${identityId}", thing: "device_1" }`));
  expect(same.identity.updates.nodes).toEqual([]);
  const ofIdentity = await api.send(query(`{ identityId: "${nobody}" }`));
  const ofThing = await api.send(
    '{ thing(name: "device_1") { updates(filter: { thing: "device_2" }) { nodes { id } } } }',
  );
  for (const { errors } of [ofIdentity, ofThing]) {
    expect(errors?.[0].extensions).toMatchObject({
      code: 'FILTER_INVALID',
      remedy: 'Leave it out.',
    });
  }
});
