import type { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import type { PanelBuilder as TableBuilder } from '@grafana/grafana-foundation-sdk/table';
import { stat, table, UNIT } from '../panels.ts';

const HEIGHT = 7;
/** Whatever labels our rules give an alert. */
const LABELS = '"stage", "gate", "reason", "budget", "outcome", "program", "instance"';

/** What fires now, and what may soon. */
export function alerts(): readonly (StatBuilder | TableBuilder)[] {
  return [
    table({
      title: 'Alerts that fire',
      description:
        'What fires now, by the rules in prometheus/rules. Each one says what to do in its description, at /alerts of Prometheus, and leads to a section of docs/operations.md.',
      unit: UNIT.count,
      span: 12,
      height: HEIGHT,
      noValue: 'none',
      columns: { severity: 'severity', alertname: 'alert', concerns: 'concerns' },
      sortBy: 'severity',
      widths: { severity: 80, alert: 260 },
      queries: [
        {
          expr: `count by (severity, alertname, concerns) (label_join(ALERTS{alertstate="firing", alertname=~"Courier.+"}, "concerns", " ", ${LABELS}))`,
          legend: '',
        },
      ],
    }),
    stat({
      title: 'Failing requests',
      description:
        'Share of the requests to the API that Redis (unavailable) or a fault of ours (server_error) let fail, now. Above 1 % for five minutes it is an alert.',
      unit: UNIT.ratio,
      decimals: 1,
      span: 3,
      height: HEIGHT,
      noValue: 'no requests',
      steps: [[0.01, 'red']],
      queries: [
        {
          expr: 'sum (rate(courier_api_requests_total{outcome=~"unavailable|server_error"}[$__rate_interval])) / sum (rate(courier_api_requests_total[$__rate_interval]))',
          legend: 'failing',
        },
      ],
    }),
    stat({
      title: 'Memory of Redis',
      description:
        'How full Redis is. When it is full, no update is accepted and none ends: an alert comes at 75 %, a critical one at 90 %.',
      unit: UNIT.ratio,
      decimals: 0,
      span: 3,
      height: HEIGHT,
      steps: [
        [0.75, 'orange'],
        [0.9, 'red'],
      ],
      queries: [
        {
          expr: 'max (courier_redis_memory_used_bytes) / max (courier_redis_memory_max_bytes)',
          legend: 'used',
        },
      ],
    }),
    stat({
      title: 'Pauses that hold',
      description:
        'What operators hold back: the fleet, shards, identities or groups. Where updates do not move although nothing is wrong, look here first.',
      unit: UNIT.count,
      decimals: 0,
      span: 3,
      height: HEIGHT,
      steps: [[1, 'orange']],
      queries: [{ expr: 'sum (max by (target) (courier_pauses))', legend: 'pauses' }],
    }),
    stat({
      title: 'Oldest webhook delivery',
      description:
        'Age of the oldest delivery to a webhook that has not got through. It delays no update; somebody is not told of what happens.',
      unit: UNIT.seconds,
      decimals: 0,
      span: 3,
      height: HEIGHT,
      steps: [
        [600, 'orange'],
        [3600, 'red'],
      ],
      queries: [{ expr: 'max (courier_webhook_oldest_delivery_seconds)', legend: 'oldest' }],
    }),
  ];
}
