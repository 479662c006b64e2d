import { expect, test } from 'vitest';
import { useRedis } from '../support/useRedis.ts';
import { startApi, tokenOf } from './support/testApi.ts';

const redis = useRedis();
const GUESS = 'a-guess-of-somebody';

test('who is turned away is logged with where from, once for many, and never with a token', async () => {
  const api = await startApi(redis().url);
  for (let at = 0; at < 20; at += 1) await api.send('{ fleet { oldestWaitSeconds } }', {}, GUESS);
  await api.send('{ apiTokens { nodes { name } } }', {}, tokenOf('viewer'));
  const lines = api
    .log()
    .split('\n')
    .filter((line) => line.includes('a caller was turned away'))
    .map((line) => JSON.parse(line));
  expect(lines).toEqual([
    expect.objectContaining({ outcome: 'unauthenticated', requestId: expect.any(String) }),
    expect.objectContaining({ outcome: 'forbidden', actor: expect.stringContaining('viewer') }),
  ]);
  expect(api.log()).not.toContain(GUESS);
});
