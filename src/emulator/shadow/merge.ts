/** The rules by which an update changes a shadow (aws-facts 2.3). */
import { emptyMetadata, emptyState, isEmpty, isEqual, isObject } from './json.ts';
import type { Json, JsonObject, Metadata, MetadataObject } from './json.ts';

/** One section, `desired` or `reported`, with the time of each leaf's last change. */
export interface Section {
  state: JsonObject;
  metadata: MetadataObject;
}

export function emptySection(): Section {
  return { state: emptyState(), metadata: emptyMetadata() };
}

/** A timestamp for every leaf of a value; arrays have one for each element. */
export function metadataOf(value: Json, timestamp: number): Metadata {
  if (Array.isArray(value)) return value.map((item) => metadataOf(item, timestamp));
  if (!isObject(value)) return { timestamp };
  const metadata = emptyMetadata();
  for (const key in value) metadata[key] = metadataOf(value[key] ?? null, timestamp);
  return metadata;
}

/**
 * Merges a patch into a section, in place: objects are merged key by key, arrays and scalars
 * replaced, null deletes.
 */
export function mergeInto(section: Section, patch: JsonObject, timestamp: number): void {
  merge(section.state, section.metadata, patch, timestamp);
}

function merge(
  state: JsonObject,
  metadata: MetadataObject,
  patch: JsonObject,
  timestamp: number,
): void {
  for (const key in patch) {
    const value = patch[key] ?? null;
    if (value === null) {
      delete state[key];
      delete metadata[key];
    } else if (isObject(value)) {
      const present = state[key];
      const dated = metadata[key];
      const known = isObject(present);
      const childState = known ? present : emptyState();
      const childMetadata = known && isObject(dated) ? (dated as MetadataObject) : emptyMetadata();
      merge(childState, childMetadata, value, timestamp);
      state[key] = childState;
      metadata[key] = childMetadata;
    } else {
      state[key] = value;
      metadata[key] = metadataOf(value, timestamp);
    }
  }
}

/**
 * What of `desired` is missing from or different in `reported`, with its metadata; undefined where
 * they agree. A differing array is taken whole.
 */
export function deltaOf(desired: Section, reported: Section): Section | undefined {
  return delta(desired.state, desired.metadata, reported.state);
}

function delta(
  desired: JsonObject,
  metadata: MetadataObject,
  reported: JsonObject,
): Section | undefined {
  let found: Section | undefined;
  for (const key in desired) {
    const wanted = desired[key] ?? null;
    const actual = Object.hasOwn(reported, key) ? reported[key] : undefined;
    const dated = metadata[key];
    let state: Json = wanted;
    let stamped = dated;
    if (isObject(wanted) && isObject(actual)) {
      const inner = delta(wanted, isObject(dated) ? (dated as MetadataObject) : {}, actual);
      if (!inner) continue;
      state = inner.state;
      stamped = inner.metadata;
    } else if (isEqual(wanted, actual)) {
      continue;
    }
    found ??= emptySection();
    found.state[key] = state;
    if (stamped !== undefined) found.metadata[key] = stamped;
  }
  return found;
}

/** Sections as documents show them: one without properties is left out. */
export function presentSections(
  desired: Section,
  reported: Section,
): { state: JsonObject; metadata: MetadataObject } {
  const state: JsonObject = {};
  const metadata: MetadataObject = {};
  if (!isEmpty(desired.state)) {
    state['desired'] = desired.state;
    metadata['desired'] = desired.metadata;
  }
  if (!isEmpty(reported.state)) {
    state['reported'] = reported.state;
    metadata['reported'] = reported.metadata;
  }
  return { state, metadata };
}
