import { expect, test } from 'vitest';
import { shardOfUpdate } from '../../src/shared/domain/ids.ts';
import { eventually } from '../support/eventually.ts';
import { useRedis } from '../support/useRedis.ts';
import { register, updateShadow, updateShadows } from './support/operations.ts';
import { startApi, type TestApi } from './support/testApi.ts';

const redis = useRedis();

const patch = (identityId: string, thing = 'device_1') => ({
  identityId,
  thing,
  desired: { power: 'OFF' },
});

async function accepted(api: TestApi, count: number): Promise<string[]> {
  return eventually(async () => {
    const keys = await api.redis.keys(`{${api.keys.prefix}:*:update:*`);
    expect(keys).toHaveLength(count);
    return keys.map((key) => key.slice(key.lastIndexOf(':') + 1));
  });
}

/** Ends an update as a worker would leave it; there is none here. */
async function end(api: TestApi, id: string): Promise<void> {
  await api.redis.hset(api.keys.shard(shardOfUpdate(id) ?? -1).update(id), { state: 'SUCCEEDED' });
}

test('the answer comes with the end of the update', async () => {
  const api = await startApi(redis().url);
  const identityId = await register(api);
  const answer = updateShadow(api, { ...patch(identityId), wait: '30s' });
  const [id = ''] = await accepted(api, 1);
  await end(api, id);
  expect((await answer).update).toEqual({ id, state: 'SUCCEEDED' });
});

test('when the time is over the answer tells how it stands', async () => {
  const api = await startApi(redis().url);
  const identityId = await register(api);
  const { update } = await updateShadow(api, { ...patch(identityId), wait: '50ms' });
  expect(update.state).toBe('QUEUED');
});

test('a bulk answer comes when all that was accepted has ended', async () => {
  const api = await startApi(redis().url);
  const identityId = await register(api);
  const updates = [patch(identityId), patch(identityId, 'bad name'), patch(identityId, 'device_2')];
  const answer = updateShadows(api, { updates, wait: '30s' });
  const ids = await accepted(api, 2);
  for (const id of ids) await end(api, id);
  const { accepted: taken, rows } = await answer;
  expect(taken).toBe(2);
  expect(rows[1].error.code).toBe('THING_NAME_INVALID');
});

test('a wait that is too long is refused, and nothing is accepted', async () => {
  const api = await startApi(redis().url);
  const identityId = await register(api);
  const answer = await updateShadow(api, { ...patch(identityId), wait: '31s' });
  expect(answer.code).toBe('WAIT_INVALID');
  expect(await api.redis.keys(`{${api.keys.prefix}:*:update:*`)).toEqual([]);
});

test('nothing waits for a caller who is gone', async () => {
  const api = await startApi(redis().url);
  const identityId = await register(api);
  const { update } = await updateShadow(api, patch(identityId));
  const gone = new AbortController();
  const waiting = api.services.ends.waitFor([update.id], 3_600_000, gone.signal);
  gone.abort();
  await waiting;
});
