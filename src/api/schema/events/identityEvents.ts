import type { CourierEvent, EventOf } from '../../../shared/domain/courierEvent.ts';
import { shardOf } from '../../../shared/domain/ids.ts';
import { allShards, subscribeTo } from '../../events/subscribe.ts';
import { builder } from '../builder.ts';
import { describedEnum } from '../describedEnum.ts';
import { ConnectionStateEnum, IdentityStatusEnum, WaitReasonEnum } from '../enums.ts';
import { IdentityType } from '../identity.ts';
import { AFTER_DESCRIPTION, handOut, placeFields } from './eventFields.ts';

type Payload = EventOf<'IDENTITY_STATUS'> | EventOf<'CONNECTION_STATE'>;

const IdentityEventTypeEnum = describedEnum('IdentityEventType', {
  description: 'What happened to an identity.',
  values: {
    IDENTITY_STATUS: 'It has another status: it was parked, or released, or proved to be good.',
    CONNECTION_STATE: 'Its connection has another state.',
  } satisfies Record<Payload['kind'], string>,
});

const IdentityEventType = builder.objectRef<Payload>('IdentityEvent').implement({
  description: 'Something that happened to an identity or to its connection.',
  fields: (t) => ({
    ...placeFields(t),
    type: t.expose('kind', { type: IdentityEventTypeEnum, description: 'What happened.' }),
    identityId: t.exposeID('identityId', { description: 'The id of the identity.' }),
    identity: t.field({
      type: IdentityType,
      nullable: true,
      description: 'The identity as it is by now; null where it was removed.',
      resolve: ({ identityId }, _args, context) => context.identities.load(identityId),
    }),
    status: t.field({
      type: IdentityStatusEnum,
      nullable: true,
      description: 'The status that it took; null where it is its connection that changed.',
      resolve: (event) => (event.kind === 'IDENTITY_STATUS' ? event.status : undefined),
    }),
    waitReason: t.field({
      type: WaitReasonEnum,
      nullable: true,
      description: 'What its updates wait for, where it was parked.',
      resolve: (event) => (event.kind === 'IDENTITY_STATUS' ? event.reason : undefined),
    }),
    probeAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it is probed, where it was parked and will be.',
      resolve: (event) => (event.kind === 'IDENTITY_STATUS' ? event.probeAt : undefined),
    }),
    connectionState: t.field({
      type: ConnectionStateEnum,
      nullable: true,
      description: 'The state that its connection took; null where it is its status that changed.',
      resolve: (event) => (event.kind === 'CONNECTION_STATE' ? event.state : undefined),
    }),
    worker: t.string({
      nullable: true,
      description: 'The worker that has the connection.',
      resolve: (event) => (event.kind === 'CONNECTION_STATE' ? event.worker : undefined),
    }),
  }),
});

builder.subscriptionField('identityEvents', (t) =>
  t.field({
    type: IdentityEventType,
    authScopes: { role: 'viewer' },
    description:
      'Quarantines and releases of identities and the states of their connections, as they happen: of one identity, or of all.',
    args: {
      id: t.arg.id({ description: 'Only of this identity.' }),
      types: t.arg({
        type: [IdentityEventTypeEnum],
        description: 'Only these; both unless given.',
      }),
      after: t.arg.string({ description: AFTER_DESCRIPTION }),
    },
    subscribe: (_root, { id, types, after }, context) => {
      const { shardCount } = context.feed;
      return subscribeTo<Payload>(context, {
        streams: id ? [shardOf(id, shardCount)] : allShards(shardCount),
        after,
        pick: (events) =>
          events
            .filter(isOfIdentity)
            .filter((event) => !id || event.identityId === id)
            .filter((event) => !types || types.includes(event.kind)),
      });
    },
    resolve: handOut,
  }),
);

function isOfIdentity(event: CourierEvent): event is Payload & CourierEvent {
  return event.kind === 'IDENTITY_STATUS' || event.kind === 'CONNECTION_STATE';
}
