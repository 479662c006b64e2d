import type { AuditEnd, AuditIntent } from '../shared/domain/audit.ts';
import type { JsonObject } from '../shared/domain/desired.ts';
import { CourierError, messageOf } from '../shared/errors/courierError.ts';
import type { Logger } from '../shared/observability/logger.ts';
import { storeUnavailable } from '../shared/redis/unavailable.ts';
import type { AuditBuffer } from '../shared/store/auditBuffer.ts';
import type { AuditLog } from '../shared/store/auditLog.ts';
import type { FleetEvents } from '../shared/store/fleetEvents.ts';
import { boundedJson } from './boundedJson.ts';
import type { StoreGate } from './storeGate.ts';

/** What a mutation knows of itself beyond its input. Never a secret. */
export interface AuditNote {
  /** Ids and names of what it concerns, besides the ids of its input and its answer. */
  readonly subjects?: readonly string[] | undefined;
  /** How things stood before, and how they stand now. */
  readonly before?: JsonObject | undefined;
  readonly after?: JsonObject | undefined;
  /** How it ended, where that is not told by whether it throws. */
  readonly ended?: Pick<AuditEnd, 'outcome' | 'code'> | undefined;
}

/** What the begin of a mutation is written down with. */
export type MutationIntent = Pick<AuditIntent, 'action' | 'subjects' | 'reason' | 'input'>;

/** What a request's mutations need to leave entries. */
export interface AuditSurroundings {
  readonly auditLog: AuditLog;
  readonly auditBuffer: AuditBuffer;
  readonly fleetEvents: FleetEvents;
  readonly gate: StoreGate;
  readonly log: Logger;
  readonly author: Omit<AuditIntent, keyof MutationIntent>;
}

const MAX_SUBJECTS = 20;
const DONE: NonNullable<AuditNote['ended']> = { outcome: 'DONE' };

/**
 * These change nothing but what their own records tell, in the same transaction: who asked, when,
 * and for what. Their entries follow them a moment later, many at once, so that no update waits.
 */
const RECORDED_WITH_THEIR_CHANGE: ReadonlySet<string> = new Set(['updateShadow', 'updateShadows']);

/** The audit of one request. Its mutations run one after the other, as GraphQL has it. */
export class RequestAudit {
  readonly #surroundings: AuditSurroundings;
  #note: AuditNote = {};

  constructor(surroundings: AuditSurroundings) {
    this.#surroundings = surroundings;
  }

  /** Adds to the entry of the mutation that runs. */
  note({ subjects = [], before, after, ended }: AuditNote): void {
    this.#note = {
      subjects: [...(this.#note.subjects ?? []), ...subjects],
      before: before ?? this.#note.before,
      after: after ?? this.#note.after,
      ended: ended ?? this.#note.ended,
    };
  }

  /**
   * Runs a mutation and leaves its entry, whatever becomes of it.
   * @throws what it throws; STORE_UNAVAILABLE where its begin could not be written, with nothing
   * done.
   */
  async run<T>(mutation: MutationIntent, work: () => Promise<T>): Promise<T> {
    const { author } = this.#surroundings;
    this.#note = {};
    const intentOn = (subjects: readonly string[]): AuditIntent => ({
      actor: author.actor,
      role: author.role,
      source: author.source,
      address: author.address,
      userAgent: author.userAgent,
      requestId: author.requestId,
      action: mutation.action,
      subjects,
      reason: mutation.reason,
      input: mutation.input,
    });
    const follows = RECORDED_WITH_THEIR_CHANGE.has(mutation.action);
    const token = follows ? undefined : await this.#begin(intentOn(mutation.subjects));
    const end = (outcome: AuditEnd['outcome'], code?: string, result?: unknown) => {
      const { before, after } = this.#note;
      return this.#write(token, intentOn(this.#subjects(mutation, result)), {
        outcome,
        code,
        before: before && boundedJson(before),
        after: after && boundedJson(after),
      });
    };
    try {
      const result = await work();
      const { outcome, code } = this.#note.ended ?? DONE;
      await end(outcome, code, result);
      return result;
    } catch (error) {
      const code = error instanceof CourierError ? error.code : 'INTERNAL_SERVER_ERROR';
      // During an outage there is nobody to tell; what was begun is closed by the sweep.
      if (code !== 'STORE_UNAVAILABLE') {
        await end(code === 'INTERNAL_SERVER_ERROR' ? 'UNKNOWN' : 'REFUSED', code);
      }
      throw error;
    }
  }

  /** Nothing is done before this is written, so that a failure means that nothing was done. */
  async #begin(intent: AuditIntent): Promise<string> {
    const { auditLog, auditBuffer, gate } = this.#surroundings;
    try {
      // In the log, what was done before stands before.
      await auditBuffer.flush();
      return await gate.write(() => auditLog.begin(intent));
    } catch (error) {
      throw error instanceof CourierError ? storeUnavailable('not sent', error) : error;
    }
  }

  #subjects({ subjects }: MutationIntent, result: unknown): readonly string[] {
    const made = typeof result === 'object' && result !== null && 'id' in result ? result.id : '';
    const known = [typeof made === 'string' ? made : '', ...(this.#note.subjects ?? [])];
    // Of a long list of what was asked for, something may be left out; of what came of it, nothing.
    const all = [...known, ...subjects];
    return [...new Set(all)].filter((one) => one !== '').slice(0, MAX_SUBJECTS);
  }

  /** What was done is done: where its entry cannot be written now, the sweep makes one. */
  async #write(token: string | undefined, intent: AuditIntent, end: AuditEnd): Promise<void> {
    const { auditLog, auditBuffer, fleetEvents, log } = this.#surroundings;
    if (token === undefined) return auditBuffer.add(intent, end);
    try {
      await auditLog.end(token, intent, end);
      if (end.outcome === 'DONE') await fleetEvents.acted(intent);
    } catch (error) {
      log.warn({ action: intent.action, reason: messageOf(error) }, 'an audit entry is late');
    }
  }
}

/** Adds to the audit entry of the mutation that runs in this context. */
export function audit(context: { readonly audit: RequestAudit }, note: AuditNote): void {
  context.audit.note(note);
}
