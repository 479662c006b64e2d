import { expect, test } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { useFleet } from '../support/useFleet.ts';

const world = useFleet();

test('the fleet delivers a batch, cancels what is held, retries what failed, and keeps its counts', async () => {
  const fleet = world.fleet();
  await fleet.worker();
  const { id } = await fleet.active();
  const held = await fleet.register({ ...world.aws().user(), password: 'not-her-password' });
  const row = (identityId: string, n: number) => ({
    identityId,
    thing: `device_${n}`,
    desired: { n },
    confirm: 'ACCEPTED' as const,
  });
  const rows = [
    ...Array.from({ length: 10 }, (_, n) => row(id, n)),
    // The shadow does not have this version: it fails.
    { ...row(id, 20), expectedVersion: 12_345 },
    ...Array.from({ length: 5 }, (_, n) => row(held.id, n + 30)),
  ];
  const options = { actor: 'tests', onError: 'SKIP_INVALID' as const };
  const { batchId = '' } = await fleet.batchIntake.accept(rows, options);
  await eventually(async () => {
    expect(await fleet.batches.find(batchId)).toMatchObject({ left: 5, state: 'RUNNING' });
  });

  const cancel = await fleet.bulk.preview('CANCEL', { batchId });
  expect(cancel.matched).toBe(5);
  const { id: cancelId } = await fleet.bulk.start(cancel.token, 'tests', 'wrong password');
  await eventually(async () => {
    const action = await fleet.bulk.find(cancelId);
    expect(action).toMatchObject({ state: 'COMPLETED', done: 5, failed: 0 });
  });
  const batch = await fleet.batches.find(batchId);
  expect(batch).toMatchObject({ state: 'COMPLETED', total: 16, left: 0 });
  expect(batch?.ends).toEqual(
    expect.arrayContaining([
      { state: 'SUCCEEDED', count: 10 },
      { state: 'FAILED', code: 'VERSION_CONFLICT', count: 1 },
      { state: 'CANCELED', count: 5 },
    ]),
  );
  // The end of the whole is noted by a sweep, from which on it is kept for the retention time.
  await eventually(async () => {
    expect(await fleet.redis.pttl(fleet.keys.batch(batchId))).toBeGreaterThan(0);
  });

  const retry = await fleet.bulk.preview('RETRY', { batchId });
  const { id: retryId } = await fleet.bulk.start(retry.token, 'tests', 'once more');
  await eventually(async () => {
    const action = await fleet.bulk.find(retryId);
    expect(action).toMatchObject({ state: 'COMPLETED', done: 1 });
    expect(await fleet.batches.find(action?.batchId ?? '')).toMatchObject({
      state: 'COMPLETED',
      total: 1,
      retryOf: batchId,
      ends: [{ state: 'FAILED', code: 'VERSION_CONFLICT', count: 1 }],
    });
  });
});
