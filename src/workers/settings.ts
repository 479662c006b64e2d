import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import type { WorkerConfig } from '../shared/config/worker.ts';
import { CourierError, messageOf } from '../shared/errors/courierError.ts';
import { countOfShard } from '../shared/store/indexBounds.ts';
import type { ConnectionSettings } from './connection/connectionDependencies.ts';
import type { ShardSettings } from './shard/shardDependencies.ts';
import type { DelivererSettings } from './webhooks/webhookDeliverer.ts';

const HTTPS_PORT = 443;

/** A worker's name is new with every start: a restarted worker is another member. */
export function workerName(config: WorkerConfig): string {
  return config.WORKER_NAME ?? `${hostname()}-${process.pid}-${Date.now().toString(36)}`;
}

export function connectionSettings(config: WorkerConfig): ConnectionSettings {
  const [host = '', port] = config.IOT_ENDPOINT.split(':');
  return {
    endpoint: config.IOT_ENDPOINT,
    host,
    port: port === undefined ? HTTPS_PORT : Number(port),
    caPem: readCa(config.IOT_CA_FILE),
    names: { region: config.AWS_REGION, policyName: config.IOT_POLICY_NAME },
    keepAliveSeconds: config.KEEP_ALIVE_SECONDS,
    messagesPerSecond: config.CONNECTION_MESSAGES_PER_SECOND,
    thingRequestsPerSecond: config.THING_REQUESTS_PER_SECOND,
    answerTimeoutMs: config.ANSWER_TIMEOUT_MS,
    connectSpacingMs: config.CONNECT_SPACING_MS,
    propagationMs: config.PROPAGATION_MS,
    propagationProbeMs: config.PROPAGATION_PROBE_MS,
    quarantineProbeMs: config.QUARANTINE_PROBE_MS,
    idleCloseMs: config.IDLE_CLOSE_MS,
    recycleMinMs: config.RECYCLE_MIN_MS,
    recycleMaxMs: Math.max(config.RECYCLE_MIN_MS, config.RECYCLE_MAX_MS),
  };
}

export function shardSettings(config: WorkerConfig, worker: string): ShardSettings {
  return {
    workerName: worker,
    retentionMs: config.RETENTION_MS,
    sweepMs: config.SWEEP_MS,
    shardCount: config.SHARD_COUNT,
    index: {
      indexMaxAgeMs: config.INDEX_MAX_AGE_MS,
      indexMaxCount: countOfShard(config.INDEX_MAX_COUNT, config.SHARD_COUNT),
    },
    consumerPatienceMs: config.CONSUMER_PATIENCE_MS,
    connectPatienceMs: config.CONNECT_PATIENCE_MS,
    retry: {
      maxTries: config.MAX_TRIES,
      baseMs: config.RETRY_BASE_MS,
      maxMs: config.RETRY_MAX_MS,
    },
  };
}

export function delivererSettings(config: WorkerConfig): DelivererSettings {
  return {
    concurrency: config.WEBHOOK_CONCURRENCY,
    timeoutMs: config.WEBHOOK_TIMEOUT_MS,
    retryBaseMs: config.WEBHOOK_RETRY_BASE_MS,
    retryMaxMs: Math.max(config.WEBHOOK_RETRY_BASE_MS, config.WEBHOOK_RETRY_MAX_MS),
    disableAfter: config.WEBHOOK_DISABLE_AFTER,
    networks: config.WEBHOOK_ALLOWED_NETWORKS,
  };
}

function readCa(file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new CourierError(
      'CONFIG_INVALID',
      `IOT_CA_FILE cannot be read: ${messageOf(error)}`,
      'Name a PEM file that the worker may read, or leave it out for AWS.',
    );
  }
}
