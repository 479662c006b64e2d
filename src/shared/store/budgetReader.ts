import { BUDGET_NAMES, type BudgetName } from '../domain/budgets.ts';
import type { WorkerDescription } from '../domain/worker.ts';
import type { RedisClient } from '../redis/client.ts';
import type { Keys } from '../redis/keys.ts';
import type { Tuning } from './fleetTuning.ts';

/** An account-wide rate and what is made of it. */
export interface BudgetView {
  readonly name: BudgetName;
  /** The rate a second that the workers' settings give; undefined where no worker runs. */
  readonly configured: number | undefined;
  /** The rate that an operator set instead. */
  readonly override: number | undefined;
  /** What was granted in the last full second of Redis's clock, over the whole fleet. */
  readonly usedPerSecond: number;
  /** Calls that wait for a permit, over the whole fleet, as of the last heartbeats. */
  readonly waiting: number;
}

/** Every budget, from what the workers tell of it and from its bucket. */
export async function readBudgets(
  redis: RedisClient,
  keys: Keys,
  fleet: {
    readonly at: number;
    readonly descriptions: readonly Partial<WorkerDescription>[];
    readonly tuning: Tuning;
  },
): Promise<readonly BudgetView[]> {
  const second = Math.floor(fleet.at / 1000);
  return Promise.all(
    BUDGET_NAMES.map(async (name) => {
      const [counted, granted, before] = await redis.hmget(
        keys.budget(name),
        'second',
        'granted',
        'before',
      );
      const told = fleet.descriptions.flatMap(({ budgets }) => budgets?.[name] ?? []);
      return {
        name,
        configured: told[0]?.configured,
        override: fleet.tuning.budgets.get(name),
        usedPerSecond: lastFullSecond(second, Number(counted), Number(granted), Number(before)),
        waiting: told.reduce((sum, { waiting }) => sum + waiting, 0),
      };
    }),
  );
}

/** The bucket counts the second of its last grant, and the one before that. */
function lastFullSecond(now: number, counted: number, granted: number, before: number): number {
  if (counted === now) return before;
  return counted === now - 1 ? granted : 0;
}
