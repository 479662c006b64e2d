import type { PlainValue } from './intrinsics.ts';
import { TemplateError } from './template.ts';

export type Properties = Readonly<Record<string, PlainValue>>;

/** Reads typed values out of resolved properties; each throws TemplateError with the name. */
export function textProperty(properties: Properties, name: string): string {
  const value = properties[name];
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return String(value);
  throw new TemplateError(`${name} must be a string`);
}

export function optionalText(properties: Properties, name: string): string | undefined {
  return properties[name] === undefined ? undefined : textProperty(properties, name);
}

/** CloudFormation takes `true` and `"true"` alike. */
export function booleanProperty(properties: Properties, name: string, fallback: boolean): boolean {
  const value = properties[name];
  if (value === undefined) return fallback;
  if (value === true || value === 'true') return true;
  if (value === false || value === 'false') return false;
  throw new TemplateError(`${name} must be true or false`);
}

export function numberProperty(properties: Properties, name: string, fallback: number): number {
  const value = properties[name];
  if (value === undefined) return fallback;
  const number = Number(value);
  if (!Number.isFinite(number)) throw new TemplateError(`${name} must be a number`);
  return number;
}

export function listProperty(properties: Properties, name: string): readonly PlainValue[] {
  const value = properties[name];
  if (value === undefined) return [];
  if (Array.isArray(value)) return value as readonly PlainValue[];
  throw new TemplateError(`${name} must be a list`);
}

export function mapProperty(properties: Properties, name: string): Properties {
  const value = properties[name];
  return value === undefined ? {} : asMap(value, name);
}

export function asMap(value: PlainValue, name: string): Properties {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TemplateError(`${name} must be a mapping`);
  }
  return value as Properties;
}
