import type { Logger } from '../../shared/observability/logger.ts';
import type { RedisClient } from '../../shared/redis/client.ts';
import type { Keys } from '../../shared/redis/keys.ts';
import { EventStreams } from '../../shared/store/eventStreams.ts';
import { FleetEvents } from '../../shared/store/fleetEvents.ts';
import type { ApiMetrics } from '../metrics.ts';
import { EventFeed } from './eventFeed.ts';
import { type SubscriptionLimits, Subscriptions } from './subscriptions.ts';

export interface EventSettings extends SubscriptionLimits {
  /** How often the streams are looked at while somebody subscribes. */
  readonly pollMs: number;
  readonly shardCount: number;
}

/** What subscriptions are made of, for the life of a process. */
export function eventServices(
  redis: RedisClient,
  keys: Keys,
  settings: EventSettings,
  metrics: ApiMetrics,
  log: Logger,
) {
  return {
    fleetEvents: new FleetEvents(redis, keys),
    feed: new EventFeed(new EventStreams(redis, keys, settings.shardCount), settings, log),
    subscriptions: new Subscriptions(settings, (count) => metrics.subscriptions.set(count)),
  };
}
