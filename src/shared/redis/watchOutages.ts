import type { Logger } from '../observability/logger.ts';
import type { RedisClient } from './client.ts';

/** Says once that Redis is away, whatever the number of attempts, and once that it is back. */
export function watchOutages(redis: RedisClient, log: Logger): void {
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
