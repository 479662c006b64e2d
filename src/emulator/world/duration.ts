/**
 * Shortens durations by the time scale. Wall time itself stays real, because the SDKs sign with
 * it; only how long things last changes: tokens, credentials, lock-outs, propagation.
 */
export interface Durations {
  readonly timeScale: number;
  /** Milliseconds that a duration of `ms` on AWS lasts here; never less than 1. */
  scale(ms: number): number;
}

export function durationsOf(timeScale: number): Durations {
  return {
    timeScale,
    scale: (ms) => (timeScale === 1 ? ms : Math.max(1, Math.round(ms / timeScale))),
  };
}

export const SECOND_MS = 1000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;
