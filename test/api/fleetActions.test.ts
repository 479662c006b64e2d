import { expect, test } from 'vitest';
import { runScript } from '../../src/shared/redis/script.ts';
import { HEARTBEAT } from '../../src/shared/store/lua/fleetScripts.ts';
import { shardOf } from '../../src/shared/domain/ids.ts';
import { useRedis } from '../support/useRedis.ts';
import { register } from './support/operations.ts';
import { type Json, startApi, type TestApi } from './support/testApi.ts';

const redis = useRedis();

async function ask(api: TestApi, mutation: string, type: string, input: object, fields: string) {
  const data: Json = await api.run(
    `mutation ($input: ${type}!) {
      result: ${mutation}(input: $input) { __typename ... on Error { code } ${fields} }
    }`,
    { input },
  );
  return data.result;
}

const connection = (api: TestApi, mutation: string, identityId: string) => {
  const success = `${mutation.charAt(0).toUpperCase()}${mutation.slice(1)}Success`;
  const fields = `... on ${success} { identity { id } }`;
  return ask(api, mutation, 'ConnectionActionInput', { identityId }, fields);
};

const fleet = (api: TestApi, mutation: string, input: object) => {
  const name = `${mutation.charAt(0).toUpperCase()}${mutation.slice(1)}`;
  const type = mutation === 'moveShard' ? 'MoveShardInput' : 'WorkerInput';
  const fields = `... on ${name}Success { fleet { workers { name draining } } }`;
  return ask(api, mutation, type, input, fields);
};

/** The identities that jobs ask workers to connect. */
async function askedToConnect(api: TestApi): Promise<string[]> {
  const shards = Array.from({ length: 8 }, (_, shard) => api.keys.shard(shard).queue);
  const keys = await Promise.all(shards.map((queue) => api.redis.keys(`${queue}:a_warm_*`)));
  const jobs = await Promise.all(keys.flat().map((key) => api.redis.hget(key, 'data')));
  return jobs.flatMap((data): string[] => JSON.parse(data ?? '{}').identityIds);
}

const beat = (api: TestApi, worker: string) =>
  runScript(api.redis, HEARTBEAT, [api.keys.members, api.keys.memberInfo], [worker, '{}', 60_000]);

test('what is asked of a connection waits for its owner, whether there is one or not', async () => {
  const api = await startApi(redis().url);
  const id = await register(api);
  for (const mutation of ['reconnectIdentity', 'closeConnection']) {
    expect((await connection(api, mutation, id)).identity).toEqual({ id });
    expect((await connection(api, mutation, 'idn_nobody')).code).toBe('IDENTITY_NOT_FOUND');
  }
  const queue = `${api.keys.shard(shardOf(id, 8)).queue}:`;
  const jobs = (await api.redis.keys(`${queue}a_*`)).map((key) => key.slice(queue.length));
  expect(new Set(jobs.map((job) => job.split('_', 2)[1]))).toEqual(new Set(['close', 'reconnect']));
});

test('identities are warmed up many at once, and unknown ones refused by themselves', async () => {
  const api = await startApi(redis().url);
  const ids = await Promise.all(['a', 'b', 'c'].map((name) => register(api, name)));
  const warm = (identityIds: readonly string[]) =>
    ask(
      api,
      'warmUpConnections',
      'WarmUpConnectionsInput',
      { identityIds },
      '... on WarmUpConnectionsSuccess { done refused rows { index identity { id } error { code } } }',
    );
  const { done, refused, rows } = await warm([...ids, 'idn_nobody', ...ids]);
  expect([done, refused]).toEqual([6, 1]);
  expect(rows[3]).toEqual({ index: 3, identity: null, error: { code: 'IDENTITY_NOT_FOUND' } });
  expect(rows[4]).toEqual({ index: 4, identity: { id: ids[0] }, error: null });
  expect((await askedToConnect(api)).toSorted()).toEqual(ids.toSorted());
  const many = Array.from({ length: 1001 }, (_, at) => `idn_${at}`);
  expect((await warm(many)).code).toBe('TOO_MANY_IDENTITIES');
});

test('what is asked at the same moment for identities that begin alike is asked all of it', async () => {
  const api = await startApi(redis().url);
  const first = await register(api, 'a');
  const shard = shardOf(first, 8);
  const inShard = Array.from({ length: 50 }, (_, at) => `idn_${at}`).filter(
    (id) => shardOf(id, 8) === shard,
  );
  const { fleetControl } = api.services;
  await Promise.all(inShard.map((id) => fleetControl.connections('warm', [first, id])));
  expect(new Set(await askedToConnect(api))).toEqual(new Set([first, ...inShard]));
});

test('shards are moved to workers that there are, and workers drained while others stay', async () => {
  const api = await startApi(redis().url);
  await beat(api, 'one');
  expect((await fleet(api, 'drainWorker', { worker: 'one' })).code).toBe('LAST_WORKER');
  await beat(api, 'two');
  expect((await fleet(api, 'moveShard', { shard: 8, worker: 'one' })).code).toBe('SHARD_NOT_FOUND');
  expect((await fleet(api, 'moveShard', { shard: -1, worker: 'one' })).code).toBe(
    'SHARD_NOT_FOUND',
  );
  for (const mutation of ['drainWorker', 'resumeWorker']) {
    expect((await fleet(api, mutation, { worker: 'three' })).code).toBe('WORKER_NOT_FOUND');
  }
  expect((await fleet(api, 'moveShard', { shard: 3, worker: 'two' })).__typename).toBe(
    'MoveShardSuccess',
  );
  expect(await api.redis.hgetall(api.keys.placements)).toEqual({ '3': 'two' });
  expect((await fleet(api, 'drainWorker', { worker: 'one' })).fleet.workers).toEqual([
    { name: 'one', draining: true },
    { name: 'two', draining: false },
  ]);
  expect((await fleet(api, 'moveShard', { shard: 3, worker: 'one' })).code).toBe('WORKER_DRAINING');
  const resumed = await fleet(api, 'resumeWorker', { worker: 'one' });
  expect(resumed.fleet.workers[0]).toEqual({ name: 'one', draining: false });
});

test('what was asked of workers that are gone is forgotten', async () => {
  const api = await startApi(redis().url);
  await beat(api, 'one');
  await beat(api, 'two');
  await api.redis.hset(api.keys.placements, '1', 'gone');
  await api.redis.sadd(api.keys.drains, 'gone');
  await fleet(api, 'moveShard', { shard: 3, worker: 'two' });
  await fleet(api, 'drainWorker', { worker: 'one' });
  expect(await api.redis.hgetall(api.keys.placements)).toEqual({ '3': 'two' });
  expect(await api.redis.smembers(api.keys.drains)).toEqual(['one']);
});

test('of two workers that are drained at the same moment, one stays', async () => {
  const api = await startApi(redis().url);
  for (const worker of ['one', 'two']) await beat(api, worker);
  const both = ['one', 'two'].map((worker) => fleet(api, 'drainWorker', { worker }));
  const codes = (await Promise.all(both)).map(({ code }) => code);
  expect(codes.filter((code) => code === 'LAST_WORKER')).toHaveLength(1);
  expect(await api.redis.smembers(api.keys.drains)).toHaveLength(1);
});
