/**
 * Spaces permits evenly at a rate, allowing a small burst. A caller learns how long it would wait
 * before it commits, so that a job can step aside instead of holding a slot.
 */
export class Pacer {
  readonly #intervalMs: number;
  readonly #burstMs: number;
  readonly #now: () => number;
  /** The theoretical arrival time of the generic cell rate algorithm, in the clock's ms. */
  #dueAt = Number.NEGATIVE_INFINITY;

  /** `now` is a monotonic clock in milliseconds. */
  constructor(perSecond: number, burst: number, now: () => number = () => performance.now()) {
    this.#intervalMs = 1000 / perSecond;
    this.#burstMs = this.#intervalMs * burst;
    this.#now = now;
  }

  /** How long a permit taken now would have to wait. */
  waitMs(): number {
    return Math.max(0, this.#dueAt - this.#burstMs - this.#now());
  }

  /** Takes `cost` permits; what comes after waits for them. @returns how long to wait first. */
  take(cost: number): number {
    const wait = this.waitMs();
    this.#dueAt = Math.max(this.#dueAt, this.#now()) + this.#intervalMs * cost;
    return wait;
  }
}
