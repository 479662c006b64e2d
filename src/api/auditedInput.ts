import {
  getNamedType,
  getNullableType,
  type GraphQLInputType,
  type GraphQLResolveInfo,
  isInputObjectType,
  isLeafType,
  isListType,
} from 'graphql';
import type { JsonObject } from '../shared/domain/desired.ts';
import type { MutationIntent } from './audit.ts';
import { boundedJson } from './boundedJson.ts';

/** For the `extensions` of an input's field. */
export interface AuditedField {
  /** What of a text is kept, where not all of it may be. */
  readonly audited?: (text: string) => string;
  /** The subject that a value names, of a field that is not of the type ID. */
  readonly subject?: (sent: string | number | boolean) => string;
}

/** Declares that what a field names is a subject: as it is sent, unless it is called otherwise. */
export function namesSubject(called: (sent: string | number | boolean) => string = String): {
  readonly subject: (sent: string | number | boolean) => string;
} {
  return { subject: called };
}

/** Of a list, this many items are looked at: the entry has no room for more. */
const MAX_ITEMS = 20;
const MAX_SUBJECTS = 20;
const MAX_SUBJECT_LENGTH = 64;

/**
 * What a mutation's arguments tell the audit, by their types in the schema: values of the type ID
 * are subjects, those of the type Secret are left out, whoever adds a field with one. All others are
 * kept as they were sent, which is how people look for them: an enum's value by its name, a time as
 * text. The extensions of a field (`AuditedField`) say what else of it is a subject, or not kept.
 */
export function auditedInput(
  info: Pick<GraphQLResolveInfo, 'parentType' | 'fieldName'>,
  args: Readonly<Record<string, unknown>>,
): MutationIntent {
  const subjects = new Set<string>();
  const field = info.parentType.getFields()[info.fieldName];
  const shown: Record<string, unknown> = {};
  for (const { name, type } of field?.args ?? []) {
    if (args[name] !== undefined) shown[name] = look(args[name], type, subjects);
  }
  // A single argument called `input` says nothing by its name.
  const input = (shown.input ?? shown) as JsonObject;
  const { reason } = input;
  return {
    action: info.fieldName,
    subjects: [...subjects].slice(0, MAX_SUBJECTS),
    reason: typeof reason === 'string' ? reason.slice(0, 500) : undefined,
    input: boundedJson(reason === undefined ? input : withoutReason(input)),
  };
}

/** The value as it may be kept. */
function look(value: unknown, declared: GraphQLInputType, subjects: Set<string>): unknown {
  const type = getNullableType(declared);
  if (value === null || value === undefined) return value;
  if (getNamedType(type).name === 'Secret') return '[secret]';
  if (isListType(type)) {
    const items: readonly unknown[] = Array.isArray(value) ? value : [value];
    const kept = items.slice(0, MAX_ITEMS).map((item) => look(item, type.ofType, subjects));
    return items.length <= MAX_ITEMS ? kept : [...kept, `… ${items.length} items`];
  }
  if (isInputObjectType(type)) {
    const fields = type.getFields();
    const shown: Record<string, unknown> = {};
    for (const [name, inner] of Object.entries(value)) {
      const known = fields[name];
      // Pothos hands arguments on as they are declared: nothing else can be in them.
      if (known === undefined) continue;
      const { audited, subject } = known.extensions as AuditedField;
      const kept = audited !== undefined && typeof inner === 'string' ? audited(inner) : inner;
      const seen = look(kept, known.type, subjects);
      if (subject !== undefined && isPlain(seen)) add(subject(seen), subjects);
      shown[name] = seen;
    }
    return shown;
  }
  if (type.name === 'ID' && typeof value === 'string') add(value, subjects);
  return isLeafType(type) ? type.serialize(value) : value;
}

function add(subject: string, subjects: Set<string>): void {
  subjects.add(subject.slice(0, MAX_SUBJECT_LENGTH));
}

function isPlain(value: unknown): value is string | number | boolean {
  return ['string', 'number', 'boolean'].includes(typeof value);
}

function withoutReason({ reason: _reason, ...rest }: JsonObject): JsonObject {
  return rest;
}
