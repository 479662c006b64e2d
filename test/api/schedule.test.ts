import { expect, test } from 'vitest';
import { durationText, parseDuration } from '../../src/shared/domain/duration.ts';
import { useRedis } from '../support/useRedis.ts';
import { register, updateShadow } from './support/operations.ts';
import { type Json, startApi, type TestApi } from './support/testApi.ts';

const redis = useRedis();

const UPDATE = /* GraphQL */ `
  query ($id: ID!) { update(id: $id) { state notBefore createdAt wait { reason until } } }
`;

async function send(api: TestApi, over: object): Promise<Json> {
  const identityId = await register(api, `user_${Math.random()}`);
  return updateShadow(api, { identityId, thing: 'device_1', desired: { power: 'OFF' }, ...over });
}

async function find(api: TestApi, id: string): Promise<Json> {
  return (await api.run(UPDATE, { id })).update;
}

test('an update in five minutes says that it is scheduled, and until when', async () => {
  const api = await startApi(redis().url);
  const { update } = await send(api, { delay: '5m' });
  const found = await find(api, update.id);
  expect(found).toMatchObject({ state: 'HELD', wait: { reason: 'SCHEDULED' } });
  expect(found.wait.until).toBe(found.notBefore);
  expect(Date.parse(found.notBefore) - Date.parse(found.createdAt)).toBe(300_000);
});

test('an update at a time says so, too', async () => {
  const api = await startApi(redis().url);
  const notBefore = new Date(Date.now() + 3_600_000).toISOString();
  const { update } = await send(api, { notBefore });
  expect(await find(api, update.id)).toMatchObject({ notBefore, wait: { until: notBefore } });
});

test('a time that has passed is at once', async () => {
  const api = await startApi(redis().url);
  const { update } = await send(api, { notBefore: '2020-01-01T00:00:00Z' });
  expect(await find(api, update.id)).toMatchObject({ state: 'QUEUED', notBefore: null });
});

test.each([
  ['both forms', { delay: '5m', notBefore: '2030-01-01T00:00:00Z' }],
  ['more than 366 days', { delay: '367d' }],
  ['an expiry before the start', { delay: '1h', expiresAt: new Date(Date.now() + 6e4) }],
])('%s of a start are refused', async (_name, over) => {
  const api = await startApi(redis().url);
  expect(await send(api, over)).toMatchObject({ code: 'NOT_BEFORE_INVALID' });
});

test.each(['', '5', 's', '5 s', '-5s', '1.5h', '5s1h', 'PT5S', '5S', '9999999999s'])(
  'the duration "%s" is refused by the scalar',
  async (delay) => {
    const api = await startApi(redis().url);
    const identityId = await register(api);
    const input = { identityId, thing: 'device_1', desired: { power: 'OFF' }, delay };
    const { errors } = await api.send(
      'mutation ($input: UpdateShadowInput!) { updateShadow(input: $input) { __typename } }',
      { input },
    );
    expect(errors[0].message).toContain('Duration');
  },
);

test('a duration is read back from its text', () => {
  for (const ms of [0, 1, 999, 1000, 61_000, 5_400_000, 90_061_001]) {
    expect(parseDuration(durationText(ms))).toBe(ms);
  }
  expect(durationText(5_400_000)).toBe('1h30m');
});
