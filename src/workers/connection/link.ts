import { CrtError, type ICrtError, mqtt5 } from 'aws-iot-device-sdk-v2';
import { messageOf } from '../../shared/errors/courierError.ts';
import type { CrtRuntime } from './crtRuntime.ts';
import { type SigningCredentials, signUpgrade } from './handshake.ts';

/** Why a link did not come up. */
export type ConnectFailure =
  | { readonly kind: 'connack'; readonly reasonCode: number; readonly reason: string }
  /** The HTTP upgrade was refused; aws-crt hides with which status. */
  | { readonly kind: 'upgrade'; readonly reason: string }
  | { readonly kind: 'network'; readonly reason: string };

/** Why a link that was up went down. `reasonCode` is the DISCONNECT packet's, where one came. */
export interface LinkDown {
  readonly reasonCode?: number | undefined;
  readonly reason: string;
}

export interface LinkSettings {
  readonly host: string;
  readonly port: number;
  readonly region: string;
  readonly clientId: string;
  readonly keepAliveSeconds: number;
  /** The SDK's own pacing to 100 publishes/s, below which our pacer stays on AWS. */
  readonly awsFlowControl: boolean;
  /** How long the whole of TCP, TLS, upgrade and CONNECT may take; 30 s unless told. */
  readonly openTimeoutMs?: number;
}

export interface IncomingMessage {
  readonly topic: string;
  readonly payload: ArrayBuffer;
}

export interface LinkListener {
  /** Asked right before the upgrade is signed: false where the lease ran out meanwhile. */
  mayConnect(): boolean;
  onMessage(message: IncomingMessage): void;
  /** At most once, and never after `close`. */
  onDown(down: LinkDown): void;
}

const ENDED = 'the connection has ended';
const GIVEN_UP: ConnectFailure = { kind: 'network', reason: 'given up' };
/** AWS_ERROR_HTTP_WEBSOCKET_UPGRADE_FAILURE */
const UPGRADE_FAILURE = 2065;
/** AWS_ERROR_UNKNOWN: any code but 0 ends the attempt. */
const REFUSED = 1;
const STOP_TIMEOUT_MS = 3000;
const CONNACK_TIMEOUT_MS = 15_000;
/** The SDK has a timeout for each step but the answer to the upgrade, for which it waits for ever. */
const OPEN_TIMEOUT_MS = 30_000;
/** Of a SUBACK, UNSUBACK or PUBACK; the SDK's own default is 60 s. */
const ACK_TIMEOUT_SECONDS = 15;
/** Longer than anything we wait for: our own state machine decides on every next attempt. */
const NEVER_MS = 3_600_000;

/**
 * One MQTT 5 connection over a signed WebSocket, from CONNECT to its end. The SDK would reconnect
 * for ever, denials too, so a link lives for one connection: what comes after its end is a new one.
 */
export class Link {
  /** Filters that something else than shadows subscribes to: AWS allows 50 in all. */
  reservedFilters = 0;
  readonly #client: mqtt5.Mqtt5Client;
  readonly #listener: LinkListener;
  #over = false;
  /** Ends what waits for an answer that is not a publish's. */
  readonly #waiting = new Set<(error: Error) => void>();
  #closing: Promise<void> | undefined;

  private constructor(client: mqtt5.Mqtt5Client, listener: LinkListener) {
    this.#client = client;
    this.#listener = listener;
  }

  /**
   * Connects once. Resolves to the link, or to why it did not come up (an abort of `signal` is such
   * a reason); nothing is left open then.
   */
  static async open(
    runtime: CrtRuntime,
    settings: LinkSettings,
    credentials: SigningCredentials,
    listener: LinkListener,
    signal?: AbortSignal,
  ): Promise<Link | ConnectFailure> {
    // A signal tells nobody who listens after it.
    if (signal?.aborted === true) return GIVEN_UP;
    let attempted = false;
    const client = new mqtt5.Mqtt5Client({
      hostName: settings.host,
      port: settings.port,
      clientBootstrap: runtime.bootstrap,
      socketOptions: runtime.socketOptions,
      tlsCtx: runtime.tlsContext,
      connectProperties: {
        clientId: settings.clientId,
        keepAliveIntervalSeconds: settings.keepAliveSeconds,
        sessionExpiryIntervalSeconds: 0,
      },
      sessionBehavior: mqtt5.ClientSessionBehavior.Clean,
      offlineQueueBehavior: mqtt5.ClientOperationQueueBehavior.FailAllOnDisconnect,
      extendedValidationAndFlowControlOptions: settings.awsFlowControl
        ? mqtt5.ClientExtendedValidationAndFlowControl.AwsIotCoreDefaults
        : mqtt5.ClientExtendedValidationAndFlowControl.None,
      retryJitterMode: mqtt5.RetryJitterType.None,
      minReconnectDelayMs: NEVER_MS,
      maxReconnectDelayMs: NEVER_MS,
      connackTimeoutMs: CONNACK_TIMEOUT_MS,
      ackTimeoutSeconds: ACK_TIMEOUT_SECONDS,
      websocketHandshakeTransform: (request, answer) => {
        // Not answering would hang the client for good.
        if (attempted || !listener.mayConnect()) return answer(REFUSED);
        attempted = true;
        signUpgrade(request, settings.region, credentials).then(
          () => answer(),
          (error: unknown) => answer(error instanceof CrtError ? error.error_code : REFUSED),
        );
      },
    });
    const link = new Link(client, listener);
    const failure = await link.#start(settings.openTimeoutMs ?? OPEN_TIMEOUT_MS, signal);
    if (failure === undefined) return link;
    await link.close();
    return failure;
  }

  /** True once the connection has ended or was closed. */
  get over(): boolean {
    return this.#over;
  }

  #start(timeoutMs: number, signal?: AbortSignal): Promise<ConnectFailure | undefined> {
    const client = this.#client;
    client.on('messageReceived', ({ message }) => {
      const payload = message.payload;
      if (!this.#over && payload instanceof ArrayBuffer) {
        this.#listener.onMessage({ topic: message.topicName, payload });
      }
    });
    client.on('error', () => undefined);
    return new Promise((resolve) => {
      const settle = (failure: ConnectFailure | undefined) => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        resolve(failure);
      };
      const failed = (reason: string) => settle({ kind: 'network', reason });
      const onAbort = () => settle(GIVEN_UP);
      const timer = setTimeout(() => failed(`not connected within ${timeoutMs} ms`), timeoutMs);
      signal?.addEventListener('abort', onAbort, { once: true });
      client.on('connectionSuccess', () => settle(undefined));
      client.on('connectionFailure', ({ error, connack }) =>
        settle(connectFailure(error, connack)),
      );
      client.on('disconnection', ({ error, disconnect }) => {
        const reason = disconnect?.reasonString ?? messageOf(error);
        failed(reason);
        this.#down({ reasonCode: disconnect?.reasonCode, reason });
      });
      client.start();
    });
  }

  #down(down: LinkDown): void {
    if (this.#over) return;
    this.#end();
    this.#listener.onDown(down);
  }

  #end(): void {
    this.#over = true;
    for (const reject of this.#waiting) reject(new Error(ENDED));
    this.#waiting.clear();
  }

  /** The SDK never settles what is under way when a connection breaks and its client is closed. */
  #untilOver<T>(operation: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#over) return reject(new Error(ENDED));
      this.#waiting.add(reject);
      operation()
        .then(resolve, reject)
        .finally(() => this.#waiting.delete(reject));
    });
  }

  /** @returns the PUBACK's reason code; one that never comes may leave it pending for good. */
  publish(topic: string, payload: string): Promise<number> {
    const sent = this.#client.publish({ topicName: topic, qos: mqtt5.QoS.AtLeastOnce, payload });
    return sent.then(reasonCodeOf);
  }

  /** @returns the SUBACK's reason code for each filter; rejects where none came. */
  async subscribe(filters: readonly string[]): Promise<readonly number[]> {
    const subscriptions = filters.map((topicFilter) => {
      return { topicFilter, qos: mqtt5.QoS.AtLeastOnce };
    });
    const suback = await this.#untilOver(() => this.#client.subscribe({ subscriptions }));
    return suback.reasonCodes;
  }

  /** Rejects where no UNSUBACK came. */
  async unsubscribe(filters: readonly string[]): Promise<void> {
    const topicFilters = [...filters];
    await this.#untilOver(() => this.#client.unsubscribe({ topicFilters }));
  }

  /** Disconnects with a DISCONNECT packet and frees the native client. Safe to call again. */
  close(): Promise<void> {
    this.#end();
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, STOP_TIMEOUT_MS);
      this.#client.once('stopped', () => {
        clearTimeout(timer);
        resolve();
      });
      this.#client.stop({ reasonCode: mqtt5.DisconnectReasonCode.NormalDisconnection });
    });
    this.#client.removeAllListeners();
    this.#client.on('error', () => undefined);
    this.#client.close();
  }
}

function reasonCodeOf(puback: mqtt5.PublishCompletionResult): number {
  return puback?.reasonCode ?? 0;
}

function connectFailure(
  error: ICrtError,
  connack: mqtt5.ConnackPacket | undefined,
): ConnectFailure {
  if (connack !== undefined) {
    return {
      kind: 'connack',
      reasonCode: connack.reasonCode,
      reason: connack.reasonString ?? `CONNACK reason code ${connack.reasonCode}`,
    };
  }
  const reason = messageOf(error);
  return error instanceof CrtError && error.error_code === UPGRADE_FAILURE
    ? { kind: 'upgrade', reason }
    : { kind: 'network', reason };
}
