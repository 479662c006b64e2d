import { messageOf } from '../errors/courierError.ts';
import type { Logger } from '../observability/logger.ts';
import type { AuditIntent, AuditEnd } from '../domain/audit.ts';
import type { AuditLog } from './auditLog.ts';

/** How long an entry waits for others that go with it. */
const WAIT_MS = 25;
/** Beyond these callers wait for Redis, so that an outage fills no memory. */
const MOST_WAITING = 10_000;

interface Waiting {
  readonly intent: AuditIntent;
  readonly end: AuditEnd;
}

/**
 * Entries of updates on their way to the audit log, many at once. An update's own record, which was
 * written with the update, has who asked and when; what a process that dies leaves unwritten here
 * is where from.
 */
export class AuditBuffer {
  readonly #auditLog: AuditLog;
  readonly #log: Logger;
  #waiting: Waiting[] = [];
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(auditLog: AuditLog, log: Logger) {
    this.#auditLog = auditLog;
    this.#log = log;
  }

  /** A promise only where the caller must wait, because too many do already. */
  add(intent: AuditIntent, end: AuditEnd): Promise<void> | undefined {
    this.#waiting.push({ intent, end });
    if (this.#waiting.length >= MOST_WAITING) return this.flush();
    this.#timer ??= setTimeout(() => void this.flush(), WAIT_MS);
    return undefined;
  }

  /** Writes what waits, and ends when it and what was being written are there. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const entries = this.#waiting;
    this.#waiting = [];
    if (entries.length > 0) this.#writing = this.#writing.then(() => this.#write(entries));
    return this.#writing;
  }

  async #write(entries: readonly Waiting[]): Promise<void> {
    const written = await Promise.allSettled(
      entries.map(({ intent, end }) =>
        this.#auditLog.append(end.outcome === 'REFUSED' ? 'refusals' : 'updates', intent, end),
      ),
    );
    const failed = written.find((one) => one.status === 'rejected');
    if (failed === undefined) return;
    const late = written.filter(({ status }) => status === 'rejected').length;
    this.#log.warn({ late, reason: messageOf(failed.reason) }, 'audit entries are lost');
  }
}
