import type { PanelBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import { graph, UNIT } from '../panels.ts';
import { rate, type Selector, series, sum } from '../queries.ts';

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
    queries: [
      {
        expr: `sum by (change) (increase(${series('courier_lease_changes_total', selector)}[$__rate_interval]))`,
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
      "Lanes a second to which the owner's sweep gave a job, because none was alive (orphan) or it came too late (late). A few after a crash are its purpose; a steady rate means that jobs get lost. Beside it, scrapes at which Redis did not answer in time.",
    unit: UNIT.perSecond,
    span: 8,
    queries: [
      { expr: rate('courier_sweep_findings_total', selector, 'finding'), legend: '{{finding}}' },
      {
        expr: rate('courier_scrapes_without_store_total', selector),
        legend: 'scrapes without Redis',
      },
    ],
  });
}
