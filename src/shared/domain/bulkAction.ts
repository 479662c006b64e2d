import type { ErrorCode } from '../errors/catalogue.ts';
import type { UpdateState, WaitReason } from './sets.ts';
import type { UpdateFilter } from './updateFilter.ts';

/** What may be done with all updates that match a filter. */
export const BULK_KINDS = ['CANCEL', 'RETRY', 'RELEASE'] as const;
export type BulkKind = (typeof BULK_KINDS)[number];

export const BULK_STATES = ['RUNNING', 'ABORTING', 'COMPLETED', 'ABORTED'] as const;
export type BulkState = (typeof BULK_STATES)[number];

/** What was asked for, as it was frozen. Times are epoch milliseconds. */
export interface BulkRequest {
  readonly kind: BulkKind;
  /** Of what was accepted up to the preview, and of what the kind applies to. */
  readonly filter: UpdateFilter;
  /** How many matched then, or at least so many. */
  readonly matched: number;
  readonly matchedAtLeast: boolean;
}

export interface BulkAction extends BulkRequest {
  readonly id: string;
  readonly actor: string;
  readonly reason: string;
  readonly createdAt: number;
  readonly state: BulkState;
  readonly done: number;
  /** What did not need it any more: it ended, or had been retried or released already. */
  readonly skipped: number;
  readonly failed: number;
  /** Of what failed, a few. */
  readonly errors: readonly BulkError[];
  readonly finishedAt?: number | undefined;
  readonly abortedBy?: string | undefined;
  readonly abortReason?: string | undefined;
  /** The batch of the new updates, where it retries. */
  readonly batchId?: string | undefined;
}

export interface BulkError {
  readonly updateId: string;
  readonly code: ErrorCode;
  readonly message: string;
}

const APPLIES_TO: Readonly<Record<BulkKind, readonly UpdateState[]>> = {
  CANCEL: ['QUEUED', 'HELD'],
  RETRY: ['FAILED', 'EXPIRED', 'CANCELED'],
  RELEASE: ['QUEUED', 'HELD'],
};
const RETRIED_UNLESS_SAID: readonly UpdateState[] = ['FAILED', 'EXPIRED'];
/** Waits that a release ends: those of a parked identity, and those for a time of ours. */
const RELEASED: readonly WaitReason[] = [
  'IDENTITY_QUARANTINED',
  'NEEDS_OPERATOR',
  'PROPAGATING',
  'BACKOFF',
  'RATE_LIMITED',
];

/**
 * The part of a filter that an action applies to, of what was accepted before a time. Undefined
 * where that is nothing.
 */
export function applicable(
  kind: BulkKind,
  filter: UpdateFilter,
  before: number,
): UpdateFilter | undefined {
  const wanted = filter.states ?? (kind === 'RETRY' ? RETRIED_UNLESS_SAID : APPLIES_TO[kind]);
  const states = wanted.filter((state) => APPLIES_TO[kind].includes(state));
  const waitReasons =
    kind === 'RELEASE'
      ? (filter.waitReasons ?? RELEASED).filter((reason) => RELEASED.includes(reason))
      : filter.waitReasons;
  if (states.length === 0 || waitReasons?.length === 0) return undefined;
  const acceptedBefore = Math.min(filter.acceptedBefore ?? before, before);
  return {
    ...filter,
    states,
    acceptedBefore,
    ...(waitReasons === undefined ? {} : { waitReasons }),
  };
}
