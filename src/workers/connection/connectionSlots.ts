/** One that is used was needed a moment ago, and would be again. */
const LEAST_IDLE_MS = 1000;

export interface SlotHolder {
  /** For how long nothing was published; undefined where it is not up, or in use. */
  readonly idleMs: number | undefined;
  /** Closes its connection, which gives the slot back. */
  giveUp(): void;
}

/** Bounds the connections of one worker. A full one closes the longest idle for who asks. */
export class ConnectionSlots {
  readonly #max: number;
  readonly #holders = new Set<SlotHolder>();

  constructor(max: number) {
    this.#max = max;
  }

  /** @returns false where there is none; asking again later may find one that was made free. */
  take(holder: SlotHolder): boolean {
    if (this.#holders.has(holder)) return true;
    if (this.#holders.size >= this.#max) {
      this.#makeRoom();
      return false;
    }
    this.#holders.add(holder);
    return true;
  }

  release(holder: SlotHolder): void {
    this.#holders.delete(holder);
  }

  #makeRoom(): void {
    let longest: SlotHolder | undefined;
    let most = LEAST_IDLE_MS;
    for (const holder of this.#holders) {
      const { idleMs } = holder;
      if (idleMs === undefined || idleMs < most) continue;
      longest = holder;
      most = idleMs;
    }
    longest?.giveUp();
  }
}
