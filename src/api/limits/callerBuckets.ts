import { createHash } from 'node:crypto';
import type { RedisClient } from '../../shared/redis/client.ts';
import type { Keys } from '../../shared/redis/keys.ts';
import { runScript } from '../../shared/redis/script.ts';
import { TAKE_POINTS } from '../../shared/store/lua/callerScripts.ts';
import { type Caller, callerKey } from '../caller.ts';

export interface BucketSettings {
  /** Points a second that a bucket fills up by; 0 for no limit. */
  readonly perSecond: number;
  /** Points that a bucket holds. */
  readonly size: number;
}

/** How a caller's bucket stands, as the answers tell it. */
export interface ThrottleStatus {
  readonly maximumAvailable: number;
  readonly currentlyAvailable: number;
  readonly restoreRate: number;
}

interface Holding {
  /** Points drawn from the bucket that are not spent yet. */
  inHand: number;
  /** What the bucket had left when it was last asked, and when that was. */
  left: number;
  at: number;
}

/** A process draws this part of a bucket at once, so that Redis is not asked at every request. */
const BLOCK_PART = 0.01;
const MOST_CALLERS = 10_000;

/**
 * What each caller may spend: a token bucket in Redis, which all API processes share. Points that
 * a process has drawn stay its own until they are spent; there is a hundredth of a bucket of them
 * at most, so the rate is right to that hundredth.
 */
export class CallerBuckets {
  readonly settings: BucketSettings;
  readonly #redis: RedisClient;
  readonly #keys: Keys;
  readonly #block: number;
  readonly #holdings = new Map<string, Holding>();

  constructor(redis: RedisClient, keys: Keys, settings: BucketSettings) {
    this.#redis = redis;
    this.#keys = keys;
    this.settings = settings;
    this.#block = settings.size * BLOCK_PART;
  }

  /**
   * Takes `cost` points: 0, or for how many milliseconds the caller must wait for as many. At once
   * where they are in hand. While Redis is away nothing is refused: what needs it fails anyway.
   */
  take(caller: Caller, cost: number): number | Promise<number> {
    if (this.settings.perSecond === 0) return 0;
    const holding = this.#holding(caller);
    if (holding.inHand >= cost) {
      holding.inHand -= cost;
      return 0;
    }
    return this.#draw(caller, holding, cost);
  }

  status(caller: Caller): ThrottleStatus {
    const { perSecond, size } = this.settings;
    const { inHand, left, at } = this.#holding(caller);
    const restored = ((performance.now() - at) * perSecond) / 1000;
    return {
      maximumAvailable: size,
      currentlyAvailable: Math.floor(Math.min(size, left + inHand + restored)),
      restoreRate: perSecond,
    };
  }

  async #draw(caller: Caller, holding: Holding, cost: number): Promise<number> {
    const { perSecond, size } = this.settings;
    const need = cost - holding.inHand;
    const args = [perSecond, size, need, Math.max(need, this.#block)];
    let taken: number;
    try {
      const answer = await runScript(this.#redis, TAKE_POINTS, [this.#key(caller)], args);
      const [first, left] = (answer as string[]).map(Number);
      taken = first ?? 0;
      holding.left = left ?? 0;
      holding.at = performance.now();
    } catch {
      return 0;
    }
    if (taken === 0) return Math.ceil(((need - holding.left) / perSecond) * 1000);
    holding.inHand += taken - cost;
    return 0;
  }

  #holding(caller: Caller): Holding {
    const name = callerKey(caller);
    const known = this.#holdings.get(name);
    if (known !== undefined) return known;
    const holding = { inHand: 0, left: this.settings.size, at: performance.now() };
    for (const oldest of this.#holdings.keys()) {
      if (this.#holdings.size < MOST_CALLERS) break;
      this.#holdings.delete(oldest);
    }
    this.#holdings.set(name, holding);
    return holding;
  }

  #key(caller: Caller): string {
    const digest = createHash('sha256').update(callerKey(caller)).digest('base64url').slice(0, 22);
    return this.#keys.callerBucket(digest);
  }
}
