/** Lifecycle events on `$aws/events/…` (aws-facts 3.7). */
import type { Connection, Ending } from './connection.ts';
import type { BrokerCore } from './core.ts';

/** Version numbers start again after about an hour offline. */
const MEMORY_MS = 3_600_000;

type EventKind =
  | 'presence/connected'
  | 'presence/disconnected'
  | 'presence/connect_failed'
  | 'subscriptions/subscribed'
  | 'subscriptions/unsubscribed';

type Publisher = Pick<BrokerCore, 'router' | 'route' | 'now' | 'timeScale'>;

interface Presence {
  version: number;
  /** Epoch milliseconds; undefined while connected. */
  offlineSinceMs: number | undefined;
}

export class Lifecycle {
  readonly #core: Publisher;
  readonly #presences = new Map<string, Presence>();

  constructor(core: Publisher) {
    this.#core = core;
  }

  connected(connection: Connection): void {
    const { clientId } = connection;
    const known = this.#presences.get(clientId);
    const version = known && !this.#isForgotten(known) ? known.version + 1 : 0;
    this.#presences.set(clientId, { version, offlineSinceMs: undefined });
    connection.versionNumber = version;
    this.#publish('presence/connected', connection, clientId, {
      ipAddress: connection.origin.sourceIp,
      versionNumber: version,
    });
  }

  disconnected(connection: Connection, ending: Ending): void {
    const { clientId, versionNumber } = connection;
    const known = this.#presences.get(clientId);
    // A takeover's old connection ends before the new one begins, so this is its own presence.
    if (known) known.offlineSinceMs = this.#core.now();
    this.#publish('presence/disconnected', connection, clientId, {
      clientInitiatedDisconnect: ending.clientInitiated,
      disconnectReason: ending.disconnectReason,
      versionNumber,
    });
  }

  connectFailed(connection: Connection, clientId: string, connectFailureReason: string): void {
    this.#publish('presence/connect_failed', connection, clientId, {
      ipAddress: connection.origin.sourceIp,
      connectFailureReason,
    });
  }

  subscribed(connection: Connection, topics: readonly string[]): void {
    if (topics.length === 0) return;
    this.#publish('subscriptions/subscribed', connection, connection.clientId, { topics });
  }

  unsubscribed(connection: Connection, topics: readonly string[]): void {
    this.#publish('subscriptions/unsubscribed', connection, connection.clientId, { topics });
  }

  sweep(): void {
    for (const [clientId, presence] of this.#presences) {
      if (this.#isForgotten(presence)) this.#presences.delete(clientId);
    }
  }

  #isForgotten({ offlineSinceMs }: Presence): boolean {
    if (offlineSinceMs === undefined) return false;
    return this.#core.now() - offlineSinceMs >= MEMORY_MS / this.#core.timeScale;
  }

  #publish(
    kind: EventKind,
    connection: Connection,
    clientId: string,
    detail: Readonly<Record<string, unknown>>,
  ): void {
    // Client ids with wildcards would make a topic that nobody can subscribe to.
    if (clientId === '' || clientId.includes('#') || clientId.includes('+')) return;
    const topic = `$aws/events/${kind}/${clientId}`;
    if (!this.#core.router.hasSubscribers(topic)) return;
    const event = {
      clientId,
      timestamp: this.#core.now(),
      eventType: kind.slice(kind.indexOf('/') + 1),
      sessionIdentifier: connection.sessionIdentifier,
      principalIdentifier: connection.origin.principalId,
      ...detail,
    };
    const payload = Buffer.from(JSON.stringify(event));
    this.#core.route({ topic, payload, qos: 1, retain: false });
  }
}
