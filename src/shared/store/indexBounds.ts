/** How much the search index holds. */
export interface IndexBounds {
  /** How long after they were accepted updates are found, in milliseconds. */
  readonly indexMaxAgeMs: number;
  /** How many updates that have ended are found, over all shards. */
  readonly indexMaxCount: number;
}

export const INDEX_BOUNDS: IndexBounds = {
  indexMaxAgeMs: 7 * 86_400_000,
  indexMaxCount: 1_000_000,
};

/** A shard's part of the count. */
export function countOfShard(indexMaxCount: number, shardCount: number): number {
  return Math.ceil(indexMaxCount / shardCount);
}
