import { expect, test } from 'vitest';
import { useFleet } from '../support/useFleet.ts';

const world = useFleet();
/** So rarely that nothing but its job can release an update. */
const NO_SWEEP = { SWEEP_MS: '600000' };

test('an update begins by itself when its time has come, and not before', async () => {
  const fleet = world.fleet();
  await fleet.worker(NO_SWEEP);
  const { id } = await fleet.active();
  const later = await fleet.send(id, 'device_1', { power: 'OFF' }, { delayMs: 1200 });
  const first = await fleet.send(id, 'device_1', { power: 'ON' });
  await fleet.succeeded(first);
  const update = await fleet.succeeded(later);
  expect(update.publishedAt).toBeGreaterThanOrEqual(update.notBefore ?? Number.NaN);
  const tokens = (await world.aws().ledger())
    .filter(({ thing }) => thing === 'device_1')
    .map(({ clientToken }) => clientToken);
  expect(tokens).toEqual([first, later]);
});

test('what becomes due while no worker runs begins when one is there', async () => {
  const fleet = world.fleet();
  const worker = await fleet.worker(NO_SWEEP);
  const { id } = await fleet.active();
  await worker.stop();
  const update = await fleet.send(id, 'device_2', { power: 'OFF' }, { delayMs: 20 });
  await fleet.waiting(update, 'NO_OWNER');
  await fleet.worker(NO_SWEEP);
  await fleet.succeeded(update);
});
