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

  constructor(intake: BatchIntake, ends: BatchEnds) {
    this.#intake = intake;
    this.#ends = ends;
  }

  /** For the owner of a shard. @returns the batches that have ended. */
  async sweep(shard: number, now = Date.now()): Promise<readonly string[]> {
    if (shard === FIRST_SHARD) {
      const before = now - ACCEPT_PATIENCE_MS;
      for (const id of await this.#intake.unfinished(before, ACCEPTS_A_SWEEP)) {
        await this.#intake.finish(id);
      }
    }
    return this.#ends.sweep(shard);
  }
}
