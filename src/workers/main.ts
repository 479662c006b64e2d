import { loadWorkerConfig } from '../shared/config/worker.ts';
import { loadOrExit } from '../shared/lifecycle/loadOrExit.ts';
import { runServices } from '../shared/lifecycle/runServices.ts';
import { service } from '../shared/lifecycle/service.ts';
import { createLogger } from '../shared/observability/logger.ts';
import { createOpsServer } from '../shared/observability/opsServer.ts';
import { createRegistry } from '../shared/observability/registry.ts';
import { ShardQueues } from '../shared/queue/shardQueues.ts';
import { connectRedis, waitForRedis } from '../shared/redis/connect.ts';
import { Keys } from '../shared/redis/keys.ts';
import { joinDeployment } from '../shared/store/deployment.ts';
import { Vault } from '../shared/vault/vault.ts';
import { createAwsClients, destroyAwsClients } from './aws/clients.ts';
import { createBudgets } from './budgets/budgets.ts';
import { ConnectionSlots } from './connection/connectionSlots.ts';
import { createCrtRuntime } from './connection/crtRuntime.ts';
import { IdentityPool } from './credentials/identityPool.ts';
import { PolicyAttacher } from './credentials/policyAttacher.ts';
import { UserPool } from './credentials/userPool.ts';
import { EventBus } from './events.ts';
import { LeaseStore } from './fleet/leaseStore.ts';
import { ShardKeeper } from './fleet/shardKeeper.ts';
import { readinessProblem } from './health.ts';
import { registerFleetGauges } from './metrics/fleetGauges.ts';
import { logEvents } from './metrics/logEvents.ts';
import { countEvents } from './metrics/workerMetrics.ts';
import { connectionSettings, shardSettings, workerName } from './settings.ts';
import { ShardRuntime } from './shard/shardRuntime.ts';

const { config, settings } = loadOrExit(() => {
  const loaded = loadWorkerConfig(process.env);
  return { config: loaded, settings: connectionSettings(loaded) };
});
const worker = workerName(config);
const log = createLogger('worker', config.LOG_LEVEL).child({ worker });
const keys = new Keys(config.KEY_PREFIX);
const registry = createRegistry({ program: 'worker' });
const events = new EventBus(log);
countEvents(events, registry);
logEvents(events, log);

const redis = connectRedis(config.REDIS_URL);
const queueRedis = connectRedis(config.REDIS_URL, { enableAutoPipelining: false });
const queues = new ShardQueues(queueRedis, keys);
const vault = new Vault(config.VAULT_KEYS);
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

const store = service({
  name: 'redis',
  start: async () => {
    const tell = (reason: string) => log.warn({ reason }, 'waiting for Redis');
    await waitForRedis(redis, config.REDIS_URL, config.STARTUP_TIMEOUT_MS, tell);
    await waitForRedis(queueRedis, config.REDIS_URL, config.STARTUP_TIMEOUT_MS, tell);
    for (const warning of await joinDeployment(redis, keys, config.SHARD_COUNT)) log.warn(warning);
    for (const connection of [redis, queueRedis]) {
      connection.on('error', (error: Error) => log.warn({ reason: error.message }, 'Redis'));
    }
  },
  stop: async () => {
    await queues.close();
    redis.disconnect();
    queueRedis.disconnect();
    destroyAwsClients(aws);
  },
});

const shard = shardSettings(config, worker);
const keeper = new ShardKeeper(
  {
    worker,
    heartbeatMs: config.HEARTBEAT_MS,
    leaseMs: config.LEASE_MS,
    minHoldMs: config.SHARD_MIN_HOLD_MS,
    metricsUrl: () => `${ops.url}/metrics`,
  },
  {
    leases: new LeaseStore(redis, keys, config.SHARD_COUNT),
    events,
    log,
    createRuntime: (lease) =>
      new ShardRuntime(lease, {
        redis,
        queueRedis,
        keys,
        queues,
        vault,
        connections,
        settings: shard,
        log,
      }),
  },
);
registerFleetGauges(registry, {
  keeper,
  budgets,
  redis,
  keys,
  shardCount: config.SHARD_COUNT,
});

let stopping = false;
const ops = createOpsServer({
  host: config.OPS_HOST,
  port: config.WORKER_OPS_PORT,
  registry,
  log,
  live: () => undefined,
  ready: () => (stopping ? 'stopping' : readinessProblem(keeper, redis, keys, config.HEARTBEAT_MS)),
});

await runServices([store, ops, keeper.asService()], {
  log,
  drainTimeoutMs: config.DRAIN_TIMEOUT_MS,
  onReady: () => log.info({ metrics: `${ops.url}/metrics` }, 'ready'),
  onQuiet: () => {
    stopping = true;
  },
});
