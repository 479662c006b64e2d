/** JSON as the shadow service handles it: trees that are merged, compared and dated leaf by leaf. */

export type Json = null | boolean | number | string | Json[] | JsonObject;
export interface JsonObject {
  [key: string]: Json;
}

/** Mirrors a state tree; every leaf is `{"timestamp": <epoch seconds>}`. */
export type Metadata = { [key: string]: Metadata } | Metadata[] | { timestamp: number };
export interface MetadataObject {
  [key: string]: Metadata;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Without a prototype, so that a key named `__proto__` is a key like any other. */
export function emptyState(): JsonObject {
  return Object.create(null) as JsonObject;
}

export function emptyMetadata(): MetadataObject {
  return Object.create(null) as MetadataObject;
}

/** Nested objects and arrays beneath `value`, itself not counted; stops counting past `limit`. */
export function depthBeneath(value: JsonObject | Json[], limit: number): number {
  let deepest = 0;
  for (const child of Array.isArray(value) ? value : Object.values(value)) {
    if (typeof child !== 'object' || child === null) continue;
    deepest = Math.max(deepest, 1 + (limit > 0 ? depthBeneath(child, limit - 1) : 0));
    if (deepest > limit) break;
  }
  return deepest;
}

/** Whether an array anywhere in the tree holds a null, which the shadow service refuses. */
export function hasNullInArray(value: Json): boolean {
  if (Array.isArray(value)) return value.some((item) => item === null || hasNullInArray(item));
  if (!isObject(value)) return false;
  for (const key in value) {
    const child = value[key];
    if (typeof child === 'object' && child !== null && hasNullInArray(child)) return true;
  }
  return false;
}

export function isEqual(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    return a.every((item, at) => isEqual(item, b[at]));
  }
  if (!isObject(a) || !isObject(b)) return false;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && isEqual(a[key], b[key]))
  );
}

export function isEmpty(value: object | undefined): boolean {
  for (const _ in value) return false;
  return true;
}
