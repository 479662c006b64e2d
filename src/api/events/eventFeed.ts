import {
  type CourierEvent,
  type EventPlace,
  inOrder,
  placeBefore,
} from '../../shared/domain/courierEvent.ts';
import { messageOf } from '../../shared/errors/courierError.ts';
import type { Logger } from '../../shared/observability/logger.ts';
import type { EventStreams } from '../../shared/store/eventStreams.ts';

/** Entries of one stream that one look reads. */
const PAGE = 500;
/** Events of one stream that are kept for subscribers that are a little behind. */
const KEPT = 500;

/** What is known of a stream: all of its events after `from`, up to `to`. */
interface Recent {
  watchers: number;
  from: EventPlace;
  to: EventPlace;
  events: CourierEvent[];
}

/** A subscriber's interest in some streams. */
export interface Watch {
  /** Up to where all of its streams are known; undefined before the first look at them. */
  readonly to: EventPlace | undefined;
  /** The next events after a place, in order, and up to where they are all there are. */
  read(after: EventPlace): Promise<{ events: readonly CourierEvent[]; upTo: EventPlace }>;
  /** Resolves after the next look, or when the signal aborts. */
  next(signal: AbortSignal): Promise<void>;
  end(): void;
}

/**
 * Looks at the streams that somebody subscribes to, once for all subscribers of the process, and
 * only while there are any. A subscriber that falls behind reads by itself what is not kept here
 * any more; so none is waited for, and what is kept is bounded.
 */
export class EventFeed {
  readonly shardCount: number;
  readonly #streams: EventStreams;
  readonly #pollMs: number;
  readonly #log: Logger;
  readonly #recent = new Map<number, Recent>();
  #timer: NodeJS.Timeout | undefined;
  #looking = false;
  #listeners = new Set<() => void>();

  constructor(streams: EventStreams, settings: { readonly pollMs: number }, log: Logger) {
    this.shardCount = streams.shardCount;
    this.#streams = streams;
    this.#pollMs = settings.pollMs;
    this.#log = log;
  }

  /** Whether anything is looked at. */
  get active(): boolean {
    return this.#timer !== undefined;
  }

  /** Redis's clock. */
  now(): Promise<number> {
    return this.#streams.now();
  }

  watch(streams: readonly number[]): Watch {
    const mine = streams.map((stream) => {
      const recent = this.#recent.get(stream) ?? unseen();
      recent.watchers += 1;
      this.#recent.set(stream, recent);
      return { stream, recent };
    });
    this.#timer ??= setInterval(() => this.#look(), this.#pollMs);
    this.#look();
    let ended = false;
    return {
      get to() {
        const first = mine.map(({ recent }) => recent.to).toSorted(inOrder)[0];
        return first === undefined || first.ms < 0 ? undefined : first;
      },
      read: async (after) => {
        const pages = await Promise.all(mine.map((one) => this.#page(one, after)));
        const upTo = pages.map((page) => page.upTo).toSorted(inOrder)[0] ?? after;
        const events = pages.flatMap((page) => page.events);
        return {
          events: events.filter(({ place }) => inOrder(place, upTo) <= 0).toSorted(byPlace),
          upTo,
        };
      },
      next: (signal) => this.#next(signal),
      end: () => {
        if (ended) return;
        ended = true;
        for (const { stream, recent } of mine) this.#leave(stream, recent);
      },
    };
  }

  async #page({ stream, recent }: { stream: number; recent: Recent }, after: EventPlace) {
    const { from, to } = recent;
    if (inOrder(after, from) >= 0) {
      return { events: recent.events.filter(({ place }) => inOrder(place, after) > 0), upTo: to };
    }
    const { events, upTo } = await this.#streams.read(stream, after, PAGE);
    if (await this.#streams.hasGap(stream, after)) throw new GapError();
    // What was written since the last look would come before what other streams have of it.
    return { events, upTo: upTo !== undefined && inOrder(upTo, to) < 0 ? upTo : to };
  }

  #look(): void {
    if (this.#looking) return;
    this.#looking = true;
    this.#lookOnce()
      .catch((error: unknown) => {
        this.#log.debug({ reason: messageOf(error) }, 'the streams of events were not read');
      })
      .finally(() => {
        this.#looking = false;
        for (const listener of this.#listeners) listener();
      });
  }

  async #lookOnce(): Promise<void> {
    const now = placeBefore(await this.#streams.now());
    await Promise.all([...this.#recent].map(([stream, recent]) => this.#add(stream, recent, now)));
  }

  async #add(stream: number, recent: Recent, now: EventPlace): Promise<void> {
    // The first look at a stream finds where it stands; what came before is not asked for.
    if (recent.to.ms < 0) {
      recent.from = now;
      recent.to = now;
      return;
    }
    const { events, upTo } = await this.#streams.read(stream, recent.to, PAGE);
    const known = upTo !== undefined && inOrder(upTo, now) < 0 ? upTo : now;
    if (inOrder(known, recent.to) <= 0) return;
    recent.events.push(...events.filter(({ place }) => inOrder(place, known) <= 0));
    recent.to = known;
    const tooMany = recent.events.splice(0, Math.max(0, recent.events.length - KEPT));
    recent.from = tooMany.at(-1)?.place ?? recent.from;
  }

  #next(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#listeners.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      if (signal.aborted) return resolve();
      this.#listeners.add(done);
      signal.addEventListener('abort', done, { once: true });
    });
  }

  #leave(stream: number, recent: Recent): void {
    recent.watchers -= 1;
    if (recent.watchers > 0) return;
    this.#recent.delete(stream);
    if (this.#recent.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

/** What a subscriber has not seen may have been trimmed. */
export class GapError extends Error {
  override readonly name = 'GapError';
}

function unseen(): Recent {
  const nowhere = { ms: -1, seq: 0, stream: 0 };
  return { watchers: 0, from: nowhere, to: nowhere, events: [] };
}

function byPlace(a: CourierEvent, b: CourierEvent): number {
  return inOrder(a.place, b.place);
}
