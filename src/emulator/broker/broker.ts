/** The broker: connections in, packets to their handlers, messages to their subscribers. */
import type { Packet } from 'mqtt-packet';
import type { WebSocket } from 'ws';
import type { Account, Authorizer, DeviceSettings, DropRequest, IotLog } from '../contract.ts';
import { AccountRates } from './accountRates.ts';
import { handleConnect } from './connect.ts';
import { Connection } from './connection.ts';
import { ConnectThrottle } from './connectThrottle.ts';
import {
  type BrokerCore,
  logRequest,
  type Origin,
  type Subscriber,
  type TopicService,
} from './core.ts';
import { Delays } from './delays.ts';
import { routeMessage } from './delivery.ts';
import type { Message } from './encoding.ts';
import { FaultRules } from './faults.ts';
import { decode, decodeFirst, PacketTooLargeError } from './framing.ts';
import { Lifecycle } from './lifecycle.ts';
import type { BrokerLimits } from './limits.ts';
import { OutputBatch } from './outputBatch.ts';
import { handlePublish } from './publish.ts';
import { REASON } from './reasons.ts';
import { RetainedMessages } from './retained.ts';
import { Router } from './router.ts';
import type { Session } from './session.ts';
import { detachSession } from './sessions.ts';
import { handleSubscribe, handleUnsubscribe } from './subscribe.ts';
import { Sweeper } from './sweeper.ts';
import { publishWill } from './will.ts';

export type BrokerOptions = Pick<
  BrokerCore,
  'account' | 'authorizer' | 'log' | 'limits' | 'settings' | 'timeScale' | 'now' | 'service'
>;

export class Broker implements BrokerCore {
  readonly account: Account;
  readonly authorizer: Authorizer;
  readonly log: IotLog;
  readonly limits: BrokerLimits;
  readonly settings: DeviceSettings;
  readonly timeScale: number;
  readonly now: () => number;
  readonly service: TopicService;
  readonly rates: AccountRates;
  readonly faults: FaultRules;
  readonly retained: RetainedMessages;
  readonly lifecycle: Lifecycle;
  readonly router = new Router<Subscriber>();
  readonly sessions = new Map<string, Session>();
  readonly connections = new Set<Connection>();
  readonly delays = new Delays();
  readonly counters = { publishesIn: 0, publishesOut: 0, publishesDiscarded: 0 };
  readonly #batch = new OutputBatch();
  readonly #throttle: ConnectThrottle;
  readonly #sweeper: Sweeper;

  constructor(options: BrokerOptions) {
    this.account = options.account;
    this.authorizer = options.authorizer;
    this.log = options.log;
    this.limits = options.limits;
    this.settings = options.settings;
    this.timeScale = options.timeScale;
    this.now = options.now;
    this.service = options.service;
    this.rates = new AccountRates(options.limits.account, this.now());
    this.faults = new FaultRules(options.settings.faultSeed);
    this.retained = new RetainedMessages(options.limits.account.retainedMessages);
    this.lifecycle = new Lifecycle(this);
    this.#throttle = new ConnectThrottle(options.limits.connectWindowMs);
    this.#sweeper = new Sweeper(this, this.connections, this.#throttle);
  }

  /** Takes over an upgraded WebSocket whose signature has been verified. */
  open(socket: WebSocket, origin: Origin): void {
    const connection = new Connection(socket, origin, this.#batch, this.now, (ended) =>
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

  /** Ends connections as a fault and returns how many. */
  drop({ clientIds, share = 1, how = 'sever', reasonCode }: DropRequest): number {
    const wanted = clientIds && new Set(clientIds);
    let count = 0;
    for (const connection of this.connections) {
      if (wanted && !wanted.has(connection.clientId)) continue;
      if (share < 1 && !this.faults.chance(share)) continue;
      count += 1;
      const disconnectReason = how === 'sever' ? 'CONNECTION_LOST' : 'SERVER_INITIATED_DISCONNECT';
      const ending = { disconnectReason, clientInitiated: false } as const;
      if (how === 'sever') connection.sever(ending);
      else if (how === 'close') connection.end(ending);
      else connection.end(ending, reasonCode ?? REASON.serverShuttingDown);
    }
    return count;
  }

  connectionOf(clientId: string): Connection | undefined {
    const link = this.sessions.get(clientId)?.link;
    return link instanceof Connection ? link : undefined;
  }

  connected(): number {
    return this.connections.size;
  }

  route(message: Message, publisher?: Session): void {
    routeMessage(this, message, publisher);
  }

  /** Closes every connection and stops the clock. */
  stop(): void {
    this.#sweeper.stop();
    for (const connection of this.connections) {
      connection.end(
        { disconnectReason: 'SERVER_INITIATED_DISCONNECT', clientInitiated: false },
        REASON.serverShuttingDown,
      );
    }
    this.delays.clear();
  }

  /** Handles the chunk at once, or later where a fault holds it back; the order is kept. */
  #receive(connection: Connection, chunk: Buffer): void {
    if (!connection.open) return;
    const nowMs = this.now();
    connection.lastReceivedMs = nowMs;
    const debtMs = connection.agreement?.byteRate.charge(nowMs, chunk.length) ?? 0;
    const waitMs = Math.max(debtMs, this.faults.wait('latencyMs', connection.clientId));
    const dueMs = Math.max(nowMs + waitMs, this.faults.frozenUntilMs, connection.heldUntilMs);
    if (dueMs <= nowMs && connection.held.length === 0) return this.#process(connection, chunk);
    // What the client goes on sending waits in its TCP connection, not here.
    if (debtMs > 0) connection.pauseReading();
    connection.held.push(chunk);
    connection.heldUntilMs = dueMs;
    this.delays.after(dueMs - nowMs, () => {
      const oldest = connection.held.shift();
      if (oldest) this.#process(connection, oldest);
      if (connection.held.length === 0) connection.resumeReading();
    });
  }

  #process(connection: Connection, chunk: Buffer): void {
    if (!connection.open) return;
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
        return agreement.session.acknowledge(packet.messageId ?? 0);
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
          clientInitiated: true,
          // MQTT 5: 0x04 is a disconnect that wants its will published.
          withWill: packet.reasonCode === 0x04,
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
    this.lifecycle.disconnected(connection, ending);
    if (agreement.will && (ending.withWill ?? !ending.clientInitiated)) {
      publishWill(this, this.delays, agreement, agreement.will);
    }
  }
}
