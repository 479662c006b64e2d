import type { AuditIntent } from '../domain/audit.ts';
import type { RedisClient } from '../redis/client.ts';
import type { Keys } from '../redis/keys.ts';
import { MOST_FLEET_EVENTS } from './lua/fleetScripts.ts';

/** What operators do to the fleet, by the names of the mutations. */
const FLEET_ACTIONS: ReadonlySet<string> = new Set([
  'moveShard',
  'drainWorker',
  'resumeWorker',
  'pauseUpdates',
  'resumeUpdates',
  'setBudget',
  'setJobConcurrency',
]);

/** Tells the stream of the fleet what operators did to it. */
export class FleetEvents {
  readonly #redis: RedisClient;
  readonly #keys: Keys;

  constructor(redis: RedisClient, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  /** Writes an event, where the action is one on the fleet. */
  async acted({ action, actor, subjects, reason }: AuditIntent): Promise<void> {
    if (!FLEET_ACTIONS.has(action)) return;
    const fields = { k: 'A', n: action, a: actor, s: JSON.stringify(subjects), r: reason ?? '' };
    await this.#redis.xadd(
      this.#keys.fleetEvents,
      'MAXLEN',
      '~',
      MOST_FLEET_EVENTS,
      '*',
      ...Object.entries(fields).flat(),
    );
  }
}
