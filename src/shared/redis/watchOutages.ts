import { Cluster, type Redis } from 'ioredis';
import type { Logger } from '../observability/logger.ts';
import type { RedisClient } from './client.ts';

/**
 * Says once that Redis is away, whatever the number of attempts, and once that it is back; of a
 * cluster also of each node by itself.
 */
export function watchOutages(redis: RedisClient, log: Logger): void {
  if (redis instanceof Cluster) watchNodes(redis, log);
  let wasReady = false;
  let away = false;
  let reason = 'the connection was closed';
  redis.on('error', (error: Error) => {
    reason = error.message;
  });
  redis.on('close', () => {
    if (!wasReady || away) return;
    away = true;
    log.warn({ reason }, 'Redis went away; trying to reconnect');
  });
  redis.on('ready', () => {
    if (away) log.info('Redis is back');
    wasReady = true;
    away = false;
  });
}

/** A connection to a node does not come back: ioredis makes another one in its place. */
function watchNodes(cluster: Cluster, log: Logger): void {
  const away = new Set<string>();
  cluster.on('node error', (error: Error, node: string) => {
    if (away.has(node)) return;
    away.add(node);
    log.warn({ node, reason: error.message }, 'a node of the cluster went away');
  });
  cluster.on('+node', (connection: Redis) => {
    connection.once('ready', () => {
      const node = `${connection.options.host}:${connection.options.port}`;
      if (away.delete(node)) log.info({ node }, 'the node of the cluster is back');
    });
  });
}
