import type { CourierEvent, EventOf } from '../../../shared/domain/courierEvent.ts';
import { shardOf, shardOfUpdate } from '../../../shared/domain/ids.ts';
import { CourierError } from '../../../shared/errors/courierError.ts';
import { updateNotFound } from '../../../shared/store/updateControl.ts';
import { allShards, subscribeTo } from '../../events/subscribe.ts';
import { builder } from '../builder.ts';
import { describedEnum } from '../describedEnum.ts';
import { FailureCodeEnum, UpdateStateEnum, WaitReasonEnum } from '../enums.ts';
import { refTo, UpdateType } from '../update.ts';
import { AFTER_DESCRIPTION, handOut, placeFields } from './eventFields.ts';

type Payload = EventOf<'UPDATE_ENDED'> | EventOf<'UPDATE_HELD'>;

const MAX_IDS = 1000;

const UpdateEventTypeEnum = describedEnum('UpdateEventType', {
  description: 'What happened to an update.',
  values: {
    UPDATE_ENDED: 'It ended, in the state that the event names.',
    UPDATE_HELD: 'It waits, for a reason that it did not wait for before.',
  } satisfies Record<Payload['kind'], string>,
});

const UpdateEventType = builder.objectRef<Payload>('UpdateEvent').implement({
  description: 'Something that happened to an update.',
  fields: (t) => ({
    ...placeFields(t),
    type: t.expose('kind', { type: UpdateEventTypeEnum, description: 'What happened.' }),
    updateId: t.exposeID('updateId', { description: 'The id of the update.' }),
    update: t.field({
      type: UpdateType,
      nullable: true,
      description: 'The update as it is by now; null where its record was pruned.',
      resolve: async ({ updateId }, _args, context) => refTo(await context.updates.load(updateId)),
    }),
    identityId: t.exposeID('identityId', { description: 'The identity that it is published as.' }),
    thing: t.field({ type: 'ThingName', description: 'The thing.', resolve: ({ thing }) => thing }),
    state: t.field({
      type: UpdateStateEnum,
      description: 'The state that it took.',
      resolve: (event) => (event.kind === 'UPDATE_ENDED' ? event.state : 'HELD'),
    }),
    failureCode: t.field({
      type: FailureCodeEnum,
      nullable: true,
      description: 'Why it failed; null where it did not.',
      resolve: (event) => (event.kind === 'UPDATE_ENDED' ? event.code : undefined),
    }),
    batchId: t.id({
      nullable: true,
      description: 'The batch that it belongs to, where it ended and belongs to one.',
      resolve: (event) => (event.kind === 'UPDATE_ENDED' ? event.batchId : undefined),
    }),
    waitReason: t.field({
      type: WaitReasonEnum,
      nullable: true,
      description: 'Why it waits; null where it ended.',
      resolve: (event) => (event.kind === 'UPDATE_HELD' ? event.reason : undefined),
    }),
    waitUntil: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it is looked at again; null where something else must happen first.',
      resolve: (event) => (event.kind === 'UPDATE_HELD' ? event.until : undefined),
    }),
  }),
});

const UpdateEventFilter = builder.inputType('UpdateEventFilter', {
  description: 'What events must be to be sent; what is left out does not matter.',
  fields: (t) => ({
    identityId: t.id({ description: 'The identity that updates are published as.' }),
    thing: t.field({ type: 'ThingName', description: 'The thing.' }),
    batchId: t.id({ description: 'The batch; only ends name one.' }),
    states: t.field({
      type: [UpdateStateEnum],
      description: 'The states that updates take: HELD, and those in which they end.',
    }),
  }),
});

type Filter = typeof UpdateEventFilter.$inferInput;

builder.subscriptionField('updateEvents', (t) =>
  t.field({
    type: UpdateEventType,
    authScopes: { role: 'viewer' },
    description:
      'Ends and waits of updates, as they happen. Of the updates with these ids, of those that a filter finds, or of all.',
    args: {
      ids: t.arg.idList({ description: `Only of these updates, up to ${MAX_IDS}.` }),
      filter: t.arg({ type: UpdateEventFilter, description: 'Only those that match.' }),
      after: t.arg.string({ description: AFTER_DESCRIPTION }),
    },
    subscribe: (_root, { ids, filter, after }, context) => {
      const { shardCount } = context.feed;
      const wanted = ids ? new Set(ids) : undefined;
      return subscribeTo<Payload>(context, {
        streams:
          wanted === undefined ? shardsOf(filter, shardCount) : shardsWith(wanted, shardCount),
        after,
        pick: (events) =>
          events.filter(isOfUpdate).filter((event) => matches(event, filter ?? {}, wanted)),
      });
    },
    resolve: handOut,
  }),
);

function isOfUpdate(event: CourierEvent): event is Payload & CourierEvent {
  return event.kind === 'UPDATE_ENDED' || event.kind === 'UPDATE_HELD';
}

function shardsOf(filter: Filter | null | undefined, shardCount: number): readonly number[] {
  const identityId = filter?.identityId;
  return identityId ? [shardOf(identityId, shardCount)] : allShards(shardCount);
}

function shardsWith(ids: ReadonlySet<string>, shardCount: number): readonly number[] {
  if (ids.size === 0 || ids.size > MAX_IDS) {
    throw new CourierError(
      'TOO_MANY_UPDATES',
      `${ids.size} ids, and one subscription follows 1 to ${MAX_IDS}.`,
      'Follow more by a filter, for example by their batch.',
    );
  }
  const shards = new Set<number>();
  for (const id of ids) {
    const shard = shardOfUpdate(id);
    if (shard === undefined || shard >= shardCount) throw updateNotFound(id);
    shards.add(shard);
  }
  return [...shards];
}

function matches(event: Payload, filter: Filter, ids: ReadonlySet<string> | undefined): boolean {
  const ended = event.kind === 'UPDATE_ENDED' ? event : undefined;
  const { identityId, thing, batchId, states } = filter;
  return (
    (ids === undefined || ids.has(event.updateId)) &&
    (!identityId || event.identityId === identityId) &&
    (!thing || event.thing === thing) &&
    (!batchId || ended?.batchId === batchId) &&
    (!states || states.includes(ended?.state ?? 'HELD'))
  );
}
