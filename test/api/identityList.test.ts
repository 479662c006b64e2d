import { expect, test } from 'vitest';
import { searchText } from '../../src/shared/domain/searchText.ts';
import { useRedis } from '../support/useRedis.ts';
import { type Json, startApi, type TestApi } from './support/testApi.ts';

const redis = useRedis();

const REGISTER_MANY = /* GraphQL */ `
  mutation ($input: RegisterIdentitiesInput!) {
    registerIdentities(input: $input) {
      ... on RegisterIdentitiesSuccess { rows { identity { id } error { code } } }
      ... on Error { code message }
    }
  }
`;
const LIST = /* GraphQL */ `
  query ($filter: IdentityFilter, $first: Int, $after: String) {
    identities(filter: $filter, first: $first, after: $after) {
      nodes { id username label tags status }
      edges { cursor }
      pageInfo { hasNextPage hasPreviousPage endCursor }
    }
  }
`;
const COUNTS = /* GraphQL */ `
  query ($tag: String, $group: String) {
    identityCounts(tag: $tag, group: $group) { status count }
  }
`;

interface User {
  readonly username: string;
  readonly label?: string;
  readonly tags?: readonly string[];
}

async function fill(api: TestApi, users: readonly User[]): Promise<string[]> {
  const identities = users.map((user) => ({ ...user, password: 'their-password' }));
  const data: Json = await api.run(REGISTER_MANY, { input: { identities } });
  return data.registerIdentities.rows.map(({ identity }: Json) => identity.id as string);
}

/** Every page of a list, each of which must go on where the one before ended. */
async function all(api: TestApi, filter: object | null, first: number): Promise<Json[]> {
  const nodes: Json[] = [];
  let after: string | null = null;
  for (;;) {
    const { identities } = await api.run(LIST, { filter, first, after });
    nodes.push(...identities.nodes);
    expect(identities.nodes.length).toBeLessThanOrEqual(first);
    if (!identities.pageInfo.hasNextPage) return nodes;
    expect(identities.pageInfo.endCursor).not.toBe(after);
    after = identities.pageInfo.endCursor;
  }
}

const names = (nodes: readonly Json[]) => nodes.map(({ username }) => username as string);

test('a list gives each identity once, whatever the size of its pages', async () => {
  const api = await startApi(redis().url);
  const users = Array.from({ length: 37 }, (_, at) => ({ username: `user-${at}` }));
  const ids = await fill(api, users);
  const whole = await all(api, null, 500);
  expect(new Set(whole.map(({ id }) => id as string))).toEqual(new Set(ids));
  for (const size of [1, 7, 37]) expect(names(await all(api, null, size))).toEqual(names(whole));
});

test('what is registered last comes first', async () => {
  const api = await startApi(redis().url);
  for (const username of ['one', 'two', 'three']) await fill(api, [{ username }]);
  expect(names(await all(api, null, 2))).toEqual(['three', 'two', 'one']);
});

test('usernames and labels are found by how they begin, in the order of their letters', async () => {
  const api = await startApi(redis().url);
  await fill(api, [
    { username: 'Plant.B', label: 'Überlauf' },
    { username: 'plant.a', label: 'überdruck' },
    { username: 'plant.c' },
    { username: 'office', label: 'Uhr' },
    { username: 'plan' },
  ]);
  expect(names(await all(api, { username: 'PLANT.' }, 2))).toEqual([
    'plant.a',
    'Plant.B',
    'plant.c',
  ]);
  expect(names(await all(api, { label: 'ü' }, 1))).toEqual(['plant.a', 'Plant.B']);
  expect(names(await all(api, { username: 'plant.', label: 'über' }, 5))).toHaveLength(2);
  expect(await all(api, { username: 'nobody' }, 5)).toEqual([]);
  expect(searchText('ＰＬＡＮＴ')).toBe('plant');
});

test('filters by tag and by status hold together, and the counts agree', async () => {
  const api = await startApi(redis().url);
  const ids = await fill(
    api,
    Array.from({ length: 30 }, (_, at) => ({
      username: `user-${at}`,
      tags: at % 3 === 0 ? ['site:a', 'third'] : ['site:a'],
    })),
  );
  const shards = api.services.identityIndex;
  expect(await shards.tags()).toEqual([
    ['site:a', 30],
    ['third', 10],
  ]);
  expect(names(await all(api, { tag: 'third' }, 4))).toHaveLength(10);
  expect(names(await all(api, { tag: 'third', status: 'ACTIVE' }, 4))).toEqual([]);
  expect(names(await all(api, { tag: 'third', username: 'user-1' }, 4))).toEqual([
    'user-12',
    'user-15',
    'user-18',
  ]);
  const { identityCounts } = await api.run(COUNTS, { tag: 'third' });
  expect(identityCounts).toContainEqual({ status: 'PENDING', count: 10 });
  expect(identityCounts).toContainEqual({ status: 'ACTIVE', count: 0 });
  expect(ids).toHaveLength(30);
});

test.each([
  ['a cursor that no page gave', { after: 'bm90aGluZw' }, 'PAGE_INVALID'],
  ['a page of none', { first: 0 }, 'PAGE_INVALID'],
  ['a tag that cannot be one', { filter: { tag: 'a,b' } }, 'TAGS_INVALID'],
  ['a control character', { filter: { username: 'a\u0000' } }, 'FILTER_INVALID'],
  ['a group that is not there', { filter: { group: 'none' } }, 'GROUP_NOT_FOUND'],
])('%s is refused', async (_name, variables, code) => {
  const api = await startApi(redis().url);
  const { errors } = await api.send(LIST, variables);
  expect(errors[0].extensions.code).toBe(code);
});

test('a cursor of another order is refused', async () => {
  const api = await startApi(redis().url);
  await fill(api, [{ username: 'one' }, { username: 'two' }]);
  const { identities } = await api.run(LIST, { first: 1 });
  const after = identities.pageInfo.endCursor;
  const { errors } = await api.send(LIST, { after, filter: { username: 't' } });
  expect(errors[0].extensions.code).toBe('PAGE_INVALID');
});
