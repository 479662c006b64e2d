import {
  type CourierEvent,
  type EventPlace,
  inOrder,
  parseEventCursor,
  placeBefore,
} from '../../shared/domain/courierEvent.ts';
import { CourierError } from '../../shared/errors/courierError.ts';
import { isRedisUnavailable, storeUnavailable } from '../../shared/redis/unavailable.ts';
import { type EventFeed, GapError, type Watch } from './eventFeed.ts';

export interface FollowOptions {
  readonly streams: readonly number[];
  /** Where to go on; from now on where absent. */
  readonly after: string | undefined;
  readonly signal: AbortSignal;
  /** Told whenever everything up to a place has been handed over. */
  readonly onPlace: (place: EventPlace) => void;
}

interface Following {
  /** What comes after this is handed out. */
  readonly begin: EventPlace;
  readonly portions: AsyncGenerator<readonly CourierEvent[], void>;
}

/** How long the streams may take to be found. */
const PATIENCE_MS = 5000;
/** A cursor this far beyond Redis's own time is of another Redis. */
const FUTURE_MS = 5000;

/**
 * The events of some streams, in order, in portions as they come, until the signal aborts. Once
 * this resolves, no event that happens is missed.
 * @throws CURSOR_INVALID; CURSOR_EXPIRED and STORE_UNAVAILABLE, also from the iterator
 */
export async function followEvents(feed: EventFeed, options: FollowOptions): Promise<Following> {
  const { streams, after, signal } = options;
  const asked = after === undefined ? undefined : cursorPlace(after);
  const watch = feed.watch(streams);
  // Also where nobody ever asks for the first portion.
  signal.addEventListener('abort', () => watch.end(), { once: true });
  try {
    const patience = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]);
    while (watch.to === undefined && !patience.aborted) await watch.next(patience);
    const { to } = watch;
    if (to === undefined) throw storeUnavailable('reading');
    if (asked !== undefined && asked.ms > to.ms + FUTURE_MS) throw cursorExpired();
    // What the feed knows may be of a moment ago.
    const place = asked ?? placeBefore(await feed.now());
    const first = await readOn(watch, place);
    return { begin: place, portions: portions(watch, place, first, options) };
  } catch (error) {
    watch.end();
    throw error;
  }
}

type Portion = Awaited<ReturnType<Watch['read']>>;

async function* portions(
  watch: Watch,
  begin: EventPlace,
  first: Portion,
  { signal, onPlace }: FollowOptions,
): AsyncGenerator<readonly CourierEvent[], void> {
  let place = begin;
  let portion: Portion | undefined = first;
  try {
    while (!signal.aborted) {
      portion ??= await readOn(watch, place);
      if (portion.events.length > 0) yield portion.events;
      if (inOrder(place, portion.upTo) < 0) place = portion.upTo;
      portion = undefined;
      onPlace(place);
      // There may be more that is known already.
      while (!signal.aborted && inOrder(place, watch.to ?? place) >= 0) await watch.next(signal);
    }
  } finally {
    watch.end();
  }
}

async function readOn(watch: Watch, place: EventPlace): Promise<Portion> {
  try {
    return await watch.read(place);
  } catch (error) {
    if (error instanceof GapError) throw cursorExpired();
    throw isRedisUnavailable(error) ? storeUnavailable('reading', error) : error;
  }
}

function cursorPlace(cursor: string): EventPlace {
  const place = parseEventCursor(cursor);
  if (place !== undefined) return place;
  throw new CourierError(
    'CURSOR_INVALID',
    'This is no cursor of an event.',
    'Give the cursor of the last event that you have seen, or leave it out to begin now.',
  );
}

function cursorExpired(): CourierError {
  return new CourierError(
    'CURSOR_EXPIRED',
    'Events after this cursor are not there any more.',
    'Subscribe without a cursor, then read by queries how things stand now.',
  );
}
