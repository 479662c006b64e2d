import type { Redis, RedisOptions } from 'ioredis';
import type { RedisClient } from './client.ts';
import { PatientCluster } from './patientCluster.ts';
import { PatientRedis } from './patientRedis.ts';
import { type RedisTarget, seedOf, urlsOf } from './target.ts';

const MAX_RECONNECT_DELAY_MS = 2000;
/** How long a command waits that a cluster cannot take now, before it is sent again. */
const RETRY_DELAY_MS = 100;
/** MOVED names the node that to ask; two that disagree must not keep a command flying. */
const MOVED_DELAY_MS = 10;
/** Finds out that a node which answers nothing has lost its slots to another. */
const SLOTS_REFRESH_MS = 10_000;

type ConnectionOptions = Pick<RedisOptions, 'commandTimeout'>;

const retryDelay = (attempt: number) =>
  Math.min(MAX_RECONNECT_DELAY_MS, 50 * 2 ** Math.min(attempt, 10)) * (0.5 + Math.random() / 2);

/**
 * A connection that reconnects for ever with a capped, jittered delay and keeps commands waiting
 * meanwhile, as BullMQ requires (`maxRetriesPerRequest: null`); `commandTimeout` bounds the wait.
 * A string is the URL of a single Redis.
 */
export function connectRedis(url: string, options?: ConnectionOptions): Redis;
export function connectRedis(where: RedisTarget, options?: ConnectionOptions): RedisClient;
export function connectRedis(
  where: RedisTarget | string,
  options: ConnectionOptions = {},
): RedisClient {
  if (typeof where === 'string') return connectSingle(where, options);
  const { REDIS_URL, REDIS_CLUSTER } = where;
  return REDIS_CLUSTER === 'on'
    ? connectCluster(REDIS_URL, options)
    : connectSingle(REDIS_URL, options);
}

function connectSingle(url: string, options: ConnectionOptions): Redis {
  return new PatientRedis(url, {
    protocol: 2,
    maxRetriesPerRequest: null,
    lazyConnect: true,
    retryStrategy: retryDelay,
    ...options,
  });
}

function connectCluster(redisUrl: string, { commandTimeout }: ConnectionOptions): PatientCluster {
  const urls = urlsOf(redisUrl);
  const { username, password, protocol } = new URL(urls[0] ?? redisUrl);
  return new PatientCluster(urls.map(seedOf), {
    lazyConnect: true,
    clusterRetryStrategy: retryDelay,
    // A name stays a name: certificates are made out for it, as those of ElastiCache and MemoryDB.
    dnsLookup: (hostname, callback) => callback(null, hostname),
    slotsRefreshInterval: SLOTS_REFRESH_MS,
    retryDelayOnMoved: MOVED_DELAY_MS,
    retryDelayOnTryAgain: RETRY_DELAY_MS,
    retryDelayOnClusterDown: RETRY_DELAY_MS,
    retryDelayOnFailover: RETRY_DELAY_MS,
    maxRedirections:
      commandTimeout === undefined
        ? Number.POSITIVE_INFINITY
        : Math.ceil(commandTimeout / RETRY_DELAY_MS),
    redisOptions: {
      protocol: 2,
      maxRetriesPerRequest: null,
      ...(commandTimeout === undefined ? {} : { commandTimeout }),
      ...(username === '' ? {} : { username: decodeURIComponent(username) }),
      ...(password === '' ? {} : { password: decodeURIComponent(password) }),
      ...(protocol === 'rediss:' ? { tls: {} } : {}),
    },
  });
}
