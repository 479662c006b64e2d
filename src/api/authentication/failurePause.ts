/** After how many failures in a row pauses do not grow any more: 5, 10, 20, 40 s. */
const MOST_DOUBLINGS = 3;

/**
 * Holds what has failed back for a while, which doubles with every failure in a row, up to eight
 * times the first. So whoever makes us try, and whoever has us fail, costs the other side one try
 * a pause.
 */
export class FailurePause {
  readonly #firstMs: number;
  readonly #now: () => number;
  #failures = 0;
  #until = Number.NEGATIVE_INFINITY;
  #last: unknown;

  /** @param now A clock in milliseconds, whatever it counts from. */
  constructor(firstMs: number, now: () => number = () => performance.now()) {
    this.#firstMs = firstMs;
    this.#now = now;
  }

  /** @throws what `work` throws; during a pause the last of these, without trying. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#now() < this.#until) throw this.#last;
    try {
      const done = await work();
      this.#failures = 0;
      return done;
    } catch (error) {
      const doublings = Math.min(this.#failures, MOST_DOUBLINGS);
      this.#failures += 1;
      this.#last = error;
      this.#until = this.#now() + this.#firstMs * 2 ** doublings;
      throw error;
    }
  }
}
