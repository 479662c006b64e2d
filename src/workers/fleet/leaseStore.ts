import { randomUUID } from 'node:crypto';
import type { Pause } from '../../shared/domain/pause.ts';
import type { WorkerDescription } from '../../shared/domain/worker.ts';
import type { RedisClient } from '../../shared/redis/client.ts';
import type { Keys } from '../../shared/redis/keys.ts';
import { redisTime } from '../../shared/redis/redisTime.ts';
import { runScript } from '../../shared/redis/script.ts';
import { parsePauses } from '../../shared/store/fleetPauses.ts';
import { parseTuning, type Tuning } from '../../shared/store/fleetTuning.ts';
import { HEARTBEAT, LEAVE } from '../../shared/store/lua/fleetScripts.ts';
import { ACQUIRE_LEASE, RELEASE_LEASE, RENEW_LEASE } from '../../shared/store/lua/leaseScripts.ts';
import { Lease } from './lease.ts';

export interface Member {
  readonly name: string;
  /** Epoch milliseconds of Redis's clock. */
  readonly lastBeatAt: number;
  /** Heartbeats since it joined. */
  readonly beats: number;
  readonly draining: boolean;
}

/** Leases and members in Redis. */
export class LeaseStore {
  readonly #redis: RedisClient;
  readonly #keys: Keys;
  readonly #shardCount: number;

  constructor(redis: RedisClient, keys: Keys, shardCount: number) {
    this.#redis = redis;
    this.#keys = keys;
    this.#shardCount = shardCount;
  }

  /** Says that a worker lives; answers everyone that does. */
  async beat(
    worker: string,
    description: WorkerDescription,
    limitMs: number,
  ): Promise<readonly Member[]> {
    const answer = (await runScript(
      this.#redis,
      HEARTBEAT,
      [this.#keys.members, this.#keys.memberInfo],
      [worker, JSON.stringify(description), limitMs],
    )) as string[];
    const members: Member[] = [];
    for (let at = 0; at + 3 < answer.length; at += 4) {
      const info = JSON.parse(answer[at + 3] ?? '{}') as Partial<WorkerDescription>;
      members.push({
        name: answer[at] ?? '',
        lastBeatAt: Number(answer[at + 1]),
        beats: Number(answer[at + 2]),
        draining: info.draining === true,
      });
    }
    return members;
  }

  /** What operators asked for: workers that take nothing, shards that go to one, and so on. */
  async wishes(): Promise<{
    readonly drains: ReadonlySet<string>;
    readonly placements: ReadonlyMap<number, string>;
    readonly tuning: Tuning;
    readonly pauses: readonly Pause[];
  }> {
    const [drains, placements, tuning, pauses] = await Promise.all([
      this.#redis.smembers(this.#keys.drains),
      this.#redis.hgetall(this.#keys.placements),
      this.#redis.hgetall(this.#keys.tuning),
      this.#redis.hgetall(this.#keys.pauses),
    ]);
    return {
      tuning: parseTuning(tuning),
      pauses: parsePauses(pauses),
      drains: new Set(drains),
      placements: new Map(
        Object.entries(placements).map(([shard, worker]) => [Number(shard), worker]),
      ),
    };
  }

  async membersOf(groupId: string): Promise<readonly string[]> {
    return this.#redis.zrange(this.#keys.groupMembers(groupId), 0, '-1');
  }

  async leave(worker: string): Promise<void> {
    await runScript(this.#redis, LEAVE, [this.#keys.members, this.#keys.memberInfo], [worker]);
  }

  /** The holder of each shard's unexpired lease. */
  async owners(): Promise<readonly (string | undefined)[]> {
    const now = await redisTime(this.#redis);
    const leases = await Promise.all(
      Array.from({ length: this.#shardCount }, (_, shard) =>
        this.#redis.hmget(this.#keys.shard(shard).lease, 'holder', 'expiresAt'),
      ),
    );
    return leases.map(([holder, expiresAt]) =>
      Number(expiresAt ?? 0) > now ? (holder ?? undefined) : undefined,
    );
  }

  /** Undefined where somebody else holds it. */
  async acquire(shard: number, worker: string, leaseMs: number): Promise<Lease | undefined> {
    const token = randomUUID();
    const sentAt = performance.now();
    const [granted, epoch] = (await runScript(
      this.#redis,
      ACQUIRE_LEASE,
      [this.#keys.shard(shard).lease],
      [worker, token, leaseMs],
    )) as [number, string];
    return granted === 1 ? new Lease({ shard, epoch, token, sentAt, leaseMs }) : undefined;
  }

  /** @returns false where the lease is somebody else's by now. */
  async renew(lease: Lease, leaseMs: number): Promise<boolean> {
    const sentAt = performance.now();
    const renewed = await runScript(
      this.#redis,
      RENEW_LEASE,
      [this.#keys.shard(lease.shard).lease],
      [lease.epoch, lease.token, leaseMs],
    );
    if (renewed !== 1) return false;
    lease.renewed(sentAt, leaseMs);
    return true;
  }

  async release(lease: Lease): Promise<void> {
    const key = this.#keys.shard(lease.shard).lease;
    await runScript(this.#redis, RELEASE_LEASE, [key], [lease.epoch, lease.token]);
  }
}
