import { expect, test } from 'vitest';
import type { ShadowReadAnswer } from '../../src/shared/domain/liveShadow.ts';
import { shardOf } from '../../src/shared/domain/ids.ts';
import { runScript } from '../../src/shared/redis/script.ts';
import { ACQUIRE_LEASE } from '../../src/shared/store/lua/leaseScripts.ts';
import { eventually } from '../support/eventually.ts';
import { useRedis } from '../support/useRedis.ts';
import { register } from './support/operations.ts';
import { type Json, startApi, type TestApi } from './support/testApi.ts';

const redis = useRedis();

const SHADOW = /* GraphQL */ `
  query ($identityId: ID!, $thing: ThingName!, $shadow: ShadowName) {
    shadow(identityId: $identityId, thing: $thing, shadow: $shadow) {
      __typename
      ... on Shadow {
        identity { id } thing shadow version desired reported delta metadata readAt
      }
      ... on Error { code message remedy }
      ... on AccessDenied { stage gate }
    }
  }
`;

const ask = async (api: TestApi, identityId: string, over: object = {}): Promise<Json> =>
  (await api.run(SHADOW, { identityId, thing: 'device_1', ...over })).shadow;

async function own(api: TestApi, identityId: string): Promise<void> {
  const { lease } = api.keys.shard(shardOf(identityId, 8));
  await runScript(api.redis, ACQUIRE_LEASE, [lease], ['worker-1', 'token', 60_000]);
}

/** Asks, and answers as the worker that owns the identity would. */
async function answered(api: TestApi, identityId: string, answer: ShadowReadAnswer): Promise<Json> {
  const asking = ask(api, identityId);
  await eventually(async () => {
    const [key] = await api.redis.keys(`{${api.keys.prefix}:*:answer:*`);
    expect(key).toBeDefined();
    await api.redis.set(key ?? '', JSON.stringify(answer), 'KEEPTTL', 'XX');
  });
  return asking;
}

test('a shadow is answered with its sections, and nothing of it stays in Redis', async () => {
  const api = await startApi(redis().url);
  const id = await register(api);
  await own(api, id);
  const shadow = {
    version: 7,
    desired: { power: 'OFF' },
    reported: { power: 'ON' },
    delta: { power: 'OFF' },
    timestamp: 1_760_000_000,
  };
  expect(await answered(api, id, { kind: 'shadow', shadow })).toEqual({
    __typename: 'Shadow',
    identity: { id },
    thing: 'device_1',
    shadow: null,
    version: 7,
    desired: { power: 'OFF' },
    reported: { power: 'ON' },
    delta: { power: 'OFF' },
    metadata: null,
    readAt: '2025-10-09T08:53:20.000Z',
  });
  expect(await api.redis.keys(`{${api.keys.prefix}:*:answer:*`)).toEqual([]);
});

test('what AWS denies names the gate', async () => {
  const api = await startApi(redis().url);
  const id = await register(api);
  await own(api, id);
  const denial = {
    stage: 'SUBSCRIBE',
    gate: 'TOPIC_FILTER_POLICY',
    message: 'Denied.',
    remedy: 'Allow it.',
  } as const;
  expect(await answered(api, id, { kind: 'denied', denial })).toEqual({
    __typename: 'AccessDenied',
    code: 'NOT_AUTHORIZED',
    ...denial,
  });
});

test.each([
  ['SHADOW_NOT_FOUND', { kind: 'missing', why: 'No shadow exists.' }],
  ['SHADOW_NOT_READ', { kind: 'refused', why: 'rejected with 400' }],
] as const)('%s is an answer', async (code, answer) => {
  const api = await startApi(redis().url);
  const id = await register(api);
  await own(api, id);
  expect(await answered(api, id, answer)).toMatchObject({ __typename: 'RequestError', code });
});

test('what nobody answers in time says so', async () => {
  const api = await startApi(redis().url, { shadowReadTimeoutMs: 60 });
  const id = await register(api);
  await own(api, id);
  expect(await ask(api, id)).toMatchObject({ code: 'SHADOW_READ_TIMED_OUT' });
});

test('without an owner, or with wrong names, nobody is asked', async () => {
  const api = await startApi(redis().url);
  const id = await register(api);
  expect(await ask(api, id)).toMatchObject({ code: 'NO_OWNER' });
  expect(await ask(api, id, { thing: 'a b' })).toMatchObject({ code: 'THING_NAME_INVALID' });
  expect(await ask(api, id, { shadow: '' })).toMatchObject({ code: 'SHADOW_NAME_INVALID' });
  expect(await ask(api, 'nobody')).toMatchObject({ code: 'IDENTITY_NOT_FOUND' });
  const other = id.replace(/.$/, id.endsWith('0') ? '1' : '0');
  expect(await ask(api, other)).toMatchObject({ code: 'IDENTITY_NOT_FOUND' });
});
