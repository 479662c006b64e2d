import { expect, test } from 'vitest';
import { useRedis } from '../support/useRedis.ts';
import { REGISTER, register, updateShadow, updateShadows } from './support/operations.ts';
import { startApi, TOKEN } from './support/testApi.ts';

const redis = useRedis();

test('requests are counted by operation and outcome, rows by code, and nothing by id', async () => {
  const api = await startApi(redis().url);
  const identityId = await register(api);
  const sound = { identityId, thing: 'device_1', desired: { power: 'OFF' } };
  await updateShadow(api, sound);
  await updateShadow(api, { ...sound, thing: '' });
  await updateShadows(api, { updates: [sound, sound, { ...sound, desired: 1 }] });
  await api.run(REGISTER, { input: { username: 'alice', password: 'her-password' } });
  await api.send('query Named { nonsense }');
  await api.fetch({ method: 'POST' });
  await api.run('query Named { fleet { oldestWaitSeconds } }');

  const text = await api.registry.metrics();
  const value = (line: string) => Number(text.split(`${line} `)[1]?.split('\n')[0]);
  const requests = (operation: string, outcome: string) =>
    value(`courier_api_requests_total{operation="${operation}",outcome="${outcome}"}`);
  expect(requests('mutation', 'ok')).toBe(3);
  expect(requests('mutation', 'refused')).toBe(2);
  expect(requests('query', 'ok')).toBe(1);
  expect(requests('none', 'client_error')).toBe(1);
  expect(requests('none', 'unauthenticated')).toBe(1);
  const rows = (mutation: string, code: string) =>
    value(`courier_api_rows_total{mutation="${mutation}",code="${code}"}`);
  expect(rows('updateShadow', 'ACCEPTED')).toBe(1);
  expect(rows('updateShadow', 'THING_NAME_INVALID')).toBe(1);
  expect(rows('updateShadows', 'ACCEPTED')).toBe(2);
  expect(rows('updateShadows', 'DESIRED_INVALID')).toBe(1);
  expect(rows('registerIdentity', 'ACCEPTED')).toBe(1);
  expect(rows('registerIdentity', 'IDENTITY_EXISTS')).toBe(1);
  expect(value('courier_api_request_duration_seconds_count{operation="mutation"}')).toBe(5);
  expect(text).not.toMatch(new RegExp(`${identityId}|device_1|alice|Named|${TOKEN}|tests`));
});
