import type { Webhook, WebhookEvent } from '../../../shared/domain/webhook.ts';
import { CourierError } from '../../../shared/errors/courierError.ts';
import { originOnly, webhookUrlProblem } from '../../../shared/webhooks/webhookUrl.ts';
import { audit } from '../../audit.ts';
import type { AuditedField } from '../../auditedInput.ts';
import type { ApiContext } from '../../context.ts';
import { requireReason } from '../../input.ts';
import { perform } from '../../perform.ts';
import { actionResult, ownResult } from '../actionResult.ts';
import { builder } from '../builder.ts';
import { NEEDED_REASON_DESCRIPTION } from '../reason.ts';
import { WebhookEventEnum, WebhookType } from './webhook.ts';

const NAME = /^[\p{L}\p{N} _.:-]{1,64}$/u;
const WEEK_MS = 7 * 86_400_000;
const DAY_MS = 86_400_000;

const ORIGIN_KEPT: AuditedField = { audited: originOnly };

const CreateWebhookInput = builder.inputType('CreateWebhookInput', {
  description: 'A URL to be told of events.',
  fields: (t) => ({
    name: t.string({
      required: true,
      description: 'What to call it: 1 to 64 letters, digits, spaces and "_", ".", ":", "-".',
    }),
    url: t.string({
      required: true,
      description:
        'Where deliveries go: https, without credentials. Admins see it; the audit log has its scheme, host and port.',
      extensions: { ...ORIGIN_KEPT },
    }),
    events: t.field({
      type: [WebhookEventEnum],
      required: true,
      description: 'What to tell it of.',
    }),
  }),
});

const UpdateWebhookInput = builder.inputType('UpdateWebhookInput', {
  description: 'What to change of a webhook; what is left out stays.',
  fields: (t) => ({
    webhookId: t.id({ required: true, description: 'The webhook.' }),
    name: t.string({ description: 'What to call it.' }),
    url: t.string({ description: 'Where deliveries go.', extensions: { ...ORIGIN_KEPT } }),
    events: t.field({ type: [WebhookEventEnum], description: 'What to tell it of.' }),
    enabled: t.boolean({
      description: 'Whether to tell it of anything. Enabled again, it is told of what comes then.',
    }),
  }),
});

const DeleteWebhookInput = builder.inputType('DeleteWebhookInput', {
  description: 'A webhook to delete.',
  fields: (t) => ({
    webhookId: t.id({ required: true, description: 'The webhook.' }),
    reason: t.string({ required: true, description: NEEDED_REASON_DESCRIPTION }),
  }),
});

const RotateWebhookSecretInput = builder.inputType('RotateWebhookSecretInput', {
  description: 'A webhook to give another secret.',
  fields: (t) => ({
    webhookId: t.id({ required: true, description: 'The webhook.' }),
    overlap: t.field({
      type: 'Duration',
      description:
        'How long the secret so far signs as well, so that the receiver can change over: 24h unless given, up to 168h, 0s for none.',
    }),
  }),
});

interface WithSecret {
  readonly webhook: Webhook;
  readonly secret: string;
}

const withSecret = (name: string, description: string) =>
  builder.objectRef<WithSecret>(name).implement({
    description,
    authScopes: { role: 'admin' },
    fields: (t) => ({
      webhook: t.field({
        type: WebhookType,
        description: 'The webhook.',
        resolve: ({ webhook }) => webhook,
      }),
      secret: t.exposeString('secret', {
        description:
          'What verifies its deliveries (whsec_…), for any library of Standard Webhooks. It is shown this once.',
      }),
    }),
  });

const CreateWebhookSuccess = withSecret('CreateWebhookSuccess', 'The webhook was made.');
const RotateWebhookSecretSuccess = withSecret(
  'RotateWebhookSecretSuccess',
  'The webhook has another secret.',
);

builder.mutationFields((t) => ({
  createWebhook: t.field({
    type: CreateWebhookSuccess,
    authScopes: { role: 'admin' },
    description: 'Has a URL told of events, with signed deliveries that are tried again.',
    args: {
      input: t.arg({ type: CreateWebhookInput, required: true, description: 'The webhook.' }),
    },
    errors: ownResult('createWebhook'),
    resolve: (_root, { input }, context) =>
      perform(context, 'createWebhook', async () => {
        const { name, url } = input;
        const events = check(input, context);
        const made = await context.webhooks.create({ name, url, events, createdBy: context.actor });
        audit(context, { subjects: [made.webhook.id], after: shown(made.webhook) });
        return made;
      }),
  }),
  updateWebhook: t.field({
    type: WebhookType,
    authScopes: { role: 'admin' },
    description: 'Changes a webhook, or enables it again.',
    args: {
      input: t.arg({ type: UpdateWebhookInput, required: true, description: 'The changes.' }),
    },
    errors: actionResult('UpdateWebhook', 'It was changed.', {
      name: 'webhook',
      description: 'The webhook.',
    }),
    resolve: (_root, { input }, context) =>
      perform(context, 'updateWebhook', async () => {
        const events = check(input, context);
        let before: Webhook | undefined;
        const webhook = await context.webhooks.change(input.webhookId, (known) => {
          before = known;
          return {
            ...known,
            name: input.name ?? known.name,
            url: input.url ?? known.url,
            events: input.events ? events : known.events,
            ...switched(known, input.enabled ?? undefined, context.actor),
          };
        });
        if (input.enabled === true) await context.webhooks.countFailure(webhook.id, false);
        audit(context, { before: before && shown(before), after: shown(webhook) });
        return webhook;
      }),
  }),
  deleteWebhook: t.field({
    type: WebhookType,
    authScopes: { role: 'admin' },
    description: 'Deletes a webhook; what was not delivered yet is not sent any more.',
    args: {
      input: t.arg({ type: DeleteWebhookInput, required: true, description: 'The webhook.' }),
    },
    errors: actionResult('DeleteWebhook', 'It was deleted.', {
      name: 'webhook',
      description: 'The webhook as it was.',
    }),
    resolve: (_root, { input }, context) =>
      perform(context, 'deleteWebhook', async () => {
        requireReason(input.reason);
        const webhook = await context.webhooks.remove(input.webhookId);
        audit(context, { before: shown(webhook) });
        return webhook;
      }),
  }),
  rotateWebhookSecret: t.field({
    type: RotateWebhookSecretSuccess,
    authScopes: { role: 'admin' },
    description: 'Gives a webhook another secret; for a while both sign.',
    args: {
      input: t.arg({ type: RotateWebhookSecretInput, required: true, description: 'Which.' }),
    },
    errors: ownResult('rotateWebhookSecret'),
    resolve: (_root, { input }, context) =>
      perform(context, 'rotateWebhookSecret', async () => {
        const overlapMs = input.overlap ?? DAY_MS;
        if (overlapMs > WEEK_MS) throw invalid('Two secrets sign for 168h at most.');
        return context.webhooks.rotate(input.webhookId, Date.now() + overlapMs);
      }),
  }),
}));

interface Draft {
  readonly name?: string | null | undefined;
  readonly url?: string | null | undefined;
  readonly events?: readonly WebhookEvent[] | null | undefined;
}

/** The events without repetitions. @throws WEBHOOK_INVALID, WEBHOOK_URL_INVALID, WEBHOOK_ADDRESS_REFUSED */
function check({ name, url, events }: Draft, { webhookNetworks }: ApiContext): WebhookEvent[] {
  if (typeof name === 'string' && !NAME.test(name)) {
    throw invalid('A name has 1 to 64 letters, digits, spaces and "_", ".", ":", "-".');
  }
  const problem = typeof url === 'string' ? webhookUrlProblem(url, webhookNetworks) : undefined;
  if (problem !== undefined) throw problem;
  if (events?.length === 0) throw invalid('A webhook is told of something, or has no purpose.');
  return [...new Set(events ?? [])];
}

/** What enabling or disabling changes; nothing where it is so already. */
function switched({ disabled, since }: Webhook, enabled: boolean | undefined, actor: string) {
  if (enabled === true && disabled !== undefined) return { disabled: undefined, since: Date.now() };
  if (enabled === false && disabled === undefined) {
    return { disabled: { at: Date.now(), reason: `Disabled by ${actor}.` }, since };
  }
  return { disabled, since };
}

/** What the audit may hold of it. */
function shown({ name, url, events, disabled }: Webhook) {
  return { name, url: originOnly(url), events: [...events], enabled: disabled === undefined };
}

function invalid(message: string): CourierError {
  return new CourierError('WEBHOOK_INVALID', message, 'Correct it and send it again.');
}
