import type { RedisClient } from '../redis/client.ts';
import type { Keys } from '../redis/keys.ts';
import { runScript } from '../redis/script.ts';
import type { BatchReader } from './batchReader.ts';
import { FINISH_BATCH } from './lua/batchScripts.ts';
import { MOST_EVENTS } from './lua/eventFunctions.ts';

const MOST_AT_ONCE = 100;

/** Finds out that batches have ended, of those whose part in a shard has. */
export class BatchEnds {
  readonly #redis: RedisClient;
  readonly #keys: Keys;
  readonly #reader: BatchReader;
  readonly #retentionMs: number;

  constructor(redis: RedisClient, keys: Keys, reader: BatchReader, retentionMs: number) {
    this.#redis = redis;
    this.#keys = keys;
    this.#reader = reader;
    this.#retentionMs = retentionMs;
  }

  /**
   * Looks at batches whose part in this shard has ended, and begins the time that what has ended
   * altogether is kept for. May run anywhere, and again where it was interrupted.
   * @returns the batches whose end nobody noted before.
   */
  async sweep(shard: number): Promise<readonly string[]> {
    const { batchEnds } = this.#keys.shard(shard);
    const ids = await this.#redis.srandmember(batchEnds, MOST_AT_ONCE);
    const ended: string[] = [];
    for (const id of ids) {
      const batch = await this.#reader.find(id);
      // Its last rows may come yet.
      if (batch?.state === 'ACCEPTING') continue;
      if (batch?.state === 'COMPLETED') await this.#tell(id, shard);
      if (batch?.state === 'COMPLETED' && (await this.#note(id, batch.finishedAt))) ended.push(id);
      // Of what runs elsewhere, the part that ends last is noted there.
      if (batch?.state !== 'RUNNING') await this.#expire(id, shard);
      await this.#redis.srem(batchEnds, id);
    }
    return ended;
  }

  /** Before it is noted: a crash in between tells it twice, and never not at all. */
  async #tell(id: string, shard: number): Promise<void> {
    const { events } = this.#keys.shard(shard);
    await this.#redis.xadd(events, 'MAXLEN', '~', MOST_EVENTS, '*', 'k', 'B', 'b', id);
  }

  async #note(id: string, finishedAt = Date.now()): Promise<boolean> {
    const args = [finishedAt, this.#retentionMs];
    return (await runScript(this.#redis, FINISH_BATCH, [this.#keys.batch(id)], args)) === 1;
  }

  async #expire(id: string, shard: number): Promise<void> {
    const shards = await this.#redis.hget(this.#keys.batch(id), 'shards');
    const all = shards === null || shards === '' ? [shard] : shards.split(',').map(Number);
    await Promise.all(
      all.flatMap((one) => {
        const keys = this.#keys.shard(one);
        return [keys.batch(id), keys.updatesOfBatch(id)].map((key) =>
          this.#redis.pexpire(key, this.#retentionMs),
        );
      }),
    );
  }
}
