import type { FailureCode, FinalState } from './sets.ts';

/** Where a batch stands. */
export const BATCH_STATES = ['ACCEPTING', 'RUNNING', 'COMPLETED'] as const;
export type BatchState = (typeof BATCH_STATES)[number];

/** What happens to the sound rows of a request with one that is not. */
export const ERROR_POLICIES = ['SKIP_INVALID', 'REJECT_ALL'] as const;
export type ErrorPolicy = (typeof ERROR_POLICIES)[number];

/** Updates that were accepted together. Times are epoch milliseconds. */
export interface Batch {
  readonly id: string;
  readonly actor: string;
  readonly label?: string | undefined;
  readonly createdAt: number;
  readonly state: BatchState;
  /** Rows that were taken; while it is ACCEPTING, so far. */
  readonly total: number;
  /** Updates that have not ended. */
  readonly left: number;
  /** How the others ended. */
  readonly ends: readonly BatchEnd[];
  /** When the last one ended, once it is COMPLETED. */
  readonly finishedAt?: number | undefined;
  /** The batch whose failed updates it sends again. */
  readonly retryOf?: string | undefined;
}

export interface BatchEnd {
  readonly state: FinalState;
  readonly code?: FailureCode | undefined;
  readonly count: number;
}
