/**
 * AWS IoT caches policies: a change may need 6 to 8 minutes to take effect (developer guide,
 * "AWS IoT Core policies"). Changes wait here in the order of their making and are applied when
 * somebody looks, so that no timer runs.
 */
export interface PropagationSettings {
  /** Shortest and longest wait in milliseconds, already scaled; 0 and 0 apply at once. */
  readonly minMs: number;
  readonly maxMs: number;
  readonly now: () => number;
  /** From 0 up to 1; draws the wait of each change. */
  readonly draw: () => number;
}

export class Propagation {
  #settings: PropagationSettings;
  readonly #waiting: { readonly dueMs: number; readonly apply: () => void }[] = [];
  #generation = 0;

  constructor(settings: PropagationSettings) {
    this.#settings = settings;
  }

  /** Applies `apply` at once, whatever waits. */
  changeNow(apply: () => void): void {
    apply();
    this.#generation += 1;
  }

  /** For changes from now on. */
  setDelay(minMs: number, maxMs: number): void {
    this.#settings = { ...this.#settings, minMs, maxMs };
  }

  /** Applies `apply` after the delay, never before a change that was made earlier. */
  change(apply: () => void): void {
    const { minMs, maxMs, now, draw } = this.#settings;
    const dueMs = now() + minMs + draw() * (maxMs - minMs);
    const last = this.#waiting.at(-1)?.dueMs ?? 0;
    this.#waiting.push({ dueMs: Math.max(dueMs, last), apply });
    this.settle();
  }

  /** How many changes are in force; applies what is due first. */
  settle(): number {
    if (this.#waiting.length > 0) {
      const nowMs = this.#settings.now();
      for (let first = this.#waiting[0]; first && first.dueMs <= nowMs; first = this.#waiting[0]) {
        this.#waiting.shift();
        first.apply();
        this.#generation += 1;
      }
    }
    return this.#generation;
  }

  /** Changes that are not yet in force. */
  get pending(): number {
    this.settle();
    return this.#waiting.length;
  }
}
