import { expect, test } from 'vitest';
import { RetryGate } from '../../../src/workers/connection/retryGate.ts';

/** Of its own clock, in milliseconds. */
const LEAST_MS = 30_000;

test('a pause ends when its time is over by its own clock, and says what it waits for until then', () => {
  let now = 5;
  const gate = new RetryGate(() => now);
  expect(gate.held).toBeUndefined();
  gate.backOff('another client connected', LEAST_MS);
  now += LEAST_MS - 1;
  expect(gate.closed).toBe(true);
  expect(gate.held).toMatchObject({
    wait: { reason: 'CONNECTING', detail: 'another client connected' },
  });
  now += 1;
  expect(gate.closed).toBe(false);
  expect(gate.held).toBeUndefined();
});

test('who asks for it may go before a pause is over', () => {
  const gate = new RetryGate(() => 5);
  gate.withoutSlot();
  expect(gate.held).toMatchObject({ wait: { reason: 'CONNECTION_LIMIT' } });
  gate.open();
  expect(gate.closed).toBe(false);
});
