/** AWS IoT quotas by profile (aws-facts 1.1 and 1.2); what no profile switches off is a constant. */
import type { DeviceSettings, QuotaProfile } from '../contract.ts';

export const MAX_CLIENT_ID_BYTES = 128;
export const MAX_PAYLOAD_BYTES = 128 * 1024;
export const MAX_FILTERS_PER_SUBSCRIBE = 8;
export const MAX_TOPIC_ALIAS = 8;
export const MIN_CLIENT_PACKET_BYTES = 512;
export const MAX_CORRELATION_BYTES = 8 * 1024;
export const MAX_USER_PROPERTY_BYTES = 8 * 1024;
export const MAX_CONTENT_TYPE_BYTES = 256;
export const MAX_MESSAGE_EXPIRY_S = 604_800;
export const DEFAULT_KEEP_ALIVE_S = 1200;
export const MIN_KEEP_ALIVE_S = 30;
/** The longest session expiry of MQTT 5. */
export const MAX_SESSION_EXPIRY_S = 7 * 24 * 3600;

/** Rates are per second. */
export interface BrokerLimits {
  /** Publishes of one connection, sent and received together. */
  readonly publishesPerConnection: number;
  /** Bytes of one connection; above it reading is delayed, nothing is dropped. */
  readonly bytesPerConnection: number;
  /** Unacknowledged QoS 1 publishes a connection may have in each direction. */
  readonly inFlight: number;
  readonly subscriptionsPerConnection: number;
  /** Messages stored for an absent client, once it is back. */
  readonly replayPerSession: number;
  readonly connectWindowMs: number;
  readonly account: AccountLimits;
}

export interface AccountLimits {
  readonly connects: number;
  readonly connections: number;
  readonly publishesIn: number;
  readonly publishesOut: number;
  /** Topic filters, not packets. */
  readonly subscribes: number;
  readonly subscriptions: number;
  /** Messages stored for absent clients. */
  readonly queued: number;
  readonly retainedMessages: number;
  readonly retainedPublishes: number;
}

const NONE = Number.POSITIVE_INFINITY;
/** Receive Maximum that means "no limit" in MQTT 5. */
const UNLIMITED_IN_FLIGHT = 65_535;

const ACCOUNT: Readonly<Record<QuotaProfile, AccountLimits>> = {
  off: {
    connects: NONE,
    connections: NONE,
    publishesIn: NONE,
    publishesOut: NONE,
    subscribes: NONE,
    subscriptions: NONE,
    queued: NONE,
    retainedMessages: NONE,
    retainedPublishes: NONE,
  },
  default: {
    connects: 500,
    connections: 500_000,
    publishesIn: 20_000,
    publishesOut: 20_000,
    subscribes: 500,
    subscriptions: 500_000,
    queued: 500,
    retainedMessages: 5000,
    retainedPublishes: 500,
  },
  small: {
    connects: 100,
    connections: 100_000,
    publishesIn: 2000,
    publishesOut: 2000,
    subscribes: 200,
    subscriptions: 100_000,
    queued: 500,
    retainedMessages: 500,
    retainedPublishes: 50,
  },
};

/** `factor` speeds the rates of the account and the connect window up, where quotas are scaled. */
export function brokerLimits(
  quotas: QuotaProfile,
  factor: number,
  settings: Pick<DeviceSettings, 'connectWindowMs'>,
): BrokerLimits {
  const base = ACCOUNT[quotas];
  const account: AccountLimits = {
    ...base,
    connects: base.connects * factor,
    publishesIn: base.publishesIn * factor,
    publishesOut: base.publishesOut * factor,
    subscribes: base.subscribes * factor,
    queued: base.queued * factor,
    retainedPublishes: base.retainedPublishes * factor,
  };
  const connectWindowMs = settings.connectWindowMs / factor;
  if (quotas === 'off') {
    return {
      publishesPerConnection: NONE,
      bytesPerConnection: NONE,
      inFlight: UNLIMITED_IN_FLIGHT,
      subscriptionsPerConnection: NONE,
      replayPerSession: NONE,
      connectWindowMs,
      account,
    };
  }
  return {
    publishesPerConnection: 100 * factor,
    bytesPerConnection: 512 * 1024 * factor,
    inFlight: 100,
    subscriptionsPerConnection: 50,
    replayPerSession: 10 * factor,
    connectWindowMs,
    account,
  };
}

/** What AWS makes of a client's keep-alive: 0 and above 1200 become 1200, below 30 becomes 30. */
export function effectiveKeepAlive(requestedSeconds: number): number {
  if (requestedSeconds === 0 || requestedSeconds > DEFAULT_KEEP_ALIVE_S) {
    return DEFAULT_KEEP_ALIVE_S;
  }
  return Math.max(requestedSeconds, MIN_KEEP_ALIVE_S);
}
