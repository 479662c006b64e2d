import { randomUUID } from 'node:crypto';
import type { WebhookDelivery } from '../../../shared/domain/webhook.ts';
import { CourierError } from '../../../shared/errors/courierError.ts';
import { webhookNotFound } from '../../../shared/store/webhooks.ts';
import type { ApiContext } from '../../context.ts';
import { perform } from '../../perform.ts';
import { actionResult } from '../actionResult.ts';
import { builder } from '../builder.ts';
import { DeliveryType } from './webhook.ts';

const TestWebhookInput = builder.inputType('TestWebhookInput', {
  description: 'A webhook to send a test to.',
  fields: (t) => ({ webhookId: t.id({ required: true, description: 'The webhook.' }) }),
});

const RedeliverWebhookDeliveryInput = builder.inputType('RedeliverWebhookDeliveryInput', {
  description: 'A delivery to send again.',
  fields: (t) => ({ deliveryId: t.id({ required: true, description: 'The delivery.' }) }),
});

const result = (name: string) =>
  actionResult(name, 'It will be sent; the delivery tells how it went.', {
    name: 'delivery',
    description: 'The delivery.',
  });

builder.mutationFields((t) => ({
  testWebhook: t.field({
    type: DeliveryType,
    authScopes: { role: 'admin' },
    description: 'Sends a webhook a delivery of the type webhook.test, also while it is disabled.',
    args: { input: t.arg({ type: TestWebhookInput, required: true, description: 'Which.' }) },
    errors: result('TestWebhook'),
    resolve: (_root, { input }, context) =>
      perform(context, 'testWebhook', async () => {
        const webhook = await context.webhooks.find(input.webhookId);
        if (webhook === undefined) throw webhookNotFound(input.webhookId);
        const data = { webhookId: webhook.id, name: webhook.name, sentBy: context.actor };
        const key = `test/${randomUUID()}`;
        const test = { key, kind: 'TEST', at: Date.now(), data } as const;
        return found(await context.deliveries.add(webhook, test), context);
      }),
  }),
  redeliverWebhookDelivery: t.field({
    type: DeliveryType,
    authScopes: { role: 'admin' },
    description:
      'Sends a delivery again, whatever became of it: the same body under the same id, signed anew.',
    args: {
      input: t.arg({ type: RedeliverWebhookDeliveryInput, required: true, description: 'Which.' }),
    },
    errors: result('RedeliverWebhookDelivery'),
    resolve: (_root, { input }, context) =>
      perform(context, 'redeliverWebhookDelivery', async () => {
        const delivery = await found(input.deliveryId, context);
        await context.deliveries.again(delivery);
        return found(input.deliveryId, context);
      }),
  }),
}));

async function found(id: string, context: ApiContext): Promise<WebhookDelivery> {
  const delivery = await context.deliveries.find(id);
  if (delivery !== undefined) return delivery;
  throw new CourierError(
    'WEBHOOK_DELIVERY_NOT_FOUND',
    `No delivery has the id "${id.slice(0, 64)}".`,
    'Take an id out of webhooks { nodes { deliveries { nodes { id } } } }; seven days are listed.',
  );
}
