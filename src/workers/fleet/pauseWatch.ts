import {
  type Pause,
  type PauseTarget,
  pauseDetail,
  pauseField,
} from '../../shared/domain/pause.ts';
import { shardOf } from '../../shared/domain/ids.ts';

/** The pauses that hold, as of the last heartbeat. Without Redis the last known ones go on. */
export class PauseWatch {
  readonly #shardCount: number;
  #fleet: string | undefined;
  readonly #shards = new Map<number, string>();
  readonly #identities = new Map<string, string>();
  #fields: ReadonlySet<string> = new Set();
  #pauses: readonly Pause[] = [];

  constructor(shardCount: number) {
    this.#shardCount = shardCount;
  }

  /**
   * Takes over what holds now; `membersOf` gives the identities of a group.
   * @returns whether something may run that might not before.
   */
  async follow(
    pauses: readonly Pause[],
    membersOf: (groupId: string) => Promise<readonly string[]>,
  ): Promise<boolean> {
    const members = new Map<string, readonly string[]>();
    for (const { target } of pauses) {
      if (target.kind === 'GROUP') members.set(target.groupId, await membersOf(target.groupId));
    }
    const before = new Set([...this.#fields, ...this.#identities.keys()]);
    this.#fleet = undefined;
    this.#shards.clear();
    this.#identities.clear();
    // The oldest pause of an update is the one that it names.
    for (const pause of pauses.toReversed()) this.#note(pause, members);
    this.#pauses = pauses;
    this.#fields = new Set(pauses.map(({ target }) => pauseField(target)));
    const now = new Set([...this.#fields, ...this.#identities.keys()]);
    return [...before].some((held) => !now.has(held));
  }

  /** How many pauses of a kind hold. */
  count(kind: PauseTarget['kind']): number {
    return this.#pauses.filter(({ target }) => target.kind === kind).length;
  }

  /** Why updates of this identity may not begin now; undefined where they may. */
  detail(identityId: string): string | undefined {
    return (
      this.#fleet ??
      (this.#shards.size === 0
        ? undefined
        : this.#shards.get(shardOf(identityId, this.#shardCount))) ??
      this.#identities.get(identityId)
    );
  }

  #note(pause: Pause, members: ReadonlyMap<string, readonly string[]>): void {
    const { target } = pause;
    const detail = pauseDetail(pause);
    switch (target.kind) {
      case 'FLEET':
        this.#fleet = detail;
        return;
      case 'SHARD':
        this.#shards.set(target.shard, detail);
        return;
      case 'IDENTITY':
        this.#identities.set(target.identityId, detail);
        return;
      case 'GROUP':
        for (const id of members.get(target.groupId) ?? []) this.#identities.set(id, detail);
        return;
      default:
        target satisfies never;
    }
  }
}
