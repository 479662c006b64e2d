import { createHash } from 'node:crypto';
import type { BulkError, BulkKind } from '../../shared/domain/bulkAction.ts';
import { updateIdOf } from '../../shared/domain/ids.ts';
import { replayOf } from '../../shared/domain/replay.ts';
import { CourierError } from '../../shared/errors/courierError.ts';
import type { ShardQueues } from '../../shared/queue/shardQueues.ts';
import type { RedisClient } from '../../shared/redis/client.ts';
import type { Keys } from '../../shared/redis/keys.ts';
import { runScript } from '../../shared/redis/script.ts';
import { END_WAIT } from '../../shared/store/lua/bulkScripts.ts';
import { OPERATOR_RELEASE } from '../../shared/store/lua/identityScripts.ts';
import type { UpdateControl } from '../../shared/store/updateControl.ts';
import type { UpdateIntake } from '../../shared/store/updateIntake.ts';
import type { UpdateReader } from '../../shared/store/updateReader.ts';
import type { ChunkOutcome } from './bulkParts.ts';

export interface BulkStepDependencies {
  readonly redis: RedisClient;
  readonly keys: Keys;
  readonly queues: ShardQueues;
  readonly control: UpdateControl;
  readonly intake: UpdateIntake;
  readonly reader: UpdateReader;
}

export interface BulkStep {
  readonly id: string;
  readonly shard: number;
  readonly kind: BulkKind;
  readonly at: number;
  readonly actor: string;
  readonly reason: string;
  readonly batchId: string | undefined;
}

type Verdict = 'done' | 'skipped' | BulkError;

/** Does to a chunk of updates what an action wants; again does no harm and answers the same. */
export async function work(
  ids: readonly string[],
  step: BulkStep,
  deps: BulkStepDependencies,
): Promise<ChunkOutcome> {
  const verdicts = await STEPS[step.kind](ids, step, deps);
  const errors = verdicts.filter((verdict) => typeof verdict === 'object');
  const count = (wanted: Verdict) => verdicts.filter((verdict) => verdict === wanted).length;
  return { done: count('done'), skipped: count('skipped'), failed: errors.length, errors };
}

const STEPS = { CANCEL: cancel, RETRY: retry, RELEASE: release } as const satisfies Record<
  BulkKind,
  (
    ids: readonly string[],
    step: BulkStep,
    deps: BulkStepDependencies,
  ) => Promise<readonly Verdict[]>
>;

/** Ended meanwhile, or pruned: nothing is left to be done. */
const OVER: ReadonlySet<string> = new Set(['UPDATE_FINISHED', 'UPDATE_NOT_FOUND']);

/** What was canceled in the meantime counts as done: it is what was wanted, and whose is not told. */
async function cancel(
  ids: readonly string[],
  { actor, reason }: BulkStep,
  { control }: BulkStepDependencies,
): Promise<readonly Verdict[]> {
  return Promise.all(
    ids.map(async (updateId): Promise<Verdict> => {
      try {
        await control.cancel(updateId, actor, reason);
        return 'done';
      } catch (error) {
        if (!(error instanceof CourierError)) throw error;
        if (OVER.has(error.code)) return 'skipped';
        return { updateId, code: error.code, message: error.message };
      }
    }),
  );
}

/** The new ids follow from the old ones, so that each is sent again once, whatever crashes. */
async function retry(
  ids: readonly string[],
  { id, shard, at, actor, batchId }: BulkStep,
  { intake, reader }: BulkStepDependencies,
): Promise<readonly Verdict[]> {
  const originals = await reader.findMany(ids);
  const planned = await Promise.all(
    ids.map(async (updateId, index) => {
      const original = originals[index];
      if (original === undefined) return undefined;
      const name = createHash('sha256').update(`${id}\n${updateId}`).digest('hex');
      const newId = updateIdOf(shard, at, name);
      const replays = await reader.replaysOf(original);
      const wanted = replays.length === 0 || replays.includes(newId);
      return wanted ? { updateId, newId, request: replayOf(original) } : undefined;
    }),
  );
  const rows = planned.filter((row) => row !== undefined);
  const taken = await intake.take(
    rows.map(({ request }) => request),
    { ids: rows.map(({ newId }) => newId), at },
    { actor, batchId },
  );
  const verdicts = new Map<string, Verdict>();
  for (const [index, { updateId }] of rows.entries()) {
    const row = taken[index];
    if (row?.taken === true) verdicts.set(updateId, 'done');
    else if (row !== undefined) {
      const { code, message } = row.error;
      verdicts.set(updateId, { updateId, code, message });
    }
  }
  return ids.map((updateId) => verdicts.get(updateId) ?? 'skipped');
}

/** Releases the identities that are parked, and has what waits for a time of ours run now. */
async function release(
  ids: readonly string[],
  { shard }: BulkStep,
  { redis, keys, queues, reader }: BulkStepDependencies,
): Promise<readonly Verdict[]> {
  const updates = await reader.findMany(ids);
  const { lease } = keys.shard(shard);
  const identities = new Set(updates.flatMap((update) => update?.identityId ?? []));
  const jobs = new Set<string>();
  await Promise.all(
    [...identities].map(async (identityId) => {
      const args = [identityId, '', 1];
      const [verdict, ...ofLanes] = (await runScript(
        redis,
        OPERATOR_RELEASE,
        [lease],
        args,
      )) as string[];
      if (verdict === 'released') for (const job of ofLanes) jobs.add(job);
    }),
  );
  await Promise.all(
    ids.map(async (updateId) => {
      jobs.add((await runScript(redis, END_WAIT, [lease], [updateId])) as string);
    }),
  );
  jobs.delete('');
  await Promise.all([...jobs].map((job) => queues.promote(shard, job)));
  return updates.map((update) => (update === undefined ? 'skipped' : 'done'));
}
