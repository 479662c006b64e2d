import { randomUUID } from 'node:crypto';
import { messageOf } from '../../shared/errors/courierError.ts';
import type { Logger } from '../../shared/observability/logger.ts';
import type { Budgets } from '../budgets/budgets.ts';
import type { IncomingMessage, Link, LinkListener } from '../connection/link.ts';
import type { EventBus } from '../events.ts';
import { isPresenceTopic, parseLifecycleEvent, PRESENCE_FILTERS } from './lifecycleEvent.ts';
import type { PresenceRecords } from './presenceRecords.ts';

export interface WatchDependencies {
  readonly records: PresenceRecords;
  readonly budgets: Budgets;
  readonly events: EventBus;
  readonly log: Logger;
}

/** Events that wait for Redis; what comes on top of them is dropped, and admitted as a gap. */
const MOST_WAITING = 1000;
const DENIED = 0x80;
const SUBSCRIBE_PATIENCE_MS = 30_000;

/** Observes presence over one link of the observer, for as long as it is up. */
export class PresenceWatch {
  readonly #identityId: string;
  readonly #deps: WatchDependencies;
  #link: Link | undefined;
  #subscription = '';
  #subscribed = false;
  #renewing: Promise<void> | undefined;
  #waiting = 0;
  #lostEvents = false;

  constructor(identityId: string, deps: WatchDependencies) {
    this.#identityId = identityId;
    this.#deps = deps;
  }

  get observing(): boolean {
    return this.#subscribed && this.#link?.over === false;
  }

  begin(link: Link): void {
    this.#link = link;
    link.reservedFilters = PRESENCE_FILTERS.length;
    void this.renew();
  }

  /** Takes what is of presence, and leaves the rest to the listener. */
  inFrontOf(listener: LinkListener): LinkListener {
    return {
      ...listener,
      onMessage: (message) => {
        if (isPresenceTopic(message.topic)) this.#take(message);
        else listener.onMessage(message);
      },
    };
  }

  #take({ payload }: IncomingMessage): void {
    const event = parseLifecycleEvent(payload);
    const { records, events } = this.#deps;
    if (event === undefined) {
      events.emit('presence:event', { effect: 'malformed' });
    } else if (this.#waiting >= MOST_WAITING) {
      this.#lost();
    } else {
      this.#waiting += 1;
      records
        .record(event)
        .then(
          (applied) => events.emit('presence:event', { effect: applied ? 'applied' : 'outdated' }),
          () => this.#lost(),
        )
        .finally(() => {
          this.#waiting -= 1;
        });
    }
  }

  /** Subscribes where that is still to be done, and says that it observes. One at a time. */
  renew(): Promise<void> {
    this.#renewing ??= this.#renewOnce()
      .catch((error: unknown) => {
        this.#deps.log.warn({ error: messageOf(error) }, 'presence is not observed');
      })
      .finally(() => {
        this.#renewing = undefined;
      });
    return this.#renewing;
  }

  async #renewOnce(): Promise<void> {
    const link = this.#link;
    if (link === undefined || link.over) return;
    if (!this.#subscribed) {
      const signal = AbortSignal.timeout(SUBSCRIBE_PATIENCE_MS);
      await this.#deps.budgets.subscribe.take(PRESENCE_FILTERS.length, signal);
      const codes = await link.subscribe(PRESENCE_FILTERS);
      if (codes.some((code) => code >= DENIED)) throw new Error(DENIAL);
      this.#subscribed = true;
      this.#subscription = randomUUID();
    } else if (this.#lostEvents) {
      this.#subscription = randomUUID();
    }
    this.#lostEvents = false;
    const subscription = this.#subscription;
    await this.#deps.records.observe({ identityId: this.#identityId, subscription });
  }

  #lost(): void {
    this.#lostEvents = true;
    this.#deps.events.emit('presence:event', { effect: 'lost' });
  }
}

const DENIAL =
  'a policy denies the subscription: the IAM role and the IoT policy of the observer must allow iot:Subscribe and iot:Receive on $aws/events/presence/connected/* and disconnected/*';
