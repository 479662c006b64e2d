/** Waits for something for a while, all of which can be ended at once, for good. */
export class Waiters {
  readonly #ends = new Set<() => void>();
  #dismissed = false;

  /** Resolves when `settled` has settled, after `patienceMs`, or when all are dismissed. */
  wait(settled: Promise<unknown>, patienceMs: number): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#ends.delete(end);
        resolve();
      };
      const timer = setTimeout(end, patienceMs);
      this.#ends.add(end);
      settled.then(end, end);
      if (this.#dismissed) end();
    });
  }

  /** Ends every wait, and those that come later. */
  dismiss(): void {
    this.#dismissed = true;
    for (const end of this.#ends) end();
  }
}
