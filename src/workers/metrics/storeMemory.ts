import type { Registry } from 'prom-client';
import type { RedisClient } from '../../shared/redis/client.ts';
import { inTime } from './inTime.ts';
import { gaugeOnScrape } from './scrapeGauge.ts';

interface StoreMemory {
  readonly usedBytes: number;
  /** `maxmemory`, or where there is none what the machine has. */
  readonly maxBytes: number;
}

/**
 * How full Redis is; of a cluster its fullest master, since that is the one that refuses first.
 * Absent where INFO is not allowed.
 */
export function registerStoreMemory(registry: Registry, redis: RedisClient): void {
  gaugeOnScrape(registry, {
    name: 'courier_redis_memory_used_bytes',
    help: 'Memory that Redis uses; of a cluster the fullest master. The same at every worker',
    collect: async (gauge) => {
      const memory = await inTime(fullest(redis));
      if (memory !== undefined) gauge.set(memory.usedBytes);
    },
  });
  gaugeOnScrape(registry, {
    name: 'courier_redis_memory_max_bytes',
    help: 'Beyond which that Redis refuses writes: maxmemory, or without it the memory of its machine',
    collect: async (gauge) => {
      const memory = await inTime(fullest(redis));
      if (memory !== undefined) gauge.set(memory.maxBytes);
    },
  });
}

async function fullest(redis: RedisClient): Promise<StoreMemory | undefined> {
  const nodes = 'nodes' in redis ? redis.nodes('master') : [redis];
  const texts = await Promise.all(nodes.map((node) => node.info('memory')));
  const known = texts.map(parse).filter((one) => one.maxBytes > 0);
  return known.toSorted((a, b) => b.usedBytes / b.maxBytes - a.usedBytes / a.maxBytes)[0];
}

function parse(info: string): StoreMemory {
  const bytes = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0);
  return {
    usedBytes: bytes('used_memory'),
    maxBytes: bytes('maxmemory') || bytes('total_system_memory'),
  };
}
