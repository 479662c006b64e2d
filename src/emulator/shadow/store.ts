/** Every shadow of the account, and the versions of deleted ones. */
import type { StoredShadow } from '../contract.ts';
import { SHADOW_ERRORS, type ShadowError } from './errors.ts';
import { isEmpty, type JsonObject, type MetadataObject } from './json.ts';
import { emptySection, mergeInto, presentSections, type Section } from './merge.ts';
import { MAX_STATE_BYTES, type UpdateRequest } from './request.ts';

/** A deleted shadow's version numbering goes on for this long (aws-facts 2.3). */
export const TOMBSTONE_LIFE_MS = 48 * 3600 * 1000;

/** A shadow of a thing; no name stands for the classic shadow. */
export interface ShadowAddress {
  readonly thing: string;
  readonly shadow?: string;
}

export interface Shadow {
  desired: Section;
  reported: Section;
  /** Version of the newest accepted update; 0 before the first. */
  version: number;
  /** Epoch milliseconds of the deletion, while it is deleted. */
  deletedAtMs: number | undefined;
  /** Never less than the size of the state document, which is only measured near the limit. */
  sizeBound: number;
}

export interface StoreOptions {
  readonly now: () => number;
  readonly timeScale: number;
}

export class ShadowStore {
  readonly #things = new Map<string, Map<string, Shadow>>();
  readonly #options: StoreOptions;
  #live = 0;

  constructor(options: StoreOptions) {
    this.#options = options;
  }

  /** Shadows that exist. */
  get size(): number {
    return this.#live;
  }

  find(address: ShadowAddress): Shadow | undefined {
    const shadow = this.#things.get(address.thing)?.get(address.shadow ?? '');
    return shadow?.deletedAtMs === undefined ? shadow : undefined;
  }

  /** Names of a thing's named shadows, sorted. */
  names(thing: string): string[] {
    const shadows = this.#things.get(thing);
    if (!shadows) return [];
    return [...shadows]
      .filter(([name, shadow]) => name !== '' && shadow.deletedAtMs === undefined)
      .map(([name]) => name)
      .sort();
  }

  /** Applies an update or says why not; a refused one changes nothing. */
  update(address: ShadowAddress, request: UpdateRequest, bytes: number): Shadow | ShadowError {
    const shadow = this.#open(address);
    if (request.version !== undefined && request.version !== shadow.version) {
      return SHADOW_ERRORS.versionConflict;
    }
    const fits = shadow.sizeBound + bytes <= MAX_STATE_BYTES;
    const kept = fits ? undefined : structuredClone({ ...shadow });
    const timestamp = Math.floor(this.#options.now() / 1000);
    apply(shadow, request, timestamp);
    shadow.sizeBound += bytes;
    if (kept) {
      shadow.sizeBound = stateBytes(shadow);
      if (shadow.sizeBound > MAX_STATE_BYTES) {
        restore(shadow, kept);
        return SHADOW_ERRORS.tooLarge;
      }
    }
    if (shadow.deletedAtMs !== undefined || shadow.version === 0) this.#live += 1;
    shadow.deletedAtMs = undefined;
    shadow.version += 1;
    this.#keep(address, shadow);
    return shadow;
  }

  /** Deletes; the version stays for the numbering to go on. Undefined where there is none. */
  delete(address: ShadowAddress): Shadow | undefined {
    const shadow = this.find(address);
    if (!shadow) return undefined;
    shadow.desired = emptySection();
    shadow.reported = emptySection();
    shadow.sizeBound = 2;
    shadow.deletedAtMs = this.#options.now();
    this.#live -= 1;
    return shadow;
  }

  /** Every shadow and tombstone, as plain JSON. */
  exportAll(): StoredShadow[] {
    const stored: StoredShadow[] = [];
    for (const [thing, shadows] of this.#things) {
      for (const [name, shadow] of shadows) {
        stored.push({
          thing,
          ...(name === '' ? {} : { shadow: name }),
          version: shadow.version,
          ...(shadow.deletedAtMs === undefined ? {} : { deletedAtMs: shadow.deletedAtMs }),
          ...presentSections(shadow.desired, shadow.reported),
        });
      }
    }
    return stored;
  }

  /** Puts back what `exportAll` returned. */
  restore(stored: StoredShadow): void {
    const shadow: Shadow = {
      desired: restoreSection(stored, 'desired'),
      reported: restoreSection(stored, 'reported'),
      version: stored.version,
      deletedAtMs: stored.deletedAtMs,
      sizeBound: MAX_STATE_BYTES,
    };
    const { thing, shadow: name } = stored;
    this.#keep(name === undefined ? { thing } : { thing, shadow: name }, shadow);
    if (stored.deletedAtMs === undefined) this.#live += 1;
  }

  /** The stored shadow, a tombstone that still counts, or a new one that is not stored yet. */
  #open(address: ShadowAddress): Shadow {
    const stored = this.#things.get(address.thing)?.get(address.shadow ?? '');
    const lifeMs = TOMBSTONE_LIFE_MS / this.#options.timeScale;
    const forgotten =
      stored?.deletedAtMs !== undefined && this.#options.now() - stored.deletedAtMs >= lifeMs;
    if (stored && !forgotten) return stored;
    return {
      desired: emptySection(),
      reported: emptySection(),
      version: 0,
      deletedAtMs: undefined,
      sizeBound: 2,
    };
  }

  #keep(address: ShadowAddress, shadow: Shadow): void {
    let shadows = this.#things.get(address.thing);
    if (!shadows) {
      shadows = new Map();
      this.#things.set(address.thing, shadows);
    }
    shadows.set(address.shadow ?? '', shadow);
  }
}

function apply(shadow: Shadow, request: UpdateRequest, timestamp: number): void {
  if (request.desired === null) shadow.desired = emptySection();
  else if (request.desired) mergeInto(shadow.desired, request.desired, timestamp);
  if (request.reported === null) shadow.reported = emptySection();
  else if (request.reported) mergeInto(shadow.reported, request.reported, timestamp);
  if (isEmpty(shadow.desired.state) && isEmpty(shadow.reported.state)) shadow.sizeBound = 2;
}

function restoreSection(stored: StoredShadow, name: 'desired' | 'reported'): Section {
  return {
    state: (stored.state[name] ?? emptySection().state) as JsonObject,
    metadata: (stored.metadata[name] ?? emptySection().metadata) as MetadataObject,
  };
}

function restore(shadow: Shadow, kept: Shadow): void {
  shadow.desired = kept.desired;
  shadow.reported = kept.reported;
  shadow.sizeBound = kept.sizeBound;
}

function stateBytes(shadow: Shadow): number {
  const { state } = presentSections(shadow.desired, shadow.reported);
  return Buffer.byteLength(JSON.stringify(state));
}
