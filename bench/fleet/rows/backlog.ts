import { setTimeout as sleep } from 'node:timers/promises';
import type { RunningProcess } from '../../../test/support/processes.ts';
import { acceptAll, courierRound, processesOf, requestsFor } from '../courierRound.ts';
import { BenchDeployment } from '../deployment.ts';
import { compareCpu, measured, type Round } from '../rounds.ts';
import type { Row } from '../row.ts';
import { until } from '../until.ts';

const SIZES = {
  tiny: { identities: 2, shallow: 20, deep: 200, updates: 100, rounds: 1 },
  quick: { identities: 100, shallow: 1000, deep: 100_000, updates: 10_000, rounds: 2 },
  full: { identities: 100, shallow: 1000, deep: 100_000, updates: 20_000, rounds: 5 },
} as const;
const POLL_MS = 20;

/** What an update costs while many wait, against few: nothing on its way may look at all of them. */
export const backlog: Row = {
  name: 'backlog',
  table: 'aims',
  async run(options) {
    const size = SIZES[options.size];
    const { identities = size.identities, updates = size.updates } = options;
    const bench = await BenchDeployment.start({ users: identities });
    let worker = await bench.startWorker('fills-0');
    const ids = await bench.register(0, identities);
    await courierRound(bench, worker, ids, identities * 25);

    const sides: Record<'shallow' | 'deep', Round[]> = { shallow: [], deep: [] };
    const rounds = options.rounds ?? size.rounds;
    for (let round = 1; round <= rounds; round += 1) {
      for (const side of ['shallow', 'deep'] as const) {
        // Filled while nobody delivers, so that it is full when the measuring begins.
        await worker.stop({ deadlineMs: 60_000 });
        await acceptAll(bench, requestsFor(ids, size[side]));
        worker = await bench.startWorker(`fills-${round}-${side}`);
        await bench.untilConnected(identities);
        // The start is not what is measured.
        await atDepth(bench, ids, size[side], Math.ceil(updates / 2));
        sides[side].push(await whileFilled(bench, worker, ids, size[side], updates));
        options.tell(`round ${round} of ${rounds}, ${side}`);
        await until('nothing waits', async () => waitingOf(await bench.counts()) === 0);
      }
    }
    await bench.stop();

    const cpu = compareCpu(sides.deep, sides.shallow);
    return [
      {
        what: `CPU of an update with ${size.deep} queued, accept included`,
        against: `with ${size.shallow} queued`,
        ours: `${cpu.ours.toFixed(0)} µs`,
        theirs: `${cpu.theirs.toFixed(0)} µs`,
        figure: cpu.ours / cpu.theirs,
        aim: { most: 1.1 },
        cpu,
      },
    ];
  },
};

function whileFilled(
  bench: BenchDeployment,
  worker: RunningProcess,
  ids: readonly string[],
  depth: number,
  updates: number,
): Promise<Round> {
  return measured(processesOf(bench, worker), async () => {
    const began = performance.now();
    const done = await atDepth(bench, ids, depth, updates);
    return { updates: done, seconds: (performance.now() - began) / 1000 };
  });
}

/** Lets that many be delivered while as many are accepted. @returns how many were. */
async function atDepth(
  bench: BenchDeployment,
  ids: readonly string[],
  depth: number,
  updates: number,
): Promise<number> {
  const before = await bench.settled();
  for (;;) {
    const counts = await bench.counts();
    const done = (counts.SUCCEEDED ?? 0) - before;
    if (done >= updates) return done;
    const missing = depth - waitingOf(counts);
    if (missing >= Math.min(1000, depth / 2)) await acceptAll(bench, requestsFor(ids, missing));
    else await sleep(POLL_MS);
  }
}

function waitingOf(counts: Readonly<Record<string, number>>): number {
  return (counts.QUEUED ?? 0) + (counts.HELD ?? 0) + (counts.IN_FLIGHT ?? 0);
}
