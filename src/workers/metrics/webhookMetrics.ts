import { Histogram, type Registry } from 'prom-client';
import { ATTEMPT_OUTCOMES, DELIVERY_ENDS, type Webhook } from '../../shared/domain/webhook.ts';
import type { WebhookDeliveries } from '../../shared/store/webhookDeliveries.ts';
import type { Webhooks } from '../../shared/store/webhooks.ts';
import type { EventBus } from '../events.ts';
import { counterOf } from './counters.ts';
import { inTime } from './inTime.ts';
import { gaugeOnScrape } from './scrapeGauge.ts';

/** Up to the default of WEBHOOK_TIMEOUT_MS. */
const ATTEMPT_BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

const WEBHOOK_STATES = ['enabled', 'disabled', 'given_up'] as const;

/** Counts what this worker sends to webhooks; which webhook it was stands in the log. */
export function countWebhooks(events: EventBus, registry: Registry): void {
  const attempts = counterOf(
    registry,
    'courier_webhook_attempts_total',
    'Attempts at deliveries to webhooks, by how they ended',
    { outcome: ATTEMPT_OUTCOMES },
  );
  const duration = new Histogram({
    name: 'courier_webhook_attempt_seconds',
    help: 'From the beginning of an attempt to its answer, or to giving it up',
    buckets: ATTEMPT_BUCKETS,
    registers: [registry],
  });
  events.on('webhook:attempted', ({ outcome, tookMs }) => {
    attempts.inc({ outcome });
    duration.observe(tookMs / 1000);
  });

  const ended = counterOf(
    registry,
    'courier_webhook_deliveries_total',
    'Deliveries to webhooks that ended, by how',
    { outcome: DELIVERY_ENDS },
  );
  events.on('webhook:ended', ({ outcome }) => ended.inc({ outcome }));
  events.on('webhook:crowded-out', ({ count }) => ended.inc({ outcome: 'crowded_out' }, count));
}

export interface WebhookGaugeDependencies {
  readonly webhooks: Webhooks;
  readonly deliveries: WebhookDeliveries;
}

/** The whole deployment's, read by every worker: their maximum is the fleet's. */
export function registerWebhookGauges(registry: Registry, deps: WebhookGaugeDependencies): void {
  const { webhooks, deliveries } = deps;
  gaugeOnScrape(registry, {
    name: 'courier_webhooks',
    help: 'Webhooks by state; given_up: disabled, since the receiver failed for long',
    labelNames: ['state'],
    collect: async (gauge) => {
      const all = await inTime(webhooks.all());
      if (all === undefined) return;
      const states = all.map(stateOf);
      for (const state of WEBHOOK_STATES) {
        gauge.set({ state }, states.filter((one) => one === state).length);
      }
    },
  });
  gaugeOnScrape(registry, {
    name: 'courier_webhook_deliveries_pending',
    help: 'Deliveries that have not ended: those to be sent, and those that are tried again',
    collect: async (gauge) => {
      const pending = await inTime(deliveries.pending());
      if (pending !== undefined) gauge.set(pending.count);
    },
  });
  gaugeOnScrape(registry, {
    name: 'courier_webhook_oldest_delivery_seconds',
    help: 'Age of the oldest delivery that has not ended; 0 without any',
    collect: async (gauge) => {
      const pending = await inTime(deliveries.pending());
      if (pending !== undefined) gauge.set(pending.oldestMs / 1000);
    },
  });
}

function stateOf({ disabled }: Webhook): (typeof WEBHOOK_STATES)[number] {
  if (disabled === undefined) return 'enabled';
  return disabled.gaveUp === true ? 'given_up' : 'disabled';
}
