import { setTimeout as sleep } from 'node:timers/promises';
import { isFinal } from '../shared/domain/sets.ts';
import { CourierError } from '../shared/errors/courierError.ts';
import { durationText } from '../shared/domain/duration.ts';
import type { UpdateReader } from '../shared/store/updateReader.ts';

const FIRST_LOOK_MS = 20;
const LAST_LOOK_MS = 500;
/** Looks become rarer as the wait grows: a tenth of what was waited so far lies between two. */
const SHARE = 10;

/** Waits for updates to end, for callers who want the outcome in the answer to their request. */
export class UpdateEnds {
  readonly #reader: UpdateReader;
  readonly #maxMs: number;

  constructor(reader: UpdateReader, maxMs: number) {
    this.#reader = reader;
    this.#maxMs = maxMs;
  }

  /** What is wrong with a wish to wait this long. */
  problem(ms: number): CourierError | undefined {
    if (ms <= this.#maxMs) return undefined;
    return new CourierError(
      'WAIT_INVALID',
      `An answer waits for ${durationText(this.#maxMs)} at most.`,
      'Wait for less, and follow the update by its id afterwards.',
    );
  }

  /**
   * Resolves when all of them have ended, the time is over, or nobody wants to know any more. An
   * update whose record is gone has ended.
   */
  async waitFor(ids: readonly string[], ms: number, signal: AbortSignal): Promise<void> {
    const beganAt = performance.now();
    let open = ids;
    while (open.length > 0 && !signal.aborted) {
      const waited = performance.now() - beganAt;
      const pause = Math.min(LAST_LOOK_MS, Math.max(FIRST_LOOK_MS, waited / SHARE), ms - waited);
      if (pause <= 0) return;
      // An end by the signal is one, too.
      await sleep(pause, undefined, { signal, ref: false }).catch(() => undefined);
      const states = await this.#reader.statesOf(open);
      open = open.filter((_, at) => {
        const state = states[at];
        return state !== undefined && !isFinal(state);
      });
    }
  }
}
