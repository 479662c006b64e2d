import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import type { JsonObject } from '../../../src/shared/domain/desired.ts';
import type { Identity } from '../../../src/shared/domain/identity.ts';
import { isFinal, type WaitReason } from '../../../src/shared/domain/sets.ts';
import type { Update, UpdateRequest } from '../../../src/shared/domain/update.ts';
import { ShardQueues } from '../../../src/shared/queue/shardQueues.ts';
import type { RedisClient } from '../../../src/shared/redis/client.ts';
import { connectRedis } from '../../../src/shared/redis/connect.ts';
import { Keys } from '../../../src/shared/redis/keys.ts';
import type { RedisTarget } from '../../../src/shared/redis/target.ts';
import { BatchIntake } from '../../../src/shared/store/batchIntake.ts';
import { BatchReader } from '../../../src/shared/store/batchReader.ts';
import { BulkActions } from '../../../src/shared/store/bulkActions.ts';
import { FleetControl } from '../../../src/shared/store/fleetControl.ts';
import { FleetReader } from '../../../src/shared/store/fleetReader.ts';
import { GroupDirectory } from '../../../src/shared/store/groupDirectory.ts';
import { IdentityDirectory } from '../../../src/shared/store/identityDirectory.ts';
import { IdentityEditor } from '../../../src/shared/store/identityEditor.ts';
import { ShadowReads } from '../../../src/shared/store/shadowReads.ts';
import { UpdateIntake } from '../../../src/shared/store/updateIntake.ts';
import { UpdateReader } from '../../../src/shared/store/updateReader.ts';
import { parseVaultKeys } from '../../../src/shared/vault/keys.ts';
import { Vault } from '../../../src/shared/vault/vault.ts';
import { eventually } from '../../support/eventually.ts';
import { uniquePrefix } from '../../support/prefix.ts';
import { type RunningProcess, startProgram } from '../../support/processes.ts';
import type { Aws, User } from './aws.ts';
import { type InProcessWorker, startWorker } from './worker.ts';

const SHARD_COUNT = 2;
const RETENTION_MS = 3_600_000;

/** Short where only waiting would be lost; what AWS fixes stays as it is. */
const QUICK = {
  RETENTION_MS: String(RETENTION_MS),
  HEARTBEAT_MS: '100',
  LEASE_MS: '3000',
  SHARD_MIN_HOLD_MS: '0',
  SWEEP_MS: '200',
  CONNECT_SPACING_MS: '500',
  RETRY_BASE_MS: '100',
  RETRY_MAX_MS: '1000',
  QUARANTINE_PROBE_MS: '500',
  PROPAGATION_MS: '0',
  WORKER_OPS_PORT: '0',
} as const;

/**
 * The emulator setting that goes with `QUICK`'s spacing of CONNECTs: as with AWS's window and the
 * default, a CONNECT may go out well after it was granted, and the next one is not refused.
 */
export const QUICK_CONNECTS = ['--setting', 'connectWindowMs=250'] as const;

type Settings = Readonly<Record<string, string>>;

/** A deployment of a test's own: callers' side and workers, on a Redis and an emulated account. */
export class Fleet {
  readonly aws: Aws;
  readonly keys = new Keys(uniquePrefix('fleet'));
  readonly redis: RedisClient;
  readonly queues: ShardQueues;
  readonly directory: IdentityDirectory;
  readonly control: FleetControl;
  readonly reader: FleetReader;
  readonly shadowReads: ShadowReads;
  readonly groups: GroupDirectory;
  readonly editor: IdentityEditor;
  readonly batchIntake: BatchIntake;
  readonly batches: BatchReader;
  readonly bulk: BulkActions;
  readonly shardCount: number;
  readonly #store: RedisTarget;
  readonly #queueRedis: RedisClient;
  readonly #intake: UpdateIntake;
  readonly #reader: UpdateReader;
  readonly #vaultKeys = `test:${randomBytes(32).toString('base64')}`;
  readonly #workers: InProcessWorker[] = [];
  readonly #processes: RunningProcess[] = [];

  /** A string is the URL of a single Redis. */
  constructor(where: RedisTarget | string, aws: Aws, shardCount = SHARD_COUNT) {
    this.aws = aws;
    this.shardCount = shardCount;
    this.#store = typeof where === 'string' ? { REDIS_URL: where, REDIS_CLUSTER: 'off' } : where;
    this.redis = connectRedis(this.#store);
    this.#queueRedis = connectRedis(this.#store);
    for (const one of [this.redis, this.#queueRedis]) one.on('error', () => undefined);
    this.queues = new ShardQueues(this.#queueRedis, this.keys);
    const vaultKeys = parseVaultKeys(this.#vaultKeys);
    if (typeof vaultKeys === 'string') throw new Error(vaultKeys);
    const vault = new Vault(vaultKeys);
    const settings = { shardCount, retentionMs: RETENTION_MS };
    this.directory = new IdentityDirectory(this.redis, this.keys, this.queues, vault, shardCount);
    this.control = new FleetControl(this.redis, this.keys, this.queues, shardCount);
    this.groups = new GroupDirectory(this.redis, this.keys, shardCount);
    this.editor = new IdentityEditor(this.redis, this.keys, this.queues, settings);
    this.shadowReads = new ShadowReads(this.redis, this.keys, this.queues, {
      shardCount,
      timeoutMs: 20_000,
    });
    this.reader = new FleetReader(this.redis, this.keys, shardCount);
    this.#intake = new UpdateIntake(this.redis, this.keys, this.queues, settings);
    this.#reader = new UpdateReader(this.redis, this.keys, shardCount);
    this.batchIntake = new BatchIntake(this.redis, this.keys, this.#intake, settings);
    this.batches = new BatchReader(this.redis, this.keys, shardCount);
    this.bulk = new BulkActions(this.redis, this.keys, this.queues, settings);
  }

  async worker(settings: Settings = {}): Promise<InProcessWorker> {
    const worker = await startWorker(this.environment(settings));
    this.#workers.push(worker);
    return worker;
  }

  async workerProcess(settings: Settings = {}): Promise<RunningProcess> {
    const child = await startProgram('src/workers/main.ts', [], {
      env: { ...this.environment(settings), LOG_LEVEL: 'debug' },
      readyLine: /"msg":"ready"/,
    });
    this.#processes.push(child);
    return child;
  }

  /** What a worker of this deployment is started with. */
  environment(settings: Settings = {}): Settings {
    return {
      ...this.aws.environment,
      ...QUICK,
      SHARD_COUNT: String(this.shardCount),
      ...this.#store,
      KEY_PREFIX: this.keys.prefix,
      VAULT_KEYS: this.#vaultKeys,
      ...settings,
    };
  }

  register(user: User = this.aws.user()): Promise<Identity> {
    const { username, password } = user;
    return this.directory.register({ username, secret: { password } });
  }

  /** A registered identity that a worker has connected; its Cognito id with it. */
  async active(
    user?: User,
    deadlineMs = 10_000,
  ): Promise<{ readonly id: string; readonly cognitoId: string }> {
    const { id } = await this.register(user);
    const look = async () => {
      const identity = await this.identity(id);
      expect(identity.status).toBe('ACTIVE');
      return { id, cognitoId: identity.cognitoId ?? '' };
    };
    return eventually(look, { deadlineMs });
  }

  async identity(id: string): Promise<Identity> {
    const identity = await this.directory.find(id);
    if (identity === undefined) throw new Error(`no identity ${id}`);
    return identity;
  }

  /** Accepts updates in one go; their ids in the same order. */
  async sendAll(
    requests: readonly (Partial<UpdateRequest> &
      Pick<UpdateRequest, 'identityId' | 'thing' | 'desired'>)[],
    options: { readonly idempotencyKey?: string } = {},
  ): Promise<readonly string[]> {
    const full = requests.map((request) => ({ confirm: 'ACCEPTED' as const, ...request }));
    const rows = await this.#intake.accept(full, { actor: 'test', ...options });
    return rows.map((row) => {
      if (!row.taken) throw row.error;
      return row.updateId;
    });
  }

  async send(
    identityId: string,
    thing: string,
    desired: JsonObject,
    extra: Partial<UpdateRequest> = {},
  ): Promise<string> {
    const [id = ''] = await this.sendAll([{ identityId, thing, desired, ...extra }]);
    return id;
  }

  async update(id: string): Promise<Update> {
    const update = await this.#reader.find(id);
    if (update === undefined) throw new Error(`no update ${id}`);
    return update;
  }

  /** Many at once, in the order of their ids. */
  async updates(ids: readonly string[]): Promise<readonly Update[]> {
    const found = await this.#reader.findMany(ids);
    return found.map((update, at) => {
      if (update === undefined) throw new Error(`no update ${ids[at]}`);
      return update;
    });
  }

  /** The update once it is final. */
  settled(id: string, deadlineMs = 20_000): Promise<Update> {
    return eventually(
      async () => {
        const update = await this.update(id);
        expect(isFinal(update.state), `${id} is ${JSON.stringify(update)}`).toBe(true);
        return update;
      },
      { deadlineMs },
    );
  }

  async succeeded(id: string, deadlineMs?: number): Promise<Update> {
    const update = await this.settled(id, deadlineMs);
    expect(update, JSON.stringify(update.failure)).toMatchObject({ state: 'SUCCEEDED' });
    return update;
  }

  /** The update once it waits for this reason, as a lane's head or behind it. */
  waiting(id: string, reason: WaitReason): Promise<Update> {
    return eventually(async () => {
      const update = await this.update(id);
      expect(update).toMatchObject({ wait: { reason } });
      return update;
    });
  }

  /** Ends the workers and this side's connections; the last call. */
  async stop(): Promise<void> {
    await Promise.all(this.#workers.splice(0).map((worker) => worker.stop()));
    await Promise.all(this.#processes.splice(0).map((child) => child.kill()));
    await this.queues.close();
    this.redis.disconnect();
    this.#queueRedis.disconnect();
  }
}
