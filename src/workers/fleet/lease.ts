/**
 * A worker's time-bounded exclusive claim on a shard. It counts as valid from before the call that
 * took or renewed it was sent, so that Redis never believes it to be shorter than its holder does.
 */
export class Lease {
  readonly shard: number;
  /** Grows with every owner; every fenced script checks it. */
  readonly epoch: string;
  readonly token: string;
  readonly acquiredAt: number;
  readonly #lost = new AbortController();
  readonly #now: () => number;
  #validUntil: number;

  constructor(
    grant: { shard: number; epoch: string; token: string; sentAt: number; leaseMs: number },
    now: () => number = () => performance.now(),
  ) {
    this.shard = grant.shard;
    this.epoch = grant.epoch;
    this.token = grant.token;
    this.acquiredAt = grant.sentAt;
    this.#validUntil = grant.sentAt + grant.leaseMs;
    this.#now = now;
  }

  /** False while Redis is out of reach for longer than the lease, and for good once it is lost. */
  get valid(): boolean {
    return !this.#lost.signal.aborted && this.#now() < this.#validUntil;
  }

  /** Aborts when the lease is known to be somebody else's. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  renewed(sentAt: number, leaseMs: number): void {
    this.#validUntil = Math.max(this.#validUntil, sentAt + leaseMs);
  }

  lose(): void {
    this.#lost.abort();
  }
}

/** A write was refused because the lease is not this worker's any more. */
export class FencedError extends Error {
  constructor(shard: number) {
    super(`the lease on shard ${shard} was lost`);
    this.name = 'FencedError';
  }
}
