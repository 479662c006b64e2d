import { laneId } from '../domain/lane.ts';
import type { UpdateRequest } from '../domain/update.ts';
import { DELIVER, newDeliverJob, SCHEDULE, type ScheduleJob } from '../queue/deliverJob.ts';
import type { NewJob } from '../queue/shardQueues.ts';

interface Row {
  readonly updateId: string;
  readonly request: UpdateRequest;
}

export function deliverJob(rows: readonly Row[], priority: number | undefined): NewJob {
  const job = newDeliverJob(rows.map((row) => [row.updateId, laneId(row.request)]));
  return { name: DELIVER, ...job, ...(priority === undefined ? {} : { priority }) };
}

/** Times this close share a job. */
const SCHEDULE_STEP_MS = 20;
/** A job that is this close may be running already, and not see what is scheduled now. */
const SHARED_JOB_AHEAD_MS = 1000;

/** Wakes the owner when the time of the rows has come. */
export function scheduleJob(rows: readonly Row[], dueAt: number, now: number): NewJob {
  const step = Math.ceil(dueAt / SCHEDULE_STEP_MS) * SCHEDULE_STEP_MS;
  const delayMs = Math.max(0, step - now);
  const id = delayMs > SHARED_JOB_AHEAD_MS ? `t_${step}` : `t_${rows[0]?.updateId}`;
  const data: ScheduleJob = { dueAt };
  return { name: SCHEDULE, data, id, delayMs, fleeting: true };
}
