import { loadWorkerConfig } from '../shared/config/worker.ts';
import { loadOrExit } from '../shared/lifecycle/loadOrExit.ts';
import { runServices } from '../shared/lifecycle/runServices.ts';
import { service } from '../shared/lifecycle/service.ts';
import { createLogger } from '../shared/observability/logger.ts';
import { createOpsServer } from '../shared/observability/opsServer.ts';
import { createRegistry } from '../shared/observability/registry.ts';
import { waitForRedis } from '../shared/redis/waitForRedis.ts';
import { joinDeployment } from '../shared/store/deployment.ts';
import { assembleWorker } from './assemble.ts';
import { EventBus } from './events.ts';
import { readinessProblem } from './health.ts';
import { registerFleetGauges } from './metrics/fleetGauges.ts';
import { logEvents } from './metrics/logEvents.ts';
import { registerStoreMemory } from './metrics/storeMemory.ts';
import { countWebhooks, registerWebhookGauges } from './metrics/webhookMetrics.ts';
import { countEvents } from './metrics/workerMetrics.ts';
import { connectionSettings, workerName } from './settings.ts';

const { config, settings } = loadOrExit(() => {
  const loaded = loadWorkerConfig(process.env);
  return { config: loaded, settings: connectionSettings(loaded) };
});
const worker = workerName(config);
const log = createLogger('worker', config.LOG_LEVEL).child({ worker });
const registry = createRegistry({ program: 'worker' });
const events = new EventBus(log);
countEvents(events, registry);
countWebhooks(events, registry);
logEvents(events, log);

const { redis, queueRedis, keys, keeper, deliverer, guard, close, ...parts } = assembleWorker({
  config,
  settings,
  worker,
  log,
  events,
  metricsUrl: () => `${ops.url}/metrics`,
});

const stopped = new AbortController();
const store = service({
  name: 'redis',
  start: async () => {
    const tell = (reason: string) => log.warn({ reason }, 'waiting for Redis');
    for (const connection of [redis, queueRedis]) {
      const { REDIS_URL, STARTUP_TIMEOUT_MS } = config;
      await waitForRedis(connection, REDIS_URL, STARTUP_TIMEOUT_MS, tell, stopped.signal);
    }
    for (const warning of await joinDeployment(redis, keys, config.SHARD_COUNT)) log.warn(warning);
    for (const connection of [redis, queueRedis]) {
      connection.on('error', (error: Error) => log.warn({ reason: error.message }, 'Redis'));
    }
  },
  stop: close,
});

const { presence, pauses, budgets } = parts;
const shardCount = config.SHARD_COUNT;
registerFleetGauges(registry, { keeper, presence, pauses, budgets, redis, keys, shardCount });
registerWebhookGauges(registry, parts);
registerStoreMemory(registry, redis);

const ops = createOpsServer({
  host: config.OPS_HOST,
  port: config.WORKER_OPS_PORT,
  registry,
  log,
  live: () => undefined,
  ready: () =>
    stopped.signal.aborted
      ? 'stopping'
      : readinessProblem(keeper, config.HEARTBEAT_MS, config.CONSUMER_PATIENCE_MS),
});

await runServices([ops, store, guard, deliverer, keeper.asService()], {
  log,
  drainTimeoutMs: config.DRAIN_TIMEOUT_MS,
  onReady: () => log.info({ metrics: `${ops.url}/metrics` }, 'ready'),
  onQuiet: () => stopped.abort(),
});
