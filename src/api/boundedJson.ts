import type { JsonObject } from '../shared/domain/desired.ts';

const MAX_TEXT = 200;
const MAX_ITEMS = 10;
const MAX_FIELDS = 30;
const MAX_DEPTH = 6;
const MAX_CHARS = 2000;

/** A document that says the same as far as it has room: 2,000 characters of JSON at most. */
export function boundedJson(document: JsonObject): JsonObject {
  const bounded = cut(document, 0) as JsonObject;
  const text = JSON.stringify(bounded);
  if (text.length <= MAX_CHARS) return bounded;
  return { cut: text.slice(0, MAX_CHARS / 2) };
}

function cut(value: unknown, depth: number): unknown {
  if (typeof value === 'string') {
    const short = value.length <= MAX_TEXT;
    return short ? value : `${value.slice(0, MAX_TEXT)}… ${value.length} characters`;
  }
  if (typeof value !== 'object' || value === null) return value;
  if (depth === MAX_DEPTH) return '…';
  if (Array.isArray(value)) {
    const kept = value.slice(0, MAX_ITEMS).map((item) => cut(item, depth + 1));
    return value.length <= MAX_ITEMS ? kept : [...kept, `… ${value.length} items`];
  }
  const fields = Object.entries(value);
  const kept = fields.slice(0, MAX_FIELDS).map(([name, field]) => [name, cut(field, depth + 1)]);
  if (fields.length > MAX_FIELDS) kept.push(['…', `${fields.length} fields`]);
  return Object.fromEntries(kept);
}
