import type { BulkKind } from '../../shared/domain/bulkAction.ts';
import { CourierError } from '../../shared/errors/courierError.ts';
import type { ShardQueues } from '../../shared/queue/shardQueues.ts';
import type { RedisClient } from '../../shared/redis/client.ts';
import type { Keys } from '../../shared/redis/keys.ts';
import { runScript } from '../../shared/redis/script.ts';
import { END_WAIT } from '../../shared/store/lua/bulkScripts.ts';
import { OPERATOR_RELEASE } from '../../shared/store/lua/identityScripts.ts';
import type { UpdateControl } from '../../shared/store/updateControl.ts';
import type { Chunk, ChunkOutcome, Verdict } from './bulkParts.ts';
import { type Retry, type RetryDependencies, retryUpdates } from './retryUpdates.ts';

export interface BulkStepDependencies extends RetryDependencies {
  readonly redis: RedisClient;
  readonly keys: Keys;
  readonly queues: ShardQueues;
  readonly control: UpdateControl;
}

export interface BulkStep extends Retry {
  readonly kind: BulkKind;
  readonly reason: string;
}

/** Does to a chunk of updates what an action wants; again does no harm and answers the same. */
export async function work(
  chunk: Chunk,
  step: BulkStep,
  deps: BulkStepDependencies,
): Promise<ChunkOutcome> {
  const verdicts = await STEPS[step.kind](chunk, step, deps);
  const errors = verdicts.filter((verdict) => typeof verdict === 'object');
  const count = (wanted: Verdict) => verdicts.filter((verdict) => verdict === wanted).length;
  return { done: count('done'), skipped: count('skipped'), failed: errors.length, errors };
}

const STEPS = { CANCEL: cancel, RETRY: retryUpdates, RELEASE: release } as const satisfies Record<
  BulkKind,
  (chunk: Chunk, step: BulkStep, deps: BulkStepDependencies) => Promise<readonly Verdict[]>
>;

/** Ended meanwhile, or pruned: nothing is left to be done. */
const OVER: ReadonlySet<string> = new Set(['UPDATE_FINISHED', 'UPDATE_NOT_FOUND']);

/** What was canceled in the meantime counts as done: it is what was wanted, and whose is not told. */
async function cancel(
  { ids }: Chunk,
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

/** Releases the identities that are parked, and has what waits for a time of ours run now. */
async function release(
  { ids }: Chunk,
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
