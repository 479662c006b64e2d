import type { PanelBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import { graph, UNIT } from '../panels.ts';
import { increase, max, type Selector } from '../queries.ts';

export function storeMemory(): PanelBuilder {
  return graph({
    title: 'Memory of Redis',
    description:
      'What Redis uses, and beyond which it refuses writes: its maxmemory, or without one the memory of its machine. Of a cluster the fullest master. Finished updates fill it (RETENTION_MS), and a queue that grows.',
    unit: UNIT.bytes,
    span: 8,
    bad: ['bound'],
    queries: [
      { expr: max('courier_redis_memory_used_bytes', ''), legend: 'used' },
      { expr: max('courier_redis_memory_max_bytes', ''), legend: 'bound' },
    ],
  });
}

export function scrapesWithoutStore(selector: Selector): PanelBuilder {
  return graph({
    title: 'Scrapes without Redis',
    description:
      'Scrapes of workers in each interval at which Redis did not answer within two seconds: it is away, blocked by a slow command, or the network is.',
    unit: UNIT.count,
    span: 8,
    decimals: 1,
    queries: [
      { expr: increase('courier_scrapes_without_store_total', selector), legend: 'scrapes' },
    ],
  });
}

export function renewals(selector: Selector): PanelBuilder {
  return graph({
    title: 'Connections to Redis made anew',
    description:
      'Connections that fell silent without being closed, in each interval, by worker: something between here and Redis forgets connections (a NAT, a firewall, a load balancer).',
    unit: UNIT.count,
    span: 8,
    decimals: 1,
    queries: [
      {
        expr: increase('courier_redis_renewals_total', selector, 'instance'),
        legend: '{{instance}}',
      },
    ],
  });
}
