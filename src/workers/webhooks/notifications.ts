import type { Batch } from '../../shared/domain/batch.ts';
import type { CourierEvent, EventOf } from '../../shared/domain/courierEvent.ts';
import type { Notification } from '../../shared/domain/webhook.ts';

/** The most dead updates that one notification names. */
const DEAD_AT_ONCE = 100;

type Ended = EventOf<'UPDATE_ENDED'>;

/**
 * What a portion of a shard's events is worth telling. The same portion gives the same
 * notifications with the same keys, whoever makes them.
 */
export function notificationsOf(events: readonly CourierEvent[]): readonly Notification[] {
  const dead = events.filter(isDead);
  const told: Notification[] = [];
  for (let at = 0; at < dead.length; at += DEAD_AT_ONCE) {
    told.push(ofDead(dead.slice(at, at + DEAD_AT_ONCE)));
  }
  for (const event of events) {
    if (event.kind === 'IDENTITY_STATUS' && isParked(event)) told.push(ofParked(event));
  }
  return told;
}

/** By the batch alone: however often its end is found, it is told of once. */
export function batchEnded(
  { batchId, place }: EventOf<'BATCH_ENDED'>,
  batch: Batch | undefined,
): Notification {
  const ends = batch?.ends.map(({ state, code, count }) => ({
    state,
    failureCode: code ?? null,
    count,
  }));
  return {
    key: `batch/${batchId}`,
    kind: 'BATCH_ENDED',
    at: place.ms,
    data: {
      batchId,
      label: batch?.label ?? null,
      actor: batch?.actor ?? null,
      total: batch?.total ?? null,
      ends: ends ?? [],
    },
  };
}

function isDead(event: CourierEvent): event is Ended {
  return event.kind === 'UPDATE_ENDED' && (event.state === 'FAILED' || event.state === 'EXPIRED');
}

function isParked({ status }: EventOf<'IDENTITY_STATUS'>): boolean {
  return status === 'QUARANTINED' || status === 'NEEDS_OPERATOR';
}

function ofDead(dead: readonly Ended[]): Notification {
  const [first] = dead;
  const last = dead.at(-1) ?? first;
  return {
    key: `dead/${keyOf(first)}`,
    kind: 'UPDATES_DEAD',
    at: last?.place.ms ?? 0,
    data: {
      count: dead.length,
      updates: dead.map(({ updateId, state, code, identityId, thing, batchId }) => ({
        id: updateId,
        state,
        failureCode: code ?? null,
        identityId,
        thing,
        batchId: batchId ?? null,
      })),
    },
  };
}

function ofParked(event: EventOf<'IDENTITY_STATUS'>): Notification {
  const { identityId, status, reason, probeAt } = event;
  return {
    key: `parked/${keyOf(event)}`,
    kind: 'IDENTITY_QUARANTINED',
    at: event.place.ms,
    data: {
      identityId,
      status,
      reason: reason ?? null,
      probeAt: probeAt === undefined ? null : new Date(probeAt).toISOString(),
    },
  };
}

function keyOf(event: CourierEvent | undefined): string {
  return event === undefined ? '' : `${event.place.stream}/${event.place.ms}-${event.place.seq}`;
}
