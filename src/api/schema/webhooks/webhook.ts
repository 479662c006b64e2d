import type { JsonObject } from '../../../shared/domain/desired.ts';
import {
  type DeliveryState,
  isWebhookId,
  type NotificationKind,
  PAYLOAD_TYPES,
  type Webhook,
  type WebhookDelivery,
  type WebhookEvent,
} from '../../../shared/domain/webhook.ts';
import { CourierError } from '../../../shared/errors/courierError.ts';
import { cursorInvalid } from '../../../shared/store/pageCursor.ts';
import { builder } from '../builder.ts';
import { describedEnum } from '../describedEnum.ts';
import { pageArgs, pageSize, toPage } from '../page.ts';

export const WebhookEventEnum = describedEnum<WebhookEvent>('WebhookEvent', {
  description: 'What a webhook can be told of.',
  values: {
    BATCH_ENDED: 'Every update of a batch has ended.',
    IDENTITY_QUARANTINED: 'An identity was parked: it is quarantined, or needs an operator.',
    UPDATES_DEAD: 'Updates failed or expired; one delivery names up to 100 of them.',
  },
});

const DeliveryStateEnum = describedEnum<DeliveryState>('WebhookDeliveryState', {
  description: 'Where a delivery stands.',
  values: {
    PENDING: 'It will be tried, or tried again.',
    DELIVERED: 'The receiver answered with success.',
    FAILED: 'It was given up.',
  },
});

const DeliveryType = builder.objectRef<WebhookDelivery>('WebhookDelivery');

builder.node(DeliveryType, {
  authScopes: { role: 'admin' },
  description: 'One notification on its way to one webhook. It is listed for seven days.',
  id: {
    resolve: ({ id }) => id,
    description: 'Its id, which the receiver gets as the header webhook-id.',
  },
  loadOne: (id, context) => context.gate.read(() => context.deliveries.find(id)),
  isTypeOf: (value) => typeof value === 'object' && value !== null && 'webhookId' in value,
  fields: (t) => ({
    type: t.string({
      description: 'The type that its body names, for example updates.dead.',
      resolve: ({ kind }) => typeOf(kind),
    }),
    state: t.expose('state', { type: DeliveryStateEnum, description: 'Where it stands.' }),
    attempts: t.exposeInt('attempts', { description: 'How often it was sent.' }),
    responseStatus: t.int({
      nullable: true,
      description: 'The HTTP status that the last attempt was answered with; null for no answer.',
      resolve: ({ responseStatus }) => responseStatus,
    }),
    latencyMs: t.int({
      nullable: true,
      description: 'How long the last attempt took, in milliseconds.',
      resolve: ({ latencyMs }) => latencyMs,
    }),
    error: t.string({
      nullable: true,
      description: 'Why the last attempt did not count as delivered.',
      resolve: ({ error }) => error,
    }),
    createdAt: t.field({
      type: 'DateTime',
      description: 'When it was made.',
      resolve: ({ createdAt }) => createdAt,
    }),
    finishedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it was delivered or given up.',
      resolve: ({ finishedAt }) => finishedAt,
    }),
    body: t.field({
      type: 'JSONObject',
      description: 'What is sent.',
      resolve: ({ body }) => JSON.parse(body) as JsonObject,
    }),
  }),
});

export { DeliveryType };

const DeliveryConnection = builder.connectionObject(
  {
    type: DeliveryType,
    name: 'WebhookDeliveryConnection',
    description: 'A page of the deliveries of a webhook.',
  },
  { name: 'WebhookDeliveryEdge', description: 'A delivery of a page, and where it stands.' },
);

export const WebhookType = builder.objectRef<Webhook>('Webhook');

builder.node(WebhookType, {
  authScopes: { role: 'admin' },
  description: 'A URL that is told of events.',
  id: { resolve: ({ id }) => id },
  loadOne: (id, context) => context.gate.read(() => context.webhooks.find(id)),
  isTypeOf: (value) => typeof value === 'object' && value !== null && 'events' in value,
  fields: (t) => ({
    name: t.exposeString('name', { description: 'What it is called.' }),
    url: t.exposeString('url', { description: 'Where deliveries go.' }),
    events: t.field({
      type: [WebhookEventEnum],
      description: 'What it is told of.',
      resolve: ({ events }) => [...events],
    }),
    enabled: t.boolean({
      description: 'Whether it is told of anything.',
      resolve: ({ disabled }) => disabled === undefined,
    }),
    disabledAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'Since when it is told of nothing.',
      resolve: ({ disabled }) => disabled?.at,
    }),
    disabledReason: t.string({
      nullable: true,
      description: 'Why it is told of nothing.',
      resolve: ({ disabled }) => disabled?.reason,
    }),
    failuresInARow: t.int({
      description: 'Deliveries that were given up since the last one that succeeded.',
      resolve: ({ id }, _args, context) => context.gate.read(() => context.webhooks.failures(id)),
    }),
    createdAt: t.field({
      type: 'DateTime',
      description: 'When it was made.',
      resolve: ({ createdAt }) => createdAt,
    }),
    createdBy: t.exposeString('createdBy', { description: 'Who made it.' }),
    formerSecretUntil: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'Until when the secret before the last rotation signs as well.',
      resolve: ({ formerSecret }) => formerSecret?.until,
    }),
    deliveries: t.field({
      type: DeliveryConnection,
      description: 'What it was sent, newest first: for seven days, and the newest 500.',
      args: pageArgs(t.arg),
      resolve: async ({ id }, args, context) => {
        const size = pageSize(args);
        const after = args.after ?? undefined;
        return context.gate.read(async () => {
          const rank = after === undefined ? -1 : await context.deliveries.rank(id, after);
          if (rank === undefined) throw deliveryCursorInvalid();
          const found = await context.deliveries.page(id, size + 1, rank + 1);
          const edges = found.slice(0, size).map((node) => ({ cursor: node.id, node }));
          return toPage(edges, args, found.length > size);
        });
      },
    }),
  }),
});

const WebhookConnection = builder.connectionObject(
  { type: WebhookType, name: 'WebhookConnection', description: 'A page of the webhooks.' },
  { name: 'WebhookEdge', description: 'A webhook of a page, and where it stands.' },
);

builder.queryField('webhooks', (t) =>
  t.field({
    type: WebhookConnection,
    authScopes: { role: 'admin' },
    description: 'The webhooks, oldest first.',
    args: pageArgs(t.arg),
    resolve: async (_root, args, context) => {
      const size = pageSize(args);
      const after = args.after ?? undefined;
      if (after !== undefined && !isWebhookId(after)) throw cursorInvalid();
      const all = await context.gate.read(() => context.webhooks.all());
      const behind = all.filter(({ id }) => id > (after ?? ''));
      const edges = behind.slice(0, size).map((node) => ({ cursor: node.id, node }));
      return toPage(edges, args, behind.length > size);
    },
  }),
);

function typeOf(kind: NotificationKind): string {
  return PAYLOAD_TYPES[kind];
}

function deliveryCursorInvalid(): CourierError {
  return new CourierError(
    'PAGE_INVALID',
    'This is no cursor of this list, or its delivery is not listed any more.',
    'Use the endCursor of the page before, or leave it out to begin.',
  );
}
