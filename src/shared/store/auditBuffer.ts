import { messageOf } from '../errors/courierError.ts';
import type { Logger } from '../observability/logger.ts';
import type { AuditEnd, AuditIntent } from '../domain/audit.ts';
import type { AuditLog, EndedAction } from './auditLog.ts';

/** How long an entry waits for others that go with it. */
const WAIT_MS = 25;
/** Beyond these callers wait for Redis, so that an outage fills no memory. */
const MOST_WAITING = 10_000;

/** Of one command: Redis does nothing else meanwhile. */
const MOST_AT_ONCE = 100;

/**
 * Entries of updates on their way to the audit log, many at once. An update's own record, which was
 * written with the update, has who asked and when; what a process that dies leaves unwritten here
 * is where from.
 */
export class AuditBuffer {
  readonly #auditLog: AuditLog;
  readonly #log: Logger;
  #waiting: EndedAction[] = [];
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();
  /** Entries that are not written yet: those that wait, and those that were sent. */
  #unwritten = 0;

  constructor(auditLog: AuditLog, log: Logger) {
    this.#auditLog = auditLog;
    this.#log = log;
  }

  /** A promise only where the caller must wait, because too many do already. */
  add(intent: AuditIntent, end: AuditEnd): Promise<void> | undefined {
    const kind = end.outcome === 'REFUSED' ? 'refusals' : 'updates';
    this.#waiting.push({ kind, intent, end });
    this.#unwritten += 1;
    if (this.#unwritten >= MOST_WAITING) return this.flush();
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

  async #write(entries: readonly EndedAction[]): Promise<void> {
    const parts = portions(entries);
    const written = await Promise.allSettled(
      parts.map((portion) => this.#auditLog.appendAll(portion)),
    );
    let late = 0;
    let reason = '';
    for (const [index, outcome] of written.entries()) {
      if (outcome.status === 'fulfilled') continue;
      late += parts[index]?.length ?? 0;
      reason = messageOf(outcome.reason);
    }
    this.#unwritten -= entries.length;
    if (late > 0) this.#log.warn({ late, reason }, 'audit entries are lost');
  }
}

/** In their order, as many together as one command takes. */
function portions(entries: readonly EndedAction[]): readonly EndedAction[][] {
  const all: EndedAction[][] = [];
  for (let at = 0; at < entries.length; at += MOST_AT_ONCE) {
    all.push(entries.slice(at, at + MOST_AT_ONCE));
  }
  return all;
}
