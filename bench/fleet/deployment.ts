/** A courier of the bench's own: Redis, emulator without quotas, one worker, and its intake. */
import { randomBytes } from 'node:crypto';
import { IdentityDirectory } from '../../src/shared/store/identityDirectory.ts';
import { UpdateIntake } from '../../src/shared/store/updateIntake.ts';
import { ShardQueues } from '../../src/shared/queue/shardQueues.ts';
import { connectRedis } from '../../src/shared/redis/connect.ts';
import { Keys } from '../../src/shared/redis/keys.ts';
import { parseVaultKeys } from '../../src/shared/vault/keys.ts';
import { Vault } from '../../src/shared/vault/vault.ts';
import { type RunningProcess, startProcess } from '../../test/support/processes.ts';
import { RedisServer } from '../../test/support/redisServer.ts';
import { type BenchAccount, startAccount } from '../emulator/account.ts';

export const SHARDS = 64;
const RETENTION_MS = 3_600_000;
/** Budgets and pacing out of the way: quotas are off on all sides. */
const PLENTY = '100000';

export interface BenchDeployment {
  readonly account: BenchAccount;
  readonly redis: RedisServer;
  readonly keys: Keys;
  readonly client: ReturnType<typeof connectRedis>;
  readonly intake: UpdateIntake;
  readonly worker: RunningProcess;
  /** Our ids of the registered users, in their order. */
  register(users: number): Promise<readonly string[]>;
  /** Updates by state, over all shards. */
  counts(): Promise<Readonly<Record<string, number>>>;
  stop(): Promise<void>;
}

export async function startBenchDeployment(users: number): Promise<BenchDeployment> {
  const redis = await RedisServer.start();
  const account = await startAccount(users);
  const vaultKey = `bench:${randomBytes(32).toString('base64')}`;
  const profile = process.env.BENCH_CPU_PROFILE;
  const worker = await startProcess(
    process.execPath,
    [
      ...(profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`]),
      '--import',
      'tsx',
      'src/workers/main.ts',
    ],
    { env: { ...workerEnvironment(account), REDIS_URL: redis.url, VAULT_KEYS: vaultKey } },
  );
  await worker.line(/"msg":"ready"/);
  const client = connectRedis(redis.url);
  const queueClient = connectRedis(redis.url, { enableAutoPipelining: false });
  const keys = new Keys('courier');
  const queues = new ShardQueues(queueClient, keys);
  const parsed = parseVaultKeys(vaultKey);
  if (typeof parsed === 'string') throw new Error(parsed);
  const directory = new IdentityDirectory(client, keys, queues, new Vault(parsed), SHARDS);
  return {
    account,
    redis,
    keys,
    client,
    worker,
    intake: new UpdateIntake(client, keys, queues, {
      shardCount: SHARDS,
      retentionMs: RETENTION_MS,
    }),
    async register(count) {
      const chosen = account.ready.users.slice(0, count);
      const identities = await Promise.all(
        chosen.map(({ username, password }) =>
          directory.register({ username, secret: { password } }),
        ),
      );
      return identities.map(({ id }) => id);
    },
    async counts() {
      const rows = await Promise.all(
        Array.from({ length: SHARDS }, (_, shard) => client.hgetall(keys.shard(shard).counts)),
      );
      const sums: Record<string, number> = {};
      for (const [state, count] of rows.flatMap((row) => Object.entries(row))) {
        sums[state] = (sums[state] ?? 0) + Number(count);
      }
      return sums;
    },
    async stop() {
      await worker.stop();
      await queues.close();
      client.disconnect();
      queueClient.disconnect();
      await account.stop();
      await redis.stop();
    },
  };
}

function workerEnvironment(account: BenchAccount): Record<string, string> {
  const { ready } = account;
  return {
    LOG_LEVEL: 'info',
    AWS_ACCESS_KEY_ID: 'bench',
    AWS_SECRET_ACCESS_KEY: 'bench',
    AWS_REGION: ready.region,
    COGNITO_USER_POOL_ID: ready.userPoolId,
    COGNITO_CLIENT_ID: ready.clientId,
    COGNITO_CLIENT_SECRET: ready.clientSecret,
    COGNITO_IDENTITY_POOL_ID: ready.identityPoolId,
    IOT_POLICY_NAME: ready.iotPolicyName,
    IOT_ENDPOINT: ready.endpoints.iotData,
    IOT_CA_FILE: ready.caFile,
    COGNITO_IDP_ENDPOINT: ready.endpoints.cognitoIdp,
    COGNITO_IDENTITY_ENDPOINT: ready.endpoints.cognitoIdentity,
    IOT_CONTROL_ENDPOINT: ready.endpoints.iot,
    WORKER_OPS_PORT: '0',
    CONNECT_SPACING_MS: '0',
    CONNECTION_MESSAGES_PER_SECOND: PLENTY,
    THING_REQUESTS_PER_SECOND: '10000',
    BUDGET_INITIATE_AUTH: PLENTY,
    BUDGET_GET_ID: PLENTY,
    BUDGET_GET_CREDENTIALS: PLENTY,
    BUDGET_ATTACH_POLICY: PLENTY,
    BUDGET_CONNECT: PLENTY,
    BUDGET_SUBSCRIBE: PLENTY,
    BUDGET_SHADOW: PLENTY,
  };
}
