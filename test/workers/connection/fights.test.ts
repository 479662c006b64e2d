import { expect, test } from 'vitest';
import { Fights } from '../../../src/workers/connection/fights.ts';

test('each round of a fight leaves the client id alone for longer, up to five minutes', () => {
  const fights = new Fights();
  expect([1, 2, 3].map(() => fights.lost(1000))).toEqual([30_000, 60_000, 90_000]);
  for (let round = 0; round < 20; round += 1) fights.lost(1000);
  expect(fights.lost(1000)).toBe(300_000);
});

test('a connection that lived in peace begins the count anew', () => {
  const fights = new Fights();
  fights.lost(1000);
  fights.lost(1000);
  expect(fights.lost(3_600_000)).toBe(30_000);
});
