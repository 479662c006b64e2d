import { createWriteStream, type WriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import type { IotLog, IotLogEntry } from '../contract.ts';

/** Entries that stay readable over HTTP. */
const KEPT_ENTRIES = 20_000;

interface Stamped {
  readonly atMs: number;
  readonly entry: Omit<IotLogEntry, 'timestamp' | 'accountId'>;
}

export interface LogQuery {
  readonly limit: number;
  /** Fields that must be equal, by the entry's own names. */
  readonly where: Readonly<Record<string, string>>;
}

/**
 * The account's AWSIotLogsV2: the newest entries in memory and, where a file is given, every
 * entry as one JSON line appended to it.
 */
export class IotLogSink implements IotLog {
  readonly #accountId: string;
  readonly #now: () => number;
  readonly #file: WriteStream | undefined;
  /** Kept as written; the timestamp's text is made when somebody reads. */
  readonly #ring: Stamped[] = [];
  #next = 0;

  constructor(accountId: string, now: () => number, file: string | undefined) {
    this.#accountId = accountId;
    this.#now = now;
    this.#file = file === undefined ? undefined : createWriteStream(file, { flags: 'a' });
  }

  write(entry: Omit<IotLogEntry, 'timestamp' | 'accountId'>): void {
    const stamped = { atMs: this.#now(), entry };
    this.#ring[this.#next % KEPT_ENTRIES] = stamped;
    this.#next += 1;
    this.#file?.write(`${JSON.stringify(this.#full(stamped))}\n`);
  }

  /** The newest entries that fit, oldest first. */
  read(query: LogQuery): readonly IotLogEntry[] {
    const found: IotLogEntry[] = [];
    const oldest = Math.max(0, this.#next - KEPT_ENTRIES);
    for (let index = this.#next - 1; index >= oldest && found.length < query.limit; index -= 1) {
      const stamped = this.#ring[index % KEPT_ENTRIES];
      if (stamped !== undefined && fits(stamped.entry, query.where))
        found.push(this.#full(stamped));
    }
    return found.reverse();
  }

  /** Flushes and closes the file. */
  async close(): Promise<void> {
    if (this.#file === undefined || this.#file.closed) return;
    this.#file.end();
    await finished(this.#file);
  }

  #full({ atMs, entry }: Stamped): IotLogEntry {
    const timestamp = new Date(atMs).toISOString().replace('T', ' ').replace('Z', '');
    return { timestamp, accountId: this.#accountId, ...entry };
  }
}

function fits(entry: Stamped['entry'], where: Readonly<Record<string, string>>): boolean {
  const fields: Readonly<Record<string, unknown>> = { ...entry };
  return Object.entries(where).every(([name, value]) => String(fields[name]) === value);
}
