/** The account's rates, shared by all of its connections (aws-facts 1.1 and 1.2). */
import type { AccountLimits } from './limits.ts';
import { RateBucket } from './rateBucket.ts';

export class AccountRates {
  readonly connects: RateBucket;
  readonly publishesIn: RateBucket;
  readonly publishesOut: RateBucket;
  readonly subscribes: RateBucket;
  readonly queued: RateBucket;
  readonly retainedPublishes: RateBucket;

  constructor(limits: AccountLimits, nowMs: number) {
    this.connects = new RateBucket(limits.connects, nowMs);
    this.publishesIn = new RateBucket(limits.publishesIn, nowMs);
    this.publishesOut = new RateBucket(limits.publishesOut, nowMs);
    this.subscribes = new RateBucket(limits.subscribes, nowMs);
    this.queued = new RateBucket(limits.queued, nowMs);
    this.retainedPublishes = new RateBucket(limits.retainedPublishes, nowMs);
  }
}
