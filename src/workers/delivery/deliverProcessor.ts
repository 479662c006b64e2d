import { DelayedError, type Job } from 'bullmq';
import { isFinal, isOpenState, type UpdateState } from '../../shared/domain/sets.ts';
import { type DeliverResult, parseDeliverJob } from '../../shared/queue/deliverJob.ts';
import type { LaneStore, LaneWait } from '../shard/laneStore.ts';
import type { DrainResult, LaneDrainer } from './laneDrainer.ts';

export interface DeliverDependencies {
  readonly lanes: LaneStore;
  drainer(laneId: string): LaneDrainer;
  /** Has the job that runs made ready once the connection of this lane's identity is up. */
  callWhenUp(laneId: string): void;
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
  const { updates } = parseDeliverJob(job);
  const states = new Map<string, string | null>();
  const lookUp = async (ids: readonly string[]): Promise<void> => {
    const found = await deps.lanes.statesOf(ids);
    for (const [at, id] of ids.entries()) states.set(id, found[at] ?? null);
  };
  // Most of a job that runs again may be settled: those identities need no connection for it.
  if (job.attemptsStarted > 1) await lookUp(updates.map(([updateId]) => updateId));
  let open = updates.filter(([updateId]) => isOpenState(states.get(updateId) ?? 'QUEUED'));
  while (open.length > 0) {
    const asked = open.map(([updateId, laneId]) => {
      const drainer = deps.drainer(laneId);
      return { laneId, drainer, drained: drainer.drainTo(updateId) };
    });
    const results = await Promise.all(asked.map(({ drained }) => drained));
    const waits = results.flatMap((result) => (result.kind === 'waits' ? [result.wait] : []));
    if (waits.length > 0) {
      await job.moveToDelayed(wakeAt(waits, Date.now()), lockToken);
      // From now on there is a delayed job that the end of a wait can wake; a moment ago it found none.
      const aside = asked.filter((_, at) => results[at]?.kind === 'waits');
      for (const { laneId } of aside) deps.callWhenUp(laneId);
      if (asked.some(({ drainer }, at) => isOver(drainer, results[at]))) await wake(job);
      throw new DelayedError();
    }
    for (const [at, [updateId]] of open.entries()) {
      const result = results[at];
      if (result?.kind === 'settled') states.set(updateId, result.state ?? null);
    }
    // What somebody else ended, or had ended before, is known to Redis only.
    const unknown = open.map(([updateId]) => updateId).filter((id) => states.get(id) === null);
    if (unknown.length > 0) await lookUp(unknown);
    const left = open.filter(([updateId]) => isOpenState(states.get(updateId) ?? null));
    if (left.length === open.length) break;
    open = left;
  }
  return tally(updates.map(([updateId]) => states.get(updateId) ?? null));
}

function isOver(drainer: LaneDrainer, result: DrainResult | undefined): boolean {
  return result?.kind === 'waits' && drainer.hasEnded(result.wait);
}

/** Somebody else may have done so in between, which is all that is wanted. */
async function wake(job: Job): Promise<void> {
  await job.promote().catch(() => undefined);
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
