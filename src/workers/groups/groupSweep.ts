import type { GroupDirectory } from '../../shared/store/groupDirectory.ts';

const LOOK_MS = 10_000;
const GROUPS_A_LOOK = 10;
/** What spans shards is looked after by the owner of this one. */
const FIRST_SHARD = 0;

/**
 * Goes through the groups, a few at a time, and has identities note what their groups say: an
 * addition, or a removal from the group, that was cut off leaves the one without the other, and a
 * failover to a replica may bring a member back that was removed.
 */
export class GroupSweep {
  readonly #groups: GroupDirectory;
  #lookedAt = 0;
  #after: string | undefined;

  constructor(groups: GroupDirectory) {
    this.#groups = groups;
  }

  /** For the owner of a shard. @returns in how many places something was mended. */
  async sweep(shard: number, now = Date.now()): Promise<number> {
    if (shard !== FIRST_SHARD || now - this.#lookedAt < LOOK_MS) return 0;
    this.#lookedAt = now;
    const { groups, hasMore } = await this.#groups.page(GROUPS_A_LOOK, this.#after);
    this.#after = hasMore ? groups.at(-1)?.name : undefined;
    let mended = 0;
    for (const { id } of groups) mended += await this.#groups.mend(id);
    return mended;
  }
}
