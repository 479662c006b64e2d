import type { ConnectionView, Identity } from '../domain/identity.ts';
import { isIdentityId, newIdentityId, shardOf } from '../domain/ids.ts';
import { searchText } from '../domain/searchText.ts';
import { tagText } from '../domain/tags.ts';
import { CourierError } from '../errors/courierError.ts';
import { VERIFY, type VerifyJob } from '../queue/deliverJob.ts';
import type { ShardQueues } from '../queue/shardQueues.ts';
import type { RedisClient } from '../redis/client.ts';
import type { Keys } from '../redis/keys.ts';
import { runScript } from '../redis/script.ts';
import type { Vault } from '../vault/vault.ts';
import { parseConnectionView, parseIdentity } from './identityRecord.ts';
import { IdentityRemovals } from './identityRemovals.ts';
import { type IdentitySecret, sealSecret } from './identitySecret.ts';
import { CREATE_IDENTITY, OPERATOR_RELEASE } from './lua/identityScripts.ts';
import { identityNotFound } from './updateIntake.ts';
import { usernameDigest } from './usernameDigest.ts';

export interface Registration {
  readonly username: string;
  readonly secret: IdentitySecret;
  readonly label?: string | undefined;
  readonly tags?: readonly string[] | undefined;
}

/** What internal tools may do with identities: register, look up, release, give a new secret. */
export class IdentityDirectory {
  readonly #redis: RedisClient;
  readonly #keys: Keys;
  readonly #queues: ShardQueues;
  readonly #vault: Vault;
  readonly #shardCount: number;
  readonly #removals: IdentityRemovals;

  constructor(
    redis: RedisClient,
    keys: Keys,
    queues: ShardQueues,
    vault: Vault,
    shardCount: number,
  ) {
    this.#redis = redis;
    this.#keys = keys;
    this.#queues = queues;
    this.#vault = vault;
    this.#shardCount = shardCount;
    this.#removals = new IdentityRemovals(redis, keys, queues, shardCount);
  }

  /**
   * Registers a Cognito user and asks the fleet to verify it. A registration that a crash cut in
   * half is completed by the next one of the same username, and so is a removal.
   * @throws IDENTITY_EXISTS
   */
  async register(registration: Registration): Promise<Identity> {
    let { id, answer } = await this.#create(registration);
    if (answer === 'removed') {
      await this.#removals.finish(id);
      ({ id, answer } = await this.#create(registration));
    }
    if (answer !== 'created') throw alreadyRegistered(registration.username, id);
    await this.#verify(id, shardOf(id, this.#shardCount));
    return this.#require(id);
  }

  /**
   * Gives an identity another password or refresh token, drops what was cached with the old one,
   * and releases it where it was parked.
   * @throws IDENTITY_NOT_FOUND
   */
  async replaceSecret(identityId: string, secret: IdentitySecret): Promise<Identity> {
    const identity = await this.#require(identityId);
    const sealed = sealSecret(this.#vault, identityId, secret);
    await this.#release(identity, sealed, false);
    await this.#verify(identityId, identity.shard);
    return this.#require(identityId);
  }

  /** @throws IDENTITY_NOT_FOUND, IDENTITY_NOT_QUARANTINED */
  async release(identityId: string): Promise<Identity> {
    const identity = await this.#require(identityId);
    await this.#release(identity, '', true);
    return this.#require(identityId);
  }

  async find(identityId: string): Promise<Identity | undefined> {
    if (!isIdentityId(identityId)) return undefined;
    const shard = shardOf(identityId, this.#shardCount);
    const fields = await this.#redis.hgetall(this.#keys.shard(shard).identity(identityId));
    return parseIdentity(shard, fields);
  }

  async findByUsername(username: string): Promise<Identity | undefined> {
    const id = await this.#redis.get(this.#keys.username(usernameDigest(username)));
    return id === null ? undefined : this.find(id);
  }

  /** The connection as its owner last reported it; undefined where there never was one. */
  async connection(identity: Identity): Promise<ConnectionView | undefined> {
    const key = this.#keys.shard(identity.shard).connection(identity.id);
    return parseConnectionView(await this.#redis.hgetall(key));
  }

  /** Updates of this identity that are not settled, over all its lanes. */
  async pending(identity: Identity): Promise<number> {
    const keys = this.#keys.shard(identity.shard);
    const lanes = await this.#redis.smembers(keys.lanesOf(identity.id));
    const lengths = await Promise.all(lanes.map((lane) => this.#redis.llen(keys.lane(lane))));
    return lengths.reduce((sum, length) => sum + length, 0);
  }

  async #create(registration: Registration): Promise<{ id: string; answer: unknown }> {
    const { username, secret } = registration;
    const nameKey = this.#keys.username(usernameDigest(username));
    const fresh = newIdentityId();
    const id = (await this.#redis.set(nameKey, fresh, 'NX', 'GET')) ?? fresh;
    const { lease } = this.#keys.shard(shardOf(id, this.#shardCount));
    const sealed = sealSecret(this.#vault, id, secret);
    const args = [id, sealed, ...recordFields(registration)];
    return { id, answer: await runScript(this.#redis, CREATE_IDENTITY, [lease], args) };
  }

  async #release(identity: Identity, sealed: string, onlyParked: boolean): Promise<void> {
    const answer = (await runScript(
      this.#redis,
      OPERATOR_RELEASE,
      [this.#keys.shard(identity.shard).lease],
      [identity.id, sealed, onlyParked ? '1' : '0'],
    )) as string[];
    const [verdict, ...jobIds] = answer;
    if (verdict === 'missing') throw identityNotFound(identity.id);
    if (verdict === 'not-parked') {
      throw new CourierError(
        'IDENTITY_NOT_QUARANTINED',
        `${identity.username} is not quarantined.`,
        'There is nothing to release; its updates are being delivered.',
      );
    }
    await Promise.all(
      [...new Set(jobIds)].map((jobId) => this.#queues.promote(identity.shard, jobId)),
    );
  }

  async #verify(identityId: string, shard: number): Promise<void> {
    const data: VerifyJob = { identityId };
    await this.#queues.add(shard, { name: VERIFY, data, id: `v_${identityId}_${Date.now()}` });
  }

  async #require(identityId: string): Promise<Identity> {
    const identity = await this.find(identityId);
    if (identity === undefined) throw identityNotFound(identityId);
    return identity;
  }
}

function recordFields({ username, label, tags = [] }: Registration): readonly string[] {
  return [
    'username',
    username,
    'nameKey',
    searchText(username),
    ...(label === undefined ? [] : ['label', label, 'labelKey', searchText(label)]),
    ...(tags.length === 0 ? [] : ['tags', tagText(tags)]),
  ];
}

function alreadyRegistered(username: string, identityId: string): CourierError {
  return new CourierError(
    'IDENTITY_EXISTS',
    `${username} is registered already, as ${identityId}.`,
    'Use that identity; to give it another password, use replaceIdentitySecret.',
  );
}
