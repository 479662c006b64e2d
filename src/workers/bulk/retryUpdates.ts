import { replayOf } from '../../shared/domain/replay.ts';
import type { UpdateRequest } from '../../shared/domain/update.ts';
import type { Admission } from '../../shared/store/admissions.ts';
import type { GroupDirectory } from '../../shared/store/groupDirectory.ts';
import type { UpdateIntake } from '../../shared/store/updateIntake.ts';
import type { UpdateReader } from '../../shared/store/updateReader.ts';
import type { BulkParts, Chunk, Verdict } from './bulkParts.ts';

export interface RetryDependencies {
  readonly parts: Pick<BulkParts, 'agree'>;
  readonly intake: UpdateIntake;
  readonly reader: UpdateReader;
  readonly groups: Pick<GroupDirectory, 'find'>;
}

export interface Retry {
  /** The action. */
  readonly id: string;
  readonly shard: number;
  readonly actor: string;
  readonly batchId: string | undefined;
}

/** What is sent for a chunk, all three in one order. */
interface Sending {
  /** The updates that are sent again. */
  readonly of: readonly string[];
  readonly requests: readonly UpdateRequest[];
  readonly admission: Admission;
}

/**
 * Sends updates again, each once, whatever crashes. Under which ids, and by which members of their
 * groups, is written down before any is taken, and whenever a group's choice moved meanwhile; who
 * finds it takes the same. What somebody sent again before is left alone.
 */
export async function retryUpdates(
  chunk: Chunk,
  retry: Retry,
  deps: RetryDependencies,
): Promise<readonly Verdict[]> {
  const { id, shard, actor, batchId } = retry;
  const agree = (before: string, after: Sending) =>
    deps.parts.agree(id, shard, chunk, before, JSON.stringify(after));
  let stands = chunk.sending ?? (await agree('', await plan(chunk.ids, actor, deps)));
  // Somebody else has counted the chunk: what becomes of it here counts for nothing.
  if (stands === undefined) return [];
  const { of, requests, admission } = parse(stands);
  const rows = await deps.intake.take(requests, admission, {
    actor,
    batchId,
    agree: async (moved) => {
      stands = await agree(stands ?? '', { of, requests, admission: moved });
      return stands === undefined ? undefined : parse(stands).admission;
    },
  });
  const verdicts = new Map<string, Verdict>();
  for (const [at, updateId] of of.entries()) {
    const row = rows[at];
    if (row?.taken === false) {
      const { code, message } = row.error;
      verdicts.set(updateId, { updateId, code, message });
    } else verdicts.set(updateId, 'done');
  }
  return chunk.ids.map((updateId) => verdicts.get(updateId) ?? 'skipped');
}

async function plan(
  ids: readonly string[],
  actor: string,
  { reader, groups, intake }: RetryDependencies,
): Promise<Sending> {
  const found = (await reader.findMany(ids)).filter((update) => update !== undefined);
  const replays = await Promise.all(found.map((update) => reader.replaysOf(update)));
  const wanted = found.filter((_, at) => replays[at]?.length === 0);
  const groupIds = [...new Set(wanted.map(({ groupId }) => groupId))];
  const known = await Promise.all(groupIds.map((groupId) => groups.find(groupId ?? '')));
  const requests = wanted.map((original) =>
    replayOf(
      original,
      known.find((group) => group?.id === original.groupId),
    ),
  );
  const { ids: newIds, routes, at } = await intake.admit(requests, { actor });
  return { of: wanted.map(({ id }) => id), requests, admission: { ids: newIds, routes, at } };
}

function parse(sending: string): Sending {
  return JSON.parse(sending) as Sending;
}
