import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { emptySection, mergeInto } from '../../src/emulator/shadow/merge.ts';
import type { JsonObject as EmulatedObject } from '../../src/emulator/shadow/json.ts';
import type { JsonObject } from '../../src/shared/domain/desired.ts';
import { holdsPatch, mergePatches, supersededIn } from '../../src/shared/domain/patch.ts';

const key = fc.constantFrom('a', 'b', 'c');
const leaf = fc.oneof(fc.constant(null), fc.integer({ min: 0, max: 2 }), fc.constant([1, 2]));
/** Without an object where another patch has a value: such ones are never in one group. */
const patch = fc.dictionary(
  key,
  fc.oneof(leaf, fc.dictionary(fc.constantFrom('x', 'y'), leaf, { minKeys: 1 })),
  { minKeys: 1 },
) as fc.Arbitrary<JsonObject>;

/** The shadow service's own merge. */
function applied(document: JsonObject, patches: readonly JsonObject[]): unknown {
  const section = emptySection();
  for (const one of [document, ...patches])
    mergeInto(section, structuredClone(one) as EmulatedObject, 1);
  return structuredClone(section.state);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function mergeable(before: JsonObject, after: JsonObject): boolean {
  return Object.entries(after).every(([name, value]) => {
    const old = before[name];
    return old === undefined || !isObject(value) || isObject(old);
  });
}

test('a merged patch does to any shadow what the patches do one after another', () => {
  fc.assert(
    fc.property(patch, fc.array(patch, { minLength: 1, maxLength: 5 }), (shadow, patches) => {
      for (let at = 1; at < patches.length; at += 1) {
        fc.pre(mergeable(mergePatches(patches.slice(0, at)), patches[at] ?? {}));
      }
      expect(applied(shadow, [mergePatches(patches)])).toEqual(applied(shadow, patches));
    }),
    { numRuns: 500 },
  );
});

test('a shadow holds a patch that was just applied, and no field of it that changed since', () => {
  fc.assert(
    fc.property(patch, patch, (shadow, one) => {
      expect(holdsPatch(applied(shadow, [one]), one)).toBe(true);
    }),
  );
  expect(holdsPatch({ a: 1 }, { a: 2 })).toBe(false);
  expect(holdsPatch({ a: 1 }, { a: null })).toBe(false);
  expect(holdsPatch({ a: { b: [1] } }, { a: { b: [1, 2] } })).toBe(false);
  expect(holdsPatch({ a: [{ b: 1 }] }, { a: [{ b: 1 }] })).toBe(true);
  expect(holdsPatch(undefined, { a: { b: 1 } })).toBe(false);
});

test('the fields that later patches set are named by their paths', () => {
  const [first, second, third] = supersededIn([
    { a: 1, 'odd key': 1, deep: { er: { est: 1, kept: 2 } } },
    { a: null, deep: { er: { est: 2 } }, list: [1] },
    { 'odd key': 2, list: [], a: { x: 1 } },
  ]);
  expect(first).toEqual({ fields: ['a', '["odd key"]', 'deep.er.est'], entirely: false });
  expect(second).toEqual({ fields: ['a', 'list'], entirely: false });
  expect(third).toEqual({ fields: [], entirely: false });
  expect(supersededIn([{ a: 1 }, { a: 2 }])[0]?.entirely).toBe(true);
});

test('keys that mean something to JavaScript are keys like any other', () => {
  const patches = ['{"__proto__":{"a":1}}', '{"__proto__":{"b":2}}'].map(
    (text) => JSON.parse(text) as JsonObject,
  );
  expect(JSON.stringify(mergePatches(patches))).toBe('{"__proto__":{"a":1,"b":2}}');
  expect(holdsPatch({}, patches[0] ?? {})).toBe(false);
});
