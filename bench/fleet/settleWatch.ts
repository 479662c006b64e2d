import { once } from 'node:events';
import type { Redis } from 'ioredis';
import type { BenchDeployment } from './deployment.ts';

/**
 * Tells when an update is settled without asking again and again: its record gets its time to live
 * in the script that settles it, and Redis, told to, says when a key gets one.
 */
export class SettleWatch {
  readonly #subscriber: Redis;
  readonly #settledAt = new Map<string, bigint>();
  #onSettled = (): void => undefined;

  private constructor(subscriber: Redis) {
    this.#subscriber = subscriber;
    subscriber.on('message', (_, key: string) => {
      const id = /:update:([^:]+)$/.exec(key)?.[1];
      if (id === undefined) return;
      this.#settledAt.set(id, process.hrtime.bigint());
      this.#onSettled();
    });
  }

  static async start(bench: BenchDeployment): Promise<SettleWatch> {
    await bench.client.config('SET', 'notify-keyspace-events', 'Eg');
    const subscriber = bench.redis.connect();
    const watch = new SettleWatch(subscriber);
    await subscriber.subscribe('__keyevent@0__:expire');
    return watch;
  }

  /** @returns the machine's clock (`hrtime`) when the update was seen to be settled. */
  async settled(id: string): Promise<bigint> {
    for (;;) {
      const at = this.#settledAt.get(id);
      if (at !== undefined) {
        this.#settledAt.delete(id);
        return at;
      }
      await new Promise<void>((resolve) => {
        this.#onSettled = resolve;
      });
    }
  }

  async stop(): Promise<void> {
    const ended = once(this.#subscriber, 'end');
    this.#subscriber.disconnect();
    await ended;
  }
}
