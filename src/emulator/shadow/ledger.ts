/** The witness of accepted updates, kept in memory up to a limit. */
import type { Ledger, LedgerEntry } from '../contract.ts';

export class UpdateLedger implements Ledger {
  readonly #limit: number;
  readonly #entries: LedgerEntry[] = [];
  /** Entries before this index are dropped; they are cut off in bulk. */
  #start = 0;
  #last = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get last(): number {
    return this.#last;
  }

  get dropped(): number {
    return this.#last - (this.#entries.length - this.#start);
  }

  add(entry: Omit<LedgerEntry, 'sequence'>): LedgerEntry {
    this.#last += 1;
    const numbered = { ...entry, sequence: this.#last };
    this.#entries.push(numbered);
    if (this.#entries.length - this.#start > this.#limit) this.#start += 1;
    if (this.#start > this.#limit) {
      this.#entries.splice(0, this.#start);
      this.#start = 0;
    }
    return numbered;
  }

  since(after: number, limit = Number.POSITIVE_INFINITY): readonly LedgerEntry[] {
    const first = this.dropped + 1;
    const from = this.#start + Math.max(0, after + 1 - first);
    return this.#entries.slice(from, Math.min(this.#entries.length, from + limit));
  }
}
