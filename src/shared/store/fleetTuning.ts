import { type BudgetName, isBudgetName } from '../domain/budgets.ts';
import { CourierError } from '../errors/courierError.ts';
import type { RedisClient } from '../redis/client.ts';
import type { Keys } from '../redis/keys.ts';

/** What operators set while the fleet runs, over what its processes were started with. */
export interface Tuning {
  /** Rates a second. */
  readonly budgets: ReadonlyMap<BudgetName, number>;
  /** Jobs that run at once in each shard. */
  readonly jobConcurrency: number | undefined;
}

export const MAX_PER_SECOND = 100_000;
export const MAX_JOB_CONCURRENCY = 1000;

const JOB_CONCURRENCY = 'jobConcurrency';
const BUDGET = 'budget:';

/** The fields of the tuning's hash in Redis; unknown ones are another version's. */
export function parseTuning(fields: Readonly<Record<string, string>>): Tuning {
  const budgets = new Map<BudgetName, number>();
  for (const [field, value] of Object.entries(fields)) {
    const name = field.startsWith(BUDGET) ? field.slice(BUDGET.length) : '';
    if (isBudgetName(name)) budgets.set(name, Number(value));
  }
  const concurrency = fields[JOB_CONCURRENCY];
  return { budgets, jobConcurrency: concurrency === undefined ? undefined : Number(concurrency) };
}

/** Writes the tuning; the workers follow with their next heartbeats. */
export class FleetTuning {
  readonly #redis: RedisClient;
  readonly #key: string;

  constructor(redis: RedisClient, keys: Keys) {
    this.#redis = redis;
    this.#key = keys.tuning;
  }

  async read(): Promise<Tuning> {
    return parseTuning(await this.#redis.hgetall(this.#key));
  }

  /**
   * Sets a budget's rate; undefined takes back what was set, and the workers' own settings hold.
   * @throws TUNING_INVALID where it is no whole number from 1 to 100,000.
   */
  async setBudget(name: BudgetName, perSecond: number | undefined): Promise<void> {
    await this.#set(`${BUDGET}${name}`, perSecond, MAX_PER_SECOND, 'perSecond');
  }

  /** As `setBudget`, for the jobs that run at once in each shard: 1 to 1,000. */
  async setJobConcurrency(jobs: number | undefined): Promise<void> {
    await this.#set(JOB_CONCURRENCY, jobs, MAX_JOB_CONCURRENCY, 'jobConcurrency');
  }

  async #set(field: string, value: number | undefined, max: number, what: string): Promise<void> {
    if (value === undefined) {
      await this.#redis.hdel(this.#key, field);
      return;
    }
    if (!Number.isInteger(value) || value < 1 || value > max) {
      throw new CourierError(
        'TUNING_INVALID',
        `${what} is a whole number from 1 to ${max}.`,
        'To hold everything back use pauseUpdates; leave the value out to go back to the setting of the workers.',
      );
    }
    await this.#redis.hset(this.#key, field, String(value));
  }
}
