import * as fc from 'fast-check';
import { test } from 'vitest';
import { auditLiveJobs, auditShard } from './support/auditShard.ts';
import { arbitrarySteps, LaneHistory } from './support/laneHistory.ts';
import { useShardWorld } from './support/useShardWorld.ts';

const openWorld = useShardWorld();
const SLACK_MS = 2000;

/** fast-check prints the seed of a failure; give it here to see the same history again. */
const SEED = process.env.COURIER_TEST_SEED;

test('whatever happens in whatever order, lanes, indexes and counters agree, and all of it ends', async () => {
  await fc.assert(
    fc.asyncProperty(arbitrarySteps(), async (steps) => {
      const world = await openWorld();
      try {
        const history = await LaneHistory.begin(world);
        for (const step of steps) {
          await history.take(step);
          await auditShard(world);
          if (step.do === 'sweep') await auditLiveJobs(world, SLACK_MS);
        }
        await history.end();
        await auditShard(world);
      } finally {
        await world.close();
      }
    }),
    {
      numRuns: 40,
      // A history that fails takes its time; shrinking it would take the test's.
      endOnFailure: true,
      interruptAfterTimeLimit: 15_000,
      ...(SEED === undefined ? {} : { seed: Number(SEED) }),
    },
  );
});
