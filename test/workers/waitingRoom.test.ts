import { expect, test } from 'vitest';
import { WaitingRoom } from '../../src/workers/shard/waitingRoom.ts';

/** Who waits until told to stop; what it was told of how long it may is noted. */
function waiter(room: WaitingRoom) {
  let end = () => {};
  const ended = new Promise<void>((resolve) => (end = resolve));
  let patienceMs = Number.NaN;
  const done = room.wait(5000, (ms) => {
    patienceMs = ms;
    return ms === 0 ? Promise.resolve() : ended;
  });
  return { patienceMs, end: () => end(), done };
}

test('half of the jobs that run may wait, the others step aside at once', async () => {
  let jobs = 4;
  const room = new WaitingRoom(() => jobs);
  const [first, second, third] = [waiter(room), waiter(room), waiter(room)];
  expect([first, second, third].map(({ patienceMs }) => patienceMs)).toEqual([5000, 5000, 0]);
  first.end();
  await Promise.all([first.done, third.done]);
  expect(waiter(room).patienceMs).toBe(5000);
  expect(waiter(room).patienceMs).toBe(0);
  jobs = 6;
  expect(waiter(room).patienceMs).toBe(5000);
});

test('a wait that fails leaves its place', async () => {
  const room = new WaitingRoom(() => 1);
  await expect(room.wait(1, () => Promise.reject(new Error('Redis said no')))).rejects.toThrow();
  expect(waiter(room).patienceMs).toBe(5000);
});
