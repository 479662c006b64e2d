import type { BulkActions } from '../../shared/store/bulkActions.ts';
import type { Order } from '../../shared/store/shardScan.ts';
import type { BulkParts } from './bulkParts.ts';
import { type BulkStepDependencies, work } from './bulkSteps.ts';

/** How often the jobs of what has not ended are looked after. */
const LOOK_MS = 10_000;
/** What spans shards is looked after by the owner of this one. */
const FIRST_SHARD = 0;

/** Takes a shard's part in actions on many updates, chunk by chunk. */
export class BulkRunner {
  readonly #actions: BulkActions;
  readonly #parts: BulkParts;
  readonly #deps: Omit<BulkStepDependencies, 'parts'>;
  #lookedAt = 0;

  constructor(actions: BulkActions, parts: BulkParts, deps: Omit<BulkStepDependencies, 'parts'>) {
    this.#actions = actions;
    this.#parts = parts;
    this.#deps = deps;
  }

  /** @returns false where it stopped before the part's end, to be run again. */
  async run(id: string, shard: number, stopped: () => boolean): Promise<boolean> {
    const parts = this.#parts;
    for (;;) {
      const frozen = await this.#actions.frozen(id);
      if (frozen === undefined) return true;
      if (frozen.aborted) await parts.giveUp(id, shard);
      // From the end of a lane, so that no canceled update makes room for one that is to be.
      const order: Order = frozen.kind === 'CANCEL' ? 'newest' : 'oldest';
      const chunk = await parts.next(id, shard, frozen.filter, order);
      if (chunk === undefined) break;
      const outcome = await work(chunk, { id, shard, ...frozen }, { ...this.#deps, parts });
      await parts.end(id, shard, chunk, outcome);
      if (stopped()) return false;
    }
    await this.#actions.noteEnd(id);
    return true;
  }

  /** Gives jobs to the parts of actions whose start, or whose end, a crash cut off. */
  async sweep(shard: number, now = Date.now()): Promise<void> {
    if (shard !== FIRST_SHARD || now - this.#lookedAt < LOOK_MS) return;
    this.#lookedAt = now;
    for (const id of await this.#actions.running()) {
      if (!(await this.#actions.noteEnd(id))) await this.#actions.begin(id);
    }
  }
}
