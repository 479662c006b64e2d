import { expect, test } from 'vitest';
import { Suspicion } from '../../src/workers/connection/suspicion.ts';

const WINDOW_MS = 2000;

function start(...accepted: string[]) {
  const clock = { now: 0 };
  const suspicion = new Suspicion(WINDOW_MS, () => clock.now);
  for (const thing of accepted) suspicion.accepted({ thing });
  return { clock, suspicion };
}

test('a denial where nothing was ever accepted is final', () => {
  const { suspicion } = start('device_1');
  expect(suspicion.denied({ thing: 'thermostat_9' })).toBe('final');
});

test('a denial where it was accepted before is suspect, and a second thing calls for a probe', () => {
  const { suspicion } = start('device_1', 'device_2');
  expect(suspicion.denied({ thing: 'device_1' })).toBe('suspect');
  expect(suspicion.denied({ thing: 'device_2' })).toBe('probe');
});

test('two denials on the same thing are no case for a probe: the second is final', () => {
  const { suspicion } = start('device_1');
  expect(suspicion.denied({ thing: 'device_1' })).toBe('suspect');
  expect(suspicion.denied({ thing: 'device_1' })).toBe('final');
});

test('two shadows of one thing are one thing', () => {
  const { suspicion } = start('device_1');
  suspicion.accepted({ thing: 'device_1', shadow: 'config' });
  expect(suspicion.denied({ thing: 'device_1' })).toBe('suspect');
  expect(suspicion.denied({ thing: 'device_1', shadow: 'config' })).toBe('suspect');
});

test('a named shadow that was never accepted is not suspect because the classic one was', () => {
  const { suspicion } = start('device_1');
  expect(suspicion.denied({ thing: 'device_1', shadow: 'config' })).toBe('final');
});

test('denials far apart do not add up', () => {
  const { suspicion, clock } = start('device_1', 'device_2');
  expect(suspicion.denied({ thing: 'device_1' })).toBe('suspect');
  clock.now = WINDOW_MS + 1;
  expect(suspicion.denied({ thing: 'device_2' })).toBe('suspect');
});

test('what is accepted again is not suspect any more', () => {
  const { suspicion } = start('device_1', 'device_2');
  suspicion.denied({ thing: 'device_1' });
  suspicion.accepted({ thing: 'device_1' });
  expect(suspicion.denied({ thing: 'device_2' })).toBe('suspect');
});

test('a probe starts over: the next denials are counted anew', () => {
  const { suspicion } = start('device_1', 'device_2', 'device_3');
  suspicion.denied({ thing: 'device_1' });
  expect(suspicion.denied({ thing: 'device_2' })).toBe('probe');
  expect(suspicion.denied({ thing: 'device_3' })).toBe('suspect');
});
