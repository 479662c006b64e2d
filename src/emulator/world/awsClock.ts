/**
 * The time as AWS sees it: wall time plus a skew that is 0 unless a fault sets it. Tokens,
 * credentials and signatures are dated by it, so that a skew looks to clients as if their own
 * clocks were wrong.
 */
export class AwsClock {
  /** Milliseconds that AWS is ahead of this machine. */
  skewMs = 0;

  readonly now = (): number => Date.now() + this.skewMs;
}
