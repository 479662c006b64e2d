/** What happens with time: keep-alives, the 24 h cut, expiry, replay of stored messages. */
import type { Connection } from './connection.ts';
import type { ConnectThrottle } from './connectThrottle.ts';
import type { BrokerCore } from './core.ts';
import { REASON } from './reasons.ts';
import { expireSessions } from './sessions.ts';

const INTERVAL_MS = 250;
/** Tables that only grow slowly are looked through once in so many rounds. */
const SLOW_ROUNDS = 40;
/** A connection that has not sent a CONNECT by then is closed. */
const CONNECT_TIMEOUT_MS = 10_000;

export class Sweeper {
  readonly #core: BrokerCore;
  readonly #connections: ReadonlySet<Connection>;
  readonly #throttle: ConnectThrottle;
  readonly #timer: NodeJS.Timeout;
  #round = 0;

  constructor(core: BrokerCore, connections: ReadonlySet<Connection>, throttle: ConnectThrottle) {
    this.#core = core;
    this.#connections = connections;
    this.#throttle = throttle;
    this.#timer = setInterval(() => this.#sweep(), INTERVAL_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #sweep(): void {
    const nowMs = this.#core.now();
    if (nowMs < this.#core.faults.frozenUntilMs) return;
    for (const connection of this.#connections) {
      this.#checkAge(connection, nowMs);
      const session = connection.agreement?.session;
      if (session && session.stored > 0) session.replay(nowMs);
    }
    expireSessions(this.#core);
    this.#round += 1;
    if (this.#round % SLOW_ROUNDS === 0) {
      this.#throttle.sweep(nowMs);
      this.#core.lifecycle.sweep();
    }
  }

  #checkAge(connection: Connection, nowMs: number): void {
    const { agreement } = connection;
    const { settings, timeScale } = this.#core;
    if (!agreement) {
      if (nowMs - connection.openedAtMs > CONNECT_TIMEOUT_MS) {
        connection.protocolError('No CONNECT in time');
      }
    } else if (nowMs - connection.lastReceivedMs > agreement.keepAliveMs * 1.5) {
      connection.end(
        { disconnectReason: 'MQTT_KEEP_ALIVE_TIMEOUT', clientInitiated: false },
        REASON.keepAliveTimeout,
      );
    } else if (nowMs - connection.openedAtMs > settings.connectionLifetimeMs / timeScale) {
      connection.end(
        { disconnectReason: 'WEBSOCKET_TTL_EXPIRATION', clientInitiated: false },
        settings.announceLifetimeEnd ? REASON.administrativeAction : undefined,
      );
    }
  }
}
