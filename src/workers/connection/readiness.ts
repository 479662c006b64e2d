import type { Identity } from '../../shared/domain/identity.ts';
import type { ConnectionState, WaitReason } from '../../shared/domain/sets.ts';
import type { LaneWait } from '../shard/laneStore.ts';

/** Whether an identity's updates may be published now, or why they wait. */
export type Readiness =
  | { readonly kind: 'ready' }
  | { readonly kind: 'waits'; readonly wait: LaneWait };

/** States in which nothing is connected, nor being connected. */
export const WITHOUT_LINK: ReadonlySet<ConnectionState> = new Set([
  'idle',
  'backoff',
  'quarantined',
  'closed',
]);

export function waitsFor(reason: WaitReason, detail: string, inMs: number): Readiness {
  return { kind: 'waits', wait: { reason, detail, until: Date.now() + Math.ceil(inMs) } };
}

/** Who does not wait at all is called when the connection is up, and looks again after this. */
const ASIDE_MS = 30_000;

/** It is being opened; `problem` is of the attempt before, '' for none. */
export function stillConnecting(
  state: ConnectionState,
  problem: string,
  patienceMs: number,
): Readiness {
  const before = problem === '' ? '' : `; before: ${problem}`;
  return waitsFor('CONNECTING', `${state}${before}`, patienceMs * 3 || ASIDE_MS);
}

export function isParked({ status }: Identity): boolean {
  return status === 'QUARANTINED' || status === 'NEEDS_OPERATOR';
}
