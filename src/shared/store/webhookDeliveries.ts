import { type JobsOptions, Queue } from 'bullmq';
import {
  DELIVERY_STATES,
  deliveryId,
  type Notification,
  type NotificationKind,
  PAYLOAD_TYPES,
  type Webhook,
  type WebhookDelivery,
} from '../domain/webhook.ts';
import type { RedisClient } from '../redis/client.ts';
import type { Keys } from '../redis/keys.ts';
import { runScript } from '../redis/script.ts';
import {
  ADD_DELIVERY,
  NOTE_ATTEMPT,
  PENDING_DELIVERIES,
  RENEW_DELIVERY,
} from './lua/webhookScripts.ts';
import { optionalNumber } from './updateRecord.ts';

export const WEBHOOK_QUEUE = 'webhooks';
/** How long a delivery is listed, and how many of one webhook. */
const KEPT_MS = 7 * 86_400_000;
const MOST_KEPT = 500;

/** From the first attempt to the last one about a day passes, where nothing is set otherwise. */
export const MAX_ATTEMPTS = 10;
const JOB_OPTIONS: JobsOptions = {
  attempts: MAX_ATTEMPTS,
  backoff: { type: 'custom' },
  removeOnComplete: { age: 3600, count: 500 },
  removeOnFail: { age: 86_400, count: 500 },
};

/** What a delivery job names; everything else stands in the delivery's record. */
export interface DeliveryJob {
  readonly deliveryId: string;
}

/** What is noted of an attempt. */
export interface AttemptNote {
  readonly state: WebhookDelivery['state'];
  readonly responseStatus?: number | undefined;
  readonly latencyMs?: number | undefined;
  readonly error?: string | undefined;
}

/** What has not ended, of all webhooks. */
export interface PendingDeliveries {
  readonly count: number;
  /** Since the oldest of them was made; 0 without any. */
  readonly oldestMs: number;
}

/** The deliveries of webhooks: their queue and their log, under one tag. */
export class WebhookDeliveries {
  readonly #redis: RedisClient;
  readonly #keys: Keys;
  readonly #queue: Queue;
  readonly #onCrowdedOut: (count: number) => void;

  /** BullMQ's, for whoever shows it. */
  get queue(): Queue {
    return this.#queue;
  }

  /**
   * `queueRedis` is for BullMQ; both stay the caller's to close. `onCrowdedOut` is told how many
   * were dropped before they ended, since newer ones took their places.
   */
  constructor(
    redis: RedisClient,
    queueRedis: RedisClient,
    keys: Keys,
    onCrowdedOut: (count: number) => void = () => undefined,
  ) {
    this.#onCrowdedOut = onCrowdedOut;
    this.#redis = redis;
    this.#keys = keys;
    this.#queue = new Queue(WEBHOOK_QUEUE, {
      connection: queueRedis,
      prefix: keys.webhookTag,
      skipWaitingForReady: true,
      streams: { events: { maxLen: 100 } },
    });
    // Without a listener an error event would end the process; the connection reports its own.
    this.#queue.on('error', () => undefined);
  }

  /**
   * Has a webhook told of something, once: the record is made first, and what is found without its
   * job, after a crash, gets it.
   */
  async add(webhook: Webhook, notification: Notification): Promise<string> {
    const id = deliveryId(webhook.id, notification.key);
    const body = JSON.stringify({
      type: PAYLOAD_TYPES[notification.kind],
      timestamp: new Date(notification.at).toISOString(),
      data: notification.data,
    });
    const fields = { webhook: webhook.id, kind: notification.kind, body };
    const [answer, lost, ...dropped] = (await runScript(
      this.#redis,
      ADD_DELIVERY,
      [
        this.#keys.webhookDelivery(id),
        this.#keys.webhookDeliveries(webhook.id),
        this.#keys.webhookPending,
      ],
      [id, KEPT_MS, MOST_KEPT, ...Object.entries(fields).flat()],
    )) as string[];
    if (lost !== '0') this.#onCrowdedOut(Number(lost));
    if (answer !== 'over') await this.#enqueue(id, id);
    // A receiver may be down for a day before any is given up; jobs of what is gone add up.
    await Promise.all(dropped.map((one) => this.#queue.remove(one)));
    return id;
  }

  /** Sends again what was delivered or given up; the receiver gets the same id. */
  async again(delivery: WebhookDelivery): Promise<void> {
    const keys = [this.#keys.webhookDelivery(delivery.id), this.#keys.webhookPending];
    await runScript(this.#redis, RENEW_DELIVERY, keys, [delivery.id, KEPT_MS]);
    await this.#enqueue(delivery.id, `${delivery.id}_${Date.now()}`);
  }

  async find(id: string): Promise<WebhookDelivery | undefined> {
    if (!/^whd_[0-9a-f]{32}$/.test(id)) return undefined;
    return parse(id, await this.#redis.hgetall(this.#keys.webhookDelivery(id)));
  }

  /** The newest of a webhook that come after a cursor, which is a time and an id. */
  async page(webhookId: string, first: number, skip: number): Promise<readonly WebhookDelivery[]> {
    const key = this.#keys.webhookDeliveries(webhookId);
    const ids = await this.#redis.zrevrange(key, skip, skip + first - 1);
    const found = await Promise.all(ids.map((id) => this.find(id)));
    return found.filter((one) => one !== undefined);
  }

  /** Where a delivery stands in the list of its webhook, from the newest; undefined for nowhere. */
  async rank(webhookId: string, id: string): Promise<number | undefined> {
    const key = this.#keys.webhookDeliveries(webhookId);
    return (await this.#redis.zrevrank(key, id)) ?? undefined;
  }

  async note(id: string, noted: AttemptNote): Promise<void> {
    const finishedAt = noted.state === 'PENDING' ? undefined : Date.now();
    const words = Object.entries({ ...noted, finishedAt }).flatMap(([name, value]) =>
      value === undefined ? [] : [name, String(value)],
    );
    const keys = [this.#keys.webhookDelivery(id), this.#keys.webhookPending];
    await runScript(this.#redis, NOTE_ATTEMPT, keys, [id, ...words]);
  }

  async pending(): Promise<PendingDeliveries> {
    const answer = await runScript(
      this.#redis,
      PENDING_DELIVERIES,
      [this.#keys.webhookPending],
      [KEPT_MS],
    );
    const [count = 0, oldestMs = 0] = answer as number[];
    return { count, oldestMs };
  }

  async close(): Promise<void> {
    await this.#queue.close();
  }

  async #enqueue(id: string, jobId: string): Promise<void> {
    const data: DeliveryJob = { deliveryId: id };
    await this.#queue.add('deliver', data, { ...JOB_OPTIONS, jobId });
  }
}

function parse(id: string, fields: Readonly<Record<string, string>>): WebhookDelivery | undefined {
  const { state, webhook, kind, body, error } = fields;
  if (state === undefined || webhook === undefined || body === undefined) return undefined;
  return {
    id,
    webhookId: webhook,
    kind: kind as NotificationKind,
    state: DELIVERY_STATES.find((one) => one === state) ?? 'PENDING',
    createdAt: Number(fields.createdAt),
    attempts: Number(fields.attempts ?? 0),
    responseStatus: optionalNumber(fields.responseStatus),
    latencyMs: optionalNumber(fields.latencyMs),
    error,
    finishedAt: optionalNumber(fields.finishedAt),
    body,
  };
}
