import type { Redis } from 'ioredis';
import { isRedisUnavailable, storeUnavailable } from '../shared/redis/unavailable.ts';

/**
 * Lets calls to Redis through while it is there. During an outage a call waits a bounded time for
 * the connection to come back and is refused then, without having been sent: what ioredis keeps
 * in its offline queue would still be written after the caller was told otherwise.
 */
export class StoreGate {
  readonly #connections: readonly Redis[];
  readonly #timeoutMs: number;
  readonly #readiness = new Map<Redis, Promise<void>>();

  constructor(connections: readonly Redis[], timeoutMs: number) {
    this.#connections = connections;
    this.#timeoutMs = timeoutMs;
  }

  /** @throws STORE_UNAVAILABLE; any other error of `work` as it is. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    for (const connection of this.#connections) {
      if (connection.status !== 'ready') await this.#ready(connection);
    }
    try {
      return await work();
    } catch (error) {
      throw isRedisUnavailable(error) ? storeUnavailable(error) : error;
    }
  }

  /** Why Redis cannot be used now, as a sentence; nothing while it answers. */
  async problem(): Promise<string | undefined> {
    try {
      await this.run(() => Promise.all(this.#connections.map((connection) => connection.ping())));
      return undefined;
    } catch {
      return 'Redis does not answer.';
    }
  }

  async #ready(connection: Redis): Promise<void> {
    const noAnswer = new AbortController();
    const timer = setTimeout(() => noAnswer.abort(), this.#timeoutMs);
    try {
      await Promise.race([this.#nextReady(connection), aborted(noAnswer.signal)]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** One listener a connection, however many requests wait. */
  #nextReady(connection: Redis): Promise<void> {
    const waiting = this.#readiness.get(connection);
    if (waiting !== undefined) return waiting;
    const ready = new Promise<void>((resolve) => {
      connection.once('ready', () => {
        this.#readiness.delete(connection);
        resolve();
      });
    });
    this.#readiness.set(connection, ready);
    return ready;
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(storeUnavailable()), { once: true });
  });
}
