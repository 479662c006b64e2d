import type { PanelBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import { graph, UNIT } from '../panels.ts';
import { type Selector, series } from '../queries.ts';

const INSTANCE = '{{program}} {{instance}}';
const BY = 'by (program, instance)';

export function cpu(selector: Selector): PanelBuilder {
  return graph({
    title: 'CPU',
    description:
      'Cores used by each process, native threads included. JavaScript runs on one: a worker near 1 is at its limit, and another worker takes half of it.',
    unit: UNIT.ratio,
    span: 8,
    reach: 1,
    steps: [[0.9, 'orange']],
    queries: [
      {
        expr: `sum ${BY} (rate(${series('process_cpu_seconds_total', selector)}[$__rate_interval]))`,
        legend: INSTANCE,
      },
    ],
  });
}

export function memory(selector: Selector): PanelBuilder {
  return graph({
    title: 'Memory',
    description:
      'Resident memory of each process. It grows with the connections that a worker holds.',
    unit: UNIT.bytes,
    span: 8,
    queries: [
      {
        expr: `sum ${BY} (${series('process_resident_memory_bytes', selector)})`,
        legend: INSTANCE,
      },
    ],
  });
}

export function eventLoop(selector: Selector): PanelBuilder {
  return graph({
    title: 'Event-loop delay (p99)',
    description:
      'How late the slowest hundredth of timers was since the last scrape. Near LEASE_MS a worker loses its leases; far below that, latencies suffer.',
    unit: UNIT.seconds,
    span: 8,
    steps: [
      [0.25, 'orange'],
      [1, 'red'],
    ],
    queries: [
      {
        expr: `max ${BY} (${series('nodejs_eventloop_lag_p99_seconds', selector)})`,
        legend: INSTANCE,
      },
    ],
  });
}

export function heap(selector: Selector): PanelBuilder {
  return graph({
    title: 'JavaScript heap',
    description: 'Heap in use. A sawtooth is healthy; a rising floor is a leak.',
    unit: UNIT.bytes,
    span: 8,
    queries: [
      {
        expr: `sum ${BY} (${series('nodejs_heap_size_used_bytes', selector)})`,
        legend: INSTANCE,
      },
    ],
  });
}

export function garbage(selector: Selector): PanelBuilder {
  return graph({
    title: 'Garbage collection',
    description:
      'Share of the time that is spent collecting garbage. Above 10 % the heap is too small.',
    unit: UNIT.ratio,
    span: 8,
    reach: 0.2,
    steps: [[0.1, 'orange']],
    queries: [
      {
        expr: `sum ${BY} (rate(${series('nodejs_gc_duration_seconds_sum', selector)}[$__rate_interval]))`,
        legend: INSTANCE,
      },
    ],
  });
}

export function uptime(selector: Selector): PanelBuilder {
  return graph({
    title: 'Uptime',
    description: 'Time since each process started. A saw shows one that dies and is restarted.',
    unit: UNIT.seconds,
    span: 8,
    queries: [
      {
        expr: `max ${BY} (time() - ${series('process_start_time_seconds', selector)})`,
        legend: INSTANCE,
      },
    ],
  });
}
