/** The device side as a whole: one TLS port with MQTT over wss and the IoT data plane. */
import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:https';
import type { Duplex } from 'node:stream';
import { Broker } from './broker/broker.ts';
import { brokerLimits } from './broker/limits.ts';
import type {
  DeviceFaultControl,
  DeviceGateway,
  DeviceGatewayOptions,
  DeviceSettings,
  DeviceState,
  GatewayStats,
  LocalClient,
} from './contract.ts';
import { failure } from './dataPlane/answer.ts';
import { answerDataPlane } from './dataPlane/dataPlane.ts';
import { answerHttps, type DataPlaneListenerOptions } from './dataPlane/listener.ts';
import { deviceSettings } from './deviceSettings.ts';
import { listenEverywhere } from './listen.ts';
import { createLocalClient } from './localClient.ts';
import { MQTT_PATH, MqttUpgrade, originOf } from './mqttUpgrade.ts';
import { UpdateLedger } from './shadow/ledger.ts';
import { shadowPublisher } from './shadow/publisher.ts';
import { ShadowRates } from './shadow/quota.ts';
import { ShadowService } from './shadow/service.ts';
import { ShadowStore } from './shadow/store.ts';
import { shadowTopicService } from './shadow/topicService.ts';
import type { WireRequest } from './sigv4/canonical.ts';
import { type Verification, verifyRequest } from './sigv4/verify.ts';

/** How long clients may take to answer the end of their connections. */
const STOP_GRACE_MS = 250;

/** Starts listening; rejects where the port is taken. */
export async function startDeviceGateway(options: DeviceGatewayOptions): Promise<DeviceGateway> {
  const gateway = new Gateway(options);
  await gateway.listen();
  return gateway;
}

class Gateway implements DeviceGateway {
  readonly ledger: UpdateLedger;
  readonly faults: DeviceFaultControl;
  readonly #options: DeviceGatewayOptions;
  readonly #settings: DeviceSettings;
  readonly #now: () => number;
  readonly #broker: Broker;
  readonly #shadows: ShadowService;
  readonly #upgrade: MqttUpgrade;
  readonly #dataPlane: DataPlaneListenerOptions;
  readonly #tcp = new Set<Duplex>();
  #servers: readonly Server[] = [];
  #port = 0;

  constructor(options: DeviceGatewayOptions) {
    const { quotas = 'default', timeScale = 1, log } = options;
    const factor = options.scaleQuotas === true ? timeScale : 1;
    this.#options = options;
    this.#settings = deviceSettings(quotas, options.settings);
    this.#now = options.now ?? Date.now;
    this.ledger = new UpdateLedger(this.#settings.ledgerLimit);
    const publisher = shadowPublisher(() => this.#broker);
    this.#shadows = new ShadowService({
      store: new ShadowStore({ now: this.#now, timeScale }),
      ledger: this.ledger,
      publisher,
      maxDepth: this.#settings.shadowDepth,
      now: this.#now,
      quota: quotas === 'off' ? undefined : new ShadowRates(quotas, factor, this.#now()),
      ...(options.onShadowUpdate ? { onUpdate: options.onShadowUpdate } : {}),
    });
    const broker = new Broker({
      account: options.account,
      authorizer: options.authorizer,
      log,
      limits: brokerLimits(quotas, factor, this.#settings),
      settings: this.#settings,
      timeScale,
      now: this.#now,
      service: shadowTopicService({
        shadows: this.#shadows,
        publisher,
        log,
        now: this.#now,
        limited: quotas !== 'off',
      }),
    });
    this.#broker = broker;
    if (options.state) this.#restore(options.state);
    const holdMs = (): number => Math.max(0, broker.faults.frozenUntilMs - this.#now());
    this.faults = {
      current: () => broker.faults.current(),
      set: (faults) => broker.faults.set(faults),
      drop: (request) => broker.drop(request),
      freeze: (forMs) => {
        broker.faults.frozenUntilMs = this.#now() + forMs;
      },
    };
    this.#upgrade = new MqttUpgrade({
      log,
      verify: (request) => this.#verify(request, 'query'),
      faultStatus: () => broker.faults.upgradeRefusal(),
      holdMs,
      open: (socket, origin) => broker.open(socket, origin),
    });
    this.#dataPlane = {
      verify: (request) => this.#verify(request, isMqtt(request) ? 'query' : 'header'),
      answer: (request, { caller }, message) =>
        // A presigned GET of /mqtt without the upgrade shows why an upgrade was refused.
        isMqtt(request)
          ? failure(426, 'Upgrade to WebSocket required', randomUUID())
          : answerDataPlane(
              { core: broker, shadows: this.#shadows },
              request,
              originOf(message, caller),
            ),
      before: (request) =>
        this.#options.beforeDataPlane?.(request.url, request.body) ?? Promise.resolve(),
      holdMs,
    };
  }

  get port(): number {
    return this.#port;
  }

  async listen(): Promise<void> {
    const { hosts = ['127.0.0.1', '::1'], port = 0 } = this.#options;
    const listening = await listenEverywhere(() => this.#createServer(), hosts, port);
    this.#servers = listening.servers;
    this.#port = listening.port;
  }

  localClient(clientId: string): LocalClient {
    return createLocalClient(this.#broker, clientId);
  }

  exportState(): DeviceState {
    return {
      shadows: this.#shadows.store.exportAll(),
      retained: this.#broker.retained.all().map(({ message, lastModifiedMs }) => ({
        topic: message.topic,
        payload: message.payload.toString('base64'),
        qos: message.qos,
        lastModifiedMs,
      })),
    };
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
    const servers = this.#servers;
    this.#servers = [];
    const closed = servers.map((server) => new Promise((resolve) => server.close(resolve)));
    // Clients get their DISCONNECT and answer the Close frame; whoever does not is cut off.
    const cut = setTimeout(() => {
      for (const socket of this.#tcp) socket.destroy();
    }, STOP_GRACE_MS);
    await Promise.all(closed);
    clearTimeout(cut);
  }

  #restore(state: DeviceState): void {
    for (const shadow of state.shadows) this.#shadows.store.restore(shadow);
    for (const { topic, payload, qos, lastModifiedMs } of state.retained) {
      const message = { topic, payload: Buffer.from(payload, 'base64'), qos, retain: true };
      this.#broker.retained.restore(message, lastModifiedMs);
    }
  }

  #createServer(): Server {
    const { key, cert } = this.#options.tls;
    const server = createServer({ key, cert }, (request, response) => {
      answerHttps(this.#dataPlane, request, response).catch(() => response.destroy());
    });
    // Longer than clients keep idle connections, so that none is closed under a new request.
    server.keepAliveTimeout = 120_000;
    server.on('connection', (socket) => {
      this.#tcp.add(socket);
      socket.once('close', () => this.#tcp.delete(socket));
    });
    server.on('upgrade', (request, socket, head) => this.#upgrade.handle(request, socket, head));
    // A client that fails the TLS handshake or speaks no HTTP is its own problem.
    server.on('tlsClientError', (_error, socket) => socket.destroy());
    server.on('clientError', (_error, socket) => socket.destroy());
    return server;
  }

  #verify(request: WireRequest, place: 'query' | 'header'): Verification {
    const { account, credentials, administrator, signatureNow } = this.#options;
    return verifyRequest(request, place, {
      region: account.region,
      // The data plane's endpoint is the device gateway, and AWS takes either name there.
      services: place === 'query' ? ['iotdevicegateway'] : ['iotdata', 'iotdevicegateway'],
      credentials,
      ...(administrator ? { administrator } : {}),
      trustForeignKeys: place === 'header',
      acceptSignedToken: this.#settings.acceptSignedToken,
      now: signatureNow ?? this.#now,
    });
  }
}

function isMqtt(request: WireRequest): boolean {
  return request.url.split('?', 1)[0] === MQTT_PATH;
}
