import { BUDGET_NAMES, type BudgetName } from '../../src/shared/domain/budgets.ts';
import type { BudgetDescription, WorkerDescription } from '../../src/shared/domain/worker.ts';

const budgets = Object.fromEntries(
  BUDGET_NAMES.map((name) => [name, { configured: 100, perSecond: 100, waiting: 0 }]),
) as Record<BudgetName, BudgetDescription>;

/** What a worker may tell of itself. */
export const DESCRIPTION: WorkerDescription = {
  host: 'here',
  pid: 1,
  startedAt: 1,
  metricsUrl: 'http://localhost',
  draining: false,
  jobConcurrency: 10,
  budgets,
};
