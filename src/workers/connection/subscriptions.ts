import { shadowTopic, type ShadowRef } from '../../shared/domain/shadow.ts';

/** AWS IoT: 50 subscriptions a connection. A shadow needs two. */
const MAX_SHADOWS = 25;
const DENIED = 0x87;

/** What is asked of a shadow, and answered below its topic. */
type Operation = 'update' | 'get';

export interface SubscribePort {
  subscribe(filters: readonly string[]): Promise<readonly number[]>;
  unsubscribe(filters: readonly string[]): Promise<void>;
}

export type SubscribeOutcome =
  | { readonly kind: 'subscribed' }
  | { readonly kind: 'denied'; readonly filter: string }
  | { readonly kind: 'full' }
  | { readonly kind: 'failed'; readonly reason: string };

interface Entry {
  pinned: number;
  subscribing: Promise<SubscribeOutcome>;
}

/**
 * The subscriptions of one connection to the answers of shadows: `update/accepted` and
 * `update/rejected` of each, now and then those of `get`. Pinned while a publish waits for its
 * answer; the least recently used one that is not pinned makes room.
 */
export class Subscriptions {
  readonly #port: SubscribePort;
  /** In order of use, least recent first. */
  readonly #entries = new Map<string, Entry>();

  constructor(port: SubscribePort) {
    this.#port = port;
  }

  get size(): number {
    return this.#entries.size;
  }

  has(ref: ShadowRef, operation: Operation = 'update'): boolean {
    return this.#entries.has(keyOf(ref, operation));
  }

  /** Whether every place is taken by a publish that waits for its answer. */
  get full(): boolean {
    if (this.#entries.size < MAX_SHADOWS) return false;
    for (const entry of this.#entries.values()) if (entry.pinned === 0) return false;
    return true;
  }

  /** Subscribes unless that was done, and pins. Every 'subscribed' needs one `unpin`. */
  async pin(ref: ShadowRef, operation: Operation = 'update'): Promise<SubscribeOutcome> {
    const key = keyOf(ref, operation);
    // Looked at again after each wait: another publish may have taken the room that was made.
    while (!this.#entries.has(key) && this.#entries.size >= MAX_SHADOWS) {
      if (!(await this.#makeRoom())) return { kind: 'full' };
    }
    // Looked up after the wait: another publish to this shadow may have subscribed meanwhile.
    const entry = this.#entries.get(key) ?? { pinned: 0, subscribing: this.#subscribe(key) };
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    entry.pinned += 1;
    const outcome = await entry.subscribing;
    if (outcome.kind !== 'subscribed') {
      entry.pinned -= 1;
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
    }
    return outcome;
  }

  unpin(ref: ShadowRef, operation: Operation = 'update'): void {
    const entry = this.#entries.get(keyOf(ref, operation));
    if (entry !== undefined && entry.pinned > 0) entry.pinned -= 1;
  }

  async #makeRoom(): Promise<boolean> {
    for (const [key, entry] of this.#entries) {
      if (entry.pinned > 0) continue;
      this.#entries.delete(key);
      await this.#port.unsubscribe(answerFilters(key)).catch(() => undefined);
      return true;
    }
    return false;
  }

  async #subscribe(key: string): Promise<SubscribeOutcome> {
    const filters = answerFilters(key);
    try {
      const codes = await this.#port.subscribe(filters);
      const refused = codes.findIndex((code) => code >= 0x80);
      if (refused === -1) return { kind: 'subscribed' };
      const filter = filters[refused] ?? key;
      // The other filter may have been granted, and would take a place that nobody counts.
      if (codes.some((code) => code < 0x80)) await this.#port.unsubscribe(filters);
      return codes[refused] === DENIED
        ? { kind: 'denied', filter }
        : { kind: 'failed', reason: `SUBACK reason code ${codes[refused]} for ${filter}` };
    } catch (error) {
      return { kind: 'failed', reason: String(error) };
    }
  }
}

function keyOf(ref: ShadowRef, operation: Operation): string {
  return `${shadowTopic(ref)}/${operation}`;
}

function answerFilters(key: string): string[] {
  return [`${key}/accepted`, `${key}/rejected`];
}
