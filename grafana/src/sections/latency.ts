import type { PanelBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import { graph, type Steps, UNIT } from '../panels.ts';
import { quantiles, type Selector, series } from '../queries.ts';

const SUBMIT_STEPS: Steps = [
  [1, 'orange'],
  [5, 'red'],
];

/** From submission to acceptance, whole and step by step. */
export function latency(selector: Selector, ...by: readonly string[]): readonly PanelBuilder[] {
  const succeeded = ['state="SUCCEEDED"', selector].filter(Boolean).join(', ');
  return [
    graph({
      title: 'Submit to accepted',
      description:
        'From the submission of an update to the shadow service taking it, for those that it took. One that was held counts with all of its wait: a parked identity that comes back shows as a peak. The dashed lines stand at 1 s and at the objective of 5 s.',
      unit: UNIT.seconds,
      span: 6,
      steps: SUBMIT_STEPS,
      queries: quantiles('courier_update_settled_seconds', succeeded, ...by),
    }),
    graph({
      title: 'Submit to publish (wait)',
      description:
        'From the submission to the publish that was answered: queueing, the connection, rates, backoff and earlier tries. Where this is most of the whole, the wait reasons say why.',
      unit: UNIT.seconds,
      span: 6,
      steps: SUBMIT_STEPS,
      queries: quantiles('courier_update_wait_seconds', selector, ...by),
    }),
    graph({
      title: 'Submit to PUBACK',
      description:
        "From the submission to the broker's PUBACK of the publish. The broker has it then, the shadow service may still refuse it.",
      unit: UNIT.seconds,
      span: 6,
      steps: SUBMIT_STEPS,
      queries: quantiles('courier_update_puback_seconds', selector, ...by),
    }),
    graph({
      title: 'Publish to answer',
      description:
        "From a publish to the shadow service's answer: the round trip to AWS IoT and its own time. It does not depend on how much is queued; where it grows, the network, AWS, or a worker's event loop is slow.",
      unit: UNIT.seconds,
      span: 6,
      steps: [
        [0.5, 'orange'],
        [2.5, 'red'],
      ],
      queries: quantiles('courier_publish_answer_seconds', selector, ...by),
    }),
  ];
}

/** Where the mass of the latencies lies: the share of updates accepted within 1 s and 5 s. */
export function withinBounds(selector: Selector): PanelBuilder {
  const succeeded = ['state="SUCCEEDED"', selector].filter(Boolean);
  const within = (bound: number) =>
    `sum (rate(${series('courier_update_settled_seconds_bucket', [...succeeded, `le=~"${bound}(.0)?"`].join(', '))}[$__rate_interval]))`;
  const all = `sum (rate(${series('courier_update_settled_seconds_count', succeeded.join(', '))}[$__rate_interval]))`;
  return graph({
    title: 'Accepted in time',
    description:
      'Of the updates that were accepted, the share that was so within 1 s and within 5 s of its submission.',
    unit: UNIT.ratio,
    span: 12,
    max: 1,
    queries: [1, 5].map((bound) => ({
      expr: `${within(bound)} / ${all}`,
      legend: `within ${bound} s`,
    })),
  });
}

/** What the alerts on the objective look at. */
export function missed(): PanelBuilder {
  return graph({
    title: 'Objective missed',
    description:
      'Share of the updates that were late, expired or given up, over windows of four lengths; 1 % is what the objective allows. CourierObjectiveBurnsFast comes above 14.4 % in 5 min and 1 h, CourierObjectiveBurnsSlowly above 6 % (dashed) in 30 min and 6 h, where enough updates ended. Nothing where none did.',
    unit: UNIT.ratio,
    span: 12,
    reach: 0.2,
    steps: [
      [0.06, 'orange'],
      [0.144, 'red'],
    ],
    queries: ['5m', '30m', '1h', '6h'].map((window) => ({
      expr: `courier:missed:ratio_rate${window}`,
      legend: window,
    })),
  });
}
