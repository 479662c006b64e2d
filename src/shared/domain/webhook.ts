import { createHash, randomBytes } from 'node:crypto';
import { ulid } from 'ulid';
import type { JsonObject } from './desired.ts';

/** What a webhook can be told of. */
export const WEBHOOK_EVENTS = ['BATCH_ENDED', 'IDENTITY_QUARANTINED', 'UPDATES_DEAD'] as const;
export type WebhookEvent = (typeof WEBHOOK_EVENTS)[number];

/** The `type` of a payload, in the manner of Standard Webhooks. */
export const PAYLOAD_TYPES = {
  BATCH_ENDED: 'batch.ended',
  IDENTITY_QUARANTINED: 'identity.quarantined',
  UPDATES_DEAD: 'updates.dead',
  TEST: 'webhook.test',
} as const satisfies Record<WebhookEvent | 'TEST', string>;
export type NotificationKind = keyof typeof PAYLOAD_TYPES;

/** A URL that is told of events. Times are epoch milliseconds. */
export interface Webhook {
  readonly id: string;
  readonly name: string;
  readonly url: string;
  readonly events: readonly WebhookEvent[];
  /** From this moment on it is told of what happens. */
  readonly since: number;
  readonly createdAt: number;
  readonly createdBy: string;
  /** Sealed; bound to the webhook's id. */
  readonly secret: string;
  /** The secret before the last rotation, as long as both sign. */
  readonly formerSecret?: { readonly secret: string; readonly until: number } | undefined;
  /** Why it is told of nothing; absent while it is. `gaveUp`: nobody's wish, its receiver failed. */
  readonly disabled?:
    | { readonly at: number; readonly reason: string; readonly gaveUp?: true }
    | undefined;
}

/** What happened, for whoever wants to know of it. */
export interface Notification {
  /** The same whenever it is found again. */
  readonly key: string;
  readonly kind: NotificationKind;
  readonly at: number;
  readonly data: JsonObject;
}

export const DELIVERY_STATES = ['PENDING', 'DELIVERED', 'FAILED'] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

/** How one attempt at a delivery ended; all but the first are tried again. */
export const ATTEMPT_OUTCOMES = [
  'delivered',
  'http_3xx',
  'http_4xx',
  'http_5xx',
  'timeout',
  'network',
  'refused_address',
  'unsigned',
] as const;
export type AttemptOutcome = (typeof ATTEMPT_OUTCOMES)[number];

/** What became of a delivery in the end. */
export const DELIVERY_ENDS = ['delivered', 'given_up', 'not_sent', 'crowded_out'] as const;
export type DeliveryEnd = (typeof DELIVERY_ENDS)[number];

/** One notification on its way to one webhook. */
export interface WebhookDelivery {
  readonly id: string;
  readonly webhookId: string;
  readonly kind: NotificationKind;
  readonly state: DeliveryState;
  readonly createdAt: number;
  readonly attempts: number;
  /** Of the last attempt, where there was an answer. */
  readonly responseStatus?: number | undefined;
  readonly latencyMs?: number | undefined;
  readonly error?: string | undefined;
  readonly finishedAt?: number | undefined;
  /** What is sent, as it is signed. */
  readonly body: string;
}

const WEBHOOK_ID = /^whk_[0-9A-HJKMNP-TV-Z]{26}$/;

export function newWebhookId(): string {
  return `whk_${ulid()}`;
}

export function isWebhookId(value: string): boolean {
  return WEBHOOK_ID.test(value);
}

/** The same for the same notification and webhook, so that nothing is delivered twice. */
export function deliveryId(webhookId: string, notificationKey: string): string {
  const digest = createHash('sha256').update(`${webhookId}\n${notificationKey}`).digest('hex');
  return `whd_${digest.slice(0, 32)}`;
}

/** A signing secret as receivers put it into their libraries: 32 random bytes. */
export function newWebhookSecret(): string {
  return `whsec_${randomBytes(32).toString('base64')}`;
}

export const webhookBinding = (webhookId: string) => `webhook:${webhookId}`;
