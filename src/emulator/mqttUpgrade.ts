/** `GET /mqtt`: from a signed HTTP request to a WebSocket, or to a refusal (aws-facts 4). */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Origin } from './broker/core.ts';
import type { IotLog } from './contract.ts';
import { failure, type HttpAnswer } from './dataPlane/answer.ts';
import type { WireRequest } from './sigv4/canonical.ts';
import type { Caller, Verification } from './sigv4/verify.ts';

export const MQTT_PATH = '/mqtt';
const SUBPROTOCOL = 'mqtt';
/** Larger than any MQTT packet that is accepted; a frame may hold several. */
const MAX_FRAME_BYTES = 1024 * 1024;
/** How long a client may take to answer a Close frame before its TCP connection is cut. */
const CLOSE_TIMEOUT_MS = 2000;

const REASON_PHRASES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

export interface MqttUpgradeOptions {
  readonly log: IotLog;
  readonly verify: (request: WireRequest) => Verification;
  /** HTTP status that a fault refuses this upgrade with; undefined lets it through. */
  readonly faultStatus: () => number | undefined;
  /** Milliseconds that a fault holds the answer back. */
  readonly holdMs: () => number;
  readonly open: (socket: WebSocket, origin: Origin) => void;
}

export class MqttUpgrade {
  readonly #options: MqttUpgradeOptions;
  readonly #sockets: WebSocketServer;

  constructor(options: MqttUpgradeOptions) {
    this.#options = options;
    const settings = {
      noServer: true,
      perMessageDeflate: false,
      maxPayload: MAX_FRAME_BYTES,
      closeTimeout: CLOSE_TIMEOUT_MS,
      handleProtocols: (offered: Set<string>) => offered.has(SUBPROTOCOL) && SUBPROTOCOL,
    };
    this.#sockets = new WebSocketServer(settings);
  }

  handle(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    const holdMs = this.#options.holdMs();
    if (holdMs <= 0) return this.#answer(request, socket, head);
    const timer = setTimeout(() => {
      if (!socket.destroyed) this.#answer(request, socket, head);
    }, holdMs);
    socket.once('close', () => clearTimeout(timer));
  }

  #answer(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const traceId = randomUUID();
    const path = (request.url ?? '/').split('?', 1)[0];
    if (path !== MQTT_PATH) return refuse(socket, failure(404, 'Not found', traceId));
    const faultStatus = this.#options.faultStatus();
    if (faultStatus !== undefined) {
      return refuse(socket, failure(faultStatus, 'Refused by a fault', traceId));
    }
    const verified = this.#options.verify(wireRequest(request, Buffer.alloc(0)));
    if (!verified.ok) {
      this.#logRefusal(request, verified.message, traceId);
      return refuse(socket, failure(403, verified.message, traceId));
    }
    const protocols = (request.headers['sec-websocket-protocol'] ?? '').split(',');
    if (!protocols.some((name) => name.trim() === SUBPROTOCOL)) {
      return refuse(socket, failure(400, 'The WebSocket subprotocol must be mqtt', traceId));
    }
    this.#sockets.handleUpgrade(request, socket, head, (upgraded) => {
      this.#options.open(upgraded, originOf(request, verified.caller));
    });
  }

  #logRefusal(request: IncomingMessage, details: string, traceId: string): void {
    this.#options.log.write({
      logLevel: 'ERROR',
      traceId,
      status: 'Failure',
      eventType: 'Connect',
      protocol: 'MQTT',
      sourceIp: request.socket.remoteAddress ?? '',
      sourcePort: request.socket.remotePort ?? 0,
      reason: 'FORBIDDEN',
      details,
    });
  }
}

export function wireRequest(request: IncomingMessage, body: Buffer): WireRequest {
  return {
    method: request.method ?? 'GET',
    url: request.url ?? '/',
    rawHeaders: request.rawHeaders,
    body,
  };
}

export function originOf(request: IncomingMessage, caller: Caller): Origin {
  const { principal } = caller.kind === 'cognito' ? caller.credentials : {};
  return {
    ...(principal ? { principal } : {}),
    principalId:
      caller.kind === 'cognito' ? caller.credentials.principal.principalId : caller.accessKeyId,
    sourceIp: request.socket.remoteAddress ?? '',
    sourcePort: request.socket.remotePort ?? 0,
    host: request.headers.host ?? '',
  };
}

function refuse(socket: Duplex, answer: HttpAnswer): void {
  const headers = { ...answer.headers, 'content-length': Buffer.byteLength(answer.body) };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const phrase = REASON_PHRASES[answer.status] ?? 'Error';
  const head = `HTTP/1.1 ${answer.status} ${phrase}\r\nconnection: close\r\n${lines.join('')}`;
  // The server's sockets may stay half open: without this, one would wait for its client to end.
  socket.once('finish', () => socket.destroy());
  socket.end(`${head}\r\n${answer.body}`);
}
