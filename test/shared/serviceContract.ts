import { expect, test } from 'vitest';
import type { Service } from '../../src/shared/lifecycle/service.ts';

const patiently = () => new AbortController().signal;

/** What everything that runs promises of `start` and `stop`; `make` gives a fresh one each time. */
export function holdsToTheServiceContract(name: string, make: () => Service): void {
  test(`${name}: starting twice starts once, and both calls wait for it`, async () => {
    const service = make();
    expect(service.start()).toBe(service.start());
    await service.start();
    await service.stop(patiently());
  });

  test(`${name}: stopping twice stops once`, async () => {
    const service = make();
    await service.start();
    await Promise.all([service.stop(patiently()), service.stop(patiently())]);
  });

  test(`${name}: stopping during the start waits for it and then stops`, async () => {
    const service = make();
    const starting = service.start();
    await service.stop(patiently());
    await starting;
  });

  test(`${name}: stopping what was never started does nothing`, async () => {
    await make().stop(patiently());
  });

  test(`${name}: what was stopped does not start again`, async () => {
    const service = make();
    await service.start();
    await service.stop(patiently());
    await expect(service.start()).rejects.toThrow(service.name);
  });

  test(`${name}: stopping ends although the deadline is over already`, async () => {
    const service = make();
    await service.start();
    await service.stop(AbortSignal.abort());
  });
}
