/** One MQTT connection over a WebSocket: bytes in, bytes out, and how it ends. */
import { randomUUID } from 'node:crypto';
import type { Packet } from 'mqtt-packet';
import type { WebSocket } from 'ws';
import type { Origin, Requester } from './core.ts';
import { type Delivery, encode, encodePublish, type Message } from './encoding.ts';
import { PacketFramer, type ProtocolVersion } from './framing.ts';
import type { OutputBatch } from './outputBatch.ts';
import type { Permissions } from './permissions.ts';
import type { RateBucket } from './rateBucket.ts';
import { type DisconnectReason, REASON, reasonString } from './reasons.ts';
import type { Session, SessionLink } from './session.ts';

/** A client that does not read is cut rather than buffered for without end. */
const MAX_BUFFERED_BYTES = 32 * 1024 * 1024;

export interface Ending {
  readonly disconnectReason: DisconnectReason;
  readonly clientInitiated: boolean;
  /** Whether the will is published; by default unless the client wished to end. */
  readonly withWill?: boolean;
  /** Detail for the log. */
  readonly details?: string;
}

/** What CONNECT agreed on. */
export interface Agreement {
  readonly clientId: string;
  readonly session: Session;
  readonly permissions: Permissions;
  readonly keepAliveMs: number;
  readonly maximumPacketSize: number;
  readonly reasonStrings: boolean;
  /** Publishes in both directions. */
  readonly publishRate: RateBucket;
  readonly byteRate: RateBucket;
  /** Packet ids of the client's QoS 1 publishes that have no PUBACK yet. */
  readonly unacknowledged: Set<number>;
  /** Shadow requests by thing that have no answer yet. */
  readonly shadowRequests: Map<string, number>;
  readonly will: Will | undefined;
}

export interface Will {
  /** MQTT 5: how long it waits for the client to come back, before the time scale. */
  readonly delaySeconds: number;
  readonly message: Message;
}

export class Connection implements SessionLink, Requester {
  readonly protocol = 'MQTT';
  /** As lifecycle events and the ledger name this connection. */
  readonly sessionIdentifier = randomUUID();
  readonly origin: Origin;
  readonly openedAtMs: number;
  version: ProtocolVersion = 4;
  agreement: Agreement | undefined;
  /** Topic aliases that the client has set. */
  readonly aliases = new Map<number, string>();
  lastReceivedMs: number;
  /** Chunks that a fault holds back, and the epoch milliseconds at which the last one is due. */
  readonly held: Buffer[] = [];
  heldUntilMs = 0;
  /** Of the lifecycle events of this connection. */
  versionNumber = 0;
  ending: Ending | undefined;
  /** Messages refused by `accepts`, decided by the broker (Receive permission, rate). */
  mayReceive: (delivery: Delivery) => boolean = () => true;
  readonly #socket: WebSocket;
  readonly #batch: OutputBatch;
  readonly #framer = new PacketFramer();
  readonly #onEnd: (connection: Connection) => void;
  readonly #now: () => number;
  #pending: Buffer[] = [];

  constructor(
    socket: WebSocket,
    origin: Origin,
    batch: OutputBatch,
    now: () => number,
    onEnd: (connection: Connection) => void,
  ) {
    this.#socket = socket;
    this.origin = origin;
    this.#batch = batch;
    this.#now = now;
    this.openedAtMs = now();
    this.lastReceivedMs = this.openedAtMs;
    this.#onEnd = onEnd;
  }

  get clientId(): string {
    return this.agreement?.clientId ?? '';
  }

  get shadowRequests(): Map<string, number> | undefined {
    return this.agreement?.shadowRequests;
  }

  get open(): boolean {
    return this.ending === undefined;
  }

  /** Hands over each whole packet of the chunk until the connection ends. */
  receive(chunk: Buffer, onPacket: (packet: Buffer) => void): void {
    this.#framer.push(chunk, (packet) => {
      if (this.open) onPacket(packet);
    });
  }

  accepts(delivery: Delivery): boolean {
    return this.mayReceive(delivery);
  }

  transmit(delivery: Delivery, packetId: number): void {
    this.write(encodePublish(delivery, this.version, packetId, this.#now()));
  }

  send(packet: Packet): void {
    this.write(encode(packet, this.version));
  }

  /** Until `resumeReading`; safe to call again. */
  pauseReading(): void {
    this.#socket.pause();
  }

  resumeReading(): void {
    if (this.open) this.#socket.resume();
  }

  /** Queues bytes for the end of this turn of the event loop, so that one write carries them. */
  write(bytes: Buffer): void {
    if (this.#pending.length === 0) this.#batch.add(this);
    this.#pending.push(bytes);
  }

  flush(): void {
    const pending = this.#pending;
    if (pending.length === 0) return;
    this.#pending = [];
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    const [only] = pending;
    const bytes = pending.length === 1 && only ? only : Buffer.concat(pending);
    this.#socket.send(bytes, { binary: true, compress: false });
    if (this.#socket.bufferedAmount > MAX_BUFFERED_BYTES) this.#socket.terminate();
  }

  /**
   * Ends the connection from the broker's side. MQTT 5 clients get a DISCONNECT with the code,
   * where one is given; MQTT 3.1.1 has none, so those only see the socket close.
   */
  end(ending: Ending, code?: number, text?: string, traceId?: string): void {
    if (!this.open) return;
    if (this.version === 5 && this.agreement && code !== undefined) {
      this.send({
        cmd: 'disconnect',
        reasonCode: code,
        ...(text !== undefined
          ? {
              properties: {
                reasonString: reasonString('DISCONNECT', text, traceId ?? randomUUID()),
              },
            }
          : {}),
      });
    }
    this.flush();
    this.#finish(ending);
    this.#socket.close(1000);
  }

  displace(): void {
    this.end(
      { disconnectReason: 'DUPLICATE_CLIENTID', clientInitiated: false },
      REASON.sessionTakenOver,
      'Session taken over by another connection',
    );
  }

  /** The socket is gone. */
  lost(closeCode: number): void {
    // 1006 stands for "no Close frame came"; a Close frame counts as the client's wish.
    const clientInitiated = closeCode !== 1006;
    this.#finish({
      disconnectReason: clientInitiated ? 'CLIENT_INITIATED_DISCONNECT' : 'CONNECTION_LOST',
      clientInitiated,
    });
  }

  /** Cuts the TCP connection without a word, as a lost network does. */
  sever(ending: Ending): void {
    this.#finish(ending);
    this.#socket.terminate();
  }

  protocolError(details: string): void {
    this.end(
      { disconnectReason: 'CLIENT_ERROR', clientInitiated: false, details },
      REASON.protocolError,
      details,
    );
  }

  #finish(ending: Ending): void {
    if (this.ending) return;
    this.ending = ending;
    this.#onEnd(this);
  }
}
