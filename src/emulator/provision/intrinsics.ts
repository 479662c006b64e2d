import { asText, TemplateError, type TemplateValue } from './template.ts';

/** What a template's names stand for. Each throws TemplateError for a name that is none. */
export interface Scope {
  ref(name: string): string;
  attribute(resource: string, attribute: string): string;
}

/** A value without intrinsics. */
export type PlainValue =
  | string
  | number
  | boolean
  | null
  | readonly PlainValue[]
  | { readonly [key: string]: PlainValue };

/**
 * Evaluates `Ref`, `Fn::Sub`, `Fn::GetAtt`, `Fn::Join`, `Fn::Select` and `Fn::Split`; any other
 * function throws TemplateError, since ignoring it would make the local set-up differ.
 */
export function resolveValue(value: TemplateValue, scope: Scope): PlainValue {
  if (Array.isArray(value)) {
    return (value as readonly TemplateValue[]).map((entry) => resolveValue(entry, scope));
  }
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value as Readonly<Record<string, TemplateValue>>);
  const [first] = entries;
  if (entries.length === 1 && first !== undefined) {
    const [name, argument] = first;
    if (name === 'Ref') return scope.ref(asText(argument, name));
    if (name.startsWith('Fn::')) return callFunction(name, argument, scope);
  }
  return Object.fromEntries(entries.map(([key, entry]) => [key, resolveValue(entry, scope)]));
}

function callFunction(name: string, argument: TemplateValue, scope: Scope): PlainValue {
  if (name === 'Fn::Sub' && typeof argument === 'string') return substitute(argument, {}, scope);
  const resolved = resolveValue(argument, scope);
  const list: readonly PlainValue[] = Array.isArray(resolved) ? resolved : [resolved];
  switch (name) {
    case 'Fn::Sub':
      return substitute(asText(list[0], name), list[1] ?? {}, scope);
    case 'Fn::GetAtt':
      return scope.attribute(asText(list[0], name), asText(list[1], name));
    case 'Fn::Join':
      return items(list[1], name)
        .map((entry) => asText(entry, name))
        .join(asText(list[0], name));
    case 'Fn::Select': {
      const chosen = items(list[1], name)[Number(list[0])];
      if (chosen === undefined) throw new TemplateError('Fn::Select has no such element');
      return chosen;
    }
    case 'Fn::Split':
      return asText(list[1], name).split(asText(list[0], name));
    default:
      throw new TemplateError(`${name} is not supported in a template that the emulator reads`);
  }
}

/** `${Name}`, `${Resource.Attribute}`, and `${!literal}` which stays as `${literal}`. */
function substitute(source: string, local: PlainValue, scope: Scope): string {
  const own = typeof local === 'object' && local !== null && !Array.isArray(local) ? local : {};
  return source.replace(/\$\{(!?)([^}]*)\}/g, (_whole, literal: string, name: string) => {
    if (literal !== '') return `\${${name}}`;
    const value = (own as Readonly<Record<string, PlainValue>>)[name];
    if (value !== undefined) return asText(value, 'Fn::Sub');
    const dot = name.indexOf('.');
    return dot < 0 ? scope.ref(name) : scope.attribute(name.slice(0, dot), name.slice(dot + 1));
  });
}

function items(value: PlainValue | undefined, name: string): readonly PlainValue[] {
  if (Array.isArray(value)) return value as readonly PlainValue[];
  throw new TemplateError(`${name} needs a list`);
}
