import { z } from 'zod';

/**
 * A deliver job is the promise to settle the updates that it names, all of one shard. Parsed when
 * it is made and again when it runs, since Redis outlives releases.
 */
export const DELIVER = 'deliver';
export const MAX_UPDATES_PER_JOB = 100;

/** What a job's id begins with; the first update's follows. */
export const OF_FIRST = 'd_';

const manyUpdates = z.object({
  /** Pairs of update id and lane id, in the order of acceptance. */
  updates: z
    .array(z.tuple([z.string(), z.string()]))
    .min(1)
    .max(MAX_UPDATES_PER_JOB),
});
export type DeliverJob = z.infer<typeof manyUpdates>;

/**
 * Of the one update that the job's own id names. Redis keeps a hash with no value over 64 bytes in
 * a third of the memory (`hash-max-listpack-value`), which leaves 22 for thing and shadow.
 */
const oneUpdate = z.object({ lane: z.string() });

/** A job's id and data, as BullMQ keeps them. */
interface Kept {
  readonly id?: string | undefined;
  readonly data: unknown;
}

/** `updates`: at least one, all of one shard. The id is that of the first. */
export function newDeliverJob(updates: DeliverJob['updates']): { id: string; data: object } {
  const [first] = updates;
  if (first === undefined) throw new TypeError('a deliver job without an update');
  const [updateId, lane] = first;
  return { id: `${OF_FIRST}${updateId}`, data: updates.length === 1 ? { lane } : { updates } };
}

export function parseDeliverJob({ id = '', data }: Kept): DeliverJob {
  const { success, data: single } = oneUpdate.safeParse(data);
  if (!success) return manyUpdates.parse(data);
  // A copy that somebody made on a board has another id, and promises nothing.
  return { updates: id.startsWith(OF_FIRST) ? [[id.slice(OF_FIRST.length), single.lane]] : [] };
}

/** What Bull Board shows of a finished job: how many updates ended how. */
export type DeliverResult = Readonly<Record<string, number>>;

/** A connection job asks the owner to do something with the connections of identities. */
export const CONNECTION = 'connection';
const connectionJob = z.object({
  action: z.enum(['reconnect', 'close', 'warm']),
  identityIds: z.array(z.string()).min(1),
});
export type ConnectionJob = z.infer<typeof connectionJob>;
export type ConnectionAction = ConnectionJob['action'];

export function parseConnectionJob(data: unknown): ConnectionJob {
  return connectionJob.parse(data);
}

/**
 * A verify job asks the owner to authenticate an identity that was just registered, so that a
 * wrong password shows before the first update.
 */
export const VERIFY = 'verify';
const verifyJob = z.object({ identityId: z.string() });
export type VerifyJob = z.infer<typeof verifyJob>;

export function parseVerifyJob(data: unknown): VerifyJob {
  return verifyJob.parse(data);
}

/** A bulk job asks the owner to take its part in an action on many updates. */
export const BULK = 'bulk';
const bulkJob = z.object({ bulkActionId: z.string() });
export type BulkJob = z.infer<typeof bulkJob>;

export function parseBulkJob(data: unknown): BulkJob {
  return bulkJob.parse(data);
}

/** A schedule job asks the owner to give updates whose time has come their places in their lanes. */
export const SCHEDULE = 'schedule';
/** `dueAt`: epoch milliseconds of Redis's clock. */
const scheduleJob = z.object({ dueAt: z.number() });
export type ScheduleJob = z.infer<typeof scheduleJob>;

export function parseScheduleJob(data: unknown): ScheduleJob {
  return scheduleJob.parse(data);
}

/** A read job asks the owner to read a shadow for somebody who waits; `answerId` names who. */
export const READ_SHADOW = 'read-shadow';
const readShadowJob = z.object({
  identityId: z.string(),
  thing: z.string(),
  shadow: z.string().optional(),
  answerId: z.string(),
});
export type ReadShadowJob = z.infer<typeof readShadowJob>;

export function parseReadShadowJob(data: unknown): ReadShadowJob {
  return readShadowJob.parse(data);
}
