/** The witness of accepted updates, kept in memory up to a limit. */
import type { Ledger, LedgerEntry } from '../contract.ts';

/** Handed over to the ledger, which sets its sequence. */
export type UnnumberedEntry = { -readonly [K in keyof LedgerEntry]: LedgerEntry[K] };

export class UpdateLedger implements Ledger {
  readonly #limit: number;
  /** A ring: the entry of sequence n stands at (n - 1) modulo the limit. */
  readonly #ring: LedgerEntry[] = [];
  #last = 0;

  constructor(limit: number) {
    this.#limit = Math.max(1, limit);
  }

  get last(): number {
    return this.#last;
  }

  get dropped(): number {
    return Math.max(0, this.#last - this.#limit);
  }

  /** Numbers the entry and keeps it. */
  add(entry: UnnumberedEntry): LedgerEntry {
    this.#last += 1;
    entry.sequence = this.#last;
    this.#ring[(this.#last - 1) % this.#limit] = entry;
    return entry;
  }

  since(after: number, limit = Number.POSITIVE_INFINITY): readonly LedgerEntry[] {
    const entries: LedgerEntry[] = [];
    const first = Math.max(after, this.dropped) + 1;
    for (let sequence = first; sequence <= this.#last && entries.length < limit; sequence += 1) {
      const entry = this.#ring[(sequence - 1) % this.#limit];
      if (entry) entries.push(entry);
    }
    return entries;
  }
}
