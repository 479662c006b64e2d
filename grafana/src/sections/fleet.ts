import type { PanelBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import { graph, UNIT } from '../panels.ts';
import { increase, type Selector, sum } from '../queries.ts';

export function leasesByWorker(selector: Selector): PanelBuilder {
  return graph({
    title: 'Leases, by worker',
    description:
      'Shards that each worker owns. Shares differ by one at most once the fleet is settled; together they are all shards.',
    unit: UNIT.count,
    span: 8,
    stacked: true,
    queries: [{ expr: sum('courier_leases_held', selector, 'instance'), legend: '{{instance}}' }],
  });
}

export function leaseChanges(selector: Selector): PanelBuilder {
  return graph({
    title: 'Lease changes',
    description:
      'Leases taken, released and lost in each interval. Taken and released go together while workers come and go; lost means that a worker could not renew in time: Redis was away, or its event loop stood still.',
    unit: UNIT.count,
    span: 8,
    decimals: 1,
    bad: ['lost'],
    queries: [
      {
        expr: increase('courier_lease_changes_total', selector, 'change'),
        legend: '{{change}}',
      },
    ],
  });
}

export function workersSeen(): PanelBuilder {
  return graph({
    title: 'Workers scraped and seen',
    description:
      'Workers that Prometheus reaches, those that it fails to reach, and those that the workers themselves see beat. Where fewer are scraped than seen, Prometheus does not find them all.',
    unit: UNIT.count,
    span: 8,
    bad: ['not reached'],
    queries: [
      { expr: 'sum (up{job="courier-worker"})', legend: 'scraped' },
      { expr: 'count (up{job="courier-worker"} == 0) or vector(0)', legend: 'not reached' },
      { expr: 'max (courier_workers_seen)', legend: 'seen by the fleet' },
    ],
  });
}

export function sweeps(selector: Selector): PanelBuilder {
  return graph({
    title: 'Mended by the sweep',
    description:
      "Lanes in each interval to which the owner's sweep gave a job, because none was alive (orphan) or it came too late (late). A few after a crash are its purpose; where it goes on, jobs get lost.",
    unit: UNIT.count,
    span: 8,
    decimals: 1,
    queries: [
      {
        expr: increase('courier_sweep_findings_total', selector, 'finding'),
        legend: '{{finding}}',
      },
    ],
  });
}

export function consumersRestarted(selector: Selector): PanelBuilder {
  return graph({
    title: 'Consumers made anew',
    description:
      'Consumers of a shard that took no job although jobs were ready, in each interval, by worker. One burst after trouble with Redis is what it is for; a worker where it goes on wants a restart.',
    unit: UNIT.count,
    span: 8,
    decimals: 1,
    queries: [
      {
        expr: increase('courier_consumer_restarts_total', selector, 'instance'),
        legend: '{{instance}}',
      },
    ],
  });
}
