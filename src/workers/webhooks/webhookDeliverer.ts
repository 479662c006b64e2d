import { type Job, UnrecoverableError, type Worker } from 'bullmq';
import type { Webhook, WebhookDelivery } from '../../shared/domain/webhook.ts';
import { messageOf } from '../../shared/errors/courierError.ts';
import { type Service, service } from '../../shared/lifecycle/service.ts';
import type { Logger } from '../../shared/observability/logger.ts';
import { PatientWorker } from '../../shared/queue/patientWorker.ts';
import type { RedisClient } from '../../shared/redis/client.ts';
import type { Keys } from '../../shared/redis/keys.ts';
import type { AuditLog } from '../../shared/store/auditLog.ts';
import {
  type DeliveryJob,
  WEBHOOK_QUEUE,
  type WebhookDeliveries,
} from '../../shared/store/webhookDeliveries.ts';
import type { Webhooks } from '../../shared/store/webhooks.ts';
import type { AllowedNetworks } from '../../shared/webhooks/networks.ts';
import { signatureHeaders } from '../../shared/webhooks/signature.ts';
import type { EventBus } from '../events.ts';
import { postWebhook, type WebhookAnswer } from './postWebhook.ts';

export interface DelivererSettings {
  readonly concurrency: number;
  readonly timeoutMs: number;
  /** The first pause before another attempt; each one is four times the one before. */
  readonly retryBaseMs: number;
  readonly retryMaxMs: number;
  /** Deliveries in a row that are given up before the webhook is told of nothing more. */
  readonly disableAfter: number;
  readonly networks: AllowedNetworks;
}

export interface DelivererDependencies {
  readonly queueRedis: RedisClient;
  readonly keys: Keys;
  readonly webhooks: Webhooks;
  readonly deliveries: WebhookDeliveries;
  readonly auditLog: AuditLog;
  readonly events: EventBus;
  readonly log: Logger;
}

/** The receiver is gone for good, and says so (Standard Webhooks, "Operational considerations"). */
const GONE = 410;

/** Sends what is due to webhooks; every worker takes part. */
export function webhookDeliverer(
  deps: DelivererDependencies,
  settings: DelivererSettings,
): Service {
  const { queueRedis, keys, log } = deps;
  let worker: Worker | undefined;
  return service({
    name: 'webhook deliverer',
    start: () => {
      worker = new PatientWorker(
        WEBHOOK_QUEUE,
        (job) => deliver(job as Job<DeliveryJob>, deps, settings),
        {
          connection: queueRedis,
          prefix: keys.webhookTag,
          concurrency: settings.concurrency,
          // An attempt that dies with its worker is made again.
          maxStalledCount: Number.MAX_SAFE_INTEGER,
          settings: { backoffStrategy: (attempts) => pause(attempts, settings) },
        },
      );
      worker.on('error', (error) => log.warn({ error: error.message }, 'webhook queue error'));
    },
    stop: async (deadline) => {
      const abort = () => void worker?.close(true);
      deadline.addEventListener('abort', abort, { once: true });
      await worker?.close();
    },
  });
}

/** Exponential, capped, and never in step with the others. */
function pause(attempts: number, { retryBaseMs, retryMaxMs }: DelivererSettings): number {
  const longest = Math.min(retryMaxMs, retryBaseMs * 4 ** Math.min(attempts - 1, 20));
  return Math.round(longest * (0.5 + Math.random() / 2));
}

/** One attempt. @throws where another one is to follow, or none may */
async function deliver(
  job: Job<DeliveryJob>,
  deps: DelivererDependencies,
  settings: DelivererSettings,
): Promise<string> {
  const { webhooks, deliveries, events } = deps;
  const delivery = await deliveries.find(job.data.deliveryId);
  if (delivery === undefined) return 'forgotten';
  const webhook = await webhooks.find(delivery.webhookId);
  const why = webhook === undefined ? 'The webhook was deleted.' : webhook.disabled?.reason;
  // A test is sent whether or not: it is how one finds out whether enabling it again makes sense.
  if (webhook === undefined || (why !== undefined && delivery.kind !== 'TEST')) {
    await deliveries.note(delivery.id, { state: 'FAILED', error: why });
    events.emit('webhook:ended', { ...ofDelivery(delivery), outcome: 'not_sent', error: why });
    return 'not sent';
  }
  const beganAt = performance.now();
  const { outcome, status, error } = await send(webhook, delivery, deps, settings);
  const tookMs = performance.now() - beganAt;
  events.emit('webhook:attempted', { outcome, tookMs });
  const last = job.attemptsMade + 1 >= (job.opts.attempts ?? 1) || status === GONE;
  const state = error === undefined ? 'DELIVERED' : last ? 'FAILED' : 'PENDING';
  const latencyMs = Math.round(tookMs);
  await deliveries.note(delivery.id, { state, responseStatus: status, latencyMs, error });
  if (error === undefined) {
    events.emit('webhook:ended', { ...ofDelivery(delivery), outcome: 'delivered', error });
    await webhooks.countFailure(webhook.id, false);
    return `HTTP ${status}`;
  }
  if (!last) throw new Error(error);
  events.emit('webhook:ended', { ...ofDelivery(delivery), outcome: 'given_up', error });
  if (delivery.kind !== 'TEST') await giveUp(webhook, status, deps, settings);
  throw new UnrecoverableError(error);
}

function ofDelivery({ id, webhookId }: WebhookDelivery) {
  return { webhook: webhookId, delivery: id };
}

async function send(
  webhook: Webhook,
  { id, body }: WebhookDelivery,
  { webhooks }: DelivererDependencies,
  { timeoutMs, networks }: DelivererSettings,
): Promise<WebhookAnswer> {
  const at = Math.floor(Date.now() / 1000);
  let secrets: readonly string[];
  try {
    secrets = webhooks.secretsOf(webhook);
  } catch (error) {
    // The vault lacks the key, or did until now: tried again, as where a receiver is away.
    return { outcome: 'unsigned', status: undefined, error: messageOf(error) };
  }
  const headers = signatureHeaders(id, at, body, secrets);
  return postWebhook({ url: webhook.url, headers, body, timeoutMs, networks });
}

/** A receiver that takes nothing for long is left alone, and its owners see why. */
async function giveUp(
  webhook: Webhook,
  status: number | undefined,
  { webhooks, auditLog, events }: DelivererDependencies,
  { disableAfter }: DelivererSettings,
): Promise<void> {
  const failures = await webhooks.countFailure(webhook.id, true);
  if (status !== GONE && failures < disableAfter) return;
  const reason =
    status === GONE
      ? 'The receiver answered 410: it is gone.'
      : `${failures} deliveries in a row failed.`;
  const disabled = { at: Date.now(), reason, gaveUp: true } as const;
  await webhooks.change(webhook.id, (known) => ({
    ...known,
    disabled: known.disabled ?? disabled,
  }));
  events.emit('webhook:disabled', { webhook: webhook.id, reason });
  await auditLog.append(
    'actions',
    {
      actor: 'shadow-courier',
      role: 'admin',
      source: 'system',
      action: 'disableWebhook',
      subjects: [webhook.id],
      reason,
    },
    { outcome: 'DONE', before: { enabled: true }, after: { enabled: false } },
  );
}
