import { pino } from 'pino';
import { loadWorkerConfig } from '../../../src/shared/config/worker.ts';
import type { Environment } from '../../../src/shared/config/env.ts';
import { ShardQueues } from '../../../src/shared/queue/shardQueues.ts';
import { connectRedis } from '../../../src/shared/redis/connect.ts';
import { Keys } from '../../../src/shared/redis/keys.ts';
import { joinDeployment } from '../../../src/shared/store/deployment.ts';
import { Vault } from '../../../src/shared/vault/vault.ts';
import { createAwsClients, destroyAwsClients } from '../../../src/workers/aws/clients.ts';
import { createBudgets } from '../../../src/workers/budgets/budgets.ts';
import { ConnectionSlots } from '../../../src/workers/connection/connectionSlots.ts';
import { createCrtRuntime } from '../../../src/workers/connection/crtRuntime.ts';
import { IdentityPool } from '../../../src/workers/credentials/identityPool.ts';
import { PolicyAttacher } from '../../../src/workers/credentials/policyAttacher.ts';
import { UserPool } from '../../../src/workers/credentials/userPool.ts';
import { EventBus } from '../../../src/workers/events.ts';
import { LeaseStore } from '../../../src/workers/fleet/leaseStore.ts';
import { ShardKeeper } from '../../../src/workers/fleet/shardKeeper.ts';
import { connectionSettings, shardSettings, workerName } from '../../../src/workers/settings.ts';
import { ShardRuntime } from '../../../src/workers/shard/shardRuntime.ts';

export interface InProcessWorker {
  readonly events: EventBus;
  readonly keeper: ShardKeeper;
  /** What it logged so far, every level. */
  readonly logged: () => string;
  /** As SIGTERM: drains, hands its shards over, lets go of everything. */
  stop(): Promise<void>;
}

const DRAIN_MS = 20_000;

/** The parts of `src/workers/main.ts`, put together in the same way, in this process. */
export async function startWorker(env: Environment): Promise<InProcessWorker> {
  const config = loadWorkerConfig(env);
  const settings = connectionSettings(config);
  const lines: string[] = [];
  const log = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) });
  const worker = workerName(config);
  const keys = new Keys(config.KEY_PREFIX);
  const events = new EventBus(log);
  const redis = connectRedis(config.REDIS_URL);
  const queueRedis = connectRedis(config.REDIS_URL, { enableAutoPipelining: false });
  for (const connection of [redis, queueRedis]) connection.on('error', () => undefined);
  const queues = new ShardQueues(queueRedis, keys);
  const aws = createAwsClients(config);
  const budgets = createBudgets(redis, keys, config);
  const connections = {
    runtime: createCrtRuntime(settings.caPem),
    settings,
    budgets,
    events,
    slots: new ConnectionSlots(config.MAX_CONNECTIONS),
    attacher: new PolicyAttacher(aws.iot, config.IOT_POLICY_NAME, budgets, events),
    credentials: {
      userPool: new UserPool(
        aws.userPool,
        config.COGNITO_CLIENT_ID,
        config.COGNITO_CLIENT_SECRET,
        config.REFRESH_TOKEN_ROTATION === 'on',
      ),
      identityPool: new IdentityPool(aws.identityPool, {
        region: config.AWS_REGION,
        userPoolId: config.COGNITO_USER_POOL_ID,
        identityPoolId: config.COGNITO_IDENTITY_POOL_ID,
      }),
      budgets,
      events,
      refreshAheadMs: config.REFRESH_AHEAD_MS,
    },
  };
  const dependencies = {
    redis,
    queueRedis,
    keys,
    queues,
    vault: new Vault(config.VAULT_KEYS),
    connections,
    settings: shardSettings(config, worker),
    log,
  };
  const keeper = new ShardKeeper(
    {
      worker,
      heartbeatMs: config.HEARTBEAT_MS,
      leaseMs: config.LEASE_MS,
      minHoldMs: config.SHARD_MIN_HOLD_MS,
      metricsUrl: () => 'http://in.process/metrics',
    },
    {
      leases: new LeaseStore(redis, keys, config.SHARD_COUNT),
      events,
      log,
      createRuntime: (lease) => new ShardRuntime(lease, dependencies),
    },
  );
  await joinDeployment(redis, keys, config.SHARD_COUNT);
  const running = keeper.asService();
  await running.start();
  return {
    events,
    keeper,
    logged: () => lines.join(''),
    stop: async () => {
      await running.stop(AbortSignal.timeout(DRAIN_MS));
      await queues.close();
      redis.disconnect();
      queueRedis.disconnect();
      destroyAwsClients(aws);
    },
  };
}
