import {
  type CourierEvent,
  type EventOf,
  FLEET_STREAM,
} from '../../../shared/domain/courierEvent.ts';
import { allShards, subscribeTo } from '../../events/subscribe.ts';
import { builder } from '../builder.ts';
import { describedEnum } from '../describedEnum.ts';
import { AFTER_DESCRIPTION, handOut, placeFields } from './eventFields.ts';

type OfWorker = EventOf<'WORKER_JOINED' | 'WORKER_LEFT'> | EventOf<'SHARD_OWNER'>;
type Payload = OfWorker | EventOf<'OPERATOR_ACTED'>;

const FleetEventTypeEnum = describedEnum('FleetEventType', {
  description: 'What happened in the fleet.',
  values: {
    WORKER_JOINED: 'A worker takes part.',
    WORKER_LEFT: 'A worker left, or was given up because it beats no more.',
    SHARD_OWNER: 'A shard has another owner, or was given up by the one it had.',
    OPERATOR_ACTED: 'An operator paused, resumed, moved, drained or tuned something.',
  } satisfies Record<Payload['kind'], string>,
});

const FleetEventType = builder.objectRef<Payload>('FleetEvent').implement({
  description: 'Something that happened in the fleet.',
  fields: (t) => ({
    ...placeFields(t),
    type: t.expose('kind', { type: FleetEventTypeEnum, description: 'What happened.' }),
    worker: t.string({
      nullable: true,
      description: 'The worker; null where a shard was given up, or an operator acted.',
      resolve: (event) => (event.kind === 'OPERATOR_ACTED' ? undefined : event.worker),
    }),
    shard: t.int({
      nullable: true,
      description: 'The shard that has another owner.',
      resolve: (event) => (event.kind === 'SHARD_OWNER' ? event.shard : undefined),
    }),
    action: t.string({
      nullable: true,
      description: 'The mutation by which an operator acted; auditLog has its entry.',
      resolve: (event) => (event.kind === 'OPERATOR_ACTED' ? event.action : undefined),
    }),
    actor: t.string({
      nullable: true,
      description: 'The operator.',
      resolve: (event) => (event.kind === 'OPERATOR_ACTED' ? event.actor : undefined),
    }),
    subjects: t.stringList({
      description: 'What the operator acted on, as in the `subjects` of the audit entry.',
      resolve: (event) => (event.kind === 'OPERATOR_ACTED' ? [...event.subjects] : []),
    }),
    reason: t.string({
      nullable: true,
      description: 'Why the operator acted, where that was said.',
      resolve: (event) => (event.kind === 'OPERATOR_ACTED' ? event.reason : undefined),
    }),
  }),
});

builder.subscriptionFields((t) => ({
  workerEvents: t.field({
    type: FleetEventType,
    authScopes: { role: 'viewer' },
    description: 'Workers that join and leave, and the shards that they take and give up.',
    args: {
      worker: t.arg.string({ description: 'Only of this worker.' }),
      after: t.arg.string({ description: AFTER_DESCRIPTION }),
    },
    subscribe: (_root, { worker, after }, context) =>
      subscribeTo<Payload>(context, {
        streams: [FLEET_STREAM, ...allShards(context.feed.shardCount)],
        after,
        pick: (events) =>
          events.filter(isOfWorker).filter((event) => !worker || event.worker === worker),
      }),
    resolve: handOut,
  }),
  fleetEvents: t.field({
    type: FleetEventType,
    authScopes: { role: 'viewer' },
    description: 'All that happens in the fleet: what workerEvents tells, and what operators do.',
    args: { after: t.arg.string({ description: AFTER_DESCRIPTION }) },
    subscribe: (_root, { after }, context) =>
      subscribeTo<Payload>(context, {
        streams: [FLEET_STREAM, ...allShards(context.feed.shardCount)],
        after,
        pick: (events) => events.filter(isOfFleet),
      }),
    resolve: handOut,
  }),
}));

function isOfWorker(event: CourierEvent): event is OfWorker & CourierEvent {
  return event.kind.startsWith('WORKER_') || event.kind === 'SHARD_OWNER';
}

function isOfFleet(event: CourierEvent): event is Payload & CourierEvent {
  return isOfWorker(event) || event.kind === 'OPERATOR_ACTED';
}
