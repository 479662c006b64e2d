import { shardOfUpdate } from '../domain/ids.ts';
import { CourierError } from '../errors/courierError.ts';
import type { ShardQueues } from '../queue/shardQueues.ts';
import type { RedisClient } from '../redis/client.ts';
import type { Keys } from '../redis/keys.ts';
import { runScript } from '../redis/script.ts';
import { CANCEL } from './lua/endScripts.ts';

/** What internal tools may do with an update that was accepted. Needs no worker. */
export class UpdateControl {
  readonly #redis: RedisClient;
  readonly #keys: Keys;
  readonly #queues: ShardQueues;
  readonly #settings: { readonly shardCount: number; readonly retentionMs: number };

  constructor(
    redis: RedisClient,
    keys: Keys,
    queues: ShardQueues,
    settings: { readonly shardCount: number; readonly retentionMs: number },
  ) {
    this.#redis = redis;
    this.#keys = keys;
    this.#queues = queues;
    this.#settings = settings;
  }

  /**
   * Ends an update that waits. Canceling again what was canceled changes nothing and is no error,
   * so that a caller who got no answer may ask again.
   * @throws UPDATE_NOT_FOUND, UPDATE_IN_FLIGHT, UPDATE_FINISHED
   */
  async cancel(updateId: string, actor: string, reason: string | undefined): Promise<void> {
    const shard = shardOfUpdate(updateId);
    if (shard === undefined || shard >= this.#settings.shardCount) throw updateNotFound(updateId);
    const [verdict, detail = ''] = (await runScript(
      this.#redis,
      CANCEL,
      [this.#keys.shard(shard).lease],
      [updateId, actor, reason ?? '', this.#settings.retentionMs],
    )) as string[];
    if (verdict === 'missing') throw updateNotFound(updateId);
    if (verdict === 'published') {
      throw new CourierError(
        'UPDATE_IN_FLIGHT',
        `${updateId} is being published, alone or merged with others, and cannot be taken back.`,
        'Wait for its end, then send an update that sets the fields as they should be.',
      );
    }
    if (verdict === 'final' && detail !== 'CANCELED') {
      throw new CourierError(
        'UPDATE_FINISHED',
        `${updateId} has ended already, as ${detail}.`,
        'Look at its outcome; to change the shadow again, send another update.',
      );
    }
    // The lane's next update may have a job that sleeps as long as this one had to wait.
    if (verdict === 'canceled' && detail !== '') await this.#queues.promote(shard, detail);
  }
}

export function updateNotFound(id: string): CourierError {
  return new CourierError(
    'UPDATE_NOT_FOUND',
    `No update has the id "${id.slice(0, 64)}".`,
    'Use the id that the mutation gave. Finished updates are kept for RETENTION_MS.',
  );
}
