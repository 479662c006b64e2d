/** MQTT 5 clients of aws-iot-device-sdk-v2, with their events as promises. */
import { auth, io, iot, mqtt5 } from 'aws-iot-device-sdk-v2';
import { type DeviceWorld, type Holder, REGION } from './deviceWorld.ts';

let sharedTls: { ca: string; context: io.ClientTlsContext } | undefined;

/** One context per CA: a context of its own costs each client 15 to 20 ms. */
function tlsContext(ca: string): io.ClientTlsContext {
  if (sharedTls?.ca !== ca) {
    const options = new io.TlsContextOptions();
    options.override_default_trust_store(ca);
    sharedTls = { ca, context: new io.ClientTlsContext(options) };
  }
  return sharedTls.context;
}

type Outcome =
  | { readonly kind: 'connected'; readonly connack: mqtt5.ConnackPacket }
  | {
      readonly kind: 'refused';
      readonly errorCode: number;
      readonly errorName: string;
      readonly connack: mqtt5.ConnackPacket | undefined;
    };

export interface Received {
  readonly topic: string;
  readonly payload: string;
  readonly packet: mqtt5.PublishPacket;
}

export class CrtClient {
  readonly client: mqtt5.Mqtt5Client;
  readonly received: Received[] = [];
  readonly #waiting: { test: (message: Received) => boolean; done: (m: Received) => void }[] = [];
  #ended = false;

  constructor(client: mqtt5.Mqtt5Client) {
    this.client = client;
    client.on('error', () => undefined);
    client.on('messageReceived', ({ message }) => {
      const text = Buffer.from((message.payload ?? '') as ArrayBuffer).toString('utf8');
      const received = { topic: message.topicName, payload: text, packet: message };
      const at = this.#waiting.findIndex(({ test }) => test(received));
      if (at === -1) this.received.push(received);
      else this.#waiting.splice(at, 1)[0]?.done(received);
    });
  }

  /** Starts and resolves with the first outcome; a refused client is stopped. */
  async connect(): Promise<Outcome> {
    const outcome = new Promise<Outcome>((resolve) => {
      this.client.once('connectionSuccess', ({ connack }) =>
        resolve({ kind: 'connected', connack }),
      );
      this.client.once('connectionFailure', ({ error, connack }) =>
        resolve({
          kind: 'refused',
          errorCode: error.error_code,
          errorName: error.error_name,
          connack,
        }),
      );
    });
    this.client.start();
    const settled = await outcome;
    if (settled.kind === 'refused') await this.stop();
    return settled;
  }

  /** The next end of the connection that this client did not ask for. */
  disconnected(): Promise<mqtt5.DisconnectPacket | undefined> {
    return new Promise((resolve) => {
      this.client.once('disconnection', ({ disconnect }) => resolve(disconnect));
    });
  }

  subscribe(...filters: string[]): Promise<mqtt5.SubackPacket> {
    return this.client.subscribe({
      subscriptions: filters.map((topicFilter) => ({ topicFilter, qos: mqtt5.QoS.AtLeastOnce })),
    });
  }

  async publish(topicName: string, payload: unknown): Promise<mqtt5.PubackPacket> {
    const result = await this.client.publish({
      topicName,
      qos: mqtt5.QoS.AtLeastOnce,
      payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
    });
    return result as mqtt5.PubackPacket;
  }

  /** The next message on a topic, one that came already included; taken once. */
  message(topic: string): Promise<Received> {
    const test = (message: Received): boolean => message.topic === topic;
    const at = this.received.findIndex(test);
    const [known] = at === -1 ? [] : this.received.splice(at, 1);
    if (known) return Promise.resolve(known);
    return new Promise((done) => this.#waiting.push({ test, done }));
  }

  async json(topic: string): Promise<Record<string, unknown>> {
    return JSON.parse((await this.message(topic)).payload) as Record<string, unknown>;
  }

  async stop(disconnect?: mqtt5.DisconnectPacket): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    const stopped = new Promise<void>((resolve) => this.client.once('stopped', () => resolve()));
    this.client.stop(disconnect);
    await stopped;
    this.client.close();
  }
}

export interface CrtOptions {
  readonly clientId?: string;
  readonly host?: string;
  /** Changes to the configuration that the SDK's builder made. */
  readonly change?: (config: mqtt5.Mqtt5ClientConfig) => void;
}

/** A client as the SDK's own builder configures it, presigned with the holder's credentials. */
export function crtClient(world: DeviceWorld, holder: Holder, options: CrtOptions = {}): CrtClient {
  const { credentials } = holder;
  const builder = iot.AwsIotMqtt5ClientConfigBuilder.newWebsocketMqttBuilderWithSigv4Auth(
    options.host ?? 'localhost',
    {
      region: REGION,
      credentialsProvider: auth.AwsCredentialsProvider.newStatic(
        credentials.accessKeyId,
        credentials.secretKey,
        credentials.sessionToken,
      ),
    },
  )
    .withPort(world.gateway.port)
    .withCertificateAuthority(world.ca)
    .withConnectProperties({
      clientId: options.clientId ?? holder.identityId,
      keepAliveIntervalSeconds: 30,
    });
  const config = builder.build();
  config.tlsCtx = tlsContext(world.ca);
  config.minReconnectDelayMs = 60_000;
  config.maxReconnectDelayMs = 60_000;
  options.change?.(config);
  return new CrtClient(new mqtt5.Mqtt5Client(config));
}
