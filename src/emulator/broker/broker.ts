/** The broker: connections in, packets to their handlers, messages to their subscribers. */
import type { Packet } from 'mqtt-packet';
import type { WebSocket } from 'ws';
import type { Account, Authorizer, IotLog } from '../contract.ts';
import { ConnectThrottle, handleConnect } from './connect.ts';
import { Connection } from './connection.ts';
import { type BrokerCore, logRequest, type Origin, type TopicService } from './core.ts';
import type { Message } from './encoding.ts';
import { decode, decodeFirst, PacketTooLargeError } from './framing.ts';
import { type BrokerLimits, CONNECTION_LIFETIME_MS } from './limits.ts';
import { OutputBatch } from './outputBatch.ts';
import { handlePublish } from './publish.ts';
import { REASON } from './reasons.ts';
import { Router } from './router.ts';
import type { Session } from './session.ts';
import { detachSession, expireSessions } from './sessions.ts';
import { handleSubscribe, handleUnsubscribe } from './subscribe.ts';

const SWEEP_INTERVAL_MS = 500;
/** A connection that has not sent a CONNECT by then is closed. */
const CONNECT_TIMEOUT_MS = 10_000;

export interface BrokerOptions {
  readonly account: Account;
  readonly authorizer: Authorizer;
  readonly log: IotLog;
  readonly limits: BrokerLimits;
  readonly timeScale: number;
  readonly now: () => number;
  readonly service: TopicService;
}

export class Broker implements BrokerCore {
  readonly account: Account;
  readonly authorizer: Authorizer;
  readonly log: IotLog;
  readonly limits: BrokerLimits;
  readonly timeScale: number;
  readonly now: () => number;
  readonly service: TopicService;
  readonly router = new Router<Session>();
  readonly sessions = new Map<string, Session>();
  readonly connections = new Set<Connection>();
  readonly counters = { publishesIn: 0, publishesOut: 0 };
  readonly #batch = new OutputBatch();
  readonly #throttle: ConnectThrottle;
  readonly #sweeper: NodeJS.Timeout;

  constructor(options: BrokerOptions) {
    this.account = options.account;
    this.authorizer = options.authorizer;
    this.log = options.log;
    this.limits = options.limits;
    this.timeScale = options.timeScale;
    this.now = options.now;
    this.service = options.service;
    this.#throttle = new ConnectThrottle(options.limits.connectWindowMs);
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_INTERVAL_MS);
    this.#sweeper.unref();
  }

  /** Takes over an upgraded WebSocket whose signature has been verified. */
  open(socket: WebSocket, origin: Origin): void {
    const connection = new Connection(socket, origin, this.#batch, this.now(), (ended) =>
      this.#ended(ended),
    );
    this.connections.add(connection);
    socket.binaryType = 'nodebuffer';
    socket.on('message', (data, isBinary) => {
      if (!isBinary) return connection.protocolError('MQTT needs binary frames');
      this.#receive(connection, Buffer.isBuffer(data) ? data : Buffer.from(data as ArrayBuffer));
    });
    socket.on('close', (code) => connection.lost(code));
    // 'close' follows, with the code; without a listener an error would end the process.
    socket.on('error', () => undefined);
  }

  route(message: Message, publisher?: Session): void {
    const nowMs = this.now();
    this.router.match(message.topic, (session, options) => {
      if (options.noLocal && session === publisher) return;
      this.counters.publishesOut += 1;
      const qos = message.qos === 1 && options.qos === 1 ? 1 : 0;
      const retain = options.retainAsPublished && message.retain;
      session.deliver({ message, qos, retain }, nowMs);
    });
  }

  /** Closes every connection and stops the clock. */
  stop(): void {
    clearInterval(this.#sweeper);
    for (const connection of this.connections) {
      connection.end(
        { disconnectReason: 'SERVER_INITIATED_DISCONNECT', clientInitiated: false },
        REASON.serverShuttingDown,
      );
    }
  }

  #receive(connection: Connection, chunk: Buffer): void {
    if (!connection.open) return;
    connection.lastReceivedMs = this.now();
    try {
      connection.receive(chunk, (bytes) => {
        const packet = connection.agreement
          ? decode(bytes, connection.version)
          : decodeFirst(bytes);
        this.#handle(connection, packet);
      });
    } catch (error) {
      const tooLarge = error instanceof PacketTooLargeError;
      connection.end(
        { disconnectReason: 'CLIENT_ERROR', clientInitiated: false, details: String(error) },
        tooLarge ? REASON.packetTooLarge : REASON.malformedPacket,
        tooLarge ? 'Packet too large' : 'Malformed packet',
      );
    }
  }

  #handle(connection: Connection, packet: Packet): void {
    const { agreement } = connection;
    if (!agreement) {
      if (packet.cmd === 'connect') handleConnect(this, this.#throttle, connection, packet);
      else connection.protocolError('The first packet must be CONNECT');
      return;
    }
    switch (packet.cmd) {
      case 'publish':
        return handlePublish(this, connection, agreement, packet);
      case 'puback':
        return agreement.session.acknowledge(packet.messageId ?? 0, this.now());
      case 'subscribe':
        return handleSubscribe(this, connection, agreement, packet);
      case 'unsubscribe':
        return handleUnsubscribe(this, connection, agreement, packet);
      case 'pingreq':
        return connection.send({ cmd: 'pingresp' });
      case 'disconnect': {
        const expiryS = packet.properties?.sessionExpiryInterval;
        if (expiryS !== undefined && agreement.session.expiryMs > 0) {
          agreement.session.expiryMs = (expiryS * 1000) / this.timeScale;
        }
        return connection.end({
          disconnectReason: 'CLIENT_INITIATED_DISCONNECT',
          clientInitiated: packet.reasonCode !== 0x04,
        });
      }
      case 'connect':
      case 'connack':
      case 'suback':
      case 'unsuback':
      case 'pingresp':
      case 'pubrec':
      case 'pubrel':
      case 'pubcomp':
      case 'auth':
        return connection.protocolError(`${packet.cmd.toUpperCase()} is not accepted here`);
      default:
        packet satisfies never;
    }
  }

  #ended(connection: Connection): void {
    this.connections.delete(connection);
    const { agreement, ending } = connection;
    if (!agreement || !ending) return;
    logRequest(this, connection, {
      eventType: 'Disconnect',
      disconnectReason: ending.disconnectReason,
      ...(ending.details === undefined ? {} : { details: ending.details }),
    });
    if (agreement.session.link === connection) detachSession(this, agreement.session);
    if (agreement.will && !ending.clientInitiated) {
      const { will, permissions } = agreement;
      if (permissions.decide('iot:Publish', 'topic', will.topic).allowed) this.route(will);
    }
  }

  #sweep(): void {
    const nowMs = this.now();
    const lifetimeMs = CONNECTION_LIFETIME_MS / this.timeScale;
    for (const connection of this.connections) this.#checkAge(connection, nowMs, lifetimeMs);
    expireSessions(this);
    this.#throttle.sweep(nowMs);
  }

  #checkAge(connection: Connection, nowMs: number, lifetimeMs: number): void {
    const { agreement } = connection;
    if (!agreement) {
      if (nowMs - connection.openedAtMs > CONNECT_TIMEOUT_MS) {
        connection.protocolError('No CONNECT in time');
      }
    } else if (nowMs - connection.lastReceivedMs > agreement.keepAliveMs * 1.5) {
      connection.end(
        { disconnectReason: 'MQTT_KEEP_ALIVE_TIMEOUT', clientInitiated: false },
        REASON.keepAliveTimeout,
      );
    } else if (nowMs - connection.openedAtMs > lifetimeMs) {
      connection.end(
        { disconnectReason: 'WEBSOCKET_TTL_EXPIRATION', clientInitiated: false },
        REASON.administrativeAction,
      );
    }
  }
}
