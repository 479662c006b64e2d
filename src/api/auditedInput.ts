import {
  getNamedType,
  getNullableType,
  type GraphQLInputType,
  type GraphQLResolveInfo,
  isInputObjectType,
  isListType,
} from 'graphql';
import type { JsonObject } from '../shared/domain/desired.ts';
import type { MutationIntent } from './audit.ts';
import { boundedJson } from './boundedJson.ts';

/** For the `extensions` of an input's field of text: what of it is kept, where not all of it may be. */
export interface AuditedField {
  readonly audited: (text: string) => string;
}

/** Of a list, this many items are looked at: the entry has no room for more. */
const MAX_ITEMS = 20;
const MAX_SUBJECTS = 20;

/**
 * What a mutation's arguments tell the audit, by their types in the schema: values of the type ID
 * are subjects, those of the type Secret are left out, whoever adds a field with one. Of a field with
 * the extension `audited` (`AuditedField`) that much is kept.
 */
export function auditedInput(
  info: GraphQLResolveInfo,
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
      const { audited } = known.extensions as Partial<AuditedField>;
      const kept = audited !== undefined && typeof inner === 'string' ? audited(inner) : inner;
      shown[name] = look(kept, known.type, subjects);
    }
    return shown;
  }
  if (type.name === 'ID' && typeof value === 'string') subjects.add(value.slice(0, 64));
  return value;
}

function withoutReason({ reason: _reason, ...rest }: JsonObject): JsonObject {
  return rest;
}
