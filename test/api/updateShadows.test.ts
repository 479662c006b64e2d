import { expect, test } from 'vitest';
import { useRedis } from '../support/useRedis.ts';
import { register, updateShadows } from './support/operations.ts';
import { type Json, startApi } from './support/testApi.ts';

const redis = useRedis();

test('rows that are wrong are refused one by one, and the others go on', async () => {
  const api = await startApi(redis().url);
  const [alice, bob] = [await register(api, 'alice'), await register(api, 'bob')];
  const answer = await updateShadows(api, {
    updates: [
      { identityId: alice, thing: 'device_1', desired: { power: 'OFF' } },
      { identityId: alice, thing: 'device 2', desired: { power: 'OFF' } },
      { identityId: 'idn_01ARZ3NDEKTSV4RRFFQ69G5FAV', thing: 'device_3', desired: { a: 1 } },
      { identityId: bob, thing: 'device_4', desired: 'OFF' },
      { identityId: bob, thing: 'device_5', shadow: 'b', desired: { power: 'OFF' } },
    ],
  });
  expect(answer).toMatchObject({ accepted: 2, refused: 3 });
  expect(answer.rows.map((row: Json) => [row.index, row.error?.code ?? 'taken'])).toEqual([
    [0, 'taken'],
    [1, 'THING_NAME_INVALID'],
    [2, 'IDENTITY_NOT_FOUND'],
    [3, 'DESIRED_INVALID'],
    [4, 'taken'],
  ]);
  for (const row of answer.rows) expect(row.update === null).toBe(row.error !== null);
  const data = await api.run('query ($id: ID!) { update(id: $id) { thing shadow identityId } }', {
    id: answer.rows[4].update.id,
  });
  expect(data.update).toEqual({ thing: 'device_5', shadow: 'b', identityId: bob });
});

test('an empty list is an error', async () => {
  const api = await startApi(redis().url);
  expect(await updateShadows(api, { updates: [] })).toMatchObject({ code: 'NO_UPDATES' });
});

const rows = (identityId: string, count: number) =>
  Array.from({ length: count }, (_, index) => ({
    identityId,
    thing: `device_${index}`,
    desired: { n: index },
  }));

test('1,001 rows are an error, and none of them is taken', async () => {
  const api = await startApi(redis().url);
  const identityId = await register(api);
  const answer = await updateShadows(api, { updates: rows(identityId, 1001) });
  expect(answer).toMatchObject({ code: 'TOO_MANY_UPDATES' });
  expect(await api.redis.keys(`*${api.keys.prefix}*:update:*`)).toEqual([]);
});

test('1,000 rows are taken in jobs of a hundred, behind single updates', async () => {
  const api = await startApi(redis().url);
  const identityId = await register(api);
  const answer = await updateShadows(api, { updates: rows(identityId, 1000) });
  expect(answer).toMatchObject({ accepted: 1000, refused: 0 });
  const { fleet } = await api.run('{ fleet { openUpdates { queued held inFlight } } }');
  expect(fleet.openUpdates).toEqual({ queued: 1000, held: 0, inFlight: 0 });
  const jobs = await api.redis.keys(`*${api.keys.prefix}*:deliver:d_*`);
  expect(jobs).toHaveLength(10);
  for (const job of jobs) {
    const [data, priority] = await api.redis.hmget(job, 'data', 'priority');
    expect(JSON.parse(data ?? '').updates).toHaveLength(100);
    expect(Number(priority)).toBeGreaterThan(0);
  }
});

test('an answer that needs no record reads none', async () => {
  const api = await startApi(redis().url);
  const identityId = await register(api);
  const reads = async () => {
    const stats = await api.redis.info('commandstats');
    return Number(/cmdstat_hgetall:calls=(\d+)/.exec(stats)?.[1] ?? 0);
  };
  const before = await reads();
  await updateShadows(api, { updates: rows(identityId, 300) });
  expect(await reads()).toBe(before);
});

test('rows of one shadow keep their order in its lane', async () => {
  const api = await startApi(redis().url);
  const identityId = await register(api);
  const updates = Array.from({ length: 250 }, (_, n) => ({
    identityId,
    thing: 'device_1',
    desired: { n },
  }));
  const answer = await updateShadows(api, { updates });
  const ids = answer.rows.map((row: Json) => row.update.id);
  const [lane] = await api.redis.keys(`*${api.keys.prefix}*:lane:${identityId}/device_1`);
  expect(await api.redis.lrange(lane ?? '', 0, -1)).toEqual(ids);
});
