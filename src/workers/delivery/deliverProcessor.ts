import { DelayedError, type Job } from 'bullmq';
import { isFinal, OPEN_STATES, type UpdateState } from '../../shared/domain/sets.ts';
import { type DeliverResult, parseDeliverJob } from '../../shared/queue/deliverJob.ts';
import type { LaneStore, LaneWait } from '../shard/laneStore.ts';
import type { LaneDrainer } from './laneDrainer.ts';

export interface DeliverDependencies {
  readonly lanes: LaneStore;
  drainer(laneId: string): LaneDrainer;
}

/** Where only an event ends a wait, the job looks again after this long all the same. */
const OPEN_END_MS = 300_000;
const LEAST_DELAY_MS = 20;

/**
 * Runs a deliver job: has every update that it names settled. Where lanes must wait, the job goes
 * back to the queue with a delay and without using an attempt, so that no slot is held by waiting.
 */
export async function processDeliver(
  job: Job,
  lockToken: string | undefined,
  deps: DeliverDependencies,
): Promise<DeliverResult> {
  const { updates } = parseDeliverJob(job.data);
  const readStates = () => Promise.all(updates.map(([updateId]) => deps.lanes.stateOf(updateId)));
  const openOf = (states: readonly (string | null)[]) =>
    updates.filter((_, at) => isOpen(states[at] ?? null));
  // Most of a job that runs again may be settled: those identities need no connection for it.
  let open = job.attemptsStarted > 1 ? openOf(await readStates()) : updates;
  for (;;) {
    // The last update of each lane: what stands before it is settled on the way.
    const last = new Map(open.map(([updateId, laneId]) => [laneId, updateId]));
    const results = await Promise.all(
      [...last].map(([laneId, updateId]) => deps.drainer(laneId).drainTo(updateId)),
    );
    const waits = results.flatMap((result) => (result.kind === 'waits' ? [result.wait] : []));
    if (waits.length > 0) {
      await job.moveToDelayed(wakeAt(waits, Date.now()), lockToken);
      throw new DelayedError();
    }
    const states = await readStates();
    const left = openOf(states);
    // The last of a lane may have been canceled, or have expired, before those ahead of it.
    if (left.length === 0 || left.length === open.length) return tally(states);
    open = left;
  }
}

function isOpen(state: string | null): boolean {
  return (OPEN_STATES as readonly (string | null)[]).includes(state);
}

/** The earliest moment at which one of the lanes can go on. */
export function wakeAt(waits: readonly LaneWait[], now: number): number {
  const ends = waits.map((wait) =>
    Math.min(wait.until ?? now + OPEN_END_MS, wait.expiresAt ?? Number.POSITIVE_INFINITY),
  );
  return Math.max(now + LEAST_DELAY_MS, Math.min(...ends));
}

function tally(states: readonly (string | null)[]): DeliverResult {
  const counts: Record<string, number> = {};
  for (const state of states) {
    const known = state !== null && isFinal(state as UpdateState) ? state : 'PRUNED';
    counts[known] = (counts[known] ?? 0) + 1;
  }
  return counts;
}
