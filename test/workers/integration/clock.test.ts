import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { useFleet } from '../support/useFleet.ts';

const world = useFleet();
const FIXTURE = fileURLToPath(new URL('../fixtures/skewedClock.mjs', import.meta.url));
/** Within what AWS allows of a signature, and far beyond any wait here. */
const SKEW_MS = 120_000;

for (const aheadMs of [SKEW_MS, -SKEW_MS]) {
  const skewed = `${Math.abs(aheadMs) / 1000} s ${aheadMs > 0 ? 'ahead' : 'behind'}`;

  test(`a worker whose clock is ${skewed} writes times of Redis's clock and keeps to them`, async () => {
    const fleet = world.fleet();
    const aws = world.aws();
    const worker = await fleet.workerProcess({
      NODE_OPTIONS: `--import=${FIXTURE}`,
      CLOCK_AHEAD_MS: String(aheadMs),
      ANSWER_TIMEOUT_MS: '200',
      RETRY_BASE_MS: '1000',
    });
    const { id, cognitoId } = await fleet.active();
    const { connectedAt = 0 } = (await fleet.directory.connection(await fleet.identity(id))) ?? {};
    expect(Math.abs(connectedAt - Date.now())).toBeLessThan(SKEW_MS / 2);

    await aws.deviceFaults({ swallowAccepted: 1 });
    const update = await fleet.send(id, 'device_clock', { power: 'ON' });
    const { wait } = await fleet.waiting(update, 'BACKOFF');
    expect(Math.abs((wait?.until ?? 0) - Date.now())).toBeLessThan(SKEW_MS / 2);
    await aws.deviceFaults({});
    const { publishedAt = 0 } = await fleet.succeeded(update);
    expect(Math.abs(publishedAt - Date.now())).toBeLessThan(SKEW_MS / 2);

    await aws.detachPolicy(cognitoId);
    const denied = await fleet.send(id, 'device_clock', { power: 'OFF' });
    const parked = await eventually(async () => {
      const { quarantine } = await fleet.identity(id);
      expect(quarantine).toBeDefined();
      return quarantine;
    });
    expect(Math.abs((parked?.probeAt ?? 0) - Date.now())).toBeLessThan(SKEW_MS / 2);
    // The probe is due by Redis's clock: by the worker's, it was so long ago, or will be.
    await aws.attachPolicy(cognitoId);
    await fleet.succeeded(denied);
    expect(worker.stdout).not.toContain('the sweep gave lanes a job');
  });
}

test('what a worker with a fast clock put off is not put off for its successor', async () => {
  const fleet = world.fleet();
  const aws = world.aws();
  const first = await fleet.workerProcess({
    NODE_OPTIONS: `--import=${FIXTURE}`,
    CLOCK_AHEAD_MS: String(SKEW_MS),
    ANSWER_TIMEOUT_MS: '200',
    RETRY_BASE_MS: '2000',
    RETRY_MAX_MS: '2000',
    LEASE_MS: '1000',
  });
  const { id } = await fleet.active();
  await aws.deviceFaults({ swallowAccepted: 1 });
  const update = await fleet.send(id, 'device_clock', { power: 'ON' });
  await fleet.waiting(update, 'BACKOFF');
  await aws.deviceFaults({});
  await first.kill();
  await fleet.worker();
  await fleet.succeeded(update);
});
