import { pino } from 'pino';
import { newIdentityId } from '../../../src/shared/domain/ids.ts';
import { laneId } from '../../../src/shared/domain/lane.ts';
import type { UpdateRequest } from '../../../src/shared/domain/update.ts';
import { ShardQueues } from '../../../src/shared/queue/shardQueues.ts';
import type { RedisClient } from '../../../src/shared/redis/client.ts';
import { connectRedis } from '../../../src/shared/redis/connect.ts';
import { Keys } from '../../../src/shared/redis/keys.ts';
import type { ShardKeys } from '../../../src/shared/redis/shardKeys.ts';
import { runScript } from '../../../src/shared/redis/script.ts';
import type { RedisTarget } from '../../../src/shared/redis/target.ts';
import { sealSecret } from '../../../src/shared/store/identitySecret.ts';
import { CREATE_IDENTITY } from '../../../src/shared/store/lua/identityScripts.ts';
import { longField } from '../../../src/shared/store/lua/longFields.ts';
import { UpdateControl } from '../../../src/shared/store/updateControl.ts';
import { UpdateIntake } from '../../../src/shared/store/updateIntake.ts';
import { Vault } from '../../../src/shared/vault/vault.ts';
import { EventBus } from '../../../src/workers/events.ts';
import { LeaseStore } from '../../../src/workers/fleet/leaseStore.ts';
import { uniquePrefix } from '../../support/prefix.ts';
import { keysLike } from '../../support/servers.ts';
import { StrayJobs } from '../../../src/workers/shard/strayJobs.ts';
import { Owner } from './owner.ts';

/** Longer than any test; a test that wants a lease to run out says so with `expireLease`. */
const LEASE_MS = 600_000;

/** A deployment of one shard, under a prefix of its own, with all that was accepted and published. */
export class ShardWorld {
  readonly redis: RedisClient;
  readonly queueRedis: RedisClient;
  readonly keys = new Keys(uniquePrefix('store'));
  readonly shardKeys: ShardKeys = this.keys.shard(0);
  readonly queues: ShardQueues;
  readonly intake: UpdateIntake;
  readonly control: UpdateControl;
  readonly leases: LeaseStore;
  readonly vault = new Vault({ active: 'k1', byId: new Map([['k1', Buffer.alloc(32, 1)]]) });
  readonly events = new EventBus(pino({ level: 'silent' }));
  /** Update ids by lane, in the order of acceptance. */
  readonly accepted = new Map<string, string[]>();
  /** Update ids by lane, in the order of their first publish. */
  readonly firstPublished = new Map<string, string[]>();
  readonly #owners: Owner[] = [];
  #workers = 0;

  private constructor(redis: RedisClient, queueRedis: RedisClient) {
    this.redis = redis;
    this.queueRedis = queueRedis;
    this.queues = new ShardQueues(queueRedis, this.keys);
    this.intake = this.intakeOn(this.queues);
    this.control = new UpdateControl(redis, this.keys, this.queues, {
      shardCount: 1,
      retentionMs: 600_000,
    });
    this.leases = new LeaseStore(redis, this.keys, 1);
  }

  static async open(where: RedisTarget): Promise<ShardWorld> {
    const redis = connectRedis(where);
    const queueRedis = connectRedis(where);
    for (const connection of [redis, queueRedis]) connection.on('error', () => undefined);
    await Promise.all([redis.connect(), queueRedis.connect()]);
    return new ShardWorld(redis, queueRedis);
  }

  async close(): Promise<void> {
    await Promise.all(this.#owners.map((owner) => owner.close()));
    await this.queues.close();
    this.redis.disconnect();
    this.queueRedis.disconnect();
  }

  intakeOn(queues: ShardQueues): UpdateIntake {
    return new UpdateIntake(this.redis, this.keys, queues, { shardCount: 1, retentionMs: 600_000 });
  }

  /** An identity that is registered; without the job that would verify it. */
  async identity(): Promise<string> {
    const id = newIdentityId();
    const secret = sealSecret(this.vault, id, { password: 'a password' });
    const args = [id, secret, 'username', `user of ${id}`];
    await runScript(this.redis, CREATE_IDENTITY, [this.shardKeys.lease], args);
    return id;
  }

  /** Accepts updates in one call, and notes their order. */
  async accept(
    requests: readonly UpdateRequest[],
    options: { readonly idempotencyKey?: string } = {},
  ): Promise<string[]> {
    const rows = await this.intake.accept(requests, { actor: 'tests', ...options });
    return rows.map((row, index) => {
      if (!row.taken) throw row.error;
      const request = requests[index];
      if (request !== undefined) note(this.accepted, laneId(request), row.updateId);
      return row.updateId;
    });
  }

  /** A scheduled update got its place, behind all that its lane has. */
  entered(lane: string, updateId: string): void {
    const others = (this.accepted.get(lane) ?? []).filter((id) => id !== updateId);
    this.accepted.set(lane, [...others, updateId]);
  }

  /** Makes the time of everything that is scheduled come now. */
  async dueNow(): Promise<void> {
    for (const id of await this.redis.zrange(this.shardKeys.scheduled, 0, '-1')) {
      await this.redis.zadd(this.shardKeys.scheduled, 1, id);
    }
  }

  published(lane: string, updateId: string): void {
    note(this.firstPublished, lane, updateId);
  }

  /** Makes the lease run out now, as time would. */
  async expireLease(): Promise<void> {
    await this.redis.hset(this.shardKeys.lease, 'expiresAt', 1);
  }

  /** A worker that never held the shard takes it, as the lease of whoever had it has run out. */
  async takeOver(): Promise<Owner> {
    await this.expireLease();
    this.#workers += 1;
    const lease = await this.leases.acquire(0, `worker-${this.#workers}`, LEASE_MS);
    if (lease === undefined) throw new Error('the lease could not be taken');
    await new StrayJobs(0, this.queues).adoptAll();
    const owner = new Owner(this, lease);
    this.#owners.push(owner);
    return owner;
  }

  async states(updateIds: readonly string[]): Promise<(string | null)[]> {
    return Promise.all(updateIds.map((id) => this.redis.hget(this.shardKeys.update(id), 'state')));
  }

  async field(updateId: string, name: string): Promise<string | null> {
    return longField(await this.redis.hgetall(this.shardKeys.update(updateId)), name) ?? null;
  }

  /** The job that promised to settle a pending update: its own, unless its record says another. */
  async jobOf(updateId: string): Promise<string> {
    return (await this.field(updateId, 'job')) ?? `d_${updateId}`;
  }

  /** Every key of the shard with its value: what a refused write must leave as it is. */
  async dump(): Promise<ReadonlyMap<string, string>> {
    const names = (await keysLike(this.redis, `${this.shardKeys.tag}:*`)).toSorted();
    const values = await Promise.all(names.map((name) => this.#valueOf(name)));
    return new Map(names.map((name, at) => [name, values[at] ?? '']));
  }

  // Not DUMP, whose bytes follow the order in a hash table that Redis may be rehashing.
  async #valueOf(name: string): Promise<string> {
    const { redis } = this;
    const type = await redis.type(name);
    if (type === 'hash') {
      const fields = Object.entries(await redis.hgetall(name)).map((pair) => pair.join('='));
      return fields.toSorted().join('\n');
    }
    if (type === 'set') return (await redis.smembers(name)).toSorted().join('\n');
    if (type === 'list') return (await redis.lrange(name, 0, '-1')).join('\n');
    if (type === 'zset') return (await redis.zrange(name, 0, '-1', 'WITHSCORES')).join('\n');
    return type === 'string' ? ((await redis.get(name)) ?? '') : type;
  }

  /** What a shard's runtime does when it starts: jobs that its last owner ran, run again. */
}

function note(ledger: Map<string, string[]>, lane: string, updateId: string): void {
  const ids = ledger.get(lane) ?? [];
  if (!ids.includes(updateId)) ids.push(updateId);
  ledger.set(lane, ids);
}

/** The request of most tests; `desired` tells one update from another. */
export function request(identityId: string, over: Partial<UpdateRequest> = {}): UpdateRequest {
  return { identityId, thing: 'device_1', desired: { power: 'OFF' }, confirm: 'ACCEPTED', ...over };
}
