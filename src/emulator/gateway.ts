/** The device side as a whole: one TLS port with MQTT over wss and the IoT data plane. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { Broker } from './broker/broker.ts';
import type { Origin } from './broker/core.ts';
import { brokerLimits } from './broker/limits.ts';
import type {
  DeviceGateway,
  DeviceGatewayOptions,
  DeviceSettings,
  GatewayStats,
} from './contract.ts';
import { failure, type HttpAnswer } from './dataPlane/answer.ts';
import { answerDataPlane } from './dataPlane/dataPlane.ts';
import { listenEverywhere } from './listen.ts';
import { UpdateLedger } from './shadow/ledger.ts';
import { ShadowRates } from './shadow/quota.ts';
import { ShadowService, type ShadowPublisher } from './shadow/service.ts';
import { ShadowStore } from './shadow/store.ts';
import { shadowTopicService } from './shadow/topicService.ts';
import type { WireRequest } from './sigv4/canonical.ts';
import { type Caller, type Verification, verifyRequest } from './sigv4/verify.ts';

const MQTT_PATH = '/mqtt';
const SUBPROTOCOL = 'mqtt';
/** Larger than any MQTT packet that is accepted; a frame may hold several. */
const MAX_FRAME_BYTES = 1024 * 1024;
const MAX_BODY_BYTES = 256 * 1024;
/** AWS's window between two CONNECTs of a client id (aws-facts 3.6). */
const CONNECT_WINDOW_MS = 10_000;

function settingsOf(options: DeviceGatewayOptions): DeviceSettings {
  const quotas = options.quotas ?? 'default';
  return {
    connectWindowMs: quotas === 'off' ? 0 : CONNECT_WINDOW_MS,
    acceptSignedToken: false,
    shadowDepth: 5,
    ledgerLimit: 500_000,
    ...options.settings,
  };
}

export async function startDeviceGateway(options: DeviceGatewayOptions): Promise<DeviceGateway> {
  const gateway = new Gateway(options);
  await gateway.listen();
  return gateway;
}

class Gateway implements DeviceGateway {
  readonly ledger: UpdateLedger;
  readonly #options: DeviceGatewayOptions;
  readonly #settings: DeviceSettings;
  readonly #now: () => number;
  readonly #broker: Broker;
  readonly #shadows: ShadowService;
  readonly #sockets: WebSocketServer;
  #servers: readonly Server[] = [];
  #port = 0;

  constructor(options: DeviceGatewayOptions) {
    this.#options = options;
    this.#settings = settingsOf(options);
    this.#now = options.now ?? Date.now;
    this.ledger = new UpdateLedger(this.#settings.ledgerLimit);
    const quotas = options.quotas ?? 'default';
    const timeScale = options.timeScale ?? 1;
    const publisher: ShadowPublisher = {
      hasSubscribers: (topic) => this.#broker.router.hasSubscribers(topic),
      publish: (topic, document) =>
        this.#broker.route({ topic, payload: Buffer.from(document), qos: 1, retain: false }),
    };
    this.#shadows = new ShadowService({
      store: new ShadowStore({ now: this.#now, timeScale }),
      ledger: this.ledger,
      publisher,
      maxDepth: this.#settings.shadowDepth,
      now: this.#now,
      quota: quotas === 'off' ? undefined : new ShadowRates(quotas, this.#now()),
      ...(options.onShadowUpdate ? { onUpdate: options.onShadowUpdate } : {}),
    });
    this.#broker = new Broker({
      account: options.account,
      authorizer: options.authorizer,
      log: options.log,
      limits: brokerLimits(quotas, this.#settings),
      timeScale,
      now: this.#now,
      service: shadowTopicService(this.#shadows, publisher, options.log, this.#now),
    });
    this.#sockets = new WebSocketServer({
      noServer: true,
      perMessageDeflate: false,
      maxPayload: MAX_FRAME_BYTES,
      handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
    });
  }

  get port(): number {
    return this.#port;
  }

  async listen(): Promise<void> {
    const hosts = this.#options.hosts ?? ['127.0.0.1', '::1'];
    const listening = await listenEverywhere(
      () => this.#createServer(),
      hosts,
      this.#options.port ?? 0,
    );
    this.#servers = listening.servers;
    this.#port = listening.port;
  }

  stats(): GatewayStats {
    return {
      connections: this.#broker.connections.size,
      sessions: this.#broker.sessions.size,
      subscriptions: this.#broker.router.size,
      shadows: this.#shadows.store.size,
      ...this.#broker.counters,
      shadowUpdates: this.ledger.last,
    };
  }

  async stop(): Promise<void> {
    this.#broker.stop();
    for (const socket of this.#sockets.clients) socket.terminate();
    const servers = this.#servers;
    this.#servers = [];
    await Promise.all(
      servers.map(
        (server) =>
          new Promise<void>((resolve) => {
            server.close(() => resolve());
            server.closeAllConnections();
          }),
      ),
    );
  }

  #createServer(): Server {
    const { key, cert } = this.#options.tls;
    const server = createServer({ key, cert }, (request, response) => {
      this.#answer(request, response).catch(() => response.destroy());
    });
    server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
    // A client that fails the TLS handshake or speaks no HTTP is its own problem.
    server.on('tlsClientError', (_error, socket) => socket.destroy());
    server.on('clientError', (_error, socket) => socket.destroy());
    return server;
  }

  #verify(request: WireRequest, place: 'query' | 'header', service: string): Verification {
    const { account, credentials, administrator } = this.#options;
    return verifyRequest(request, place, {
      region: account.region,
      // The data plane's endpoint is the device gateway, and AWS takes either name there.
      services: place === 'query' ? [service] : [service, 'iotdevicegateway'],
      credentials,
      ...(administrator ? { administrator } : {}),
      trustForeignKeys: place === 'header',
      acceptSignedToken: this.#settings.acceptSignedToken,
      now: this.#now,
    });
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    const url = request.url ?? '/';
    const path = url.split('?', 1)[0];
    if (path !== MQTT_PATH) return refuseUpgrade(socket, failure(404, 'Not found', randomUUID()));
    const wire = wireRequest(request, Buffer.alloc(0));
    const verified = this.#verify(wire, 'query', 'iotdevicegateway');
    if (!verified.ok) {
      const traceId = randomUUID();
      this.#logRefusal(request, verified.message, traceId);
      return refuseUpgrade(socket, failure(403, verified.message, traceId));
    }
    const protocols = (request.headers['sec-websocket-protocol'] ?? '').split(',');
    if (!protocols.some((name) => name.trim() === SUBPROTOCOL)) {
      const message = 'The WebSocket subprotocol must be mqtt';
      return refuseUpgrade(socket, failure(400, message, randomUUID()));
    }
    this.#sockets.handleUpgrade(request, socket, head, (upgraded) => {
      this.#broker.open(upgraded, originOf(request, verified.caller));
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

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request);
    const answer =
      body === undefined
        ? failure(413, 'The payload exceeds the maximum size allowed', randomUUID())
        : this.#answerSigned(request, wireRequest(request, body));
    response.writeHead(answer.status, {
      ...answer.headers,
      'content-length': Buffer.byteLength(answer.body),
    });
    response.end(answer.body);
  }

  #answerSigned(request: IncomingMessage, wire: WireRequest): HttpAnswer {
    // A presigned GET of /mqtt without the upgrade shows why an upgrade was refused.
    const mqtt = wire.url.split('?', 1)[0] === MQTT_PATH;
    const verified = mqtt
      ? this.#verify(wire, 'query', 'iotdevicegateway')
      : this.#verify(wire, 'header', 'iotdata');
    if (!verified.ok) return failure(403, verified.message, randomUUID());
    if (mqtt) return failure(426, 'Upgrade to WebSocket required', randomUUID());
    const origin = originOf(request, verified.caller);
    return answerDataPlane({ core: this.#broker, shadows: this.#shadows }, wire, origin);
  }
}

function wireRequest(request: IncomingMessage, body: Buffer): WireRequest {
  return {
    method: request.method ?? 'GET',
    url: request.url ?? '/',
    rawHeaders: request.rawHeaders,
    body,
  };
}

function originOf(request: IncomingMessage, caller: Caller): Origin {
  const principal = caller.kind === 'cognito' ? caller.credentials.principal : undefined;
  return {
    ...(principal ? { principal } : {}),
    principalId:
      caller.kind === 'cognito' ? caller.credentials.principal.principalId : caller.accessKeyId,
    sourceIp: request.socket.remoteAddress ?? '',
    sourcePort: request.socket.remotePort ?? 0,
    host: request.headers.host ?? '',
  };
}

/** Undefined where it is larger than any request that AWS accepts. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  return bytes <= MAX_BODY_BYTES ? Buffer.concat(chunks) : undefined;
}

function refuseUpgrade(socket: Duplex, answer: HttpAnswer): void {
  const names: Readonly<Record<number, string>> = {
    400: 'Bad Request',
    403: 'Forbidden',
    404: 'Not Found',
    503: 'Service Unavailable',
  };
  const headers = { ...answer.headers, 'content-length': Buffer.byteLength(answer.body) };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(
    `HTTP/1.1 ${answer.status} ${names[answer.status] ?? 'Error'}\r\nconnection: close\r\n${lines.join('')}\r\n${answer.body}`,
  );
}
