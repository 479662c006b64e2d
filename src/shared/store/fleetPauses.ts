import { type Pause, type PauseTarget, parsePauseField, pauseField } from '../domain/pause.ts';
import { CourierError } from '../errors/courierError.ts';
import type { RedisClient } from '../redis/client.ts';
import type { Keys } from '../redis/keys.ts';
import { runScript } from '../redis/script.ts';
import { PAUSE } from './lua/fleetScripts.ts';

/** Workers read all pauses with every heartbeat; for more than these there are groups. */
const MAX_PAUSES = 1000;

/** The hash of all pauses, oldest first. */
export function parsePauses(fields: Readonly<Record<string, string>>): readonly Pause[] {
  return Object.entries(fields)
    .flatMap(([field, json]) => {
      const target = parsePauseField(field);
      return target === undefined
        ? []
        : [{ ...(JSON.parse(json) as Omit<Pause, 'target'>), target }];
    })
    .toSorted((a, b) => a.since - b.since);
}

/** All pauses, oldest first. */
export async function readPauses(redis: RedisClient, keys: Keys): Promise<readonly Pause[]> {
  return parsePauses(await redis.hgetall(keys.pauses));
}

/** Holds updates back and lets them go; the workers follow with their next heartbeats. */
export class FleetPauses {
  readonly #redis: RedisClient;
  readonly #key: string;

  constructor(redis: RedisClient, keys: Keys) {
    this.#redis = redis;
    this.#key = keys.pauses;
  }

  async list(): Promise<readonly Pause[]> {
    return parsePauses(await this.#redis.hgetall(this.#key));
  }

  /**
   * Pauses a target. One that is paused already stays as it was.
   * @returns the pause that holds. @throws TOO_MANY_PAUSES
   */
  async pause(target: PauseTarget, by: { actor: string; reason: string }): Promise<Pause> {
    const pause: Omit<Pause, 'target'> = { ...by, since: Date.now() };
    const holding = await runScript(
      this.#redis,
      PAUSE,
      [this.#key],
      [pauseField(target), JSON.stringify(pause), MAX_PAUSES],
    );
    if (typeof holding === 'string') {
      return { ...(JSON.parse(holding) as Omit<Pause, 'target'>), target };
    }
    throw new CourierError(
      'TOO_MANY_PAUSES',
      `${MAX_PAUSES} shards, identities and groups are paused already.`,
      'Resume some of them, or pause a group or the whole fleet instead.',
    );
  }

  /** @returns the pause that ended. @throws NOT_PAUSED */
  async resume(target: PauseTarget): Promise<Pause> {
    const field = pauseField(target);
    const json = await this.#redis.hget(this.#key, field);
    if (json !== null && (await this.#redis.hdel(this.#key, field)) === 1) {
      return { ...(JSON.parse(json) as Omit<Pause, 'target'>), target };
    }
    throw new CourierError(
      'NOT_PAUSED',
      `There is no pause of ${field}.`,
      'Look at fleet { pauses { … } }; each pause is ended apart from the others, also where two hold the same updates back.',
    );
  }
}
