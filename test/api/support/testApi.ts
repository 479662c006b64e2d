import { Writable } from 'node:stream';
import ipaddr from 'ipaddr.js';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterEach } from 'vitest';
import type { ApiServices } from '../../../src/api/context.ts';
import type { JwtOptions } from '../../../src/api/authentication/jwts.ts';
import { type EventSettings, eventServices } from '../../../src/api/events/eventServices.ts';
import { createGraphqlApi } from '../../../src/api/graphqlApi.ts';
import { type BucketSettings, CallerBuckets } from '../../../src/api/limits/callerBuckets.ts';
import { identityServices } from '../../../src/api/identityServices.ts';
import { createApiMetrics } from '../../../src/api/metrics.ts';
import { createAuthenticator } from '../../../src/api/authentication/authenticator.ts';
import { boardQueues } from '../../../src/api/web/queueBoard.ts';
import { pageAudit } from '../../../src/api/web/pageAudit.ts';
import { withSessions } from '../../../src/api/web/sessionAuthenticator.ts';
import { Sessions } from '../../../src/api/web/sessions.ts';
import { createWebPages } from '../../../src/api/web/webPages.ts';
import { StoreGate } from '../../../src/api/storeGate.ts';
import { updateServices } from '../../../src/api/updateServices.ts';
import { UpdateEnds } from '../../../src/api/updateEnds.ts';
import type { ApiToken } from '../../../src/shared/config/authentication.ts';
import { AWS_SHADOW_LIMITS } from '../../../src/shared/domain/desired.ts';
import { type Role, ROLES } from '../../../src/shared/domain/roles.ts';
import { ShardQueues } from '../../../src/shared/queue/shardQueues.ts';
import type { RedisClient } from '../../../src/shared/redis/client.ts';
import { connectRedis } from '../../../src/shared/redis/connect.ts';
import { Keys } from '../../../src/shared/redis/keys.ts';
import { ApiTokens } from '../../../src/shared/store/apiTokens.ts';
import { AuditBuffer } from '../../../src/shared/store/auditBuffer.ts';
import { AuditLog } from '../../../src/shared/store/auditLog.ts';
import { AuditReader } from '../../../src/shared/store/auditReader.ts';
import { DeadUpdates } from '../../../src/shared/store/deadUpdates.ts';
import { FleetPauses } from '../../../src/shared/store/fleetPauses.ts';
import { FleetReader } from '../../../src/shared/store/fleetReader.ts';
import { FleetTuning } from '../../../src/shared/store/fleetTuning.ts';
import { PresenceReader } from '../../../src/shared/store/presenceReader.ts';
import { ShadowReads } from '../../../src/shared/store/shadowReads.ts';
import { UpdateReader } from '../../../src/shared/store/updateReader.ts';
import { WebhookDeliveries } from '../../../src/shared/store/webhookDeliveries.ts';
import { Webhooks } from '../../../src/shared/store/webhooks.ts';
import { AllowedNetworks } from '../../../src/shared/webhooks/networks.ts';
import { parseVaultKeys } from '../../../src/shared/vault/keys.ts';
import { Vault } from '../../../src/shared/vault/vault.ts';
import { uniquePrefix } from '../../support/prefix.ts';

export const TOKEN = 'a-token-of-the-tests-0123456789';
export const OTHER_TOKEN = 'another-token-of-the-tests-01234';
/** A token of a caller who has exactly this role and its name. */
export const tokenOf = (role: Role) => `a-token-of-the-role-${role}`;
export const VAULT_KEYS = `k1:${Buffer.alloc(32, 7).toString('base64')}`;

/** The answer's JSON, for tests to look into; what is missing fails their expectations. */
// oxlint-disable-next-line typescript/no-explicit-any -- shaped by each test's own query
export type Json = any;

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Json;
}

export interface TestApi {
  readonly redis: RedisClient;
  readonly keys: Keys;
  readonly services: ApiServices;
  readonly registry: Registry;
  readonly log: () => string;
  /** Sends whatever request to `/graphql`; the answer is not read. */
  respond(init: RequestInit): Promise<Response>;
  /** Sends whatever request to `/graphql`. */
  fetch(init: RequestInit, path?: string): Promise<Answer>;
  /** Asks for one of the pages that people open in a browser. */
  page(path: string, init?: RequestInit): Promise<Response>;
  /** Sends an operation as a well-behaved caller; gives the whole body. */
  send(query: string, variables?: object, token?: string): Promise<Json>;
  /** Sends an operation that must not have a top-level error; gives its data. */
  run(query: string, variables?: object, token?: string): Promise<Json>;
}

const NO_ISSUERS: JwtOptions = {
  issuers: [],
  audiences: [],
  jwksUrl: undefined,
  algorithms: ['RS256'],
  clockToleranceSeconds: 0,
  roleClaim: 'cognito:groups',
  roles: [],
  actorClaim: undefined,
};
const SHARD_COUNT = 8;
const AUDIT_SETTINGS = { retentionMs: 86_400_000, maxEntries: 1000 };
const open: (() => Promise<void>)[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((close) => close()));
});

/** The API on a Redis of the test, under a key prefix of its own; closed when the test ends. */
export async function startApi(
  redisUrl: string,
  settings: {
    readonly storeTimeoutMs?: number;
    readonly maxBodyBytes?: number;
    readonly shadowReadTimeoutMs?: number;
    readonly prefix?: string;
    readonly events?: Partial<EventSettings>;
    readonly heartbeatMs?: number;
    /** A range of addresses. */
    readonly webhookNetworks?: string;
    readonly graphiql?: boolean;
    readonly sessionMs?: number;
    readonly trustedHops?: number;
    readonly introspection?: boolean;
    readonly persisted?: ReadonlyMap<string, string>;
    readonly onlyPersisted?: boolean;
    readonly timeoutMs?: number;
    readonly maxCost?: number;
    readonly bucket?: BucketSettings;
    readonly tokens?: readonly ApiToken[];
    readonly jwt?: JwtOptions;
  } = {},
): Promise<TestApi> {
  const storeTimeoutMs = settings.storeTimeoutMs ?? 5000;
  const patience = { commandTimeout: storeTimeoutMs };
  const redis = connectRedis(redisUrl, patience).on('error', () => undefined);
  const queueRedis = connectRedis(redisUrl, patience).on('error', () => undefined);
  await Promise.all([redis.connect(), queueRedis.connect()]);
  const keys = new Keys(settings.prefix ?? uniquePrefix('api'));
  const queues = new ShardQueues(queueRedis, keys);
  const vaultKeys = parseVaultKeys(VAULT_KEYS);
  if (typeof vaultKeys === 'string') throw new Error(vaultKeys);
  const registry = new Registry();
  const metrics = createApiMetrics(registry);
  const logged: string[] = [];
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      logged.push(chunk.toString());
      done();
    },
  });
  const log = pino({ level: 'trace' }, sink);
  const reader = new UpdateReader(redis, keys, SHARD_COUNT);
  const auditLog = new AuditLog(redis, keys, AUDIT_SETTINGS);
  const services: ApiServices = {
    ...updateServices(redis, keys, queues, {
      shardCount: SHARD_COUNT,
      retentionMs: 3_600_000,
    }),
    reader,
    ends: new UpdateEnds(reader, 30_000),
    shadowReads: new ShadowReads(redis, keys, queues, {
      shardCount: SHARD_COUNT,
      timeoutMs: settings.shadowReadTimeoutMs ?? 5000,
    }),
    ...identityServices(redis, keys, queues, new Vault(vaultKeys), {
      shardCount: SHARD_COUNT,
      retentionMs: 3_600_000,
    }),
    dead: new DeadUpdates(redis, keys, SHARD_COUNT),
    fleet: new FleetReader(redis, keys, SHARD_COUNT),
    tuning: new FleetTuning(redis, keys),
    pauses: new FleetPauses(redis, keys),
    presence: new PresenceReader(redis, keys),
    apiTokens: new ApiTokens(redis, keys),
    auditLog,
    auditBuffer: new AuditBuffer(auditLog, log),
    auditReader: new AuditReader(redis, keys, AUDIT_SETTINGS.retentionMs),
    webhooks: new Webhooks(redis, keys, new Vault(vaultKeys)),
    deliveries: new WebhookDeliveries(redis, queueRedis, keys),
    webhookNetworks: new AllowedNetworks(
      settings.webhookNetworks === undefined ? [] : [ipaddr.parseCIDR(settings.webhookNetworks)],
    ),
    ...eventServices(
      redis,
      keys,
      {
        shardCount: SHARD_COUNT,
        pollMs: 20,
        perCaller: 5,
        inAll: 100,
        maxMs: 60_000,
        ...settings.events,
      },
      metrics,
      log,
    ),
    gate: new StoreGate([redis, queueRedis], storeTimeoutMs),
    limits: AWS_SHADOW_LIMITS,
    metrics,
  };
  const { apiTokens, auditBuffer, gate } = services;
  const sessions = new Sessions(new Vault(vaultKeys), settings.sessionMs ?? 3_600_000);
  const authenticate = withSessions(
    createAuthenticator({
      tokens: settings.tokens ?? [
        { actor: 'tests', role: 'admin', token: TOKEN },
        { actor: 'others', role: 'admin', token: OTHER_TOKEN },
        ...ROLES.map((role) => ({ actor: role, role, token: tokenOf(role) })),
      ],
      jwt: settings.jwt ?? NO_ISSUERS,
      apiTokens,
      gate,
    }),
    sessions,
  );
  const { trustedHops = 0 } = settings;
  const api = createGraphqlApi({
    services,
    authenticate,
    graphiql: settings.graphiql ?? true,
    introspection: settings.introspection ?? true,
    persisted: settings.persisted ?? new Map(),
    onlyPersisted: settings.onlyPersisted ?? false,
    heartbeatMs: settings.heartbeatMs ?? 50,
    maxBodyBytes: settings.maxBodyBytes ?? 12_582_912,
    timeoutMs: settings.timeoutMs ?? 60_000,
    maxCost: settings.maxCost ?? 20_000,
    buckets: new CallerBuckets(redis, keys, settings.bucket ?? { perSecond: 0, size: 0 }),
    trustedHops,
    log,
  });
  const pages = createWebPages({
    authenticate,
    sessions,
    queues: boardQueues(queues, SHARD_COUNT, services.deliveries.queue),
    graphiql: settings.graphiql === false ? undefined : (request) => api.fetch(request),
    audit: pageAudit(
      { auditLog, auditBuffer, fleetEvents: services.fleetEvents, gate, log },
      trustedHops,
    ),
    log,
  });
  open.push(async () => {
    services.subscriptions.stop();
    await auditBuffer.flush();
    await services.deliveries.close();
    await queues.close();
    redis.disconnect();
    queueRedis.disconnect();
  });

  const respond = async (init: RequestInit) => api.fetch('http://api/graphql', init);
  const fetch = async (init: RequestInit, path = '/graphql'): Promise<Answer> => {
    const response = await api.fetch(new URL(path, 'http://api'), init);
    const text = await response.text();
    const body: Json = /^[[{]/.test(text) ? JSON.parse(text) : text;
    return { status: response.status, headers: response.headers, body };
  };
  const send = async (query: string, variables?: object, token = TOKEN): Promise<Json> => {
    const { body } = await fetch({
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify({ query, variables }),
    });
    return body;
  };
  const run = async (query: string, variables?: object, token = TOKEN): Promise<Json> => {
    const body = await send(query, variables, token);
    if (body.errors !== undefined) throw new Error(JSON.stringify(body.errors));
    return body.data;
  };
  const page = async (path: string, init?: RequestInit) =>
    pages.fetch(new Request(new URL(path, 'http://api'), init));
  return {
    redis,
    keys,
    services,
    registry,
    log: () => logged.join(''),
    fetch,
    page,
    send,
    run,
    respond,
  };
}
