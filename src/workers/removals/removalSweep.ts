import type { GroupDeletions } from '../../shared/store/groupDeletions.ts';
import type { IdentityRemovals } from '../../shared/store/identityRemovals.ts';

/** Whoever removes something goes on with it sooner than this, or does not live any more. */
const PATIENCE_MS = 15_000;
const REMOVALS_A_SWEEP = 10;
/** What spans shards is looked after by the owner of this one. */
const FIRST_SHARD = 0;

/** What became of something whose removal somebody else had begun. */
export interface RemovalEnd {
  readonly what: 'identity' | 'group';
  readonly id: string;
  /** Why it could not be ended; it is tried again later. */
  readonly error?: unknown;
}

/** Ends removals of identities and deletions of groups that were cut off between two steps. */
export class RemovalSweep {
  readonly #identities: IdentityRemovals;
  readonly #groups: GroupDeletions;
  readonly #patienceMs: number;

  constructor(identities: IdentityRemovals, groups: GroupDeletions, patienceMs = PATIENCE_MS) {
    this.#identities = identities;
    this.#groups = groups;
    this.#patienceMs = patienceMs;
  }

  /** For the owner of a shard. */
  async sweep(shard: number): Promise<readonly RemovalEnd[]> {
    const ends: RemovalEnd[] = [];
    for (const id of await this.#identities.stalled(shard, this.#patienceMs, REMOVALS_A_SWEEP)) {
      ends.push(await end('identity', id, this.#identities));
    }
    if (shard !== FIRST_SHARD) return ends;
    for (const id of await this.#groups.stalled(this.#patienceMs, REMOVALS_A_SWEEP)) {
      ends.push(await end('group', id, this.#groups));
    }
    return ends;
  }
}

/** One that cannot be ended keeps none of the others waiting. */
async function end(
  what: RemovalEnd['what'],
  id: string,
  removals: { finish(id: string): Promise<unknown>; postpone(id: string): Promise<void> },
): Promise<RemovalEnd> {
  try {
    await removals.finish(id);
    return { what, id };
  } catch (error) {
    await removals.postpone(id);
    return { what, id, error };
  }
}
