import type { Pause } from '../domain/pause.ts';
import { OPEN_STATES, type UpdateState } from '../domain/sets.ts';
import type { WorkerDescription } from '../domain/worker.ts';
import type { RedisClient } from '../redis/client.ts';
import type { Keys } from '../redis/keys.ts';
import { redisTime } from '../redis/redisTime.ts';
import { type BudgetView, readBudgets } from './budgetReader.ts';
import { parsePauses } from './fleetPauses.ts';
import { parseTuning, type Tuning } from './fleetTuning.ts';
import { optionalNumber } from './updateRecord.ts';

/** A worker as the fleet sees it. Times are epoch milliseconds. */
export interface WorkerView {
  readonly name: string;
  readonly lastHeartbeatAt: number;
  /** Shards whose unexpired lease it holds. */
  readonly shards: readonly number[];
  /** It takes no shards: an operator drains it. */
  readonly draining: boolean;
  /** What it tells of itself; a worker of another version may leave some of it out. */
  readonly told: Partial<WorkerDescription>;
}

export interface ShardView {
  readonly shard: number;
  /** The worker that holds the lease; undefined where it is free or has run out. */
  readonly owner: string | undefined;
  readonly epoch: number | undefined;
  readonly leaseExpiresAt: number | undefined;
  readonly open: Readonly<Record<(typeof OPEN_STATES)[number], number>>;
  /** When the longest waiting head of a lane was accepted. */
  readonly oldestAcceptedAt: number | undefined;
}

export interface FleetView {
  /** Redis's clock, which leases and ages follow. */
  readonly at: number;
  /** By name. */
  readonly workers: readonly WorkerView[];
  readonly shards: readonly ShardView[];
  readonly budgets: readonly BudgetView[];
  readonly tuning: Tuning;
  /** The oldest first. */
  readonly pauses: readonly Pause[];
}

/** The jobs of a shard's queue, by where BullMQ has them. */
export interface JobCounts {
  /** Ready: the next worker that looks takes one. */
  readonly waiting: number;
  /** Ready behind those: the jobs of bulk requests. */
  readonly bulk: number;
  readonly active: number;
  /** Given back until what their lanes wait for. */
  readonly delayed: number;
  readonly failed: number;
}

/** What Redis knows of the fleet; works with no worker running. */
export class FleetReader {
  readonly #redis: RedisClient;
  readonly #keys: Keys;
  readonly #shardCount: number;

  constructor(redis: RedisClient, keys: Keys, shardCount: number) {
    this.#redis = redis;
    this.#keys = keys;
    this.#shardCount = shardCount;
  }

  async read(): Promise<FleetView> {
    const [at, members, drains, info, tuned, pauses] = await Promise.all([
      redisTime(this.#redis),
      this.#redis.zrange(this.#keys.members, 0, '-1', 'WITHSCORES'),
      this.#redis.smembers(this.#keys.drains),
      this.#redis.hgetall(this.#keys.memberInfo),
      this.#redis.hgetall(this.#keys.tuning),
      this.#redis.hgetall(this.#keys.pauses),
    ]);
    const numbers = Array.from({ length: this.#shardCount }, (_, shard) => shard);
    const told = new Map(
      membersOf(members).map(({ name }) => [
        name,
        JSON.parse(info[name] ?? '{}') as Partial<WorkerDescription>,
      ]),
    );
    const tuning = parseTuning(tuned);
    const [shards, budgets] = await Promise.all([
      Promise.all(numbers.map((shard) => this.#shard(shard, at))),
      readBudgets(this.#redis, this.#keys, { at, descriptions: [...told.values()], tuning }),
    ]);
    const workers = membersOf(members).map(({ name, lastHeartbeatAt }) => ({
      name,
      lastHeartbeatAt,
      shards: shards.filter((view) => view.owner === name).map((view) => view.shard),
      draining: drains.includes(name),
      told: told.get(name) ?? {},
    }));
    return { at, shards, workers, budgets, tuning, pauses: parsePauses(pauses) };
  }

  async jobs(shard: number): Promise<JobCounts> {
    const { queue } = this.#keys.shard(shard);
    const [waiting, bulk, active, delayed, failed] = await Promise.all([
      this.#redis.llen(`${queue}:wait`),
      this.#redis.zcard(`${queue}:prioritized`),
      this.#redis.llen(`${queue}:active`),
      this.#redis.zcard(`${queue}:delayed`),
      this.#redis.zcard(`${queue}:failed`),
    ]);
    return { waiting, bulk, active, delayed, failed };
  }

  async #shard(shard: number, at: number): Promise<ShardView> {
    const keys = this.#keys.shard(shard);
    const [lease, counts, oldest] = await Promise.all([
      this.#redis.hmget(keys.lease, 'holder', 'epoch', 'expiresAt'),
      this.#redis.hmget(keys.counts, ...OPEN_STATES),
      this.#redis.zrange(keys.lanes, 0, '0', 'WITHSCORES'),
    ]);
    const [holder, epoch, expiresAt] = lease;
    const held = Number(expiresAt ?? 0) > at;
    return {
      shard,
      owner: held ? (holder ?? undefined) : undefined,
      epoch: optionalNumber(epoch),
      leaseExpiresAt: held ? optionalNumber(expiresAt) : undefined,
      open: openCounts(counts),
      oldestAcceptedAt: optionalNumber(oldest[1]),
    };
  }
}

function openCounts(counts: readonly (string | null)[]): ShardView['open'] {
  const count = (state: UpdateState) =>
    Math.max(0, Number(counts[(OPEN_STATES as readonly UpdateState[]).indexOf(state)] ?? 0));
  return { QUEUED: count('QUEUED'), HELD: count('HELD'), IN_FLIGHT: count('IN_FLIGHT') };
}

/**
 * A sorted set's answer WITHSCORES: name, score, name, score. By name: the order of heartbeats is
 * another one at every look.
 */
function membersOf(answer: readonly string[]) {
  return answer
    .flatMap((name, at) =>
      at % 2 === 0 ? [{ name, lastHeartbeatAt: Number(answer[at + 1]) }] : [],
    )
    .toSorted((one, other) => (one.name < other.name ? -1 : 1));
}
