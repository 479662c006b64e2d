import ipaddr from 'ipaddr.js';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import type {
  Webhook,
  WebhookDelivery,
  WebhookEvent,
} from '../../../../src/shared/domain/webhook.ts';
import type { Service } from '../../../../src/shared/lifecycle/service.ts';
import type { RedisClient } from '../../../../src/shared/redis/client.ts';
import { connectRedis } from '../../../../src/shared/redis/connect.ts';
import { Keys } from '../../../../src/shared/redis/keys.ts';
import { AuditLog } from '../../../../src/shared/store/auditLog.ts';
import { BatchReader } from '../../../../src/shared/store/batchReader.ts';
import { EventStreams } from '../../../../src/shared/store/eventStreams.ts';
import { WebhookDeliveries } from '../../../../src/shared/store/webhookDeliveries.ts';
import { Webhooks } from '../../../../src/shared/store/webhooks.ts';
import { parseVaultKeys } from '../../../../src/shared/vault/keys.ts';
import { Vault } from '../../../../src/shared/vault/vault.ts';
import { parseMetrics } from '../../../../src/cli/client/metrics.ts';
import { AllowedNetworks } from '../../../../src/shared/webhooks/networks.ts';
import { EventBus } from '../../../../src/workers/events.ts';
import type { Lease } from '../../../../src/workers/fleet/lease.ts';
import { LeaseStore } from '../../../../src/workers/fleet/leaseStore.ts';
import {
  countWebhooks,
  registerWebhookGauges,
} from '../../../../src/workers/metrics/webhookMetrics.ts';
import { EventTail } from '../../../../src/workers/shard/eventTail.ts';
import {
  type DelivererSettings,
  webhookDeliverer,
} from '../../../../src/workers/webhooks/webhookDeliverer.ts';
import { WebhookWatch } from '../../../../src/workers/webhooks/webhookWatch.ts';
import { uniquePrefix } from '../../../support/prefix.ts';

export const LOCAL = new AllowedNetworks([ipaddr.parseCIDR('127.0.0.0/8')]);
const SHARD = 0;

/** What a deployment has of webhooks, on a Redis of the test. */
export class WebhookWorld {
  readonly keys = new Keys(uniquePrefix('webhooks'));
  readonly redis: RedisClient;
  readonly webhooks: Webhooks;
  readonly deliveries: WebhookDeliveries;
  readonly streams: EventStreams;
  readonly batches: BatchReader;
  readonly events = new EventBus(pino({ level: 'silent' }));
  readonly registry = new Registry();
  readonly #queueRedis: RedisClient;
  readonly #deliverers: Service[] = [];
  #seq = 0;

  private constructor(redis: RedisClient, queueRedis: RedisClient) {
    const vaultKeys = parseVaultKeys(`k1:${Buffer.alloc(32, 7).toString('base64')}`);
    if (typeof vaultKeys === 'string') throw new Error(vaultKeys);
    this.redis = redis;
    this.#queueRedis = queueRedis;
    this.webhooks = new Webhooks(redis, this.keys, new Vault(vaultKeys));
    this.deliveries = new WebhookDeliveries(redis, queueRedis, this.keys, (count) => {
      this.events.emit('webhook:crowded-out', { count });
    });
    countWebhooks(this.events, this.registry);
    registerWebhookGauges(this.registry, this);
    this.streams = new EventStreams(redis, this.keys, 1);
    this.batches = new BatchReader(redis, this.keys, 1);
  }

  static async open(url: string): Promise<WebhookWorld> {
    const redis = connectRedis(url);
    const queueRedis = connectRedis(url);
    for (const connection of [redis, queueRedis]) connection.on('error', () => undefined);
    await Promise.all([redis.connect(), queueRedis.connect()]);
    return new WebhookWorld(redis, queueRedis);
  }

  create(url: string, ...events: WebhookEvent[]): Promise<{ webhook: Webhook; secret: string }> {
    return this.webhooks.create({ name: 'a receiver', url, events, createdBy: 'tests' });
  }

  /** Sends a webhook something; gives the delivery's id. */
  send(webhook: Webhook, key = `test/${(this.#seq += 1)}`): Promise<string> {
    const data = { hello: 'world' };
    return this.deliveries.add(webhook, { key, kind: 'UPDATES_DEAD', at: Date.now(), data });
  }

  /** What a scrape says of webhooks, zeros and buckets left out. */
  async scrape(): Promise<Readonly<Record<string, number>>> {
    const text = await this.registry.metrics();
    const samples = parseMetrics(text).flatMap(({ name, labels, value }) => {
      const label = Object.values(labels)[0];
      const short = name.replace('courier_', '') + (label === undefined ? '' : `/${label}`);
      return value === 0 || name.endsWith('_bucket') ? [] : [[short, value] as const];
    });
    return Object.fromEntries(samples);
  }

  async delivery(id: string): Promise<WebhookDelivery> {
    const found = await this.deliveries.find(id);
    if (found === undefined) throw new Error(`no delivery ${id}`);
    return found;
  }

  async startDeliverer(settings: Partial<DelivererSettings> = {}): Promise<void> {
    const { keys, webhooks, deliveries } = this;
    const auditLog = new AuditLog(this.redis, keys, { retentionMs: 3_600_000, maxEntries: 1000 });
    const deliverer = webhookDeliverer(
      {
        queueRedis: this.#queueRedis,
        keys,
        webhooks,
        deliveries,
        auditLog,
        events: this.events,
        log: pino({ level: 'silent' }),
      },
      {
        concurrency: 5,
        timeoutMs: 5000,
        retryBaseMs: 1,
        retryMaxMs: 10,
        disableAfter: 3,
        networks: LOCAL,
        ...settings,
      },
    );
    this.#deliverers.push(deliverer);
    await deliverer.start();
  }

  /** The shard becomes another worker's. */
  async takeShard(worker: string): Promise<Lease> {
    await this.redis.hset(this.keys.shard(SHARD).lease, 'expiresAt', '0');
    const lease = await new LeaseStore(this.redis, this.keys, 1).acquire(SHARD, worker, 60_000);
    if (lease === undefined) throw new Error('the shard is taken');
    return lease;
  }

  tail(lease: Lease, deliveries: Pick<WebhookDeliveries, 'add'> = this.deliveries): EventTail {
    const watch = new WebhookWatch(this.webhooks);
    const { redis, streams } = this;
    return new EventTail(this.keys.shard(SHARD), lease, {
      redis,
      streams,
      watch,
      deliveries,
      batch: (id) => this.batches.find(id),
      kept: 1000,
    });
  }

  /** Updates that died, as the scripts write it. */
  async die(count: number): Promise<void> {
    for (let at = 0; at < count; at += 1) {
      const u = String((this.#seq += 1)).padStart(26, '0');
      const fields = { k: 'E', u, s: 'FAILED', c: 'REJECTED', b: '', i: 'idn_a', t: 'device_1' };
      await this.event(fields);
    }
  }

  async event(fields: Readonly<Record<string, string>>, id = '*'): Promise<void> {
    await this.redis.xadd(this.keys.shard(SHARD).events, id, ...Object.entries(fields).flat());
  }

  async close(): Promise<void> {
    const deadline = AbortSignal.timeout(5000);
    await Promise.all(this.#deliverers.map((one) => one.stop(deadline)));
    await this.deliveries.close();
    this.redis.disconnect();
    this.#queueRedis.disconnect();
  }
}
