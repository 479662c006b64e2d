import type { ShardKeeper } from './fleet/shardKeeper.ts';

/**
 * Ready means: Redis answers, the worker is a member of the fleet, and where jobs are ready in its
 * shards, it takes them. Answers the sentence that says what is missing.
 */
export function readinessProblem(
  keeper: ShardKeeper,
  heartbeatMs: number,
  consumerPatienceMs: number,
): string | undefined {
  if (keeper.sinceBeatMs > heartbeatMs * 5) return 'Redis has not answered a heartbeat lately.';
  for (const { lease, stuckForMs } of keeper.runtimes) {
    if (stuckForMs < consumerPatienceMs) continue;
    const seconds = Math.round(stuckForMs / 1000);
    return `Shard ${lease.shard} has had jobs ready for ${seconds} s and none is taken.`;
  }
  return undefined;
}
