import { shardOf, updateIdPrefix } from '../domain/ids.ts';
import type { Pause } from '../domain/pause.ts';
import type { UpdateFilter } from '../domain/updateFilter.ts';
import type { RedisClient } from '../redis/client.ts';
import type { Keys } from '../redis/keys.ts';
import { runScript, type Script } from '../redis/script.ts';
import { POSITIONS_A_MS } from './lua/indexFunctions.ts';

/** A place in the order of a list: a position of a shard. Within one position, by shard. */
export interface Place {
  readonly position: number;
  readonly shard: number;
}

export type Order = 'newest' | 'oldest';

/** How a script's walk through a shard went. */
export interface Walk {
  /** Nothing is left beyond `last`. */
  readonly ended: boolean;
  /** The last position that was looked at. */
  readonly last: number;
  /** Candidates looked at. */
  readonly looked: number;
  /** What the script found, in words of its own. */
  readonly words: readonly string[];
}

/** The positions of a filter's time, both included. */
export function rangeOf({ acceptedFrom, acceptedBefore }: UpdateFilter): {
  low: number;
  high: number;
} {
  return {
    low: Math.max(0, acceptedFrom ?? 0) * POSITIONS_A_MS,
    high:
      acceptedBefore === undefined ? Number.MAX_SAFE_INTEGER : acceptedBefore * POSITIONS_A_MS - 1,
  };
}

/** The shards in which a filter can match. */
export function shardsOf({ identityId }: UpdateFilter, shardCount: number): readonly number[] {
  if (identityId !== undefined) return [shardOf(identityId, shardCount)];
  return Array.from({ length: shardCount }, (_, shard) => shard);
}

/** Runs SEARCH or TALLY on a shard. @param more What the script takes behind the walk's bounds. */
export async function walkShard(
  redis: RedisClient,
  keys: Keys,
  script: Script,
  walk: {
    readonly shard: number;
    readonly filter: UpdateFilter;
    /** Needed where reasons to wait are looked for, or counted. */
    readonly pauses?: readonly Pause[] | undefined;
    readonly order: Order;
    readonly low: number;
    readonly high: number;
    readonly most: number;
  },
  ...more: readonly number[]
): Promise<Walk> {
  const { shard, order, low, high, most, filter, pauses = [] } = walk;
  const text = filterText(filter, pausedIn(pauses, shard));
  const [ended, last, looked, ...words] = (await runScript(
    redis,
    script,
    [keys.shard(shard).lease],
    [text, order, low, high, updateIdPrefix(shard), most, ...more],
  )) as string[];
  return { ended: ended === '1', last: Number(last), looked: Number(looked), words };
}

/** All of a shard, or identities. What is paused for a group stands in the records. */
function pausedIn(pauses: readonly Pause[], shard: number): true | readonly string[] {
  const identities: string[] = [];
  for (const { target } of pauses) {
    if (target.kind === 'FLEET') return true;
    if (target.kind === 'SHARD' && target.shard === shard) return true;
    if (target.kind === 'IDENTITY') identities.push(target.identityId);
  }
  return identities;
}

/** A filter in the words of the scripts. */
function filterText(filter: UpdateFilter, paused: true | readonly string[]): string {
  const { thing, shadow, classicShadow, identityId, groupId, batchId, actor, labels } = filter;
  const { states, failureCodes, waitReasons } = filter;
  return JSON.stringify({
    thing,
    shadow,
    classic: classicShadow,
    identity: identityId,
    group: groupId,
    batch: batchId,
    actor,
    labels: labels === undefined || labels.length === 0 ? undefined : labels,
    states,
    codes: failureCodes,
    waits: waitReasons,
    paused,
  });
}
