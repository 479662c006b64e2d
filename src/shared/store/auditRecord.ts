import {
  AUDIT_OUTCOMES,
  type AuditEnd,
  type AuditEntry,
  type AuditIntent,
} from '../domain/audit.ts';
import type { JsonObject } from '../domain/desired.ts';

/** Names of one letter: a stream keeps them once for many entries, in whatever order is the same. */
const FIELDS = {
  actor: 'a',
  role: 'r',
  source: 'o',
  action: 'n',
  subjects: 's',
  reason: 'w',
  address: 'f',
  userAgent: 'u',
  requestId: 'q',
  input: 'i',
  outcome: 'x',
  code: 'e',
  before: 'b',
  after: 'c',
} as const;

const NAMES = Object.entries(FIELDS) as [keyof typeof FIELDS, string][];

/** An intent or an end as fields and values of a stream; what is absent takes no place. */
export function auditFields(part: AuditIntent | AuditEnd): string[] {
  const words: string[] = [];
  const values: Readonly<Partial<Record<keyof typeof FIELDS, unknown>>> = part;
  for (const [name, field] of NAMES) {
    const value = values[name];
    if (value === undefined) continue;
    words.push(field, typeof value === 'string' ? value : JSON.stringify(value));
  }
  return words;
}

export function parseAuditEntry(id: string, words: readonly string[]): AuditEntry {
  const fields = new Map<string, string>();
  for (let at = 0; at + 1 < words.length; at += 2) fields.set(words[at] ?? '', words[at + 1] ?? '');
  const document = (field: string) => {
    const text = fields.get(field);
    return text === undefined ? undefined : (JSON.parse(text) as JsonObject);
  };
  const at = Number(id.split('-', 1)[0]);
  return {
    id,
    at,
    beganAt: Number(fields.get('t') ?? at),
    actor: fields.get(FIELDS.actor) ?? '',
    role: fields.get(FIELDS.role) ?? '',
    source: fields.get(FIELDS.source) ?? '',
    action: fields.get(FIELDS.action) ?? '',
    subjects: JSON.parse(fields.get(FIELDS.subjects) ?? '[]') as string[],
    reason: fields.get(FIELDS.reason),
    address: fields.get(FIELDS.address),
    userAgent: fields.get(FIELDS.userAgent),
    requestId: fields.get(FIELDS.requestId),
    input: document(FIELDS.input),
    outcome: AUDIT_OUTCOMES.find((one) => one === fields.get(FIELDS.outcome)) ?? 'UNKNOWN',
    code: fields.get(FIELDS.code),
    before: document(FIELDS.before),
    after: document(FIELDS.after),
  };
}
