import type { RedisClient } from '../../shared/redis/client.ts';
import type { ShardKeys } from '../../shared/redis/shardKeys.ts';
import { runScript } from '../../shared/redis/script.ts';
import { updateIdPrefix } from '../../shared/domain/ids.ts';
import { TRIM_INDEX } from '../../shared/store/lua/searchScripts.ts';
import type { IndexBounds } from '../../shared/store/indexBounds.ts';
import { FencedError, type Lease } from '../fleet/lease.ts';

/** Entries of each set that one script looks at. */
const STEP = 500;
/** Scripts of one round: the rest is done by the next sweep. */
const STEPS_A_ROUND = 50;

/** Keeps the search index of a shard within its bounds, for its owner. */
export class IndexTrimmer {
  readonly #redis: RedisClient;
  readonly #keys: ShardKeys;
  readonly #lease: Lease;
  /** `indexMaxCount` is this shard's part. */
  readonly #bounds: IndexBounds;

  constructor(redis: RedisClient, keys: ShardKeys, lease: Lease, bounds: IndexBounds) {
    this.#redis = redis;
    this.#keys = keys;
    this.#lease = lease;
    this.#bounds = bounds;
  }

  /** @returns how many entries went. @throws FencedError */
  async trim(): Promise<number> {
    let total = 0;
    for (let steps = 0; steps < STEPS_A_ROUND; steps += 1) {
      const removed = await this.#step();
      total += removed;
      if (removed < STEP) break;
    }
    return total;
  }

  async #step(): Promise<number> {
    const { epoch, token, shard } = this.#lease;
    const { indexMaxAgeMs, indexMaxCount } = this.#bounds;
    const [verdict, removed] = (await runScript(
      this.#redis,
      TRIM_INDEX,
      [this.#keys.lease],
      [epoch, token, updateIdPrefix(shard), indexMaxAgeMs, indexMaxCount, STEP],
    )) as string[];
    if (verdict === 'fenced') throw new FencedError(shard);
    return Number(removed);
  }
}
