import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { Deployment, type Member } from './support/deployment.ts';
import { printTable } from './support/figures.ts';
import { COLD_START as SIZE, DEADLINE_MS } from './support/size.ts';

/** What AttachPolicy's 15 calls a second let through in three: jobs that hold every place cost more. */
const MOST_OVERTAKING = 45;

let deployment: Deployment;

beforeAll(async () => {
  // The workers' budgets and the emulator's quotas are both AWS's defaults, as they stand.
  const users = String(SIZE.cold + SIZE.warm);
  deployment = await Deployment.start({ emulator: ['--users', users, '--quotas', 'default'] });
});

afterAll(() => deployment?.stop());

/** How long updates took that were sent one after the other until told to stop, by when they ended. */
interface Delivered {
  readonly createdAt: number;
  readonly finishedAt: number;
}

async function sendUntil(over: () => boolean, warm: readonly Member[]): Promise<Delivered[]> {
  const delivered: Delivered[] = [];
  await Promise.all(
    warm.map(async ({ id }, at) => {
      for (let step = 0; !over(); step += 1) {
        const update = await deployment.fleet.send(id, `device_warm_${at}`, { step });
        const { createdAt, finishedAt = 0 } = await deployment.fleet.succeeded(update, DEADLINE_MS);
        delivered.push({ createdAt, finishedAt });
      }
    }),
  );
  return delivered;
}

function percentile(latencies: readonly number[], share: number): number {
  const sorted = latencies.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

function latencyRow(delivered: readonly Delivered[]): string {
  const ms = delivered.map(({ createdAt, finishedAt }) => finishedAt - createdAt);
  const [p50, p99] = [percentile(ms, 0.5), percentile(ms, 0.99)];
  return `${ms.length} updates, ${p50} ms median, ${p99} ms p99, ${Math.max(...ms)} ms at most`;
}

test('a cold start under the default budgets is never throttled, and keeps nobody else waiting', async () => {
  const { fleet, aws } = deployment;
  const warm = await deployment.identities(SIZE.warm);
  let before = 0;
  const alone = await sendUntil(() => (before += 1) > SIZE.warm * 20, warm);

  const startedAt = performance.now();
  const cold = await Promise.all(Array.from({ length: SIZE.cold }, () => fleet.register()));
  const updates = await fleet.sendAll(
    cold.map(({ id: identityId }, at) => ({
      identityId,
      thing: `device_cold_${at}`,
      desired: { power: 'ON' },
    })),
  );
  let isOver = false;
  const [meanwhile] = await Promise.all([
    sendUntil(() => isOver, warm),
    deployment.allFinal(updates).finally(() => {
      isOver = true;
    }),
  ]);
  const seconds = (performance.now() - startedAt) / 1000;

  const ended = await fleet.updates(updates);
  expect(new Set(ended.map(({ state }) => state))).toEqual(new Set(['SUCCEEDED']));
  const ends = ended.map(({ finishedAt = 0 }) => finishedAt);
  const overtaken = meanwhile.map(
    ({ createdAt, finishedAt }) => ends.filter((end) => end > createdAt && end < finishedAt).length,
  );
  const stats = await eventually(() => aws.stats());
  printTable('cold start, default budgets and quotas', {
    'identities that sign in for the first time': SIZE.cold,
    'until all were connected and their updates accepted': `${seconds.toFixed(1)} s`,
    'calls that AWS throttled': stats.callsThrottled,
    'warm identities before': latencyRow(alone),
    'warm identities meanwhile': latencyRow(meanwhile),
    'cold updates that ended during one warm update, at most': Math.max(...overtaken),
  });
  expect(stats.callsThrottled).toBe(0);
  expect(await throttledConnects()).toBe(0);
  // Behind the cold ones in any queue, a warm update would see many of them end first.
  expect(Math.max(...overtaken)).toBeLessThan(MOST_OVERTAKING);
});

async function throttledConnects(): Promise<number> {
  const failed = await deployment.aws.log({ eventType: 'Connect', status: 'Failure' });
  return failed.length;
}
