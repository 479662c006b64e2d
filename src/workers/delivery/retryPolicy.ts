export interface RetryPolicy {
  readonly maxTries: number;
  readonly baseMs: number;
  readonly maxMs: number;
}

/** Exponential from the first try on, capped, with jitter over its upper half. */
export function retryDelayMs(
  policy: RetryPolicy,
  tries: number,
  random: () => number = Math.random,
): number {
  const ceiling = Math.min(policy.maxMs, policy.baseMs * 2 ** Math.min(tries - 1, 20));
  return Math.ceil(ceiling / 2 + random() * (ceiling / 2));
}
