import { test } from 'vitest';
import { diceOf, SEED } from './support/dice.ts';
import type { Deployment } from './support/deployment.ts';
import { SIZE } from './support/size.ts';
import { survives } from './support/survives.ts';

test('workers that are killed at random lose, reorder and misreport nothing', async () => {
  const dice = diceOf(SEED);
  const disasters = Array.from({ length: SIZE.kills }, (_, number) => {
    const worker = dice();
    return {
      at: (number + 0.5 + dice() / 2) / (SIZE.kills + 1),
      strike: (deployment: Deployment) =>
        deployment.replaceWorker(Math.floor(worker * deployment.workers.length)),
    };
  });
  await survives('workers killed with SIGKILL', { disasters }, () => ({
    kills: SIZE.kills,
  }));
});
