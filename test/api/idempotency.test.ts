import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { useRedis } from '../support/useRedis.ts';
import { register, updateShadow, updateShadows } from './support/operations.ts';
import { type Json, OTHER_TOKEN, startApi, type TestApi } from './support/testApi.ts';

const redis = useRedis();

async function pending(api: TestApi, id: string): Promise<number> {
  const data = await api.run('query ($id: ID!) { identity(id: $id) { pendingUpdates } }', { id });
  return data.identity.pendingUpdates as number;
}

const patch = (identityId: string) => ({
  identityId,
  thing: 'device_1',
  desired: { power: 'OFF' },
  idempotencyKey: 'key-1',
});

test('the same key with the same body is the same update, sent once', async () => {
  const api = await startApi(redis().url);
  const identityId = await register(api);
  const first = await updateShadow(api, patch(identityId));
  const second = await updateShadow(api, patch(identityId));
  expect(second).toEqual(first);
  expect(await pending(api, identityId)).toBe(1);
});

test('two at once with the same key are the same update', async () => {
  const api = await startApi(redis().url);
  const identityId = await register(api);
  const answers = await Promise.all(
    Array.from({ length: 5 }, () => updateShadow(api, patch(identityId))),
  );
  expect(new Set(answers.map((answer: Json) => answer.update.id)).size).toBe(1);
  expect(await pending(api, identityId)).toBe(1);
});

test('the same key with another body is refused, and nothing is taken', async () => {
  const api = await startApi(redis().url);
  const identityId = await register(api);
  await updateShadow(api, patch(identityId));
  for (const other of [{ desired: { power: 'ON' } }, { thing: 'device_2' }, { shadow: 's' }]) {
    expect(await updateShadow(api, { ...patch(identityId), ...other })).toMatchObject({
      code: 'IDEMPOTENCY_KEY_REUSED',
    });
  }
  expect(await pending(api, identityId)).toBe(1);
});

test('a key belongs to the caller that used it', async () => {
  const api = await startApi(redis().url);
  const identityId = await register(api);
  const mine = await updateShadow(api, patch(identityId));
  const theirs = await updateShadow(api, patch(identityId), OTHER_TOKEN);
  expect(theirs.update.id).not.toBe(mine.update.id);
});

test('a bulk request with a row that is refused is replayed as it was answered', async () => {
  const api = await startApi(redis().url);
  const identityId = await register(api);
  const sound = { identityId, thing: 'device_1', desired: { power: 'OFF' } };
  const input = {
    updates: [sound, { ...sound, thing: 'device 2' }, { ...sound, thing: 'device_3' }],
    idempotencyKey: 'key-1',
  };
  const first = await updateShadows(api, input);
  expect(first).toMatchObject({ accepted: 2, refused: 1 });
  expect(await updateShadows(api, input)).toEqual(first);
  const otherRefused = { ...input, updates: [sound, { ...sound, thing: '' }, input.updates[2]] };
  expect(await updateShadows(api, otherRefused)).toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' });
});

test('a replay after expiresAt answers as the first call did', async () => {
  const api = await startApi(redis().url);
  const identityId = await register(api);
  const expiresAt = new Date(Date.now() + 1500).toISOString();
  const input = { ...patch(identityId), expiresAt };
  const first = await updateShadow(api, input);
  expect(first.__typename).toBe('UpdateShadowSuccess');
  await eventually(() => expect(Date.now()).toBeGreaterThan(Date.parse(expiresAt)));
  expect(await updateShadow(api, input)).toEqual(first);
  expect(await updateShadow(api, { ...input, idempotencyKey: 'key-2' })).toMatchObject({
    code: 'EXPIRES_AT_INVALID',
  });
});

test('a replay finishes what a crash left half taken', async () => {
  const api = await startApi(redis().url);
  const identityId = await register(api);
  const first = await updateShadow(api, patch(identityId));
  // As after a crash between the idempotency record and the rest.
  const kept = /:(idempotency|identity|secret|identities|username)/;
  for (const key of await api.redis.keys(`*${api.keys.prefix}*`)) {
    if (!kept.test(key)) await api.redis.del(key);
  }
  const second = await updateShadow(api, patch(identityId));
  expect(second.update.id).toBe(first.update.id);
  expect(await pending(api, identityId)).toBe(1);
});
