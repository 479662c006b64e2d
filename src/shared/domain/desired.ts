/** Checks of a desired document, made before anything is accepted, by the shadow service's rules. */

export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };
export type JsonObject = { readonly [key: string]: JsonValue };

export interface ShadowLimits {
  /** Bytes of the state document; AWS's default quota is 8 KB and can be raised. */
  readonly maxBytes: number;
  /**
   * Levels of objects below `desired`. AWS's sources say 5, 6 and 8; the quota page's 5 is the
   * one that every account takes.
   */
  readonly maxDepth: number;
}

export const AWS_SHADOW_LIMITS: ShadowLimits = { maxBytes: 8 * 1024, maxDepth: 5 };

/** What is wrong with a desired document, as one sentence that says what to do; or nothing. */
export function desiredProblem(value: unknown, limits: ShadowLimits): string | undefined {
  if (!isObject(value)) {
    return 'The desired document must be a JSON object, for example {"power":"OFF"}.';
  }
  if (Object.keys(value).length === 0) {
    return 'The desired document is empty: name at least one field to set, or null to remove one.';
  }
  const problem = walk(value, 1, 'desired', limits.maxDepth);
  if (problem !== undefined) return problem;
  const bytes = Buffer.byteLength(JSON.stringify(value), 'utf8');
  if (bytes > limits.maxBytes) {
    return `The desired document has ${bytes} bytes, and a shadow holds ${limits.maxBytes}: send fewer fields, or use named shadows.`;
  }
  return undefined;
}

function walk(value: unknown, depth: number, path: string, maxDepth: number): string | undefined {
  if (typeof value === 'string') {
    return value.isWellFormed()
      ? undefined
      : `${path} is not valid Unicode text (a lone surrogate).`;
  }
  if (typeof value === 'number') {
    return Number.isFinite(value) ? undefined : `${path} is not a finite number.`;
  }
  if (typeof value === 'boolean' || value === null) return undefined;
  if (Array.isArray(value)) return walkArray(value, depth, path, maxDepth);
  if (!isObject(value)) return `${path} is not a JSON value.`;
  if (depth > maxDepth) {
    return `${path} lies ${depth} levels deep, and a shadow takes ${maxDepth}: flatten the document.`;
  }
  for (const [key, child] of Object.entries(value)) {
    if (!key.isWellFormed())
      return `A key in ${path} is not valid Unicode text (a lone surrogate).`;
    const problem = walk(child, depth + 1, `${path}.${key}`, maxDepth);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function walkArray(
  items: readonly unknown[],
  depth: number,
  path: string,
  maxDepth: number,
): string | undefined {
  for (const [index, item] of items.entries()) {
    const at = `${path}[${index}]`;
    if (item === null) {
      return `${at} is null, which shadows do not allow in an array: leave the element out.`;
    }
    const problem = walk(item, depth + 1, at, maxDepth);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
