import type { PanelBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import { graph, UNIT } from '../panels.ts';
import { increase, max, quantiles, rate, type Selector } from '../queries.ts';

/** Whether those who asked to be told are told. */
export function webhooks(): readonly PanelBuilder[] {
  return [
    webhookAttempts(''),
    graph({
      title: 'Duration of webhook attempts',
      description:
        'From the beginning of an attempt to its answer, or to giving it up after WEBHOOK_TIMEOUT_MS (10 s). A slow receiver holds up nothing but its own deliveries, until all places of the workers (WEBHOOK_CONCURRENCY) wait for it.',
      unit: UNIT.seconds,
      span: 8,
      steps: [
        [1, 'orange'],
        [10, 'red'],
      ],
      queries: quantiles('courier_webhook_attempt_seconds', ''),
    }),
    graph({
      title: 'Webhook deliveries that ended',
      description:
        'Deliveries that ended in each interval. given_up: all attempts failed; crowded_out: more than 500 waited for one receiver. Both are lost unless somebody sends them again. not_sent: the webhook was disabled or deleted meanwhile.',
      unit: UNIT.count,
      span: 8,
      stacked: true,
      decimals: 1,
      good: ['delivered'],
      bad: ['given_up', 'crowded_out'],
      queries: [
        {
          expr: increase('courier_webhook_deliveries_total', '', 'outcome'),
          legend: '{{outcome}}',
        },
      ],
    }),
    graph({
      title: 'Pending webhook deliveries',
      description:
        'Deliveries that have not ended, of all webhooks: those to be sent now, and those that are tried again. A receiver that is down keeps up to 500.',
      unit: UNIT.count,
      span: 8,
      queries: [{ expr: max('courier_webhook_deliveries_pending', ''), legend: 'pending' }],
    }),
    graph({
      title: 'Oldest pending webhook delivery',
      description:
        'Age of the oldest delivery that has not ended. It grows while one receiver is down; webhooks { nodes { deliveries { … } } } says which. After about a day it is given up.',
      unit: UNIT.seconds,
      span: 8,
      steps: [
        [600, 'orange'],
        [3600, 'red'],
      ],
      queries: [{ expr: max('courier_webhook_oldest_delivery_seconds', ''), legend: 'oldest' }],
    }),
    graph({
      title: 'Webhooks, by state',
      description:
        'enabled; disabled by an operator; given_up: disabled because its receiver failed for long or said that it is gone. Those are told of nothing any more, and want somebody to mend the receiver or to delete them.',
      unit: UNIT.count,
      span: 8,
      stacked: true,
      good: ['enabled'],
      bad: ['given_up'],
      queries: [{ expr: max('courier_webhooks', '', 'state'), legend: '{{state}}' }],
    }),
  ];
}

export function webhookAttempts(selector: Selector): PanelBuilder {
  return graph({
    title: 'Webhook attempts, by outcome',
    description:
      'Attempts at deliveries a second. http_4xx: an address or a secret changed at the receiver; http_5xx and timeout: it is in trouble; network: it is gone; refused_address: it points into a private network; unsigned: VAULT_KEYS lacks the key of its secret.',
    unit: UNIT.perSecond,
    span: 8,
    good: ['delivered'],
    queries: [
      {
        expr: rate('courier_webhook_attempts_total', selector, 'outcome'),
        legend: '{{outcome}}',
      },
    ],
  });
}
