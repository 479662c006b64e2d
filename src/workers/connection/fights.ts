const BACKOFF_MS = 30_000;
const MOST_ROUNDS = 10;
/** A connection that lived this long was no round of a fight. */
const PEACE_MS = 600_000;

/**
 * Somebody else uses this client id too: reconnecting at once would be a fight without end, so each
 * round leaves it to the other for longer.
 */
export class Fights {
  #rounds = 0;

  /** @returns how long to leave the client id alone, after a connection that lived `livedMs`. */
  lost(livedMs: number): number {
    this.#rounds = livedMs >= PEACE_MS ? 1 : Math.min(this.#rounds + 1, MOST_ROUNDS);
    return BACKOFF_MS * this.#rounds;
  }
}
