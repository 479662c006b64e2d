/** Things that a connection remembers having been accepted on. */
const MAX_REMEMBERED = 1000;

export type Verdict = 'final' | 'suspect' | 'probe';

/**
 * Tells a denial that concerns one topic from one that concerns the identity. A denial where
 * nothing was ever accepted is final. One on a topic that was accepted before is suspect, and a
 * second such, on another thing within the window, calls for a probe: the policy is gone, or only
 * narrower. A topic is suspect once; denied again, it is final.
 */
export class Suspicion {
  readonly #windowMs: number;
  readonly #now: () => number;
  readonly #accepted = new Set<string>();
  readonly #suspects = new Map<string, number>();

  constructor(windowMs: number, now: () => number = () => performance.now()) {
    this.#windowMs = windowMs;
    this.#now = now;
  }

  accepted(thing: string): void {
    this.#suspects.delete(thing);
    this.#accepted.delete(thing);
    this.#accepted.add(thing);
    if (this.#accepted.size > MAX_REMEMBERED) {
      for (const oldest of this.#accepted) {
        this.#accepted.delete(oldest);
        break;
      }
    }
  }

  denied(thing: string): Verdict {
    if (!this.#accepted.delete(thing)) return 'final';
    const now = this.#now();
    for (const [suspect, since] of this.#suspects) {
      if (now - since > this.#windowMs) this.#suspects.delete(suspect);
    }
    this.#suspects.set(thing, now);
    if (this.#suspects.size < 2) return 'suspect';
    this.#suspects.clear();
    return 'probe';
  }
}
