import type { Denial } from './denial.ts';
import type { JsonObject } from './desired.ts';
import type { ConfirmLevel, FailureCode, Milestone, UpdateState, WaitReason } from './sets.ts';
import type { ShadowRef } from './shadow.ts';

/** What a caller asks for: one desired-state patch to one shadow, published as one identity. */
export interface UpdateRequest extends ShadowRef {
  /** Empty where a group is named: the intake finds the member that sends it. */
  readonly identityId: string;
  readonly groupId?: string | undefined;
  readonly desired: JsonObject;
  readonly confirm: ConfirmLevel;
  /** The version that the shadow must have; AWS answers 409 otherwise. */
  readonly expectedVersion?: number | undefined;
  /** Epoch milliseconds after which it must not be published any more. */
  readonly expiresAt?: number | undefined;
  /** Epoch milliseconds before which it must not begin; it waits outside of its lane until then. */
  readonly notBefore?: number | undefined;
  /** The same as a duration, which begins when the request is stored; instead of `notBefore`. */
  readonly delayMs?: number | undefined;
  /** It may be merged with its neighbours in the lane into one publish. */
  readonly coalesce?: boolean | undefined;
  /** What its caller calls it, to find it again; see `labelsProblem`. */
  readonly labels?: readonly string[] | undefined;
  /** The update that this one repeats. */
  readonly replayOf?: string | undefined;
}

export interface Cancellation {
  readonly actor: string;
  readonly reason?: string | undefined;
}

export interface Wait {
  readonly reason: WaitReason;
  /** What exactly, for example the budget's name; never a secret. */
  readonly detail?: string | undefined;
  /** Epoch milliseconds at which it is looked at again; absent where an operator must act. */
  readonly until?: number | undefined;
}

export interface Failure {
  readonly code: FailureCode;
  readonly message: string;
  readonly remedy: string;
  readonly denial?: Denial | undefined;
  /** The shadow service's code (400, 409, …) where it rejected. */
  readonly awsCode?: number | undefined;
}

/** An update with everything known of it. Times are epoch milliseconds. */
export interface Update extends UpdateRequest {
  readonly id: string;
  /** The batch that it was accepted with; absent where it came alone. */
  readonly batchId?: string | undefined;
  readonly actor: string;
  readonly state: UpdateState;
  readonly milestone?: Milestone | undefined;
  /** The shadow's version after this update was accepted. */
  readonly version?: number | undefined;
  /** Publishes so far. */
  readonly tries: number;
  readonly wait?: Wait | undefined;
  readonly failure?: Failure | undefined;
  readonly cancellation?: Cancellation | undefined;
  /** The update under whose token it was published, where that is not its own. */
  readonly carriedBy?: string | undefined;
  /** Paths of its fields that a later update in the same publish set, too. */
  readonly supersededFields: readonly string[];
  /** True where a publish went out whose answer never came, and the update did not succeed. */
  readonly maybeApplied: boolean;
  readonly createdAt: number;
  readonly publishedAt?: number | undefined;
  readonly finishedAt?: number | undefined;
}
