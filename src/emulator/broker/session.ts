/**
 * An MQTT session: subscriptions and unacknowledged messages of one client id. It outlives its
 * connection while its expiry says so.
 */
import type { Delivery } from './encoding.ts';
import type { ProtocolVersion } from './framing.ts';
import type { ParsedFilter } from './topics.ts';

/** Messages kept for a client that is away or slow; beyond it the oldest are dropped. */
const MAX_QUEUED = 10_000;

/** What a session needs of the connection that it is attached to. */
export interface SessionLink {
  readonly version: ProtocolVersion;
  /** Whether one more delivery fits the client's packet size and may be received by it. */
  accepts(delivery: Delivery): boolean;
  transmit(delivery: Delivery, packetId: number): void;
  /** Ends the connection because a newer one took its client id. */
  displace(): void;
}

export class Session {
  readonly clientId: string;
  readonly version: ProtocolVersion;
  /** By filter as subscribed, `$share/…` included. */
  readonly subscriptions = new Map<string, ParsedFilter>();
  /** Milliseconds that it lives on after a disconnect; already shortened by the time scale. */
  expiryMs: number;
  /** Epoch milliseconds; undefined while connected. */
  expiresAtMs: number | undefined;
  link: SessionLink | undefined;
  readonly #inFlight = new Map<number, Delivery>();
  #queue: Delivery[] = [];
  #window = 0;
  #nextPacketId = 1;

  constructor(clientId: string, version: ProtocolVersion, expiryMs: number) {
    this.clientId = clientId;
    this.version = version;
    this.expiryMs = expiryMs;
  }

  get queued(): number {
    return this.#queue.length;
  }

  get unacknowledged(): number {
    return this.#inFlight.size;
  }

  /** Attaches a connection with its window of unacknowledged QoS 1 messages; resends first. */
  attach(link: SessionLink, window: number, nowMs: number): void {
    this.link = link;
    this.#window = window;
    this.expiresAtMs = undefined;
    const unanswered = [...this.#inFlight.values()];
    this.#inFlight.clear();
    // AWS does not set DUP on redelivery (aws-facts 3.1), so these go out like new ones.
    this.#queue = [...unanswered, ...this.#queue];
    this.#drain(nowMs);
  }

  detach(nowMs: number): void {
    this.link = undefined;
    this.expiresAtMs = nowMs + this.expiryMs;
  }

  /** Sends, queues or drops, as QoS and the state of the connection demand. */
  deliver(delivery: Delivery, nowMs: number): void {
    const { link } = this;
    if (link && !link.accepts(delivery)) return;
    if (delivery.qos === 0) {
      link?.transmit(delivery, 0);
      return;
    }
    if (link && this.#queue.length === 0 && this.#inFlight.size < this.#window) {
      this.#send(link, delivery);
      return;
    }
    this.#queue.push(delivery);
    if (this.#queue.length > MAX_QUEUED) this.#queue.shift();
    if (link) this.#drain(nowMs);
  }

  /** The client's PUBACK; an unknown packet id is ignored. */
  acknowledge(packetId: number, nowMs: number): void {
    if (this.#inFlight.delete(packetId) && this.#queue.length > 0) this.#drain(nowMs);
  }

  #drain(nowMs: number): void {
    let sent = 0;
    while (this.link && this.#inFlight.size < this.#window) {
      const delivery = this.#queue[sent];
      if (!delivery) break;
      sent += 1;
      const { expiresAtMs } = delivery.message;
      if (expiresAtMs !== undefined && expiresAtMs <= nowMs) continue;
      if (this.link.accepts(delivery)) this.#send(this.link, delivery);
    }
    if (sent > 0) this.#queue.splice(0, sent);
  }

  #send(link: SessionLink, delivery: Delivery): void {
    let packetId = this.#nextPacketId;
    while (this.#inFlight.has(packetId)) packetId = (packetId % 65_535) + 1;
    this.#nextPacketId = (packetId % 65_535) + 1;
    this.#inFlight.set(packetId, delivery);
    link.transmit(delivery, packetId);
  }
}
