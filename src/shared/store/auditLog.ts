import { randomUUID } from 'node:crypto';
import { AUDIT_KINDS, type AuditEnd, type AuditIntent, type AuditKind } from '../domain/audit.ts';
import type { RedisClient } from '../redis/client.ts';
import type { Keys } from '../redis/keys.ts';
import { runScript } from '../redis/script.ts';
import { auditFields } from './auditRecord.ts';
import { APPEND_AUDIT, BEGIN_AUDIT, END_AUDIT, SWEEP_AUDIT } from './lua/auditScripts.ts';

export interface AuditSettings {
  /** How long entries are kept. */
  readonly retentionMs: number;
  /** The most entries of each kind; the oldest go first. */
  readonly maxEntries: number;
}

/** An action, how it ended and where its entry goes. */
export interface EndedAction {
  readonly kind: AuditKind;
  readonly intent: AuditIntent;
  readonly end: AuditEnd;
}

/** Longer than any request lives: what is open after it never ended. */
const ABANDONED_MS = 300_000;

/**
 * The append-only log of what was done. An action is written down before it begins and gets its
 * entry when it has ended; one whose process died in between gets its entry from the sweep, with
 * the outcome UNKNOWN. So nothing is done without an entry, wherever the process stops.
 */
export class AuditLog {
  readonly #redis: RedisClient;
  readonly #keys: Keys;
  readonly #settings: AuditSettings;

  constructor(redis: RedisClient, keys: Keys, settings: AuditSettings) {
    this.#redis = redis;
    this.#keys = keys;
    this.#settings = settings;
  }

  /** Writes down that an action begins. @returns the token that ends it. */
  async begin(intent: AuditIntent): Promise<string> {
    const token = randomUUID();
    const { auditOpen, auditOpened } = this.#keys;
    const fields = JSON.stringify(auditFields(intent));
    await runScript(this.#redis, BEGIN_AUDIT, [auditOpen, auditOpened], [token, fields]);
    return token;
  }

  /** Makes the entry of what was begun. */
  async end(token: string, intent: AuditIntent, end: AuditEnd): Promise<void> {
    const { auditOpen, auditOpened, auditLast } = this.#keys;
    const kind: AuditKind = end.outcome === 'REFUSED' ? 'refusals' : 'actions';
    await runScript(
      this.#redis,
      END_AUDIT,
      [auditOpen, auditOpened, auditLast, this.#keys.audit(kind)],
      [token, this.#settings.maxEntries, ...auditFields(intent), ...auditFields(end)],
    );
  }

  /** An entry of what has ended already, and is known to have happened some other way. */
  append(kind: AuditKind, intent: AuditIntent, end: AuditEnd): Promise<void> {
    return this.appendAll([{ kind, intent, end }]);
  }

  /** The same for many, in their order, with one command: a few hundred at most. */
  async appendAll(entries: readonly EndedAction[]): Promise<void> {
    const words: (string | number)[] = [this.#settings.maxEntries];
    for (const { kind, intent, end } of entries) {
      const fields = [...auditFields(intent), ...auditFields(end)];
      words.push(AUDIT_KINDS.indexOf(kind) + 1, fields.length, ...fields);
    }
    await runScript(this.#redis, APPEND_AUDIT, [this.#keys.auditLast, ...this.#streams()], words);
  }

  /** Closes what never ended, and drops what is older than the log keeps. */
  async sweep(abandonedMs = ABANDONED_MS): Promise<number> {
    const { auditOpen, auditOpened, auditLast } = this.#keys;
    const { retentionMs, maxEntries } = this.#settings;
    const made = await runScript(
      this.#redis,
      SWEEP_AUDIT,
      [auditOpen, auditOpened, auditLast, ...this.#streams()],
      [abandonedMs, retentionMs, maxEntries],
    );
    return Number(made);
  }
  #streams(): readonly string[] {
    return AUDIT_KINDS.map((kind) => this.#keys.audit(kind));
  }
}
