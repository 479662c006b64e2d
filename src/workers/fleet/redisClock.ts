/** Heartbeats whose measurements are kept: one of them was not held up on the way. */
const SAMPLES = 8;

interface Sample {
  readonly aheadMs: number;
  readonly roundTripMs: number;
}

/**
 * How far this process's clock is ahead of Redis's. What workers write is in Redis's time, since
 * other workers read it, and scripts compare it with that; what they hold in memory is in their
 * own, which BullMQ's delays and the timers follow. The stores translate between the two.
 *
 * Measured with every heartbeat, as NTP does: Redis's time is taken for that of the middle of the
 * round trip, and of the last few trips the shortest counts.
 */
export class RedisClock {
  #samples: readonly Sample[] = [];
  #aheadMs = 0;

  /** By how many milliseconds this clock is ahead; 0 where the difference cannot be told. */
  get aheadMs(): number {
    return this.#aheadMs;
  }

  /**
   * Redis said that it was `redisAt`, in answer to what was sent and answered at these times of
   * this process's clock; all are epoch milliseconds.
   */
  observe(redisAt: number, sentAt: number, answeredAt: number): void {
    const roundTripMs = answeredAt - sentAt;
    const sample = { aheadMs: Math.round((sentAt + answeredAt) / 2 - redisAt), roundTripMs };
    this.#samples = [...this.#samples.slice(1 - SAMPLES), sample];
    const best = this.#samples.reduce((one, other) =>
      other.roundTripMs < one.roundTripMs ? other : one,
    );
    // Both clocks are read in whole milliseconds.
    const uncertainMs = best.roundTripMs / 2 + 1;
    this.#aheadMs = Math.abs(best.aheadMs) <= uncertainMs ? 0 : best.aheadMs;
  }

  toRedis(local: number): number {
    return local - this.#aheadMs;
  }

  toLocal(redis: number): number {
    return redis + this.#aheadMs;
  }
}
