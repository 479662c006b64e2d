import type { FailureCode, FinalState, Gate, Stage } from '../../shared/domain/sets.ts';
import type { WorkerEvents } from '../events.ts';

/*
 * Labels that counters have from the start, at zero: a series that begins with a one shows no
 * increase to Prometheus, so that the first refusal of its kind would raise no alert.
 */

/** Which gates can refuse at which stage. */
export const GATES_OF = {
  USER_POOL: [
    'USER_POOL_PASSWORD',
    'USER_POOL_CHALLENGE',
    'USER_POOL_USER_STATE',
    'USER_POOL_CLIENT',
  ],
  IDENTITY_POOL: ['IDENTITY_POOL_LOGIN', 'ROLE_MAPPING', 'DUPLICATE_IDENTITY'],
  ATTACH_POLICY: ['WORKER_ROLE', 'IOT_POLICY_LIMIT', 'IOT_POLICY_NOT_FOUND'],
  UPGRADE: ['CREDENTIALS_EXPIRED', 'SIGNATURE', 'CLOCK'],
  CONNECT: ['IOT_POLICY_NOT_ATTACHED', 'IOT_POLICY_PROPAGATING', 'CONNECT_POLICY'],
  SUBSCRIBE: ['TOPIC_FILTER_POLICY'],
  PUBLISH: ['TOPIC_POLICY'],
  SHADOW_SERVICE: ['SHADOW_SERVICE'],
} as const satisfies Readonly<Record<Stage, readonly Gate[]>>;

/** How an update can end, and why; NONE where there is nothing to explain. */
export const CODES_OF = {
  SUCCEEDED: ['NONE'],
  FAILED: [
    'NOT_AUTHORIZED',
    'REJECTED',
    'VERSION_CONFLICT',
    'THING_NOT_FOUND',
    'TOO_LARGE',
    'TRIES_EXHAUSTED',
    'OUTCOME_UNKNOWN',
  ],
  EXPIRED: ['DEADLINE_PASSED'],
  CANCELED: ['IDENTITY_REMOVED'],
  SUPERSEDED: ['NONE'],
} as const satisfies Readonly<Record<FinalState, readonly (FailureCode | 'NONE')[]>>;

type CredentialEvent = WorkerEvents['credentials:obtained'];

export const CREDENTIAL_SOURCES = [
  'cache',
  'password',
  'refresh_token',
  'get_id',
  'get_credentials',
] as const satisfies readonly CredentialEvent['via'][];

export const CALL_OUTCOMES = [
  'ok',
  'denied',
  'failed',
] as const satisfies readonly CredentialEvent['outcome'][];

export const REFUSAL_KINDS = [
  'connack',
  'upgrade',
  'network',
] as const satisfies readonly WorkerEvents['connection:refused']['kind'][];

export const PRESENCE_EFFECTS = [
  'applied',
  'outdated',
  'malformed',
  'lost',
] as const satisfies readonly WorkerEvents['presence:event']['effect'][];

export const LEASE_CHANGES = ['taken', 'released', 'lost'] as const;
export const SWEEP_FINDINGS = ['orphan', 'late'] as const;
