import { type Durations, MINUTE_MS, SECOND_MS } from '../world/duration.ts';

const FREE_ATTEMPTS = 5;
const LONGEST_MS = 15 * MINUTE_MS;

interface Failures {
  count: number;
  lastMs: number;
  lockedUntilMs: number;
}

/**
 * Cognito's lock-out: after five wrong passwords a user is locked for one second, doubled by
 * each further one up to about 15 minutes. Attempts while locked answer "Password attempts
 * exceeded" and change nothing; a success, or 15 minutes without a failure, forgets them all.
 * Source: Cognito developer guide, "Lockout behavior for failed sign-in attempts".
 */
export class Lockout {
  readonly #failures = new Map<string, Failures>();
  readonly #durations: Durations;

  constructor(durations: Durations) {
    this.#durations = durations;
  }

  isLocked(username: string, nowMs: number): boolean {
    const failures = this.#failures.get(username);
    return failures !== undefined && nowMs < failures.lockedUntilMs;
  }

  failed(username: string, nowMs: number): void {
    const known = this.#failures.get(username);
    const stale = known === undefined || nowMs - known.lastMs > this.#durations.scale(LONGEST_MS);
    const count = stale ? 1 : known.count + 1;
    const lockMs =
      count < FREE_ATTEMPTS
        ? 0
        : this.#durations.scale(Math.min(LONGEST_MS, SECOND_MS * 2 ** (count - FREE_ATTEMPTS)));
    this.#failures.set(username, { count, lastMs: nowMs, lockedUntilMs: nowMs + lockMs });
  }

  succeeded(username: string): void {
    this.#failures.delete(username);
  }
}
