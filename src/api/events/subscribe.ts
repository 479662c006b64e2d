import {
  type CourierEvent,
  eventCursor,
  type EventPlace,
} from '../../shared/domain/courierEvent.ts';
import type { ApiContext } from '../context.ts';
import { followEvents } from './followEvents.ts';

/** What a subscription hands out: whatever it is, it stands somewhere. */
export interface Placed {
  readonly place: EventPlace;
}

export interface EventSource<Payload extends Placed> {
  readonly streams: readonly number[];
  /** The argument `after`; the header Last-Event-ID goes before it. */
  readonly after: string | null | undefined;
  /** What of a portion of events is handed out, in order. */
  readonly pick: (
    events: readonly CourierEvent[],
  ) => Iterable<Payload> | Promise<Iterable<Payload>>;
  /** What is handed out before any event, of how things stand; from there on nothing is missed. */
  readonly first?: (begin: EventPlace) => Payload;
  /** Whether nothing can follow. */
  readonly isLast?: (payload: Payload) => boolean;
}

/**
 * Opens a subscription. A client that reconnects sends the id of the last event it got, while its
 * operation, and with it `after`, is still that of the first time: so the header counts.
 * @throws TOO_MANY_SUBSCRIPTIONS, CURSOR_INVALID, CURSOR_EXPIRED, STORE_UNAVAILABLE
 */
export async function subscribeTo<Payload extends Placed>(
  context: ApiContext,
  source: EventSource<Payload>,
): Promise<AsyncIterableIterator<Payload>> {
  const { stream, subscriptions, feed, caller } = context;
  const subscription = subscriptions.open(caller);
  stream.interrupted = () => subscription.interrupted;
  stream.end = () => subscription.close();
  try {
    const following = await followEvents(feed, {
      streams: source.streams,
      after: stream.lastEventId ?? source.after ?? undefined,
      signal: subscription.signal,
      onPlace: (place) => {
        stream.placeCursor = eventCursor(place);
      },
    });
    stream.placeCursor = eventCursor(following.begin);
    const payloads = flatten(following, source, subscription.signal);
    const iterator: AsyncIterableIterator<Payload> = {
      next: () => payloads.next(),
      // Before the generator's own: that one would wait for what it awaits.
      return: () => {
        subscription.close();
        return payloads.return();
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  } catch (error) {
    subscription.close();
    // This process stops: an empty stream that is not complete has the client look for another.
    if (subscription.interrupted) return nothing();
    throw error;
  }

  async function* flatten(
    { begin, portions }: Awaited<ReturnType<typeof followEvents>>,
    { pick, first, isLast }: EventSource<Payload>,
    signal: AbortSignal,
  ): AsyncGenerator<Payload, void> {
    try {
      const standing = first?.(begin);
      if (standing !== undefined) yield standing;
      if (standing !== undefined && isLast?.(standing) === true) return;
      for await (const events of portions) {
        for (const payload of await pick(events)) {
          // What is not sent has not been seen: the client comes back for it.
          if (signal.aborted) return;
          yield payload;
          if (isLast?.(payload) === true) return;
        }
      }
    } finally {
      subscription.close();
    }
  }
}

async function* nothing(): AsyncGenerator<never, void> {
  // Nothing is what it gives.
}

/** What a resolver of an event does first: events come over hours, and loaders must not. */
export function beginEvent(context: ApiContext, { place }: Placed): void {
  context.stream.eventCursor = eventCursor(place);
  context.updates.clearAll();
  context.identities.clearAll();
  context.connections.clearAll();
}

/** All shards; the fleet's stream stands beside them. */
export function allShards(shardCount: number): readonly number[] {
  return Array.from({ length: shardCount }, (_, shard) => shard);
}
