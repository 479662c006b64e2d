import { expect, test } from 'vitest';
import { useRedis } from '../support/useRedis.ts';
import { register, updateShadow, updateShadows } from './support/operations.ts';
import { type Json, startApi, type TestApi } from './support/testApi.ts';

const redis = useRedis();

/** Runs a mutation that takes an `input`, whatever becomes of it; gives the data of its answer. */
async function act(api: TestApi, name: string, input: object, selection = ''): Promise<Json> {
  const type = `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
  const query = `mutation ($input: ${INPUTS[name] ?? `${type}Input`}!) {
    result: ${name}(input: $input) { __typename ${selection} }
  }`;
  return (await api.run(query, { input })).result;
}

const INPUTS: Readonly<Record<string, string>> = {
  drainWorker: 'WorkerInput',
  addToGroup: 'GroupMembersInput',
};

/** The entries that the log has for a subject, newest first. */
async function about(api: TestApi, subject: string): Promise<Json[]> {
  const query = `query ($subject: String) {
    auditLog(filter: { subject: $subject }) { nodes { action subjects input outcome } }
  }`;
  return (await api.run(query, { subject })).auditLog.nodes;
}

test('a budget is found by the name that the schema has for it, and its entry tells that', async () => {
  const api = await startApi(redis().url);
  await act(api, 'setBudget', { budget: 'INITIATE_AUTH', perSecond: 20, reason: 'a larger quota' });
  expect(await about(api, 'INITIATE_AUTH')).toEqual([
    {
      action: 'setBudget',
      subjects: ['INITIATE_AUTH'],
      input: { budget: 'INITIATE_AUTH', perSecond: 20 },
      outcome: 'DONE',
    },
  ]);
});

test('shards and workers are found also where the request was refused', async () => {
  const api = await startApi(redis().url);
  await act(api, 'moveShard', { shard: 3, worker: 'worker-a' });
  await act(api, 'drainWorker', { worker: 'worker-a' });
  const both = await about(api, 'worker-a');
  expect(both.map(({ action, outcome }) => [action, outcome])).toEqual([
    ['drainWorker', 'REFUSED'],
    ['moveShard', 'REFUSED'],
  ]);
  expect((await about(api, 'shard 3')).map(({ action }) => action)).toEqual(['moveShard']);
});

test('a pause is found by what it holds back', async () => {
  const api = await startApi(redis().url);
  const identityId = await register(api);
  const { group } = await act(
    api,
    'createGroup',
    { name: 'plant' },
    '... on CreateGroupSuccess { group { id } }',
  );
  const targets = [{ fleet: true }, { shard: 5 }, { identityId }, { group: 'plant' }];
  for (const target of targets) await act(api, 'pauseUpdates', { target, reason: 'maintenance' });
  for (const subject of ['fleet', 'shard 5', identityId, 'plant', group.id]) {
    const [entry] = await about(api, subject);
    expect([subject, entry?.action]).toEqual([subject, 'pauseUpdates']);
  }
});

test('a group is found by its id, by whatever it was called in the request', async () => {
  const api = await startApi(redis().url);
  const identityId = await register(api);
  const { group } = await act(
    api,
    'createGroup',
    { name: 'plant' },
    '... on CreateGroupSuccess { group { id } }',
  );
  await act(api, 'addToGroup', { group: 'plant', identityIds: [identityId] });
  await act(api, 'deleteGroup', { group: group.id, reason: 'closed' });
  const actions = (await about(api, group.id)).map(({ action }) => action);
  expect(actions).toEqual(['deleteGroup', 'addToGroup', 'createGroup']);
});

test('what was made is found by its id, however much was asked for', async () => {
  const api = await startApi(redis().url);
  const { apiToken } = await act(
    api,
    'createApiToken',
    { name: 'ci', role: 'VIEWER', expiresIn: '1h' },
    '... on CreateApiTokenSuccess { apiToken { id } }',
  );
  expect((await about(api, apiToken.id))[0]).toMatchObject({
    action: 'createApiToken',
    input: { name: 'ci', role: 'VIEWER', expiresIn: '1h' },
  });
  const identities = Array.from({ length: 25 }, (_, n) => ({ username: `u${n}`, password: 'p' }));
  const { rows } = await act(
    api,
    'registerIdentities',
    { identities },
    '... on RegisterIdentitiesSuccess { rows { identity { id } } }',
  );
  const ids: string[] = rows.map(({ identity }: Json) => identity.id);
  expect((await about(api, ids[0] ?? ''))[0]?.action).toBe('registerIdentities');
  const updates = ids.map((identityId) => ({ identityId, thing: 'device_1', desired: { a: 1 } }));
  const { batch } = await act(
    api,
    'updateShadows',
    { updates },
    '... on UpdateShadowsSuccess { batch { id } }',
  );
  expect((await about(api, batch.id))[0]?.action).toBe('updateShadows');
});

test('the input of an entry has times, lengths of time and words as they were sent', async () => {
  const api = await startApi(redis().url);
  const identityId = await register(api);
  const sent = {
    identityId,
    thing: 'device_1',
    desired: { mode: 'accepted' },
    confirm: 'PUBACK',
    expiresAt: '2100-01-01T00:00:00.000Z',
    delay: '1h30m',
  };
  await updateShadow(api, sent);
  expect((await about(api, identityId))[0]?.input).toMatchObject(sent);
  await updateShadows(api, { updates: [sent], onError: 'REJECT_ALL' });
  expect((await about(api, identityId))[0]?.input).toMatchObject({
    updates: [sent],
    onError: 'REJECT_ALL',
  });
});
