import type { Batch } from '../../../shared/domain/batch.ts';
import type { CourierEvent, EventPlace } from '../../../shared/domain/courierEvent.ts';
import { CourierError } from '../../../shared/errors/courierError.ts';
import type { ApiContext } from '../../context.ts';
import { allShards, subscribeTo } from '../../events/subscribe.ts';
import { BatchType } from '../batch.ts';
import { builder } from '../builder.ts';
import { describedEnum } from '../describedEnum.ts';
import { AFTER_DESCRIPTION, handOut, placeFields } from './eventFields.ts';

interface Payload {
  readonly kind: 'PROGRESS' | 'ENDED';
  readonly place: EventPlace;
  readonly batchId: string;
}

const BatchEventTypeEnum = describedEnum<Payload['kind']>('BatchEventType', {
  description: 'What happened to a batch.',
  values: {
    PROGRESS: 'Some of its updates ended; the first event tells how it stands.',
    ENDED: 'Every update of it has ended. Nothing follows.',
  },
});

const BatchEventType = builder.objectRef<Payload>('BatchEvent').implement({
  description: 'How far a batch is.',
  fields: (t) => ({
    ...placeFields(t),
    type: t.expose('kind', { type: BatchEventTypeEnum, description: 'What happened.' }),
    batch: t.field({
      type: BatchType,
      nullable: true,
      description: 'The batch as it is by now; null where it was pruned.',
      resolve: ({ batchId }, _args, context) => find(batchId, context),
    }),
  }),
});

builder.subscriptionField('batchEvents', (t) =>
  t.field({
    type: BatchEventType,
    authScopes: { role: 'viewer' },
    description:
      'How a batch goes on: an event where some of its updates ended, several times a second at most, and one when all have. The first event comes at once.',
    args: {
      id: t.arg.id({ required: true, description: 'The batch.' }),
      after: t.arg.string({ description: AFTER_DESCRIPTION }),
    },
    subscribe: async (_root, { id: batchId, after }, context) => {
      const shards = allShards(context.feed.shardCount);
      let known: Batch | undefined;
      const events = await subscribeTo<Payload>(context, {
        streams: shards,
        after,
        pick: (portion) => progressOf(portion, batchId),
        first: (place) => ({ kind: isOver(known) ? 'ENDED' : 'PROGRESS', place, batchId }),
        isLast: ({ kind }) => kind === 'ENDED',
      });
      // After the streams were found, so that its end is either here or among the events.
      known = await find(batchId, context).catch(() => undefined);
      if (known !== undefined) return events;
      await events.return?.();
      throw new CourierError(
        'BATCH_NOT_FOUND',
        `No batch has the id "${batchId.slice(0, 64)}".`,
        'Use the id that updateShadows gave. Batches that have ended are kept for RETENTION_MS.',
      );
    },
    resolve: handOut,
  }),
);

/** One event for all that a portion holds of a batch: its counters tell the rest. */
function progressOf(events: readonly CourierEvent[], batchId: string): Payload[] {
  const own = events.filter(
    (event) =>
      (event.kind === 'UPDATE_ENDED' || event.kind === 'BATCH_ENDED') && event.batchId === batchId,
  );
  const last = own.at(-1);
  if (last === undefined) return [];
  const ended = own.some(({ kind }) => kind === 'BATCH_ENDED');
  return [{ kind: ended ? 'ENDED' : 'PROGRESS', place: last.place, batchId }];
}

/** What has ended and was noted so: before that, the end is an event that is still to come. */
function isOver(batch: Batch | undefined): boolean {
  return batch?.state === 'COMPLETED';
}

function find(id: string, context: ApiContext): Promise<Batch | undefined> {
  return context.gate.read(() => context.batches.find(id));
}
