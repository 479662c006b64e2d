import {
  type CourierEvent,
  type EventPlace,
  inOrder,
  placeBefore,
} from '../../shared/domain/courierEvent.ts';
import type { Batch } from '../../shared/domain/batch.ts';
import type { Webhook } from '../../shared/domain/webhook.ts';
import type { RedisClient } from '../../shared/redis/client.ts';
import type { ShardKeys } from '../../shared/redis/shardKeys.ts';
import { runScript } from '../../shared/redis/script.ts';
import { placeOf } from '../../shared/store/eventRecord.ts';
import type { EventStreams } from '../../shared/store/eventStreams.ts';
import { WRITE_TAIL } from '../../shared/store/lua/tailScripts.ts';
import type { WebhookDeliveries } from '../../shared/store/webhookDeliveries.ts';
import { FencedError, type Lease } from '../fleet/lease.ts';
import { batchEnded, notificationsOf } from '../webhooks/notifications.ts';
import { type WebhookWatch, wants } from '../webhooks/webhookWatch.ts';

/** Events of one portion, and portions of one round: the rest is the next round's. */
const PORTION = 500;
const PORTIONS_A_ROUND = 20;

/** What the owner of a shard needs to hand its events on. */
export interface TailDependencies {
  readonly redis: RedisClient;
  readonly streams: EventStreams;
  readonly watch: WebhookWatch;
  readonly deliveries: Pick<WebhookDeliveries, 'add'>;
  /** A batch as it stands. */
  readonly batch: (id: string) => Promise<Batch | undefined>;
  /** The newest events that a shard keeps. */
  readonly kept: number;
}

/**
 * Hands the events of a shard to the webhooks that want them, and then lets go of old ones, for
 * its owner. What is handed out is planned first: a portion, from one place to another. Whoever
 * finds a plan that was not completed makes the same deliveries again, by the same ids, and those
 * that are known already change nothing. So a crash neither loses nor doubles one.
 */
export class EventTail {
  readonly #keys: ShardKeys;
  readonly #lease: Lease;
  readonly #deps: TailDependencies;

  constructor(keys: ShardKeys, lease: Lease, deps: TailDependencies) {
    this.#keys = keys;
    this.#lease = lease;
    this.#deps = deps;
  }

  /** @throws FencedError */
  async round(): Promise<void> {
    const webhooks = await this.#deps.watch.enabled();
    for (let portions = 0; portions < PORTIONS_A_ROUND; portions += 1) {
      if (!(await this.#portion(webhooks))) break;
    }
    await this.#deps.redis.xtrim(this.#keys.events, 'MAXLEN', '~', this.#deps.kept);
  }

  /** @returns whether there may be more. */
  async #portion(webhooks: readonly Webhook[]): Promise<boolean> {
    const tail = await this.#deps.redis.hgetall(this.#keys.webhookTail);
    if (webhooks.length === 0 && tail.upTo === undefined) {
      // Nobody listens: where somebody does again, the webhook says from when on.
      if (tail.from !== undefined) await this.#deps.redis.del(this.#keys.webhookTail);
      return false;
    }
    const from =
      tail.from === undefined
        ? placeBefore(Math.min(...webhooks.map(({ since }) => since)))
        : this.#place(tail.from);
    const planned = tail.upTo === undefined ? undefined : this.#place(tail.upTo);
    const page = await this.#deps.streams.read(this.#lease.shard, from, PORTION);
    const events = page.events.filter(
      ({ place }) => planned === undefined || inOrder(place, planned) <= 0,
    );
    const upTo = planned ?? page.upTo ?? page.events.at(-1)?.place;
    if (upTo === undefined) return false;
    if (planned === undefined) await this.#write(from, upTo);
    await this.#handOut(events, webhooks);
    await this.#write(upTo, undefined);
    return page.upTo !== undefined || planned !== undefined;
  }

  async #handOut(events: readonly CourierEvent[], webhooks: readonly Webhook[]): Promise<void> {
    const notifications = [...notificationsOf(events)];
    for (const event of events) {
      if (event.kind !== 'BATCH_ENDED') continue;
      notifications.push(batchEnded(event, await this.#deps.batch(event.batchId)));
    }
    for (const notification of notifications) {
      const concerned = webhooks.filter((one) => wants(one, notification.kind, notification.at));
      await Promise.all(concerned.map((one) => this.#deps.deliveries.add(one, notification)));
    }
  }

  #place(id: string): EventPlace {
    return placeOf(this.#lease.shard, id);
  }

  async #write(from: EventPlace, upTo: EventPlace | undefined): Promise<void> {
    const { epoch, token, shard } = this.#lease;
    const words = [from, upTo].map((place) =>
      place === undefined ? '' : `${place.ms}-${Math.min(place.seq, Number.MAX_SAFE_INTEGER)}`,
    );
    const written = await runScript(
      this.#deps.redis,
      WRITE_TAIL,
      [this.#keys.lease],
      [epoch, token, ...words],
    );
    if (written !== 1) throw new FencedError(shard);
  }
}
