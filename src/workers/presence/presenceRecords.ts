import type { RedisClient } from '../../shared/redis/client.ts';
import { type Keys, PRESENCE_BUCKETS } from '../../shared/redis/keys.ts';
import { runScript } from '../../shared/redis/script.ts';
import { OBSERVE_PRESENCE, RECORD_PRESENCE } from '../../shared/store/lua/presenceScripts.ts';
import { presenceBucket } from '../../shared/store/presenceReader.ts';
import type { LifecycleEvent } from './lifecycleEvent.ts';

const GAPS_KEPT = 200;

export interface Observation {
  readonly identityId: string;
  /** Another one for every link, and after events were lost. */
  readonly subscription: string;
}

/**
 * What is known of who is connected. Not fenced: events are facts of AWS's, and end in the same
 * whatever worker takes them in, in whatever order.
 */
export class PresenceRecords {
  readonly #redis: RedisClient;
  readonly #keys: Keys;
  readonly #worker: string;
  readonly #mostOfBucket: number;
  readonly #everyMs: number;
  readonly #unnoticedMs: number;

  constructor(
    redis: RedisClient,
    keys: Keys,
    settings: {
      readonly worker: string;
      /** Clients that are remembered. */
      readonly kept: number;
      /** How often the observation is renewed. */
      readonly everyMs: number;
      /** For how long the end of a connection may go unnoticed. */
      readonly unnoticedMs: number;
    },
  ) {
    this.#redis = redis;
    this.#keys = keys;
    this.#worker = settings.worker;
    this.#mostOfBucket = Math.ceil(settings.kept / PRESENCE_BUCKETS);
    this.#everyMs = settings.everyMs;
    this.#unnoticedMs = settings.unnoticedMs;
  }

  /** @returns false for an event that is older than what is known. */
  async record(event: LifecycleEvent): Promise<boolean> {
    const { clients, online, offline } = this.#keys.presence(presenceBucket(event.clientId));
    const applied = await runScript(
      this.#redis,
      RECORD_PRESENCE,
      [clients, online, offline],
      [
        this.#mostOfBucket,
        event.clientId,
        event.eventType === 'connected' ? 'online' : 'offline',
        event.versionNumber,
        event.timestamp,
        event.sessionIdentifier,
        event.disconnectReason,
        event.ipAddress,
      ],
    );
    return applied === 1;
  }

  async observe({ identityId, subscription }: Observation): Promise<void> {
    await runScript(
      this.#redis,
      OBSERVE_PRESENCE,
      [this.#keys.presenceObserver, this.#keys.presenceGaps],
      [identityId, this.#worker, subscription, GAPS_KEPT, this.#unnoticedMs, this.#everyMs],
    );
  }
}
