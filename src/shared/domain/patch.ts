import { isObject, type JsonObject, type JsonValue } from './desired.ts';

/**
 * Desired-state patches, as the shadow service applies them: fields that both sides have are
 * replaced, objects are merged, arrays are whole, and null removes.
 */

/** Whether a document is as it would be right after the patch was applied to it. */
export function holdsPatch(document: unknown, patch: JsonObject): boolean {
  const found = isObject(document) ? document : {};
  return Object.entries(patch).every(([key, value]) => {
    const there = Object.hasOwn(found, key) ? found[key] : undefined;
    if (value === null) return there === undefined;
    if (isObject(value)) return holdsPatch(there, value);
    return sameValue(there, value);
  });
}

/**
 * One patch that does what several do one after the other. Only for patches whose claim put them
 * into one group: an object that follows a value at the same place cannot be expressed.
 */
export function mergePatches(patches: readonly JsonObject[]): JsonObject {
  const merged = new Map<string, JsonValue>();
  for (const patch of patches) {
    for (const [key, value] of Object.entries(patch)) {
      const before = merged.get(key);
      const both = isObject(before) && isObject(value);
      merged.set(key, both ? mergePatches([before, value]) : value);
    }
  }
  // Not by assignment, which a key named __proto__ would escape.
  return Object.fromEntries(merged);
}

/** What became of the fields of one patch of a group. */
export interface Superseded {
  /** Paths of its fields that a later patch of the group set, too. */
  readonly fields: readonly string[];
  /** Nothing of it was left. */
  readonly entirely: boolean;
}

/** For each patch, in their order, what the later ones overrode of it. */
export function supersededIn(patches: readonly JsonObject[]): readonly Superseded[] {
  return patches.map((patch, at) => {
    const leaves = leavesOf(patch);
    const later = patches.slice(at + 1);
    const fields = leaves.filter((leaf) => later.some((other) => touches(other, leaf)));
    return { fields: fields.map(pathText), entirely: fields.length === leaves.length };
  });
}

type Path = readonly string[];

/** The fields that a patch sets or removes; an empty object is one as well. */
function leavesOf(patch: JsonObject, above: Path = []): readonly Path[] {
  return Object.entries(patch).flatMap(([key, value]) => {
    const path = [...above, key];
    const inner = isObject(value) && Object.keys(value).length > 0;
    return inner ? leavesOf(value, path) : [path];
  });
}

/** Whether a patch decides what stands at a path: by a value there, or by one above it. */
function touches(patch: JsonObject, path: Path): boolean {
  let at: unknown = patch;
  for (const key of path) {
    if (!isObject(at)) return true;
    if (!Object.hasOwn(at, key)) return false;
    at = at[key];
  }
  return true;
}

const PLAIN_KEY = /^[A-Za-z_$][\w$]*$/;

function pathText(path: Path): string {
  return path
    .map((key, at) => {
      if (!PLAIN_KEY.test(key)) return `[${JSON.stringify(key)}]`;
      return at === 0 ? key : `.${key}`;
    })
    .join('');
}

function sameValue(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, at) => sameValue(item, b[at]));
  }
  if (isObject(a) && isObject(b)) {
    const keys = Object.keys(a);
    return (
      keys.length === Object.keys(b).length &&
      keys.every((key) => Object.hasOwn(b, key) && sameValue(a[key], b[key]))
    );
  }
  return a === b;
}
