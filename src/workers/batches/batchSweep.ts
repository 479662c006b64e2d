import type { BatchEnds } from '../../shared/store/batchEnds.ts';
import type { BatchIntake } from '../../shared/store/batchIntake.ts';

/** Whoever accepts a batch is done after this long, or does not live any more. */
const ACCEPT_PATIENCE_MS = 15_000;
const ACCEPTS_A_SWEEP = 10;
/** What spans shards is looked after by the owner of this one. */
const FIRST_SHARD = 0;

/** Brings batches to their end: accepts that a crash left half done, and the end of the whole. */
export class BatchSweep {
  readonly #intake: BatchIntake;
  readonly #ends: BatchEnds;
  readonly #onStuck: (batchId: string, error: unknown) => void;

  constructor(
    intake: BatchIntake,
    ends: BatchEnds,
    onStuck: (batchId: string, error: unknown) => void,
  ) {
    this.#intake = intake;
    this.#ends = ends;
    this.#onStuck = onStuck;
  }

  /** For the owner of a shard. @returns the batches that have ended. */
  async sweep(shard: number, now = Date.now()): Promise<readonly string[]> {
    if (shard === FIRST_SHARD) {
      const before = now - ACCEPT_PATIENCE_MS;
      for (const id of await this.#intake.unfinished(before, ACCEPTS_A_SWEEP)) {
        await this.#finish(id, now);
      }
    }
    return this.#ends.sweep(shard);
  }

  /** One whose group has no member now, say, keeps neither the others nor the ends waiting. */
  async #finish(batchId: string, now: number): Promise<void> {
    try {
      await this.#intake.finish(batchId);
    } catch (error) {
      this.#onStuck(batchId, error);
      await this.#intake.postpone(batchId, now);
    }
  }
}
