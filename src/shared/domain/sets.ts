/**
 * The closed sets of the domain. GraphQL enums, metrics labels and Redis records all use these
 * words as they stand here.
 */

/** Where an update stands. The first three are open, the others final. */
export const UPDATE_STATES = [
  'QUEUED',
  'HELD',
  'IN_FLIGHT',
  'SUCCEEDED',
  'FAILED',
  'EXPIRED',
  'CANCELED',
  'SUPERSEDED',
] as const;
export type UpdateState = (typeof UPDATE_STATES)[number];

export const OPEN_STATES = ['QUEUED', 'HELD', 'IN_FLIGHT'] as const satisfies UpdateState[];
export type FinalState = Exclude<UpdateState, (typeof OPEN_STATES)[number]>;

export function isFinal(state: UpdateState): state is FinalState {
  return !(OPEN_STATES as readonly UpdateState[]).includes(state);
}

/** Whether a state that was read is one of an update that has not ended; null is none. */
export function isOpenState(state: string | null): boolean {
  return (OPEN_STATES as readonly (string | null)[]).includes(state);
}

/** How far an update came: the broker's puback, the shadow service's answer, the device's report. */
export const MILESTONES = ['PUBLISHED', 'ACCEPTED', 'CONVERGED'] as const;
export type Milestone = (typeof MILESTONES)[number];

/** The milestone that an update must reach to count as succeeded. */
export const CONFIRM_LEVELS = ['PUBACK', 'ACCEPTED'] as const;
export type ConfirmLevel = (typeof CONFIRM_LEVELS)[number];

/** Why an update that could run does not run. */
export const WAIT_REASONS = [
  'SCHEDULED',
  'PAUSED',
  'BACKOFF',
  'RATE_LIMITED',
  'BEHIND_ANOTHER_UPDATE',
  'CONNECTING',
  'CONNECTION_LIMIT',
  'PROBING',
  'PROPAGATING',
  'IDENTITY_QUARANTINED',
  'NEEDS_OPERATOR',
  'NO_OWNER',
] as const;
export type WaitReason = (typeof WAIT_REASONS)[number];

/** The step of the path from password to shadow at which something was refused. */
export const STAGES = [
  'USER_POOL',
  'IDENTITY_POOL',
  'ATTACH_POLICY',
  'UPGRADE',
  'CONNECT',
  'SUBSCRIBE',
  'PUBLISH',
  'SHADOW_SERVICE',
] as const;
export type Stage = (typeof STAGES)[number];

/** What refused: the thing to look at, and to mend, in the AWS account. */
export const GATES = [
  'USER_POOL_PASSWORD',
  'USER_POOL_CHALLENGE',
  'USER_POOL_USER_STATE',
  'USER_POOL_CLIENT',
  'IDENTITY_POOL_LOGIN',
  'ROLE_MAPPING',
  'WORKER_ROLE',
  'IOT_POLICY_LIMIT',
  'IOT_POLICY_NOT_FOUND',
  'IOT_POLICY_NOT_ATTACHED',
  'IOT_POLICY_PROPAGATING',
  'CONNECT_POLICY',
  'TOPIC_FILTER_POLICY',
  'TOPIC_POLICY',
  'CREDENTIALS_EXPIRED',
  'SIGNATURE',
  'CLOCK',
  'DUPLICATE_IDENTITY',
  'SHADOW_SERVICE',
] as const;
export type Gate = (typeof GATES)[number];

/** Why an update ended in FAILED, EXPIRED or CANCELED. */
export const FAILURE_CODES = [
  'NOT_AUTHORIZED',
  'REJECTED',
  'VERSION_CONFLICT',
  'THING_NOT_FOUND',
  'TOO_LARGE',
  'TRIES_EXHAUSTED',
  'OUTCOME_UNKNOWN',
  'DEADLINE_PASSED',
  'IDENTITY_REMOVED',
] as const;
export type FailureCode = (typeof FAILURE_CODES)[number];

/** Where an identity stands. Updates of the last two are held. */
export const IDENTITY_STATUSES = ['PENDING', 'ACTIVE', 'QUARANTINED', 'NEEDS_OPERATOR'] as const;
export type IdentityStatus = (typeof IDENTITY_STATUSES)[number];

/** The states of an identity's connection, from nothing to closed. */
export const CONNECTION_STATES = [
  'idle',
  'authenticating',
  'attaching',
  'connecting',
  'connected',
  'backoff',
  'quarantined',
  'draining',
  'closed',
] as const;
export type ConnectionState = (typeof CONNECTION_STATES)[number];

/** Why a connection that was up ended. */
export const DISCONNECT_KINDS = [
  'taken_over',
  'not_authorized',
  'server',
  'network',
  'recycled',
  'idle',
  'probe',
  'requested',
  'released',
] as const;
export type DisconnectKind = (typeof DISCONNECT_KINDS)[number];
