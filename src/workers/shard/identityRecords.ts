import type { Denial } from '../../shared/domain/denial.ts';
import type { ConnectionView, Identity } from '../../shared/domain/identity.ts';
import type { WaitReason } from '../../shared/domain/sets.ts';
import type { RedisClient } from '../../shared/redis/client.ts';
import type { Keys } from '../../shared/redis/keys.ts';
import type { ShardKeys } from '../../shared/redis/shardKeys.ts';
import { runScript, type Script, type ScriptArgument } from '../../shared/redis/script.ts';
import { parseIdentity } from '../../shared/store/identityRecord.ts';
import { type IdentitySecret, openSecret, sealSecret } from '../../shared/store/identitySecret.ts';
import {
  GRANT_CONNECT,
  QUARANTINE,
  RELEASE,
  REPLACE_SECRET,
  WRITE_CONNECTION,
  WRITE_CREDENTIALS,
  WRITE_IDENTITY,
} from '../../shared/store/lua/identityScripts.ts';
import { optionalNumber } from '../../shared/store/updateRecord.ts';
import type { Vault } from '../../shared/vault/vault.ts';
import {
  type CachedCredentials,
  parseCachedCredentials,
} from '../credentials/cachedCredentials.ts';
import { FencedError, type Lease } from '../fleet/lease.ts';
import type { RedisClock } from '../fleet/redisClock.ts';

export interface Parked {
  readonly since: number;
  readonly probeAt: number | undefined;
}

/** What is attached to an identity, so that AttachPolicy is called once and never after a denial. */
export interface Attachment {
  /** `<policy>@<endpoint>`: the endpoint stands for account and region. */
  readonly key: string | undefined;
  readonly at: number | undefined;
}

/** Unlike a lost lease, this ends with the identity: it was removed. */
export class IdentityMissingError extends Error {
  constructor(identityId: string) {
    super(`identity ${identityId} does not exist`);
    this.name = 'IdentityMissingError';
  }
}

const credentialsBinding = (identityId: string) => `credentials:${identityId}`;

/**
 * The identities of one shard, for its owner: facts, secrets, cached credentials, quarantine. Times
 * are of this process's clock, and of Redis's only in Redis.
 * @throws FencedError where the lease is lost, IdentityMissingError where it was removed.
 */
export class IdentityRecords {
  readonly #redis: RedisClient;
  readonly #keys: Keys;
  readonly #shardKeys: ShardKeys;
  readonly #lease: Lease;
  readonly #vault: Vault;
  readonly #clock: RedisClock;

  constructor(redis: RedisClient, keys: Keys, lease: Lease, vault: Vault, clock: RedisClock) {
    this.#redis = redis;
    this.#keys = keys;
    this.#shardKeys = keys.shard(lease.shard);
    this.#lease = lease;
    this.#vault = vault;
    this.#clock = clock;
  }

  /** @throws FencedError where the lease has run out, as far as is known here. */
  assertOwned(): void {
    if (!this.#lease.valid) throw new FencedError(this.#lease.shard);
  }

  async read(identityId: string): Promise<{ identity: Identity; attachment: Attachment }> {
    const fields = await this.#redis.hgetall(this.#shardKeys.identity(identityId));
    const identity = parseIdentity(this.#lease.shard, fields);
    if (identity === undefined) throw new IdentityMissingError(identityId);
    const at = this.#localTime(identity.attachedAt);
    return { identity, attachment: { key: fields.attachedKey, at } };
  }

  /** Why the updates of a parked identity wait, and until when. */
  async readParked(identityId: string): Promise<{
    readonly waitReason: WaitReason;
    readonly probeAt: number | undefined;
  }> {
    const { identity } = await this.read(identityId);
    const reason = await this.#redis.hget(this.#shardKeys.identity(identityId), 'waitReason');
    return {
      waitReason: (reason ?? 'IDENTITY_QUARANTINED') as WaitReason,
      probeAt: this.#localTime(identity.quarantine?.probeAt),
    };
  }

  /** @throws VAULT_KEY_UNKNOWN, VAULT_CORRUPT */
  async secret(identityId: string): Promise<IdentitySecret> {
    const sealed = await this.#redis.get(this.#shardKeys.secret(identityId));
    if (sealed === null) throw new IdentityMissingError(identityId);
    return openSecret(this.#vault, identityId, sealed);
  }

  /**
   * Puts a secret that Cognito gave in the place of the one that it was given for. One that an
   * operator gave meanwhile stays.
   */
  async replaceSecret(
    identityId: string,
    before: IdentitySecret,
    after: IdentitySecret,
  ): Promise<void> {
    const sealed = await this.#redis.get(this.#shardKeys.secret(identityId));
    if (sealed === null) throw new IdentityMissingError(identityId);
    const present = openSecret(this.#vault, identityId, sealed);
    if (JSON.stringify(present) !== JSON.stringify(before)) return;
    const next = sealSecret(this.#vault, identityId, after);
    await this.#run(REPLACE_SECRET, identityId, [sealed, next]);
  }

  async cachedCredentials(identityId: string): Promise<CachedCredentials | undefined> {
    const sealed = await this.#redis.get(this.#shardKeys.credentials(identityId));
    if (sealed === null || sealed === '') return undefined;
    return parseCachedCredentials(this.#vault.open(sealed, credentialsBinding(identityId)));
  }

  async writeCredentials(
    identityId: string,
    credentials: CachedCredentials,
    ttlMs: number,
  ): Promise<void> {
    const binding = credentialsBinding(identityId);
    const sealed = this.#vault.seal(JSON.stringify(credentials), binding);
    await this.#run(WRITE_CREDENTIALS, identityId, [sealed, Math.max(1, Math.round(ttlMs))]);
  }

  async dropCredentials(identityId: string): Promise<void> {
    await this.#run(WRITE_CREDENTIALS, identityId, ['', 1]);
  }

  async write(
    identityId: string,
    fields: Readonly<Record<string, string | number>>,
  ): Promise<void> {
    await this.#run(WRITE_IDENTITY, identityId, Object.entries(fields).flat());
  }

  /** Remembers that a policy was attached, so that it is not attached again. */
  async writeAttachment(identityId: string, key: string, at: number): Promise<void> {
    await this.write(identityId, { attachedKey: key, attachedAt: this.#clock.toRedis(at) });
  }

  /**
   * Claims a Cognito identity id for an identity, for the whole deployment.
   * @returns the identity that has it: another one's id means a duplicate registration.
   */
  async claimCognitoId(cognitoId: string, identityId: string): Promise<string> {
    const key = this.#keys.cognitoId(cognitoId);
    return (await this.#redis.set(key, identityId, 'NX', 'GET')) ?? identityId;
  }

  async park(
    identityId: string,
    park: {
      status: 'QUARANTINED' | 'NEEDS_OPERATOR';
      waitReason: WaitReason;
      denial: Denial;
      probeInMs: number | undefined;
    },
  ): Promise<Parked> {
    const [, since, probeAt] = await this.#run(QUARANTINE, identityId, [
      park.status,
      park.waitReason,
      JSON.stringify(park.denial),
      park.probeInMs === undefined ? '' : Math.round(park.probeInMs),
    ]);
    return {
      since: this.#clock.toLocal(Number(since)),
      probeAt: this.#localTime(optionalNumber(probeAt)),
    };
  }

  /** Makes an identity active. @returns the jobs that its lanes' heads wait for. */
  async release(identityId: string): Promise<readonly string[]> {
    const [, ...jobIds] = await this.#run(RELEASE, identityId, []);
    return jobIds;
  }

  /** @returns 0 where the CONNECT may go now, or how many milliseconds it must wait. */
  async grantConnect(identityId: string, spacingMs: number): Promise<number> {
    const [verdict, wait] = await this.#run(GRANT_CONNECT, identityId, [spacingMs]);
    return verdict === 'wait' ? Number(wait) : 0;
  }

  /** Identities whose probe is due, the longest overdue first. */
  async dueProbes(now: number, limit: number): Promise<readonly string[]> {
    const latest = this.#clock.toRedis(now);
    return this.#redis.zrangebyscore(this.#shardKeys.quarantined, 0, latest, 'LIMIT', 0, limit);
  }

  /** What the fleet shows of a connection. */
  async writeConnection(identityId: string, view: ConnectionView): Promise<void> {
    const { connectedAt, recycleAt } = view;
    const times = {
      connectedAt: connectedAt === undefined ? '' : this.#clock.toRedis(connectedAt),
      recycleAt: recycleAt === undefined ? '' : this.#clock.toRedis(recycleAt),
    };
    const { state, worker, epoch, ...rest } = { ...view, ...times };
    const words = Object.entries({ state, worker, ...rest }).flatMap(([name, value]) => {
      return [name, String(value ?? '')];
    });
    const args = [identityId, epoch, ...words];
    await runScript(this.#redis, WRITE_CONNECTION, [this.#shardKeys.lease], args);
  }

  #localTime(time: number | undefined): number | undefined {
    return time === undefined ? undefined : this.#clock.toLocal(time);
  }

  async #run(
    script: Script,
    identityId: string,
    args: readonly ScriptArgument[],
  ): Promise<string[]> {
    const { epoch, token, shard } = this.#lease;
    const answer = await runScript(
      this.#redis,
      script,
      [this.#shardKeys.lease],
      [epoch, token, identityId, ...args],
    );
    const words = (Array.isArray(answer) ? answer : [answer]) as string[];
    if (words[0] === 'fenced') throw new FencedError(shard);
    if (words[0] === 'missing') throw new IdentityMissingError(identityId);
    return words;
  }
}
