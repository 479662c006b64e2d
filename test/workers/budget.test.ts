import { expect, test } from 'vitest';
import { TAKE_BUDGET } from '../../src/shared/store/lua/fleetScripts.ts';
import { Budget } from '../../src/workers/budgets/budget.ts';
import { eventually } from '../support/eventually.ts';
import { uniquePrefix } from '../support/prefix.ts';
import { startRedis } from '../support/redisServer.ts';
import { useRedis } from '../support/useRedis.ts';

const redis = useRedis();
const forever = () => new AbortController().signal;

/** Permits that were granted, by when; the clock is one, since all workers are in this process. */
async function spend(budgets: readonly Budget[], each: number, cost: (at: number) => number) {
  const granted: { at: number; cost: number }[] = [];
  await Promise.all(
    budgets.flatMap((budget) =>
      Array.from({ length: each }, async (_, at) => {
        await budget.take(cost(at), forever());
        granted.push({ at: performance.now(), cost: cost(at) });
      }),
    ),
  );
  return granted.toSorted((a, b) => a.at - b.at);
}

/** The most that was granted within any second. */
function mostInASecond(granted: readonly { at: number; cost: number }[]): number {
  const sums = granted.map(({ at }) =>
    granted
      .filter((other) => other.at >= at && other.at < at + 1000)
      .reduce((sum, other) => sum + other.cost, 0),
  );
  return Math.max(...sums);
}

const fleet = (size: number, perSecond: number): Budget[] => {
  const key = uniquePrefix('budget');
  return Array.from({ length: size }, () => {
    return new Budget(redis().connect(), key, 'test', perSecond);
  });
};

test('a fleet together gets no more in any second than the rate and a tenth of it', async () => {
  const granted = await spend(fleet(4, 200), 100, () => 1);
  expect(granted).toHaveLength(400);
  // A permit may have been drawn a moment before it was noted: allow for one block of each worker.
  expect(mostInASecond(granted)).toBeLessThanOrEqual(200 + 20 + 4 * 20);
});

test('by Redis’s own clock the bucket never grants more than the rate and the burst', async () => {
  const key = uniquePrefix('budget');
  const client = redis().connect();
  const granted: { at: number; cost: number }[] = [];
  await Promise.all(
    Array.from({ length: 8 }, async (_, worker) => {
      for (let asked = 0; asked < 150; asked += 1) {
        // One transaction, so that the moment read is that of this grant and not of a later one.
        const replies = await client
          .multi()
          .eval(TAKE_BUDGET.lua, 1, key, 300, 30, 1 + (worker % 5))
          .hget(key, 'at')
          .exec();
        const [answer, moment] = (replies ?? []).map(([, value]) => value);
        const [cost = 0] = answer as number[];
        granted.push({ at: Number(moment), cost });
      }
    }),
  );
  expect(mostInASecond(granted.toSorted((a, b) => a.at - b.at))).toBeLessThanOrEqual(330);
});

test('callers are served in the order in which they asked', async () => {
  const [budget] = fleet(1, 500);
  const served: number[] = [];
  await Promise.all(
    Array.from({ length: 60 }, async (_, at) => {
      await budget?.take(1, forever());
      served.push(at);
    }),
  );
  expect(served).toEqual(served.toSorted((a, b) => a - b));
});

test('permits that cost several come even where the rate is lower than the cost', async () => {
  const budgets = fleet(3, 5);
  const granted = await spend(budgets, 1, () => 3);
  expect(granted).toHaveLength(3);
});

test('what is saved up for a permit that costs several does not lapse meanwhile', async () => {
  const [budget] = fleet(1, 1);
  await budget?.take(2, forever());
  await budget?.take(2, forever());
  expect(budget?.waiting).toBe(0);
});

test('one that gives up leaves the queue at once and takes nothing', async () => {
  const [budget] = fleet(1, 1);
  if (budget === undefined) return;
  await budget.take(1, forever());
  const impatient = new AbortController();
  const given = budget.take(1, impatient.signal);
  await eventually(() => expect(budget.waiting).toBe(1));
  impatient.abort(new Error('closing'));
  await expect(given).rejects.toThrow('closing');
  expect(budget.waiting).toBe(0);
});

test('one that gave up before it asked is not served', async () => {
  const [budget] = fleet(1, 100);
  await expect(budget?.take(1, AbortSignal.abort(new Error('closing')))).rejects.toThrow('closing');
});

test('without Redis nothing is granted, and everything once it is back', async () => {
  const server = await startRedis({ aof: 'always' });
  const client = server.connect({ maxRetriesPerRequest: 1 });
  const budget = new Budget(client, 'budget', 'test', 1000);
  await budget.take(1, forever());
  let attempts = 0;
  client.on('reconnecting', () => {
    attempts += 1;
  });
  await server.kill();
  let granted = 0;
  const taken = Promise.all(
    Array.from({ length: 5 }, async () => {
      await budget.take(1, forever());
      granted += 1;
    }),
  );
  await eventually(() => expect(attempts).toBeGreaterThan(3));
  expect(granted).toBe(0);
  await server.launch();
  await taken;
  expect(granted).toBe(5);
  await server.stop();
});

test('the estimate grows with what is asked for', async () => {
  const [budget] = fleet(1, 10);
  if (budget === undefined) return;
  expect(budget.estimateMs).toBe(0);
  const stop = new AbortController();
  const takes = [5, 5].map((cost) => budget.take(cost, stop.signal).catch(() => undefined));
  expect(budget.estimateMs).toBe(1000);
  stop.abort();
  await Promise.all(takes);
});

test('at a steady pace permits are drawn ahead, and most callers need not wait for Redis', async () => {
  const [budget] = fleet(1, 100_000);
  if (budget === undefined) return;
  // Long enough for the pace to be known.
  const known = performance.now() + 300;
  while (performance.now() < known) await budget.take(1, forever());
  let atOnce = 0;
  for (let asked = 0; asked < 100; asked += 1) {
    if (budget.takeNow(1)) atOnce += 1;
    else await budget.take(1, forever());
  }
  expect(atOnce).toBeGreaterThan(50);
});
