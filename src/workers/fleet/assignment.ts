import { createHash } from 'node:crypto';

/**
 * Which member should own which shard. Every worker computes the same answer from the same members
 * and owners: shares differ by one at most; an owner keeps what it has while that fits its share;
 * the rest goes by rendezvous hashing, so that little moves when a member comes or goes.
 *
 * @param placements where an operator wants a shard, whatever is even; of members only.
 * @param owners the present owner of each shard, by shard; undefined where there is none.
 * @returns the member for each shard; empty without members.
 */
export function assignShards(
  owners: readonly (string | undefined)[],
  members: readonly string[],
  placements: ReadonlyMap<number, string> = new Map(),
): readonly string[] {
  if (members.length === 0) return [];
  const assigned = owners.map((_, shard) => {
    const placed = placements.get(shard);
    return placed !== undefined && members.includes(placed) ? placed : undefined;
  });
  const kept = new Map(members.map((member): [string, number[]] => [member, []]));
  owners.forEach((owner, shard) => {
    const keeper = assigned[shard] ?? owner;
    if (keeper !== undefined) kept.get(keeper)?.push(shard);
  });
  const shares = sharesOf(owners.length, kept);
  for (const [member, shards] of kept) {
    const placed = shards.filter((shard) => assigned[shard] !== undefined);
    kept.set(
      member,
      shards.filter((shard) => assigned[shard] === undefined),
    );
    // A worker may be given more than its share: it gets nothing else then.
    shares.set(member, Math.max(0, (shares.get(member) ?? 0) - placed.length));
  }
  for (const [member, shards] of kept) {
    const share = shares.get(member) ?? 0;
    const byScore = shards.toSorted((a, b) => score(b, member) - score(a, member));
    for (const shard of byScore.slice(0, share)) assigned[shard] = member;
    shares.set(member, share - Math.min(share, shards.length));
  }
  return assigned.map((member, shard) => {
    if (member !== undefined) return member;
    const best = bestWithRoom(shard, shares);
    shares.set(best, (shares.get(best) ?? 0) - 1);
    return best;
  });
}

/** Where the shards do not divide evenly, the members that hold most get one more: least moves. */
function sharesOf(
  shardCount: number,
  kept: ReadonlyMap<string, readonly number[]>,
): Map<string, number> {
  const base = Math.floor(shardCount / kept.size);
  const extra = shardCount % kept.size;
  const byHolding = [...kept].toSorted(
    ([nameA, a], [nameB, b]) => b.length - a.length || (nameA < nameB ? -1 : 1),
  );
  return new Map(byHolding.map(([member], rank) => [member, base + (rank < extra ? 1 : 0)]));
}

function bestWithRoom(shard: number, room: ReadonlyMap<string, number>): string {
  let best = '';
  let bestScore = -1;
  for (const [member, free] of room) {
    if (free <= 0) continue;
    const own = score(shard, member);
    if (own > bestScore || (own === bestScore && member < best)) {
      best = member;
      bestScore = own;
    }
  }
  return best;
}

function score(shard: number, member: string): number {
  return createHash('sha256').update(`${shard}/${member}`).digest().readUIntBE(0, 6);
}
