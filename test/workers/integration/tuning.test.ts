import { expect, test } from 'vitest';
import { FleetTuning } from '../../../src/shared/store/fleetTuning.ts';
import { eventually } from '../../support/eventually.ts';
import { useFleet } from '../support/useFleet.ts';

const world = useFleet();

test('running workers follow budgets and concurrency that are set, and go back to their own', async () => {
  const fleet = world.fleet();
  const tuning = new FleetTuning(fleet.redis, fleet.keys);
  await fleet.worker({ BUDGET_SHADOW: '400', JOB_CONCURRENCY: '7' });
  const told = async () => (await fleet.reader.read()).workers[0]?.told;
  await eventually(async () => {
    expect((await told())?.budgets?.shadow).toMatchObject({ configured: 400, perSecond: 400 });
  });
  const { id } = await fleet.active();
  await tuning.setBudget('shadow', 5);
  await tuning.setJobConcurrency(3);
  await eventually(async () => {
    expect(await told()).toMatchObject({
      jobConcurrency: 3,
      budgets: { shadow: { configured: 400, perSecond: 5 }, connect: { perSecond: 500 } },
    });
  });
  const rows = Array.from({ length: 15 }, (_, at) => {
    return { identityId: id, thing: `device_${at}`, desired: { at } };
  });
  for (const update of await fleet.sendAll(rows)) {
    await fleet.succeeded(update);
    const { budgets } = await fleet.reader.read();
    // The rate, and the bucket's burst of one.
    expect(budgets.find(({ name }) => name === 'shadow')?.usedPerSecond).toBeLessThanOrEqual(6);
  }

  await tuning.setBudget('shadow', undefined);
  await tuning.setJobConcurrency(undefined);
  await eventually(async () => {
    expect(await told()).toMatchObject({
      jobConcurrency: 7,
      budgets: { shadow: { perSecond: 400 } },
    });
  });
});
