/**
 * An MQTT session: subscriptions and unacknowledged messages of one client id. It outlives its
 * connection while its expiry says so.
 */
import type { Delivery } from './encoding.ts';
import type { ProtocolVersion } from './framing.ts';
import type { RateBucket } from './rateBucket.ts';
import type { ParsedFilter } from './topics.ts';

/** Messages kept for a client that is away or slow; beyond it the oldest are dropped. */
const MAX_QUEUED = 10_000;

/** What a session needs of the connection that it is attached to. */
export interface SessionLink {
  /** Whether the client may receive the delivery now; a refused one is dropped. */
  accepts(delivery: Delivery): boolean;
  transmit(delivery: Delivery, packetId: number): void;
  /** Ends the connection because a newer one took its client id. */
  displace(): void;
}

export interface Subscription {
  readonly parsed: ParsedFilter;
  readonly qos: 0 | 1;
}

export interface SessionTerms {
  /** Unacknowledged QoS 1 messages that may be under way to the client. */
  readonly window: number;
  /** How fast messages are replayed that were stored while the client was away. */
  readonly replay: RateBucket;
}

export class Session {
  readonly clientId: string;
  readonly version: ProtocolVersion;
  /** By filter as subscribed, `$share/…` included. */
  readonly subscriptions = new Map<string, Subscription>();
  /** Milliseconds that it lives on after a disconnect; already shortened by the time scale. */
  expiryMs: number;
  /** Epoch milliseconds; undefined while connected. */
  expiresAtMs: number | undefined;
  link: SessionLink | undefined;
  readonly #inFlight = new Map<number, Delivery>();
  /** Waiting for the window of the connection. */
  #waiting: Delivery[] = [];
  /** Stored while the client was away. */
  #stored: Delivery[] = [];
  #terms: SessionTerms | undefined;
  #nextPacketId = 1;

  constructor(clientId: string, version: ProtocolVersion, expiryMs: number) {
    this.clientId = clientId;
    this.version = version;
    this.expiryMs = expiryMs;
  }

  get connected(): boolean {
    return this.link !== undefined;
  }

  /** Messages stored for the client and not replayed yet. */
  get stored(): number {
    return this.#stored.length;
  }

  attach(link: SessionLink, terms: SessionTerms, nowMs: number): void {
    this.link = link;
    this.#terms = terms;
    this.expiresAtMs = undefined;
    this.replay(nowMs);
  }

  /** AWS does not set DUP on redelivery (aws-facts 3.1): the unanswered are stored like new ones. */
  detach(nowMs: number): void {
    this.link = undefined;
    this.expiresAtMs = nowMs + this.expiryMs;
    this.#stored = [...this.#inFlight.values(), ...this.#waiting, ...this.#stored];
    this.#waiting = [];
    this.#inFlight.clear();
  }

  /** Sends or queues, as QoS and window demand. Only for a session that is connected. */
  deliver(delivery: Delivery): void {
    const { link } = this;
    if (!link?.accepts(delivery)) return;
    if (delivery.qos === 0) return link.transmit(delivery, 0);
    if (this.#inFlight.size < this.#window) return this.#send(link, delivery);
    this.#waiting.push(delivery);
    if (this.#waiting.length > MAX_QUEUED) this.#waiting.shift();
  }

  /** Keeps a QoS 1 delivery for a client that is away. */
  store(delivery: Delivery): void {
    this.#stored.push(delivery);
    if (this.#stored.length > MAX_QUEUED) this.#stored.shift();
  }

  /** Sends stored messages, as fast as the rate allows; called again until there are none. */
  replay(nowMs: number): void {
    const { link } = this;
    if (!link) return;
    let sent = 0;
    while (sent < this.#stored.length && this.#inFlight.size < this.#window) {
      const delivery = this.#stored[sent];
      if (!delivery) break;
      const { expiresAtMs } = delivery.message;
      const expired = expiresAtMs !== undefined && expiresAtMs <= nowMs;
      if (!expired && this.#terms?.replay.take(nowMs) !== true) break;
      sent += 1;
      if (!expired && link.accepts(delivery)) this.#send(link, delivery);
    }
    if (sent > 0) this.#stored.splice(0, sent);
  }

  /** The client's PUBACK; an unknown packet id is ignored. */
  acknowledge(packetId: number): void {
    if (!this.#inFlight.delete(packetId) || this.#waiting.length === 0) return;
    const next = this.#waiting.shift();
    if (next && this.link) this.#send(this.link, next);
  }

  get #window(): number {
    return this.#terms?.window ?? 0;
  }

  #send(link: SessionLink, delivery: Delivery): void {
    let packetId = this.#nextPacketId;
    while (this.#inFlight.has(packetId)) packetId = (packetId % 65_535) + 1;
    this.#nextPacketId = (packetId % 65_535) + 1;
    this.#inFlight.set(packetId, delivery);
    link.transmit(delivery, packetId);
  }
}
