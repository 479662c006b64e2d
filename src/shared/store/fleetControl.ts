import { ulid } from 'ulid';
import { shardOf } from '../domain/ids.ts';
import { CourierError } from '../errors/courierError.ts';
import { CONNECTION, type ConnectionAction, type ConnectionJob } from '../queue/deliverJob.ts';
import type { ShardQueues } from '../queue/shardQueues.ts';
import type { RedisClient } from '../redis/client.ts';
import type { Keys } from '../redis/keys.ts';
import { runScript } from '../redis/script.ts';
import { DRAIN_WORKER } from './lua/fleetScripts.ts';

const IDENTITIES_A_JOB = 100;

/**
 * What operators may ask of the fleet. It is written to Redis, and done by whom it concerns: by
 * the owner of a shard when it runs the job, by the workers at their next heartbeat.
 */
export class FleetControl {
  readonly #redis: RedisClient;
  readonly #keys: Keys;
  readonly #queues: ShardQueues;
  readonly #shardCount: number;

  constructor(redis: RedisClient, keys: Keys, queues: ShardQueues, shardCount: number) {
    this.#redis = redis;
    this.#keys = keys;
    this.#queues = queues;
    this.#shardCount = shardCount;
  }

  /** Asks the owners of these identities, which must exist, to do something with a connection. */
  async connections(action: ConnectionAction, identityIds: readonly string[]): Promise<void> {
    const byShard = new Map<number, string[]>();
    for (const id of identityIds) {
      const shard = shardOf(id, this.#shardCount);
      byShard.set(shard, [...(byShard.get(shard) ?? []), id]);
    }
    const jobs = [...byShard].flatMap(([shard, ids]) => {
      const chunks = Math.ceil(ids.length / IDENTITIES_A_JOB);
      return Array.from({ length: chunks }, (_, chunk) => {
        const from = chunk * IDENTITIES_A_JOB;
        const data: ConnectionJob = {
          action,
          identityIds: ids.slice(from, from + IDENTITIES_A_JOB),
        };
        const id = `a_${action}_${ulid()}`;
        return this.#queues.add(shard, { name: CONNECTION, data, id });
      });
    });
    await Promise.all(jobs);
  }

  /**
   * Gives a shard to a worker. It stays there as long as that worker is a member.
   * @throws SHARD_NOT_FOUND, WORKER_NOT_FOUND, WORKER_DRAINING
   */
  async moveShard(shard: number, worker: string): Promise<void> {
    if (!Number.isInteger(shard) || shard < 0 || shard >= this.#shardCount) {
      throw shardNotFound(shard, this.#shardCount);
    }
    const { members, drains } = await this.#members(worker);
    if (drains.has(worker)) {
      throw new CourierError(
        'WORKER_DRAINING',
        `${worker} is draining and takes no shards.`,
        'Choose another worker, or let this one take part again with resumeWorker.',
      );
    }
    const placements = await this.#redis.hgetall(this.#keys.placements);
    const gone = Object.keys(placements).filter((one) => !members.has(placements[one] ?? ''));
    if (gone.length > 0) await this.#redis.hdel(this.#keys.placements, ...gone);
    await this.#redis.hset(this.#keys.placements, String(shard), worker);
  }

  /** Lets a worker hand over all that it has. @throws WORKER_NOT_FOUND, LAST_WORKER */
  async drainWorker(worker: string): Promise<void> {
    const keys = [this.#keys.members, this.#keys.drains];
    switch (await runScript(this.#redis, DRAIN_WORKER, keys, [worker])) {
      case 'no-worker':
        throw workerNotFound(worker);
      case 'last':
        throw new CourierError(
          'LAST_WORKER',
          `${worker} is the only worker that takes shards.`,
          'Start another one first, or stop this one with SIGTERM, which drains it as well.',
        );
      default:
    }
  }

  /** Lets a worker that was drained take part again. @throws WORKER_NOT_FOUND */
  async resumeWorker(worker: string): Promise<void> {
    await this.#members(worker);
    await this.#redis.srem(this.#keys.drains, worker);
  }

  async #members(worker: string): Promise<{ members: Set<string>; drains: Set<string> }> {
    const [members, drains] = await Promise.all([
      this.#redis.zrange(this.#keys.members, 0, '-1'),
      this.#redis.smembers(this.#keys.drains),
    ]);
    if (members.includes(worker)) return { members: new Set(members), drains: new Set(drains) };
    throw workerNotFound(worker);
  }
}

function workerNotFound(worker: string): CourierError {
  return new CourierError(
    'WORKER_NOT_FOUND',
    `No worker is called "${worker.slice(0, 64)}".`,
    'Look at fleet { workers { name } }.',
  );
}

export function shardNotFound(shard: number, shardCount: number): CourierError {
  return new CourierError(
    'SHARD_NOT_FOUND',
    `There is no shard ${shard}; they are 0 to ${shardCount - 1}.`,
    'Look at fleet { shards { number owner } }.',
  );
}
