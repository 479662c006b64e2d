import { z } from 'zod';
import { INDEX_BOUNDS } from '../store/indexBounds.ts';
import { type RedisTarget, targetProblem } from '../redis/target.ts';
import { parseVaultKeys, type VaultKeys } from '../vault/keys.ts';
import { AllowedNetworks, parseNetworks } from '../webhooks/networks.ts';
import { matching, milliseconds, oneOf, text, type Variable, wholeNumber } from './env.ts';

const vaultKeys: Variable<VaultKeys> = {
  schema: z.string().transform((value, ctx) => {
    const keys = parseVaultKeys(value);
    if (typeof keys !== 'string') return keys;
    ctx.addIssue({ code: 'custom', message: keys });
    return z.NEVER;
  }),
  fallback: undefined,
  about:
    'the keys that encrypt passwords and credentials in Redis, as id:key with 32 random bytes in base64, several separated by commas, the first one used for new secrets; make one with: echo "k1:$(openssl rand -base64 32)"',
};

const networks: Variable<AllowedNetworks> = {
  schema: z.string().transform((value, ctx) => {
    const ranges = parseNetworks(value);
    if (typeof ranges !== 'string') return new AllowedNetworks(ranges);
    ctx.addIssue({ code: 'custom', message: ranges });
    return z.NEVER;
  }),
  fallback: '',
  about:
    'private ranges of addresses that webhooks may be delivered to besides the public internet, for example 10.1.0.0/16, several separated by commas; API and workers need the same',
};

/** What every process of the fleet needs. */
export const COMMON_VARIABLES = {
  REDIS_URL: matching(
    /^rediss?:\/\/\S+$/,
    'where Redis is, for example redis://127.0.0.1:6379 or rediss://user:password@host:6379/0; of a Redis Cluster one or more nodes, separated by commas',
    'redis://127.0.0.1:6379',
  ),
  REDIS_CLUSTER: oneOf(
    ['off', 'on'],
    'on where REDIS_URL names nodes of a Redis Cluster, as with ElastiCache in cluster mode or MemoryDB',
    'off',
  ),
  KEY_PREFIX: matching(
    /^[a-z][a-z0-9-]{0,31}$/,
    'what all keys in Redis begin with, so that deployments can share one; lower-case letters, digits and dashes',
    'courier',
  ),
  SHARD_COUNT: wholeNumber(
    'into how many shards the identities are divided; fixed for good at the first start of a deployment',
    { min: 1, max: 4096 },
    64,
  ),
  VAULT_KEYS: vaultKeys,
  AUDIT_RETENTION_DAYS: wholeNumber(
    'how many days the audit log keeps what was done',
    { min: 1, max: 3650 },
    90,
  ),
  AUDIT_MAX_ENTRIES: wholeNumber(
    'the most entries of the audit log, of actions, of updates sent and of refusals each; about half a kilobyte of Redis memory an entry',
    { min: 100, max: 10_000_000 },
    100_000,
  ),
  API_MAX_WAIT_MS: milliseconds(
    'the longest that an answer may wait for the end of an update (wait: on a mutation)',
    30_000,
    0,
  ),
  API_SHADOW_READ_TIMEOUT_MS: milliseconds(
    'how long the reading of a shadow may take, the connection of its identity included',
    10_000,
    50,
  ),
  WEBHOOK_ALLOWED_NETWORKS: networks,
  LOG_LEVEL: oneOf(
    ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
    'which log lines are written; logs are JSON lines on standard output',
    'info',
  ),
  REDIS_SILENCE_MS: milliseconds(
    'how long a connection to Redis may leave a PING unanswered, where a new connection gets its answer, before it is made anew',
    5000,
    100,
  ),
  STARTUP_TIMEOUT_MS: milliseconds(
    'how long a starting process waits for Redis before it gives up with exit code 69',
    30_000,
  ),
  DRAIN_TIMEOUT_MS: milliseconds(
    'how long a process that got SIGTERM may finish what is in flight before it aborts',
    20_000,
  ),
  RETENTION_MS: milliseconds('how long the record of a finished update is kept', 86_400_000, 1000),
  INDEX_MAX_AGE_MS: milliseconds(
    'how long after it was accepted an update can be searched for; RETENTION_MS ends that as well, with its record',
    INDEX_BOUNDS.indexMaxAgeMs,
    1000,
  ),
  INDEX_MAX_COUNT: wholeNumber(
    'how many updates that have ended can be searched for at most; the oldest go first',
    { min: 1, max: 1_000_000_000 },
    INDEX_BOUNDS.indexMaxCount,
  ),
  OPS_HOST: text('the address that /metrics, /livez and /readyz listen on', '127.0.0.1'),
} as const;

/** What does not fit together in the variables of every process. */
export function commonProblem(values: RedisTarget): string | undefined {
  const problem = targetProblem(values);
  return problem === undefined ? undefined : `REDIS_URL ${problem}`;
}

/** Where the tables below name a port: 0 takes a free one, which the log then names. */
export const port = (about: string, fallback: number) =>
  wholeNumber(`${about}; 0 takes a free one`, { min: 0, max: 65_535 }, fallback);
