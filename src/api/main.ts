import { loadApiConfig } from '../shared/config/api.ts';
import { isOpen } from '../shared/config/authentication.ts';
import { loadOrExit } from '../shared/lifecycle/loadOrExit.ts';
import { runServices } from '../shared/lifecycle/runServices.ts';
import { service } from '../shared/lifecycle/service.ts';
import { createLogger } from '../shared/observability/logger.ts';
import { createOpsServer } from '../shared/observability/opsServer.ts';
import { createRegistry } from '../shared/observability/registry.ts';
import { ShardQueues } from '../shared/queue/shardQueues.ts';
import { connectRedis } from '../shared/redis/connect.ts';
import { connectionGuard } from '../shared/redis/connectionGuard.ts';
import { Keys } from '../shared/redis/keys.ts';
import { waitForRedis } from '../shared/redis/waitForRedis.ts';
import { watchOutages } from '../shared/redis/watchOutages.ts';
import { joinDeployment } from '../shared/store/deployment.ts';
import { ApiTokens } from '../shared/store/apiTokens.ts';
import { AuditBuffer } from '../shared/store/auditBuffer.ts';
import { AuditLog } from '../shared/store/auditLog.ts';
import { AuditReader } from '../shared/store/auditReader.ts';
import { DeadUpdates } from '../shared/store/deadUpdates.ts';
import { FleetPauses } from '../shared/store/fleetPauses.ts';
import { FleetReader } from '../shared/store/fleetReader.ts';
import { FleetTuning } from '../shared/store/fleetTuning.ts';
import { PresenceReader } from '../shared/store/presenceReader.ts';
import { ShadowReads } from '../shared/store/shadowReads.ts';
import { UpdateReader } from '../shared/store/updateReader.ts';
import { WebhookDeliveries } from '../shared/store/webhookDeliveries.ts';
import { Webhooks } from '../shared/store/webhooks.ts';
import { Vault } from '../shared/vault/vault.ts';
import type { ApiServices } from './context.ts';
import { jwtOptions } from './authentication/jwtOptions.ts';
import { auditUpkeep } from './auditUpkeep.ts';
import { createAuthenticator } from './authentication/authenticator.ts';
import { eventServices } from './events/eventServices.ts';
import { createGraphqlApi } from './graphqlApi.ts';
import { identityServices } from './identityServices.ts';
import { createHttpServer } from './httpServer.ts';
import { CallerBuckets } from './limits/callerBuckets.ts';
import { readPersistedOperations } from './limits/persistedOperations.ts';
import { createApiMetrics } from './metrics.ts';
import { StoreGate } from './storeGate.ts';
import { updateServices } from './updateServices.ts';
import { UpdateEnds } from './updateEnds.ts';
import { boardQueues } from './web/queueBoard.ts';
import { pageAudit } from './web/pageAudit.ts';
import { createRequestListener } from './web/requestListener.ts';
import { withSessions } from './web/sessionAuthenticator.ts';
import { Sessions } from './web/sessions.ts';
import { createWebPages } from './web/webPages.ts';

const config = loadOrExit(() => loadApiConfig(process.env));
const log = createLogger('api', config.LOG_LEVEL);
const registry = createRegistry({ program: 'api' });
const metrics = createApiMetrics(registry);

// One connection for scripts and reads, one for BullMQ. Both give up on an answer in time, so
// that a caller hears of an outage instead of waiting it out.
const patience = { commandTimeout: config.API_STORE_TIMEOUT_MS };
const redis = connectRedis(config, patience);
const queueRedis = connectRedis(config, patience);
watchOutages(redis, log);
// The first one tells of an outage; a second voice would only say the same.
queueRedis.on('error', () => undefined);

const keys = new Keys(config.KEY_PREFIX);
const queues = new ShardQueues(queueRedis, keys, redis);
const vault = new Vault(config.VAULT_KEYS);
const shardCount = config.SHARD_COUNT;
const gate = new StoreGate([redis, queueRedis], config.API_STORE_TIMEOUT_MS);
const auditSettings = {
  retentionMs: config.AUDIT_RETENTION_DAYS * 86_400_000,
  maxEntries: config.AUDIT_MAX_ENTRIES,
};
const auditLog = new AuditLog(redis, keys, auditSettings);
const auditBuffer = new AuditBuffer(auditLog, log);
const reader = new UpdateReader(redis, keys, shardCount);
const services: ApiServices = {
  ...updateServices(redis, keys, queues, {
    shardCount,
    retentionMs: config.RETENTION_MS,
    indexMaxAgeMs: config.INDEX_MAX_AGE_MS,
    indexMaxCount: config.INDEX_MAX_COUNT,
  }),
  reader,
  ends: new UpdateEnds(reader, config.API_MAX_WAIT_MS),
  shadowReads: new ShadowReads(redis, keys, queues, {
    shardCount,
    timeoutMs: config.API_SHADOW_READ_TIMEOUT_MS,
  }),
  ...identityServices(redis, keys, queues, vault, { shardCount, retentionMs: config.RETENTION_MS }),
  dead: new DeadUpdates(redis, keys, shardCount),
  fleet: new FleetReader(redis, keys, shardCount),
  limits: { maxBytes: config.SHADOW_MAX_BYTES, maxDepth: config.SHADOW_MAX_DEPTH },
  tuning: new FleetTuning(redis, keys),
  pauses: new FleetPauses(redis, keys),
  presence: new PresenceReader(redis, keys),
  apiTokens: new ApiTokens(redis, keys),
  auditLog,
  auditBuffer,
  auditReader: new AuditReader(redis, keys, auditSettings.retentionMs),
  webhooks: new Webhooks(redis, keys, vault),
  deliveries: new WebhookDeliveries(redis, queueRedis, keys),
  webhookNetworks: config.WEBHOOK_ALLOWED_NETWORKS,
  ...eventServices(
    redis,
    keys,
    {
      shardCount,
      pollMs: config.API_EVENT_POLL_MS,
      perCaller: config.API_MAX_SUBSCRIPTIONS_PER_CALLER,
      inAll: config.API_MAX_SUBSCRIPTIONS,
      maxMs: config.API_SUBSCRIPTION_MAX_MS,
    },
    metrics,
    log,
  ),
  gate,
  metrics,
};

const OPEN =
  'Nobody has to prove who they are: whoever reaches this address is an admin, which is this machine only. Set API_TOKENS or API_OIDC_ISSUERS to ask for tokens and to listen elsewhere.';

const isAllowed = (setting: 'auto' | 'on' | 'off') =>
  setting === 'on' || (setting === 'auto' && config.NODE_ENV !== 'production');
const graphiql = isAllowed(config.API_GRAPHIQL);
const persistedFile = config.API_PERSISTED_OPERATIONS_FILE;
const tls =
  config.API_TLS_CERT_FILE === undefined || config.API_TLS_KEY_FILE === undefined
    ? undefined
    : { certFile: config.API_TLS_CERT_FILE, keyFile: config.API_TLS_KEY_FILE };
const sessions = new Sessions(vault, config.API_SESSION_MS);
const { apiTokens } = services;
const authenticate = withSessions(
  createAuthenticator({ tokens: config.API_TOKENS, jwt: jwtOptions(config), apiTokens, gate }),
  sessions,
);
const api = createGraphqlApi({
  services,
  authenticate,
  maxBodyBytes: config.API_MAX_BODY_BYTES,
  timeoutMs: config.API_REQUEST_TIMEOUT_MS,
  maxCost: config.API_MAX_COST,
  buckets: new CallerBuckets(redis, keys, {
    perSecond: config.API_RATE_POINTS_PER_SECOND,
    size: config.API_RATE_BURST,
  }),
  trustedHops: config.API_TRUSTED_PROXY_HOPS,
  graphiql,
  introspection: isAllowed(config.API_INTROSPECTION),
  persisted:
    persistedFile === undefined
      ? new Map()
      : loadOrExit(() => readPersistedOperations(persistedFile)),
  onlyPersisted: config.API_ONLY_PERSISTED === 'on',
  heartbeatMs: config.API_HEARTBEAT_MS,
  log,
});
const httpServer = createHttpServer({
  host: config.API_HOST,
  port: config.API_PORT,
  handler: createRequestListener(
    (request, response) => void api(request, response),
    createWebPages({
      authenticate,
      sessions,
      queues: boardQueues(queues, shardCount, services.deliveries.queue),
      graphiql: graphiql ? (request) => api.fetch(request) : undefined,
      audit: pageAudit(
        { auditLog, auditBuffer, fleetEvents: services.fleetEvents, gate, log },
        config.API_TRUSTED_PROXY_HOPS,
      ),
      log,
    }),
  ),
  metrics,
  tls,
  log,
});

let phase: 'starting' | 'running' | 'stopping' = 'starting';
const stopped = new AbortController();

const opsServer = createOpsServer({
  host: config.OPS_HOST,
  port: config.API_OPS_PORT,
  registry,
  log,
  live: () => undefined,
  ready: () => (phase === 'running' ? gate.problem() : `This process is ${phase}.`),
});

const upkeep = auditUpkeep(auditLog, log);
const store = service({
  name: 'store',
  start: async () => {
    const warnRetry = (reason: string) =>
      log.warn({ reason }, 'Redis does not answer yet; trying again');
    const timeoutMs = config.STARTUP_TIMEOUT_MS;
    for (const connection of [redis, queueRedis]) {
      await waitForRedis(connection, config.REDIS_URL, timeoutMs, warnRetry, stopped.signal);
    }
    upkeep.start();
    for (const warning of await joinDeployment(redis, keys, shardCount)) log.warn(warning);
  },
  stop: async () => {
    await upkeep.stop();
    await auditBuffer.flush();
    await services.deliveries.close();
    await queues.close();
    redis.disconnect();
    queueRedis.disconnect();
  },
});

const guard = connectionGuard([redis, queueRedis], {
  silenceMs: config.REDIS_SILENCE_MS,
  onRenewed: () => log.warn('a silent connection to Redis was made anew'),
});

await runServices([opsServer, store, guard, httpServer], {
  log,
  drainTimeoutMs: config.DRAIN_TIMEOUT_MS,
  onReady: () => {
    phase = 'running';
    log.info({ url: `${httpServer.url}/graphql`, graphiql }, 'GraphQL is served');
    if (isOpen(config)) log.warn(OPEN);
  },
  onQuiet: () => {
    phase = 'stopping';
    stopped.abort();
    services.subscriptions.stop();
  },
});
