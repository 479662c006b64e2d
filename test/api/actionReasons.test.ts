import { expect, test } from 'vitest';
import { runScript } from '../../src/shared/redis/script.ts';
import { HEARTBEAT } from '../../src/shared/store/lua/fleetScripts.ts';
import { useRedis } from '../support/useRedis.ts';
import { register } from './support/operations.ts';
import { type Json, startApi, type TestApi } from './support/testApi.ts';

const redis = useRedis();

const beat = (api: TestApi, worker: string) =>
  runScript(api.redis, HEARTBEAT, [api.keys.members, api.keys.memberInfo], [worker, '{}', 60_000]);

const capital = (name: string) => `${name.charAt(0).toUpperCase()}${name.slice(1)}`;

async function act(api: TestApi, mutation: string, type: string, input: object): Promise<Json> {
  const query = `mutation ($input: ${type}!) {
    result: ${mutation}(input: $input) { __typename ... on Error { code remedy } }
  }`;
  return (await api.run(query, { input })).result;
}

async function reasons(api: TestApi): Promise<Json> {
  const { auditLog } = await api.run('{ auditLog { nodes { action reason outcome } } }');
  return auditLog.nodes;
}

test('what is done to the fleet or to a connection may say why, and the audit has it', async () => {
  const api = await startApi(redis().url);
  for (const worker of ['one', 'two']) await beat(api, worker);
  const identityId = await register(api);
  const identityIds = [identityId];
  await act(api, 'createGroup', 'CreateGroupInput', { name: 'plant' });
  const actions: readonly (readonly [string, string, object])[] = [
    ['drainWorker', 'WorkerInput', { worker: 'one' }],
    ['resumeWorker', 'WorkerInput', { worker: 'one' }],
    ['moveShard', 'MoveShardInput', { shard: 0, worker: 'two' }],
    ['reconnectIdentity', 'ConnectionActionInput', { identityId }],
    ['closeConnection', 'ConnectionActionInput', { identityId }],
    ['addToGroup', 'GroupMembersInput', { group: 'plant', identityIds }],
    ['removeFromGroup', 'GroupMembersInput', { group: 'plant', identityIds }],
  ];
  for (const [mutation, type, input] of actions) {
    const refused = await act(api, mutation, type, { ...input, reason: ' ' });
    expect(refused).toMatchObject({ code: 'REASON_INVALID' });
    const done = await act(api, mutation, type, { ...input, reason: `why ${mutation}` });
    expect(done.__typename).toBe(`${capital(mutation)}Success`);
    const without = await act(api, mutation, type, input);
    expect(without.__typename).toBe(`${capital(mutation)}Success`);
  }
  const told = (await reasons(api)).filter(({ outcome }: Json) => outcome === 'DONE');
  for (const [action] of actions) {
    expect(told).toContainEqual({ action, reason: `why ${action}`, outcome: 'DONE' });
    expect(told).toContainEqual({ action, reason: null, outcome: 'DONE' });
  }
});

test('a release may say why, and its reason is looked at before anything is done', async () => {
  const api = await startApi(redis().url);
  const identityId = await register(api);
  const release = (reason: string) =>
    act(api, 'releaseIdentity', 'ReleaseIdentityInput', { identityId, reason });
  expect(await release('\u0007')).toMatchObject({ code: 'REASON_INVALID' });
  expect(await release('mended')).toMatchObject({ code: 'IDENTITY_NOT_QUARANTINED' });
  expect((await reasons(api))[0]).toMatchObject({ action: 'releaseIdentity', reason: 'mended' });
});

test('a reason that is needed and missing is asked for, not asked to be left out', async () => {
  const api = await startApi(redis().url);
  const input = { target: { fleet: true }, reason: '' };
  const { code, remedy } = await act(api, 'pauseUpdates', 'PauseUpdatesInput', input);
  expect([code, remedy]).toEqual(['REASON_INVALID', 'Say why, in 1 to 500 characters.']);
});
