import type { PanelBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import { graph, UNIT } from '../panels.ts';
import { increase, quantiles, rate, sum } from '../queries.ts';

/** What internal tools ask for, and how they are answered. */
export function api(): readonly PanelBuilder[] {
  return [
    graph({
      title: 'Requests, by outcome',
      description:
        'GraphQL requests a second. refused: a mutation answered with an error as data; client_error: not a sound request; unauthenticated, forbidden and rate_limited: turned away; unavailable: Redis did not answer; server_error: a fault of ours, look into the log of the API.',
      unit: UNIT.perSecond,
      span: 8,
      good: ['ok'],
      bad: ['server_error', 'unavailable'],
      queries: [{ expr: rate('courier_api_requests_total', '', 'outcome'), legend: '{{outcome}}' }],
    }),
    graph({
      title: 'Request duration',
      description:
        'From the arrival of a request to its answer. A bulk mutation of 1,000 rows takes longer than a single one; queries for many updates likewise.',
      unit: UNIT.seconds,
      span: 8,
      steps: [
        [0.5, 'orange'],
        [2.5, 'red'],
      ],
      queries: quantiles('courier_api_request_duration_seconds', '', 'operation'),
    }),
    graph({
      title: 'Callers turned away',
      description:
        'Requests in each interval that were not carried out for who sent them. unauthenticated: no token, or one that has run out, was revoked or is guessed; forbidden: the role does not reach; rate_limited: the caller has spent its points. The log of the API says who and from where.',
      unit: UNIT.count,
      span: 8,
      stacked: true,
      decimals: 1,
      queries: [
        {
          expr: increase(
            'courier_api_requests_total',
            'outcome=~"unauthenticated|forbidden|rate_limited"',
            'outcome',
          ),
          legend: '{{outcome}}',
        },
      ],
    }),
    graph({
      title: 'Rows of mutations, by code',
      description:
        'What mutations were asked for a second: ACCEPTED, or the code of the refusal. A row of a bulk mutation counts once.',
      unit: UNIT.perSecond,
      span: 8,
      good: ['ACCEPTED'],
      queries: [{ expr: rate('courier_api_rows_total', '', 'code'), legend: '{{code}}' }],
    }),
    graph({
      title: 'Requests in progress, and subscriptions',
      description:
        'HTTP requests that are being answered, and subscriptions that are open, by API process. Requests that pile up wait for Redis.',
      unit: UNIT.count,
      span: 8,
      queries: [
        { expr: sum('courier_api_requests_running', '', 'instance'), legend: '{{instance}}' },
        {
          expr: sum('courier_api_subscriptions', '', 'instance'),
          legend: 'subscriptions of {{instance}}',
        },
      ],
    }),
    graph({
      title: 'Bytes over HTTP',
      description: 'Bytes a second over the HTTP connections of the API, headers included.',
      unit: UNIT.bytesPerSecond,
      span: 8,
      queries: [
        { expr: rate('courier_api_bytes_total', '', 'direction'), legend: '{{direction}}' },
      ],
    }),
  ];
}
