import type {
  ConnectionState,
  FailureCode,
  FinalState,
  IdentityStatus,
  WaitReason,
} from './sets.ts';

/** The stream of the fleet, beside those of the shards, which go by their numbers. */
export const FLEET_STREAM = -1;

/**
 * Where an event stands among those of all streams: by time, by count within a millisecond, by
 * stream. Whoever reads them in this order sees the same order, in every process.
 */
export interface EventPlace {
  /** Epoch milliseconds of Redis's clock. */
  readonly ms: number;
  readonly seq: number;
  readonly stream: number;
}

export interface UpdateEnded {
  readonly kind: 'UPDATE_ENDED';
  readonly updateId: string;
  readonly state: FinalState;
  readonly code: FailureCode | undefined;
  readonly batchId: string | undefined;
  readonly identityId: string;
  readonly thing: string;
}

export interface UpdateHeld {
  readonly kind: 'UPDATE_HELD';
  readonly updateId: string;
  readonly reason: WaitReason;
  readonly until: number | undefined;
  readonly identityId: string;
  readonly thing: string;
}

export interface IdentityChanged {
  readonly kind: 'IDENTITY_STATUS';
  readonly identityId: string;
  readonly status: IdentityStatus;
  readonly reason: WaitReason | undefined;
  readonly probeAt: number | undefined;
}

export interface ConnectionChanged {
  readonly kind: 'CONNECTION_STATE';
  readonly identityId: string;
  readonly state: ConnectionState;
  readonly worker: string;
}

/** Every update of a batch has ended. May be told of more than once. */
export interface BatchEnded {
  readonly kind: 'BATCH_ENDED';
  readonly batchId: string;
}

export interface ShardOwned {
  readonly kind: 'SHARD_OWNER';
  readonly shard: number;
  /** Nobody where its owner gave it up. */
  readonly worker: string | undefined;
}

export interface WorkerMoved {
  readonly kind: 'WORKER_JOINED' | 'WORKER_LEFT';
  readonly worker: string;
}

export interface OperatorActed {
  readonly kind: 'OPERATOR_ACTED';
  /** The name of the mutation. */
  readonly action: string;
  readonly actor: string;
  readonly subjects: readonly string[];
  readonly reason: string | undefined;
}

/** Everything that streams tell. */
export type CourierEvent = { readonly place: EventPlace } & (
  | UpdateEnded
  | UpdateHeld
  | IdentityChanged
  | ConnectionChanged
  | BatchEnded
  | ShardOwned
  | WorkerMoved
  | OperatorActed
);

export type EventOf<Kind extends CourierEvent['kind']> = Extract<CourierEvent, { kind: Kind }>;

/** Negative where `a` comes first. */
export function inOrder(a: EventPlace, b: EventPlace): number {
  return a.ms - b.ms || a.seq - b.seq || a.stream - b.stream;
}

/** The last place before a millisecond begins. */
export function placeBefore(ms: number): EventPlace {
  return { ms: ms - 1, seq: Number.MAX_SAFE_INTEGER, stream: Number.MAX_SAFE_INTEGER };
}

/** A place as callers keep it. */
export function eventCursor({ ms, seq, stream }: EventPlace): string {
  return Buffer.from(`${ms}.${seq}.${stream}`).toString('base64url');
}

/** Undefined for what is no cursor of ours. */
export function parseEventCursor(cursor: string): EventPlace | undefined {
  const text = Buffer.from(cursor, 'base64url').toString('utf8');
  const match = /^(\d{1,16})\.(\d{1,16})\.(-1|\d{1,16})$/.exec(text);
  if (match === null) return undefined;
  return { ms: Number(match[1]), seq: Number(match[2]), stream: Number(match[3]) };
}
