import { Cluster } from 'ioredis';
import type { RedisClient } from '../shared/redis/client.ts';
import {
  isRedisUnavailable,
  isUnanswered,
  outageOfWrite,
  storeUnavailable,
} from '../shared/redis/unavailable.ts';

/**
 * Lets calls to Redis through while it is there. During an outage a call waits a bounded time for
 * the connection to come back and is refused then, without having been sent: what ioredis keeps
 * in its offline queue would still be written after the caller was told otherwise. The same holds
 * while Redis hangs: after a call that it left unanswered none is sent before it answers a PING.
 */
export class StoreGate {
  readonly #connections: readonly RedisClient[];
  readonly #timeoutMs: number;
  readonly #readiness = new Map<RedisClient, Promise<void>>();
  /** Resolves when Redis answers again; undefined while it does. */
  #silence: Promise<void> | undefined;

  constructor(connections: readonly RedisClient[], timeoutMs: number) {
    this.#connections = connections;
    this.#timeoutMs = timeoutMs;
  }

  /** @throws STORE_UNAVAILABLE; any other error of `work` as it is. */
  async write<T>(work: () => Promise<T>): Promise<T> {
    if (!this.#isReady() && !(await this.#ready())) throw storeUnavailable('not sent');
    try {
      return await work();
    } catch (error) {
      this.#note(error);
      throw isRedisUnavailable(error) ? storeUnavailable(outageOfWrite(error), error) : error;
    }
  }

  /** The same for what changes nothing. */
  async read<T>(work: () => Promise<T>): Promise<T> {
    if (!this.#isReady() && !(await this.#ready())) throw storeUnavailable('reading');
    try {
      return await work();
    } catch (error) {
      this.#note(error);
      throw isRedisUnavailable(error) ? storeUnavailable('reading', error) : error;
    }
  }

  /** Why Redis cannot be used now, as a sentence; nothing while it answers. */
  async problem(): Promise<string | undefined> {
    try {
      await this.read(() => Promise.all(this.#connections.map(answer)));
      return undefined;
    } catch {
      return 'Redis does not answer.';
    }
  }

  #note(thrown: unknown): void {
    if (!isUnanswered(thrown)) return;
    this.#silence ??= Promise.all(this.#connections.map(nextAnswer)).then(() => {
      this.#silence = undefined;
    });
  }

  #isReady(): boolean {
    return (
      this.#silence === undefined && this.#connections.every(({ status }) => status === 'ready')
    );
  }

  /** Waits for connections that are not there, or silent, up to the time limit. */
  async #ready(): Promise<boolean> {
    const missing = this.#connections.filter(({ status }) => status !== 'ready');
    let timer: NodeJS.Timeout | undefined;
    const tooLate = new Promise<false>((resolve) => {
      timer = setTimeout(() => resolve(false), this.#timeoutMs);
    });
    const ready = Promise.all([
      this.#silence,
      ...missing.map((connection) => this.#nextReady(connection)),
    ]);
    const outcome = await Promise.race([ready.then(() => true), tooLate]);
    clearTimeout(timer);
    return outcome;
  }

  /** One listener a connection, however many requests wait. */
  #nextReady(connection: RedisClient): Promise<void> {
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

/** Of a cluster, where one node may hang and the others answer, nothing is waited for. */
async function nextAnswer(connection: RedisClient): Promise<void> {
  if (connection instanceof Cluster) return;
  for (;;) {
    try {
      await connection.ping();
      return;
    } catch (error) {
      if (!isUnanswered(error)) return;
    }
  }
}

/** A cluster's nodes answer by themselves also where the cluster as a whole takes nothing. */
async function answer(connection: RedisClient): Promise<void> {
  if (!(connection instanceof Cluster)) {
    await connection.ping();
  } else if (!(await connection.cluster('INFO')).includes('cluster_state:ok')) {
    throw storeUnavailable('reading');
  }
}
