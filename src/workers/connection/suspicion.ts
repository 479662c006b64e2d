import { shadowTopic, type ShadowRef } from '../../shared/domain/shadow.ts';

/** Shadows that a connection remembers having been accepted on. */
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
  /** Things, by when they were last denied so. */
  readonly #suspects = new Map<string, number>();

  constructor(windowMs: number, now: () => number = () => performance.now()) {
    this.#windowMs = windowMs;
    this.#now = now;
  }

  accepted(ref: ShadowRef): void {
    const topic = shadowTopic(ref);
    this.#suspects.delete(ref.thing);
    this.#accepted.delete(topic);
    this.#accepted.add(topic);
    if (this.#accepted.size > MAX_REMEMBERED) {
      for (const oldest of this.#accepted) {
        this.#accepted.delete(oldest);
        break;
      }
    }
  }

  denied(ref: ShadowRef): Verdict {
    // By topic, not by thing: a policy may allow the classic shadow and not a named one.
    if (!this.#accepted.delete(shadowTopic(ref))) return 'final';
    const now = this.#now();
    for (const [suspect, since] of this.#suspects) {
      if (now - since > this.#windowMs) this.#suspects.delete(suspect);
    }
    this.#suspects.set(ref.thing, now);
    if (this.#suspects.size < 2) return 'suspect';
    this.#suspects.clear();
    return 'probe';
  }
}
