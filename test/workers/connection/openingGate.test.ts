import { expect, test } from 'vitest';
import { OpeningGate } from '../../../src/workers/connection/openingGate.ts';

const { signal } = new AbortController();

test('as many as it is told are inside at once, the others come in order', async () => {
  const gate = new OpeningGate(2);
  const entered: number[] = [];
  const enter = async (n: number) => {
    const leave = await gate.enter(signal);
    entered.push(n);
    return leave;
  };
  const [first, second] = await Promise.all([enter(1), enter(2)]);
  const third = enter(3);
  const fourth = enter(4);
  expect(entered).toEqual([1, 2]);
  second();
  const leaveThird = await third;
  expect(entered).toEqual([1, 2, 3]);
  // Leaving twice lets nobody else in.
  second();
  first();
  leaveThird();
  (await fourth)();
  expect(entered).toEqual([1, 2, 3, 4]);
});

test('whoever gives up while waiting takes no place, and throws why', async () => {
  const gate = new OpeningGate(1);
  const leave = await gate.enter(signal);
  const impatient = new AbortController();
  const refused = gate.enter(impatient.signal);
  const patient = gate.enter(signal);
  impatient.abort(new Error('handed over'));
  await expect(refused).rejects.toThrow('handed over');
  await expect(gate.enter(impatient.signal)).rejects.toThrow('handed over');
  leave();
  (await patient)();
  (await gate.enter(signal))();
});
