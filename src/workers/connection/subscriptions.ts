/** AWS IoT: so many a connection. A shadow needs two. */
const MAX_FILTERS = 50;
const FILTERS_A_SHADOW = 2;
const DENIED = 0x87;

export interface SubscribePort {
  /** Filters of the connection that are taken by something else than shadows. */
  readonly reservedFilters: number;
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
  subscribed: boolean;
  readonly subscribing: Promise<SubscribeOutcome>;
}

/**
 * The subscriptions of one connection to the answers of shadows, by the topic that is published to:
 * `<shadow>/update/accepted` and `/rejected`, now and then those of `<shadow>/get`. Pinned while a
 * publish waits for its answer; the least recently used one that is not pinned makes room.
 */
export class Subscriptions {
  readonly #port: SubscribePort;
  /** In order of use, least recent first. */
  readonly #entries = new Map<string, Entry>();

  constructor(port: SubscribePort) {
    this.#port = port;
  }

  get #most(): number {
    return Math.floor((MAX_FILTERS - this.#port.reservedFilters) / FILTERS_A_SHADOW);
  }

  get size(): number {
    return this.#entries.size;
  }

  has(topic: string): boolean {
    return this.#entries.has(topic);
  }

  /** Whether every place is taken by a publish that waits for its answer. */
  get full(): boolean {
    if (this.#entries.size < this.#most) return false;
    for (const entry of this.#entries.values()) if (entry.pinned === 0) return false;
    return true;
  }

  /** Pins what is subscribed to already. @returns whether it is; true needs one `unpin`. */
  pinSubscribed(topic: string): boolean {
    const entry = this.#entries.get(topic);
    if (entry?.subscribed !== true) return false;
    this.#use(topic, entry);
    return true;
  }

  /** Subscribes unless that was done, and pins. Every 'subscribed' needs one `unpin`. */
  async pin(topic: string): Promise<SubscribeOutcome> {
    // Looked at again after each wait: another publish may have taken the room that was made.
    while (!this.#entries.has(topic) && this.#entries.size >= this.#most) {
      if (!(await this.#makeRoom())) return { kind: 'full' };
    }
    // Looked up after the wait: another publish to this shadow may have subscribed meanwhile.
    const entry = this.#entries.get(topic) ?? {
      pinned: 0,
      subscribed: false,
      subscribing: this.#subscribe(topic),
    };
    this.#use(topic, entry);
    const outcome = await entry.subscribing;
    entry.subscribed = outcome.kind === 'subscribed';
    if (!entry.subscribed) {
      entry.pinned -= 1;
      if (this.#entries.get(topic) === entry) this.#entries.delete(topic);
    }
    return outcome;
  }

  #use(topic: string, entry: Entry): void {
    this.#entries.delete(topic);
    this.#entries.set(topic, entry);
    entry.pinned += 1;
  }

  unpin(topic: string): void {
    const entry = this.#entries.get(topic);
    if (entry !== undefined && entry.pinned > 0) entry.pinned -= 1;
  }

  async #makeRoom(): Promise<boolean> {
    for (const [topic, entry] of this.#entries) {
      if (entry.pinned > 0) continue;
      this.#entries.delete(topic);
      await this.#port.unsubscribe(answerFilters(topic)).catch(() => undefined);
      return true;
    }
    return false;
  }

  async #subscribe(topic: string): Promise<SubscribeOutcome> {
    const filters = answerFilters(topic);
    try {
      const codes = await this.#port.subscribe(filters);
      const refused = codes.findIndex((code) => code >= 0x80);
      if (refused === -1) return { kind: 'subscribed' };
      const filter = filters[refused] ?? topic;
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

function answerFilters(topic: string): string[] {
  return [`${topic}/accepted`, `${topic}/rejected`];
}
