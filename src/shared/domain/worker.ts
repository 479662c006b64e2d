import type { BudgetName } from './budgets.ts';

/** What a worker tells of itself with every heartbeat. Times are epoch milliseconds. */
export interface WorkerDescription {
  readonly host: string;
  readonly pid: number;
  readonly startedAt: number;
  /** Where Prometheus scrapes it. */
  readonly metricsUrl: string;
  /** It hands over what it has, because it was told to stop. */
  readonly draining: boolean;
  /** Jobs that run at once in each of its shards. */
  readonly jobConcurrency: number;
  readonly budgets: Readonly<Record<BudgetName, BudgetDescription>>;
}

export interface BudgetDescription {
  /** The rate a second that its settings give. */
  readonly configured: number;
  /** The rate that it keeps to now. */
  readonly perSecond: number;
  /** Its calls that wait for a permit. */
  readonly waiting: number;
}
