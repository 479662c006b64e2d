import { BUDGET_NAMES, type BudgetName } from '../../shared/domain/budgets.ts';
import type { BudgetDescription } from '../../shared/domain/worker.ts';
import type { Tuning } from '../../shared/store/fleetTuning.ts';
import type { Budgets } from '../budgets/budgets.ts';

/**
 * What of a worker's settings operators may change while it runs. With every heartbeat the worker
 * follows what they set, and tells what holds.
 */
export class WorkerTuning {
  readonly #budgets: Budgets;
  readonly #configuredConcurrency: number;
  #jobConcurrency: number;

  constructor(budgets: Budgets, jobConcurrency: number) {
    this.#budgets = budgets;
    this.#configuredConcurrency = jobConcurrency;
    this.#jobConcurrency = jobConcurrency;
  }

  /** Jobs that run at once in each shard. */
  get jobConcurrency(): number {
    return this.#jobConcurrency;
  }

  follow(tuning: Tuning): void {
    for (const name of BUDGET_NAMES) this.#budgets[name].tune(tuning.budgets.get(name));
    this.#jobConcurrency = tuning.jobConcurrency ?? this.#configuredConcurrency;
  }

  describe(): {
    readonly jobConcurrency: number;
    readonly budgets: Record<BudgetName, BudgetDescription>;
  } {
    const budgets = {} as Record<BudgetName, BudgetDescription>;
    for (const name of BUDGET_NAMES) {
      const { configured, perSecond, waiting } = this.#budgets[name];
      budgets[name] = { configured, perSecond, waiting };
    }
    return { jobConcurrency: this.#jobConcurrency, budgets };
  }
}
