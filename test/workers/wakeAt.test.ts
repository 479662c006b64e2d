import { expect, test } from 'vitest';
import { wakeAt } from '../../src/workers/delivery/deliverProcessor.ts';

const NOW = 1_000_000;

test('a job wakes with the first of its lanes that can go on', () => {
  const waits = [
    { reason: 'BACKOFF', until: NOW + 5000 },
    { reason: 'RATE_LIMITED', until: NOW + 700 },
    { reason: 'NEEDS_OPERATOR' },
  ] as const;
  expect(wakeAt(waits, NOW)).toBe(NOW + 700);
});

test('the expiry of a head ends a wait too', () => {
  const expiresAt = NOW + 900;
  expect(wakeAt([{ reason: 'BACKOFF', until: NOW + 5000, expiresAt }], NOW)).toBe(expiresAt);
  expect(wakeAt([{ reason: 'NEEDS_OPERATOR', expiresAt }], NOW)).toBe(expiresAt);
});

test('where only an event ends the wait, the job looks again within minutes all the same', () => {
  expect(wakeAt([{ reason: 'NEEDS_OPERATOR' }], NOW)).toBe(NOW + 300_000);
});

test('a moment that has passed is not now: a job that finds the same again must not spin', () => {
  expect(wakeAt([{ reason: 'NO_OWNER', until: NOW - 5 }], NOW)).toBeGreaterThan(NOW);
});
