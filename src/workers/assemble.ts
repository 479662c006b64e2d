import type { WorkerConfig } from '../shared/config/worker.ts';
import type { Logger } from '../shared/observability/logger.ts';
import { ShardQueues } from '../shared/queue/shardQueues.ts';
import { connectRedis } from '../shared/redis/connect.ts';
import { connectionGuard } from '../shared/redis/connectionGuard.ts';
import { Keys } from '../shared/redis/keys.ts';
import { AuditLog } from '../shared/store/auditLog.ts';
import { BatchReader } from '../shared/store/batchReader.ts';
import { EventStreams } from '../shared/store/eventStreams.ts';
import { WebhookDeliveries } from '../shared/store/webhookDeliveries.ts';
import { Webhooks } from '../shared/store/webhooks.ts';
import { Vault } from '../shared/vault/vault.ts';
import { createAwsClients, destroyAwsClients } from './aws/clients.ts';
import { createAcrossShards } from './bulk/acrossShards.ts';
import { createBudgets } from './budgets/budgets.ts';
import type { ConnectionSettings } from './connection/connectionDependencies.ts';
import { ConnectionSlots } from './connection/connectionSlots.ts';
import { createCrtRuntime } from './connection/crtRuntime.ts';
import { IdentityPool } from './credentials/identityPool.ts';
import { PolicyAttacher } from './credentials/policyAttacher.ts';
import { UserPool } from './credentials/userPool.ts';
import type { EventBus } from './events.ts';
import { LeaseStore } from './fleet/leaseStore.ts';
import { PauseWatch } from './fleet/pauseWatch.ts';
import { RedisClock } from './fleet/redisClock.ts';
import { WorkerTuning } from './fleet/workerTuning.ts';
import { ShardKeeper } from './fleet/shardKeeper.ts';
import { createPresenceObserver } from './presence/createPresenceObserver.ts';
import { delivererSettings, shardSettings } from './settings.ts';
import type { ShardDependencies } from './shard/shardDependencies.ts';
import { ShardRuntime } from './shard/shardRuntime.ts';
import { webhookDeliverer } from './webhooks/webhookDeliverer.ts';
import { WebhookWatch } from './webhooks/webhookWatch.ts';

export interface WorkerSurroundings {
  readonly config: WorkerConfig;
  readonly settings: ConnectionSettings;
  /** The worker's name in the fleet. */
  readonly worker: string;
  readonly log: Logger;
  readonly events: EventBus;
  readonly metricsUrl: () => string;
}

/** The parts of a worker, put together and not started yet; nothing is connected. */
export function assembleWorker(surroundings: WorkerSurroundings) {
  const { config, settings, worker, log, events, metricsUrl } = surroundings;
  const keys = new Keys(config.KEY_PREFIX);
  const redis = connectRedis(config);
  const queueRedis = connectRedis(config);
  const queues = new ShardQueues(queueRedis, keys);
  const aws = createAwsClients(config);
  const budgets = createBudgets(redis, keys, config);
  const presence = createPresenceObserver(config, worker, { redis, keys, budgets, events, log });
  const connections = {
    runtime: createCrtRuntime(settings.caPem),
    settings,
    budgets,
    events,
    slots: new ConnectionSlots(config.MAX_CONNECTIONS),
    presence,
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
  const clock = new RedisClock();
  const pauses = new PauseWatch(config.SHARD_COUNT);
  const tuning = new WorkerTuning(budgets, config.JOB_CONCURRENCY);
  const vault = new Vault(config.VAULT_KEYS);
  const webhooks = new Webhooks(redis, keys, vault);
  const deliveries = new WebhookDeliveries(redis, queueRedis, keys, (count) => {
    events.emit('webhook:crowded-out', { count });
  });
  const batchReader = new BatchReader(redis, keys, config.SHARD_COUNT);
  const ofShards: ShardDependencies = {
    redis,
    queueRedis,
    keys,
    queues,
    clock,
    pauses,
    acrossShards: createAcrossShards(redis, keys, queues, config, log),
    vault,
    connections,
    tail: {
      redis,
      streams: new EventStreams(redis, keys, config.SHARD_COUNT),
      watch: new WebhookWatch(webhooks),
      deliveries,
      batch: (id) => batchReader.find(id),
      kept: config.EVENTS_KEPT,
    },
    settings: shardSettings(config, worker),
    log,
  };
  const keeper = new ShardKeeper(
    {
      worker,
      heartbeatMs: config.HEARTBEAT_MS,
      leaseMs: config.LEASE_MS,
      minHoldMs: config.SHARD_MIN_HOLD_MS,
      metricsUrl,
    },
    {
      leases: new LeaseStore(redis, keys, config.SHARD_COUNT),
      clock,
      tuning,
      pauses,
      events,
      log,
      createRuntime: (lease) => new ShardRuntime(lease, ofShards, tuning.jobConcurrency),
    },
  );
  const auditLog = new AuditLog(redis, keys, {
    retentionMs: config.AUDIT_RETENTION_DAYS * 86_400_000,
    maxEntries: config.AUDIT_MAX_ENTRIES,
  });
  return {
    redis,
    queueRedis,
    keys,
    deliverer: webhookDeliverer(
      { queueRedis, keys, webhooks, deliveries, auditLog, events, log },
      delivererSettings(config),
    ),
    webhooks,
    deliveries,
    pauses,
    budgets,
    keeper,
    presence,
    guard: connectionGuard([redis, queueRedis], {
      silenceMs: config.REDIS_SILENCE_MS,
      onRenewed: () => events.emit('redis:renewed', {}),
    }),
    /** Lets go of Redis and AWS, once the keeper has stopped. */
    close: async (): Promise<void> => {
      await deliveries.close();
      await queues.close();
      redis.disconnect();
      queueRedis.disconnect();
      destroyAwsClients(aws);
    },
  };
}
