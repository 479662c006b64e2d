import type { WaitReason } from '../../shared/domain/sets.ts';
import { type Readiness, waitsFor } from './readiness.ts';
import { backoffMs } from './reconnectBackoff.ts';

const NO_SLOT_RETRY_MS = 500;

/** When the next attempt to connect may begin, and what went wrong with the last one. */
export class RetryGate {
  /** As a sentence; '' for nothing. */
  problem = '';
  readonly #now: () => number;
  #at = Number.NEGATIVE_INFINITY;
  #reason: WaitReason = 'CONNECTING';
  #failures = 0;

  /** `now` is a monotonic clock in milliseconds: a wall clock that is set back ends no pause late. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  get closed(): boolean {
    return this.#at > this.#now();
  }

  get held(): Readiness | undefined {
    const inMs = this.#at - this.#now();
    return inMs > 0 ? waitsFor(this.#reason, this.problem, inMs) : undefined;
  }

  /** An attempt failed: later each time, and not before `leastMs`. */
  backOff(problem: string, leastMs: number): void {
    this.#failures += 1;
    this.#wait('CONNECTING', problem, Math.max(leastMs, backoffMs(this.#failures)));
  }

  /** No attempt was made: the worker has as many connections as it may. */
  withoutSlot(): void {
    const problem = 'the worker has as many connections as it may';
    this.#wait('CONNECTION_LIMIT', problem, NO_SLOT_RETRY_MS);
  }

  #wait(reason: WaitReason, problem: string, inMs: number): void {
    this.#reason = reason;
    this.problem = problem;
    this.#at = this.#now() + inMs;
  }

  open(): void {
    this.#at = Number.NEGATIVE_INFINITY;
  }

  succeeded(): void {
    this.#failures = 0;
    this.problem = '';
  }
}
