/** Of the jobs that run at once in a shard, the share that may wait for connections. */
const SHARE = 0.5;

/**
 * Bounds what waits for connections inside of jobs: in a cold start of thousands, jobs that wait
 * would take every place, and those whose connection is up would stand behind them for seconds.
 * Who finds no room steps aside at once, and is called when the connection is there.
 */
export class WaitingRoom {
  readonly #places: () => number;
  #waiting = 0;

  /** `jobs` is how many run at once now. */
  constructor(jobs: () => number) {
    this.#places = () => Math.max(1, Math.floor(jobs() * SHARE));
  }

  /** Has `wait` wait as long as it likes to where there is room, and not at all where there is none. */
  async wait<T>(patienceMs: number, wait: (patienceMs: number) => Promise<T>): Promise<T> {
    if (this.#waiting >= this.#places()) return wait(0);
    this.#waiting += 1;
    try {
      return await wait(patienceMs);
    } finally {
      this.#waiting -= 1;
    }
  }
}
