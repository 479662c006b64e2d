import type { PanelBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { stat, UNIT } from '../panels.ts';
import { ACCEPTED_IN_TIME, COUNTED } from '../slo.ts';

/** The fleet in eight numbers. */
export function glance(): readonly PanelBuilder[] {
  return [
    stat({
      title: 'Accepted within 5 s',
      description:
        'The objective: of the updates that ended in the time shown, the share that the shadow service accepted within 5 s of their submission. What callers got wrong or took back does not count. Below 99 %, look at the latency row to see which step takes the time, and at the wait reasons.',
      unit: UNIT.ratio,
      decimals: 2,
      span: 3,
      noValue: 'no updates',
      steps: [
        [0, 'red'],
        [0.99, 'orange'],
        [0.999, 'green'],
      ],
      queries: [
        {
          expr: `sum (increase(${ACCEPTED_IN_TIME}[$__range])) / sum (increase(${COUNTED}[$__range]))`,
          legend: 'accepted within 5 s',
        },
      ],
    }),
    stat({
      title: 'Updates ended',
      description:
        'Updates that came to an end a second, over the whole fleet and whatever the end.',
      unit: UNIT.perSecond,
      decimals: 1,
      span: 3,
      steps: [],
      queries: [
        {
          expr: 'sum (rate(courier_updates_settled_total[$__rate_interval]))',
          legend: 'ended',
        },
      ],
    }),
    stat({
      title: 'Authorization failures',
      description:
        'Refusals in the last ten minutes, probes included. The row below tells stage and gate; docs/errors.md says what to mend at each gate.',
      unit: UNIT.count,
      decimals: 0,
      span: 3,
      steps: [[0.5, 'red']],
      queries: [
        {
          expr: 'sum (increase(courier_authorization_failures_total[10m]))',
          legend: 'refusals',
        },
      ],
    }),
    stat({
      title: 'Parked identities',
      description:
        'Identities that were denied and wait for a probe, their updates held: a probe releases them by itself once the gate is mended. Below, lanes of identities that no probe releases: somebody has to give them another password, or to enable the user.',
      unit: UNIT.count,
      span: 3,
      steps: [[1, 'orange']],
      queries: [
        { expr: 'sum (courier_identities_quarantined)', legend: 'probed' },
        {
          expr: 'sum (courier_lanes_waiting{reason="NEEDS_OPERATOR"})',
          legend: 'lanes for an operator',
        },
      ],
    }),
    stat({
      title: 'Oldest open update',
      description:
        'Age of the oldest update that has not ended, at any worker. It grows without bound while an identity is parked; the wait reasons tell that from a fleet that cannot keep up.',
      unit: UNIT.seconds,
      decimals: 1,
      span: 3,
      steps: [
        [60, 'orange'],
        [900, 'red'],
      ],
      queries: [{ expr: 'max (courier_oldest_update_age_seconds)', legend: 'oldest' }],
    }),
    stat({
      title: 'Connected identities',
      description: 'MQTT connections that are up, one for each identity.',
      unit: UNIT.count,
      span: 3,
      steps: [],
      queries: [{ expr: 'sum (courier_connections{state="connected"})', legend: 'connected' }],
    }),
    stat({
      title: 'Workers',
      description: 'Workers that Prometheus scrapes with success.',
      unit: UNIT.count,
      span: 3,
      noValue: '0',
      steps: [
        [0, 'red'],
        [1, 'green'],
      ],
      queries: [{ expr: 'sum (up{job="courier-worker"})', legend: 'workers' }],
    }),
    stat({
      title: 'Shards without an owner',
      description:
        'Shards that no scraped worker holds: their updates wait. Above zero for a moment while shards move; for longer than the lease time, workers are missing or cannot reach Redis.',
      unit: UNIT.count,
      span: 3,
      steps: [[1, 'red']],
      queries: [
        {
          expr: 'clamp_min(max (courier_shards) - sum (courier_leases_held), 0)',
          legend: 'without an owner',
        },
      ],
    }),
  ];
}
