import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { REQUEST_OUTCOMES } from './requestFacts.ts';

const MUTATION_NAMES = [
  'createApiToken',
  'revokeApiToken',
  'registerIdentity',
  'registerIdentities',
  'renameIdentity',
  'tagIdentities',
  'untagIdentities',
  'removeIdentity',
  'createGroup',
  'updateGroup',
  'addToGroup',
  'removeFromGroup',
  'deleteGroup',
  'replaceIdentitySecret',
  'releaseIdentity',
  'reconnectIdentity',
  'closeConnection',
  'warmUpConnections',
  'moveShard',
  'drainWorker',
  'resumeWorker',
  'pauseUpdates',
  'resumeUpdates',
  'setBudget',
  'setJobConcurrency',
  'createWebhook',
  'updateWebhook',
  'deleteWebhook',
  'rotateWebhookSecret',
  'testWebhook',
  'redeliverWebhookDelivery',
  'cancelUpdate',
  'previewBulkAction',
  'startBulkAction',
  'abortBulkAction',
  'cancelBatch',
  'retryBatch',
  'replayUpdate',
  'updateShadow',
  'updateShadows',
] as const;
export type MutationName = (typeof MUTATION_NAMES)[number];

/** No label holds an id, an actor or an operation's name: each would grow without bound. */
export interface ApiMetrics {
  readonly requests: Counter<'operation' | 'outcome'>;
  readonly duration: Histogram<'operation'>;
  readonly running: Gauge;
  readonly subscriptions: Gauge;
  readonly rows: Counter<'mutation' | 'code'>;
  readonly bytes: Counter<'direction'>;
}

export function createApiMetrics(registry: Registry): ApiMetrics {
  const registers = [registry];
  const metrics = {
    requests: new Counter({
      name: 'courier_api_requests_total',
      help: 'GraphQL requests by operation type and by how they ended.',
      labelNames: ['operation', 'outcome'],
      registers,
    }),
    duration: new Histogram({
      name: 'courier_api_request_duration_seconds',
      help: 'From the arrival of a GraphQL request to its answer.',
      labelNames: ['operation'],
      buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    }),
    running: new Gauge({
      name: 'courier_api_requests_running',
      help: 'HTTP requests that are being answered.',
      registers,
    }),
    subscriptions: new Gauge({
      name: 'courier_api_subscriptions',
      help: 'GraphQL subscriptions that are open.',
      registers,
    }),
    rows: new Counter({
      name: 'courier_api_rows_total',
      help: 'What mutations were asked for: ACCEPTED, or the code of the error. A row of a bulk mutation counts once.',
      labelNames: ['mutation', 'code'],
      registers,
    }),
    bytes: new Counter({
      name: 'courier_api_bytes_total',
      help: 'Bytes over the HTTP connections, headers included.',
      labelNames: ['direction'],
      registers,
    }),
  };
  // At zero from the start: a series that begins with a one shows no increase to Prometheus.
  for (const operation of ['query', 'mutation', 'subscription']) {
    for (const outcome of REQUEST_OUTCOMES) metrics.requests.inc({ operation, outcome }, 0);
    metrics.duration.zero({ operation });
  }
  for (const mutation of MUTATION_NAMES) metrics.rows.inc({ mutation, code: 'ACCEPTED' }, 0);
  for (const direction of ['in', 'out']) metrics.bytes.inc({ direction }, 0);
  return metrics;
}
