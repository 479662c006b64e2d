/** A courier of the bench's own: Redis, emulator, workers in processes, and its intake in this one. */
import { randomBytes } from 'node:crypto';
import { awsVariables } from '../../src/cli/local/emulator.ts';
import { shardOf, shardOfUpdate } from '../../src/shared/domain/ids.ts';
import { ShardQueues } from '../../src/shared/queue/shardQueues.ts';
import { connectRedis } from '../../src/shared/redis/connect.ts';
import { Keys } from '../../src/shared/redis/keys.ts';
import { FleetControl } from '../../src/shared/store/fleetControl.ts';
import { IdentityDirectory } from '../../src/shared/store/identityDirectory.ts';
import { UpdateIntake } from '../../src/shared/store/updateIntake.ts';
import { parseVaultKeys } from '../../src/shared/vault/keys.ts';
import { Vault } from '../../src/shared/vault/vault.ts';
import { type RunningProcess, startProcess } from '../../test/support/processes.ts';
import { RedisServer } from '../../test/support/redisServer.ts';
import { type BenchAccount, startAccount } from '../emulator/account.ts';
import { until } from './until.ts';
import { WITHOUT_QUOTAS } from './workerEnvironment.ts';

export const SHARDS = 64;
const RETENTION_MS = 3_600_000;

interface DeploymentOptions {
  readonly users: number;
  readonly quotas?: 'off' | 'default';
  /** More arguments of the emulator. */
  readonly emulator?: readonly string[];
  /** Settings of the workers on top. */
  readonly settings?: Readonly<Record<string, string>>;
}

export class BenchDeployment {
  readonly account: BenchAccount;
  readonly redis: RedisServer;
  readonly keys = new Keys('courier');
  readonly client: ReturnType<typeof connectRedis>;
  readonly intake: UpdateIntake;
  readonly control: FleetControl;
  readonly queues: ShardQueues;
  readonly #queueClient: ReturnType<typeof connectRedis>;
  readonly #directory: IdentityDirectory;
  readonly #environment: Readonly<Record<string, string>>;
  readonly workers = new Set<RunningProcess>();

  private constructor(redis: RedisServer, account: BenchAccount, options: DeploymentOptions) {
    const vaultKeys = `bench:${randomBytes(32).toString('base64')}`;
    const parsed = parseVaultKeys(vaultKeys);
    if (typeof parsed === 'string') throw new Error(parsed);
    this.redis = redis;
    this.account = account;
    this.client = connectRedis(redis.url);
    this.#queueClient = connectRedis(redis.url);
    const { client, keys } = this;
    this.queues = new ShardQueues(this.#queueClient, keys);
    this.#directory = new IdentityDirectory(client, keys, this.queues, new Vault(parsed), SHARDS);
    this.control = new FleetControl(client, keys, this.queues, SHARDS);
    this.intake = new UpdateIntake(client, keys, this.queues, {
      shardCount: SHARDS,
      retentionMs: RETENTION_MS,
    });
    this.#environment = {
      LOG_LEVEL: 'info',
      WORKER_OPS_PORT: '0',
      RETENTION_MS: String(RETENTION_MS),
      REDIS_URL: redis.url,
      VAULT_KEYS: vaultKeys,
      ...awsVariables(account.ready),
      ...(options.quotas === 'default' ? {} : WITHOUT_QUOTAS),
      ...options.settings,
    };
  }

  /** No worker runs yet. */
  static async start(options: DeploymentOptions): Promise<BenchDeployment> {
    const redis = await RedisServer.start();
    const { users, quotas = 'off', emulator = [] } = options;
    const account = await startAccount(users, ['--quotas', quotas, ...emulator]);
    return new BenchDeployment(redis, account, options);
  }

  /** `BENCH_CPU_PROFILE=<directory>` makes each write a CPU profile there when it stops. */
  async startWorker(name: string, nodeArgs: readonly string[] = []): Promise<RunningProcess> {
    const profile = process.env.BENCH_CPU_PROFILE;
    const profiling = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`];
    const worker = await startProcess(
      process.execPath,
      [...nodeArgs, ...profiling, '--import', 'tsx', 'src/workers/main.ts'],
      { env: { ...this.#environment, WORKER_NAME: name }, readyLine: /"msg":"ready"/ },
    );
    this.workers.add(worker);
    return worker;
  }

  /** Resolves to our ids of users of the account, in their order; they are signed in meanwhile. */
  async register(from: number, count: number): Promise<readonly string[]> {
    const chosen = this.account.ready.users.slice(from, from + count);
    const identities = await Promise.all(
      chosen.map(({ username, password }) =>
        this.#directory.register({ username, secret: { password } }),
      ),
    );
    return identities.map(({ id }) => id);
  }

  /** Updates by state, over all shards. @throws where one failed or expired */
  async counts(): Promise<Readonly<Record<string, number>>> {
    const rows = await Promise.all(
      this.shards.map((shard) => this.client.hgetall(this.keys.shard(shard).counts)),
    );
    const sums: Record<string, number> = {};
    for (const [state, count] of rows.flatMap((row) => Object.entries(row))) {
      sums[state] = (sums[state] ?? 0) + Number(count);
    }
    for (const state of ['FAILED', 'EXPIRED']) {
      if ((sums[state] ?? 0) > 0) throw new Error(`the bench has ${sums[state]} updates ${state}`);
    }
    return sums;
  }

  async settled(): Promise<number> {
    return (await this.counts()).SUCCEEDED ?? 0;
  }

  /** Resolves when that many updates have succeeded since the start. */
  async untilSettled(updates: number): Promise<void> {
    await until(`${updates} updates settled`, async () => (await this.settled()) >= updates);
  }

  /** The worker that holds each shard's lease, by shard. */
  async owners(): Promise<readonly (string | null)[]> {
    return Promise.all(
      this.shards.map((shard) => this.client.hget(this.keys.shard(shard).lease, 'holder')),
    );
  }

  /** Resolves when every shard has an owner. */
  async untilHeld(): Promise<void> {
    await until('an owner for every shard', async () => !(await this.owners()).includes(null));
  }

  /** When an update ended, epoch milliseconds of Redis's clock. */
  async finishedAt(updateId: string): Promise<number> {
    const shard = shardOfUpdate(updateId) ?? 0;
    return Number(await this.client.hget(this.keys.shard(shard).update(updateId), 'finishedAt'));
  }

  /** Since when an identity's connection is up, epoch milliseconds; 0 where it is not. */
  async connectedAt(identityId: string): Promise<number> {
    const key = this.keys.shard(shardOf(identityId, SHARDS)).connection(identityId);
    const [state, at] = await this.client.hmget(key, 'state', 'connectedAt');
    return state === 'connected' ? Number(at) : 0;
  }

  /** What the emulator counts: connections, publishes, accepted updates and the like. */
  async stats(): Promise<Readonly<Record<string, number>>> {
    const answer = await fetch(`${this.account.ready.endpoints.iot}/_emulator/stats`);
    return (await answer.json()) as Record<string, number>;
  }

  /** Resolves when the broker has exactly that many connections. */
  async untilConnected(connections: number): Promise<void> {
    await until(`${connections} connections`, async () => {
      return (await this.stats()).connections === connections;
    });
  }

  get shards(): readonly number[] {
    return Array.from({ length: SHARDS }, (_, shard) => shard);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.workers].map((worker) => worker.stop({ deadlineMs: 60_000 })));
    await this.queues.close();
    this.client.disconnect();
    this.#queueClient.disconnect();
    await this.account.stop();
    await this.redis.stop();
  }
}
