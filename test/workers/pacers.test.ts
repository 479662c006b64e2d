import { expect, test } from 'vitest';
import { Pacer } from '../../src/workers/connection/pacer.ts';
import { backoffMs } from '../../src/workers/connection/reconnectBackoff.ts';
import { ThingPacers } from '../../src/workers/connection/thingPacers.ts';

test('a pacer lets a burst through and then spaces permits evenly', () => {
  const pacer = new Pacer(10, 2, () => 0);
  const waits = Array.from({ length: 6 }, () => pacer.take(1));
  expect(waits).toEqual([0, 0, 0, 100, 200, 300]);
});

test('over any stretch no more goes out than the rate and the burst allow', () => {
  let now = 0;
  const pacer = new Pacer(50, 5, () => now);
  const sent: number[] = [];
  for (let at = 0; at < 400; at += 1) {
    sent.push(now + pacer.take(1));
    now += at % 7;
  }
  for (const from of sent) {
    const within = sent.filter((at) => at >= from && at < from + 1000).length;
    expect(within).toBeLessThanOrEqual(50 + 5 + 1);
  }
});

test('a permit that costs more pushes the next ones further back', () => {
  const pacer = new Pacer(10, 0, () => 0);
  expect(pacer.take(2)).toBe(0);
  expect(pacer.waitMs()).toBe(200);
});

test('asking how long it would take commits to nothing', () => {
  const pacer = new Pacer(10, 0, () => 0);
  pacer.waitMs();
  expect(pacer.waitMs()).toBe(0);
});

test('time that passes unused is not saved up beyond the burst', () => {
  let now = 0;
  const pacer = new Pacer(10, 1, () => now);
  pacer.take(1);
  now = 60_000;
  expect([1, 2, 3, 4].map(() => pacer.take(1))).toEqual([0, 0, 100, 200]);
});

test('a thing has ten requests in flight at most, and room again when one ends', () => {
  const things = new ThingPacers(1000);
  for (let at = 0; at < 10; at += 1) things.of('device_1').enter();
  expect(things.of('device_1').waitMs()).toBeGreaterThan(0);
  expect(things.of('device_2').waitMs()).toBe(0);
  things.of('device_1').leave();
  expect(things.of('device_1').waitMs()).toBe(0);
});

test('each thing has a pace of its own', () => {
  const things = new ThingPacers(4);
  for (let at = 0; at < 3; at += 1) things.of('device_1').take();
  expect(things.of('device_1').waitMs()).toBeGreaterThan(0);
  expect(things.of('device_2').waitMs()).toBe(0);
});

test('a thing that is busy is remembered, however many others pass', () => {
  const things = new ThingPacers(1000);
  for (let at = 0; at < 10; at += 1) things.of('busy').enter();
  for (let at = 0; at < 2000; at += 1) things.of(`device_${at}`);
  expect(things.of('busy').waitMs()).toBeGreaterThan(0);
});

test('reconnects back off with jitter, up to a minute', () => {
  expect([1, 2, 3, 100].map((failures) => backoffMs(failures, () => 0))).toEqual([
    250, 500, 1000, 30_000,
  ]);
  expect([1, 2, 3, 100].map((failures) => backoffMs(failures, () => 1))).toEqual([
    500, 1000, 2000, 60_000,
  ]);
});
