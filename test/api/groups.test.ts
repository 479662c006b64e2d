import { expect, test } from 'vitest';
import { useRedis } from '../support/useRedis.ts';
import { register, updateShadow, updateShadows } from './support/operations.ts';
import { type Json, startApi, type TestApi } from './support/testApi.ts';

const redis = useRedis();

const CREATE = /* GraphQL */ `
  mutation ($input: CreateGroupInput!) {
    result: createGroup(input: $input) {
      ... on CreateGroupSuccess { group { id name description createdBy memberCount } }
      ... on Error { code }
    }
  }
`;
const members = (name: string) => /* GraphQL */ `
  mutation ($input: GroupMembersInput!) {
    result: ${name.charAt(0).toLowerCase()}${name.slice(1)}(input: $input) {
      ... on ${name}Success { done refused rows { identity { groups { name } } error { code } } }
      ... on Error { code }
    }
  }
`;
const DELETE = /* GraphQL */ `
  mutation ($input: DeleteGroupInput!) {
    result: deleteGroup(input: $input) {
      ... on DeleteGroupSuccess { group { name } } ... on Error { code }
    }
  }
`;
const GROUP = /* GraphQL */ `
  query ($name: String!) {
    group(name: $name) {
      id memberCount busyThings members(first: 500) { nodes { username } }
    }
  }
`;
const UPDATE = /* GraphQL */ `
  query ($id: ID!) { update(id: $id) { identityId group { name } state } }
`;

const run = async (api: TestApi, mutation: string, input: object): Promise<Json> =>
  (await api.run(mutation, { input })).result;

async function plant(api: TestApi, usernames: readonly string[]): Promise<string[]> {
  await run(api, CREATE, { name: 'plant' });
  const ids = await Promise.all(usernames.map((username) => register(api, username)));
  await run(api, members('AddToGroup'), { group: 'plant', identityIds: ids });
  return ids;
}

const patch = (over: object) => ({ thing: 'device_1', desired: { power: 'OFF' }, ...over });

const REPLAY = `mutation ($input: ReplayUpdateInput!) {
  result: replayUpdate(input: $input) {
    ... on ReplayUpdateSuccess { update { id identityId group { name } replayOf { id } } }
    ... on Error { code }
  }
}`;

test('a group has a name, members that it lists, and identities say which they are in', async () => {
  const api = await startApi(redis().url);
  const made = await run(api, CREATE, { name: 'plant/a', description: 'the presses' });
  expect(made.group).toMatchObject({ name: 'plant/a', createdBy: 'tests', memberCount: 0 });
  expect(await run(api, CREATE, { name: 'plant/a' })).toEqual({ code: 'GROUP_EXISTS' });
  expect(await run(api, CREATE, { name: 'a b' })).toEqual({ code: 'GROUP_NAME_INVALID' });
  const ids = [await register(api, 'alice'), await register(api, 'bob')];
  const input = { group: 'plant/a', identityIds: [...ids, 'nobody'] };
  for (const _time of [1, 2]) {
    expect((await run(api, members('AddToGroup'), input)).rows).toEqual([
      { identity: { groups: [{ name: 'plant/a' }] }, error: null },
      { identity: { groups: [{ name: 'plant/a' }] }, error: null },
      { identity: null, error: { code: 'IDENTITY_NOT_FOUND' } },
    ]);
  }
  const { group } = await api.run(GROUP, { name: 'plant/a' });
  expect(group).toMatchObject({ memberCount: 2, busyThings: 0 });
  expect(group.members.nodes.map(({ username }: Json) => username).toSorted()).toEqual([
    'alice',
    'bob',
  ]);
  const byId = await api.run(GROUP, { name: group.id });
  expect(byId.group.id).toBe(group.id);
  const { node } = await api.run('query ($id: ID!) { node(id: $id) { __typename } }', {
    id: group.id,
  });
  expect(node.__typename).toBe('Group');
  await run(api, members('RemoveFromGroup'), { group: group.id, identityIds: [ids[0]] });
  expect((await api.run(GROUP, { name: 'plant/a' })).group.memberCount).toBe(1);
});

test('a group gets another name and description, and stays the same group', async () => {
  const api = await startApi(redis().url);
  const [identityId] = await plant(api, ['alice']);
  const id = (await api.run(GROUP, { name: 'plant' })).group.id;
  const change = `mutation ($input: UpdateGroupInput!) {
    result: updateGroup(input: $input) {
      ... on UpdateGroupSuccess { group { id name description createdBy memberCount } }
      ... on Error { code }
    }
  }`;
  const { update } = await updateShadow(api, patch({ group: 'plant' }));
  const first = { group: 'plant', name: 'factory', description: 'the presses' };
  const made = { id, createdBy: 'tests', memberCount: 1 };
  expect(await run(api, change, first)).toEqual({
    group: { ...made, name: 'factory', description: 'the presses' },
  });
  expect((await api.run(GROUP, { name: 'plant' })).group).toBeNull();
  expect((await api.run(UPDATE, { id: update.id })).update.group.name).toBe('factory');
  expect((await updateShadow(api, patch({ group: 'factory' }))).update.id).toBeDefined();
  const kept = { ...made, name: 'factory' };
  expect(await run(api, change, { group: id })).toEqual({
    group: { ...kept, description: 'the presses' },
  });
  expect(await run(api, change, { group: id, description: null })).toEqual({
    group: { ...kept, description: null },
  });
  const { auditLog } = await api.run(
    '{ auditLog(filter: { action: "updateGroup" }) { nodes { subjects before after } } }',
  );
  expect(auditLog.nodes.at(-1)).toEqual({
    subjects: [id, 'plant', 'factory'],
    before: { name: 'plant', description: null },
    after: { name: 'factory', description: 'the presses' },
  });

  await run(api, CREATE, { name: 'plant' });
  expect(await run(api, change, { group: id, name: 'plant' })).toEqual({ code: 'GROUP_EXISTS' });
  expect(await run(api, change, { group: id, name: 'a b' })).toEqual({
    code: 'GROUP_NAME_INVALID',
  });
  expect(await run(api, change, { group: 'mill', name: 'b' })).toEqual({ code: 'GROUP_NOT_FOUND' });
  const { groups } = await api.run('{ groups { nodes { name } } }');
  expect(groups.nodes).toEqual([{ name: 'factory' }, { name: 'plant' }]);
  const { identity } = await api.run('query ($id: ID!) { identity(id: $id) { groups { name } } }', {
    id: identityId,
  });
  expect(identity.groups).toEqual([{ name: 'factory' }]);
});

test('groups are listed by name, page by page', async () => {
  const api = await startApi(redis().url);
  for (const name of ['c', 'a', 'b']) await run(api, CREATE, { name });
  const list = `query ($after: String) {
    groups(first: 2, after: $after) { nodes { name } pageInfo { hasNextPage endCursor } }
  }`;
  const { groups } = await api.run(list);
  expect(groups.nodes).toEqual([{ name: 'a' }, { name: 'b' }]);
  const { groups: rest } = await api.run(list, { after: groups.pageInfo.endCursor });
  expect(rest).toMatchObject({ nodes: [{ name: 'c' }], pageInfo: { hasNextPage: false } });
});

test('an update is sent by a member of its group, for one thing by the same', async () => {
  const api = await startApi(redis().url);
  const ids = await plant(api, ['alice', 'bob', 'carol']);
  const senders = new Set<string>();
  for (const thing of ['device_1', 'device_1', 'device_2', 'device_1']) {
    const { update } = await updateShadow(api, patch({ group: 'plant', thing }));
    const { update: found } = await api.run(UPDATE, { id: update.id });
    expect(found).toMatchObject({ group: { name: 'plant' }, state: 'QUEUED' });
    expect(ids).toContain(found.identityId);
    if (thing === 'device_1') senders.add(found.identityId);
  }
  expect(senders.size).toBe(1);
  expect((await api.run(GROUP, { name: 'plant' })).group.busyThings).toBe(2);
});

test('rows through a group and rows of identities go together', async () => {
  const api = await startApi(redis().url);
  const [alice = ''] = await plant(api, ['alice', 'bob']);
  await run(api, CREATE, { name: 'empty' });
  const answer = await updateShadows(api, {
    updates: [
      patch({ group: 'plant' }),
      patch({ identityId: alice }),
      patch({ group: 'nowhere' }),
      patch({ group: 'empty' }),
      patch({}),
      patch({ group: 'plant', identityId: alice }),
      patch({ group: 'plant', thing: 'a b' }),
    ],
  });
  const codes = answer.rows.map(({ error }: Json) => error?.code ?? null);
  expect(codes).toEqual([
    null,
    null,
    'GROUP_NOT_FOUND',
    'GROUP_EMPTY',
    'TARGET_INVALID',
    'TARGET_INVALID',
    'THING_NAME_INVALID',
  ]);
});

test('what is sent again goes through the group again, and each tells of the other', async () => {
  const api = await startApi(redis().url);
  const ids = await plant(api, ['alice', 'bob', 'carol', 'dave']);
  const { update } = await updateShadow(api, patch({ group: 'plant' }));
  await api.services.control.cancel(update.id, 'tests', undefined);
  const { update: first } = await api.run(UPDATE, { id: update.id });
  // By the same member as long as it is one.
  const same = (await run(api, REPLAY, { updateId: update.id })).update;
  expect(same).toMatchObject({ identityId: first.identityId, group: { name: 'plant' } });
  await api.services.control.cancel(same.id, 'tests', undefined);
  const identityIds = [first.identityId];
  await run(api, members('RemoveFromGroup'), { group: 'plant', identityIds });
  const again = (await run(api, REPLAY, { updateId: update.id })).update;
  expect(ids).toContain(again.identityId);
  expect(again.identityId).not.toBe(first.identityId);
  expect(again.replayOf.id).toBe(update.id);
  const lineage = 'query ($id: ID!) { update(id: $id) { replays { id } } }';
  const { update: original } = await api.run(lineage, { id: update.id });
  expect(original.replays).toEqual([{ id: same.id }, { id: again.id }]);
});

test('what was sent through a group that is deleted is sent again as whom it was sent by', async () => {
  const api = await startApi(redis().url);
  const [alice] = await plant(api, ['alice']);
  const { update } = await updateShadow(api, patch({ group: 'plant' }));
  await api.services.control.cancel(update.id, 'tests', undefined);
  const before = (await run(api, REPLAY, { updateId: update.id, idempotencyKey: 'k' })).update;
  await run(api, DELETE, { group: 'plant', reason: 'not used' });
  // The same key is the same update still.
  const same = (await run(api, REPLAY, { updateId: update.id, idempotencyKey: 'k' })).update;
  expect(same.id).toBe(before.id);
  const again = (await run(api, REPLAY, { updateId: update.id })).update;
  expect(again).toMatchObject({ identityId: alice, group: null, replayOf: { id: update.id } });
  await api.services.control.cancel(again.id, 'tests', undefined);
  await api.services.identityEditor.remove(alice ?? '', {
    pending: 'CANCEL',
    actor: 'tests',
    reason: 'left',
  });
  expect(await run(api, REPLAY, { updateId: update.id })).toEqual({ code: 'IDENTITY_NOT_FOUND' });
});

test('the same key is the same update, though the members of the group changed', async () => {
  const api = await startApi(redis().url);
  const ids = await plant(api, ['alice', 'bob']);
  const input = patch({ group: 'plant', idempotencyKey: 'k' });
  const { update } = await updateShadow(api, input);
  await run(api, members('RemoveFromGroup'), { group: 'plant', identityIds: ids });
  expect((await updateShadow(api, input)).update.id).toBe(update.id);
  const other = await updateShadow(api, { ...input, desired: { power: 'ON' } });
  expect(other.code).toBe('IDEMPOTENCY_KEY_REUSED');
});

test('a deleted group leaves its members and what was sent through it', async () => {
  const api = await startApi(redis().url);
  const ids = await plant(api, ['alice']);
  const { update } = await updateShadow(api, patch({ group: 'plant' }));
  expect(await run(api, DELETE, { group: 'plant', reason: ' ' })).toEqual({
    code: 'REASON_INVALID',
  });
  const gone = await run(api, DELETE, { group: 'plant', reason: 'not used' });
  expect(gone.group.name).toBe('plant');
  expect((await api.run(GROUP, { name: 'plant' })).group).toBeNull();
  const { update: found } = await api.run(UPDATE, { id: update.id });
  expect(found).toEqual({ identityId: ids[0], group: null, state: 'QUEUED' });
  const { identity } = await api.run('query ($id: ID!) { identity(id: $id) { groups { id } } }', {
    id: ids[0],
  });
  expect(identity.groups).toEqual([]);
  expect(await updateShadow(api, patch({ group: 'plant' }))).toMatchObject({
    code: 'GROUP_NOT_FOUND',
  });
});
