import type { PanelBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import { graph, UNIT } from '../panels.ts';
import { quantiles, rate } from '../queries.ts';

/** What internal tools ask for, and how they are answered. */
export function api(): readonly PanelBuilder[] {
  return [
    graph({
      title: 'Requests, by outcome',
      description:
        'GraphQL requests a second. refused: a mutation answered with an error as data; client_error: not a sound request; unavailable: Redis did not answer; server_error: a fault of ours, look into the log of the API.',
      unit: UNIT.perSecond,
      span: 8,
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
      title: 'Rows of mutations, by code',
      description:
        'What mutations were asked for a second: ACCEPTED, or the code of the refusal. A row of a bulk mutation counts once.',
      unit: UNIT.perSecond,
      span: 8,
      queries: [{ expr: rate('courier_api_rows_total', '', 'code'), legend: '{{code}}' }],
    }),
    graph({
      title: 'Requests in progress',
      description: 'HTTP requests that are being answered, by API process.',
      unit: UNIT.count,
      span: 12,
      queries: [
        { expr: 'sum by (instance) (courier_api_requests_running)', legend: '{{instance}}' },
      ],
    }),
    graph({
      title: 'Bytes over HTTP',
      description: 'Bytes a second over the HTTP connections of the API, headers included.',
      unit: UNIT.bytesPerSecond,
      span: 12,
      queries: [
        { expr: rate('courier_api_bytes_total', '', 'direction'), legend: '{{direction}}' },
      ],
    }),
  ];
}
