import type { JsonObject } from './desired.ts';

/** How an action ended. UNKNOWN: it was begun, and whether it was done is not known. */
export const AUDIT_OUTCOMES = ['DONE', 'REFUSED', 'UNKNOWN'] as const;
export type AuditOutcome = (typeof AUDIT_OUTCOMES)[number];

/**
 * The streams that entries stand in. Each has a bound of its own: neither many updates nor many
 * refusals push out what operators did.
 */
export const AUDIT_KINDS = ['actions', 'updates', 'refusals'] as const;
export type AuditKind = (typeof AUDIT_KINDS)[number];

/** Who acts, and where from. */
export interface AuditAuthor {
  readonly actor: string;
  readonly role: string;
  /** What proved the actor; `system` for the fleet itself. */
  readonly source: string;
  readonly address?: string | undefined;
  readonly userAgent?: string | undefined;
  readonly requestId?: string | undefined;
}

/** What is known of an action when it begins. */
export interface AuditIntent extends AuditAuthor {
  /** The name of the mutation. */
  readonly action: string;
  /** The ids and names of what it concerns. */
  readonly subjects: readonly string[];
  readonly reason?: string | undefined;
  /** The input, without secrets and cut to a bounded size. */
  readonly input?: JsonObject | undefined;
}

/** What is known once it has ended. */
export interface AuditEnd {
  readonly outcome: AuditOutcome;
  /** The error's, where it was refused. */
  readonly code?: string | undefined;
  readonly before?: JsonObject | undefined;
  readonly after?: JsonObject | undefined;
}

/** An entry of the log. Times are epoch milliseconds of Redis's clock. */
export interface AuditEntry extends AuditIntent, AuditEnd {
  readonly id: string;
  /** When the action began. */
  readonly beganAt: number;
  /** When the entry was written, which is when the action had ended. */
  readonly at: number;
}
