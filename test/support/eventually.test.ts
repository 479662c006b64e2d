import { expect, test } from 'vitest';
import { eventually } from './eventually.ts';

test('gives what the first look without a failure returned', async () => {
  let looks = 0;
  const value = await eventually(
    () => {
      looks += 1;
      expect(looks).toBeGreaterThan(2);
      return looks;
    },
    { intervalMs: 1 },
  );
  expect(value).toBe(3);
});

test('fails at the deadline with what was still wrong', async () => {
  const look = () => Promise.reject(new Error('the lane holds 3 updates'));
  await expect(eventually(look, { deadlineMs: 20, intervalMs: 5 })).rejects.toThrow(
    'still not so after 20 ms: the lane holds 3 updates',
  );
});
