import type { FailureCode, UpdateState, WaitReason } from './sets.ts';

/** What updates are looked for; all that is given must hold, and nothing given means all of them. */
export interface UpdateFilter {
  readonly thing?: string | undefined;
  /** The named shadow of this name. */
  readonly shadow?: string | undefined;
  /** Whether to the classic shadow, or to a named one. */
  readonly classicShadow?: boolean | undefined;
  /** Sent through this group. */
  readonly groupId?: string | undefined;
  readonly identityId?: string | undefined;
  readonly batchId?: string | undefined;
  readonly actor?: string | undefined;
  /** All of them. */
  readonly labels?: readonly string[] | undefined;
  /** One of them. */
  readonly states?: readonly UpdateState[] | undefined;
  /** One of them. */
  readonly failureCodes?: readonly FailureCode[] | undefined;
  /** One of them; what does not wait matches none. */
  readonly waitReasons?: readonly WaitReason[] | undefined;
  /** Epoch milliseconds: accepted then or later. */
  readonly acceptedFrom?: number | undefined;
  /** Epoch milliseconds: accepted before. */
  readonly acceptedBefore?: number | undefined;
}
