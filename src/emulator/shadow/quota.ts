/** Shadow request rates: 20/s per thing and 4,000 (small Regions 400) per account (aws-facts 1.3). */
import { RateBucket } from '../broker/rateBucket.ts';
import type { QuotaProfile } from '../contract.ts';

const PER_THING = 20;
const PER_ACCOUNT = { default: 4000, small: 400 } as const;
/** From so many on, full buckets are dropped: they say nothing that a new one does not. */
const REMEMBERED_THINGS = 20_000;

export class ShadowRates {
  readonly #account: RateBucket;
  readonly #things = new Map<string, RateBucket>();

  readonly #perThing: number;
  #nextSweepAt = REMEMBERED_THINGS;

  /** `factor` speeds the rates up, where quotas are scaled. */
  constructor(profile: Exclude<QuotaProfile, 'off'>, factor: number, nowMs: number) {
    this.#account = new RateBucket(PER_ACCOUNT[profile] * factor, nowMs);
    this.#perThing = PER_THING * factor;
  }

  admit(thing: string, nowMs: number): boolean {
    let bucket = this.#things.get(thing);
    if (!bucket) {
      if (this.#things.size >= this.#nextSweepAt) this.#sweep(nowMs);
      bucket = new RateBucket(this.#perThing, nowMs);
      this.#things.set(thing, bucket);
    }
    return bucket.take(nowMs) && this.#account.take(nowMs);
  }

  #sweep(nowMs: number): void {
    for (const [thing, bucket] of this.#things) {
      if (bucket.isFull(nowMs)) this.#things.delete(thing);
    }
    this.#nextSweepAt = Math.max(REMEMBERED_THINGS, 2 * this.#things.size);
  }
}
