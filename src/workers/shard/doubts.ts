/** A denial where nothing was accepted before looks at the policy this often at most. */
const LOOK_AGAIN_MS = 600_000;
const REMEMBERED = 1000;

export interface DoubtDependencies {
  /** Whether the policy of an identity that is connected is known not to be attached any more. */
  isDetached(identityId: string): Promise<boolean>;
  /** Connects anew, to see whether the identity may. */
  probe(identityId: string): void;
  onError(identityId: string, error: unknown): void;
}

/**
 * Finds out whether a denial concerns its topic alone or the identity. Two suspect ones call for a
 * probe. A single one has the policy looked up, so that an identity with one thing is parked too
 * where it is detached. So does, now and then, one that is no surprise: a new owner's connection
 * remembers nothing that was accepted, and would fail update after update.
 */
export class Doubts {
  readonly #deps: DoubtDependencies;
  readonly #underWay = new Set<string>();
  /** Identities by when their policy was last looked up. */
  readonly #lookedAt = new Map<string, number>();

  constructor(deps: DoubtDependencies) {
    this.#deps = deps;
  }

  /** @returns whether the update waits for what is found out, instead of ending. */
  denied(
    identityId: string,
    { suspect, probe }: { readonly suspect: boolean; readonly probe: boolean },
  ): boolean {
    if (probe) {
      this.#deps.probe(identityId);
      return true;
    }
    const waits = suspect || this.#underWay.has(identityId);
    const lookedAt = this.#lookedAt.get(identityId) ?? Number.NEGATIVE_INFINITY;
    if (suspect || performance.now() - lookedAt >= LOOK_AGAIN_MS) void this.#look(identityId);
    return waits;
  }

  async #look(identityId: string): Promise<void> {
    if (this.#underWay.has(identityId)) return;
    this.#underWay.add(identityId);
    this.#remember(identityId);
    try {
      if (await this.#deps.isDetached(identityId)) this.#deps.probe(identityId);
    } catch (error) {
      this.#deps.onError(identityId, error);
    } finally {
      this.#underWay.delete(identityId);
    }
  }

  #remember(identityId: string): void {
    this.#lookedAt.delete(identityId);
    this.#lookedAt.set(identityId, performance.now());
    for (const oldest of this.#lookedAt.keys()) {
      if (this.#lookedAt.size <= REMEMBERED) break;
      this.#lookedAt.delete(oldest);
    }
  }
}
