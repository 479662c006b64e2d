/** AWS IoT quotas by profile (aws-facts 1.1 and 1.2); what no profile switches off is a constant. */
import type { DeviceSettings, QuotaProfile } from '../contract.ts';

export const MAX_CLIENT_ID_BYTES = 128;
export const MAX_PAYLOAD_BYTES = 128 * 1024;
export const MAX_FILTERS_PER_SUBSCRIBE = 8;
export const MAX_TOPIC_ALIAS = 8;
export const MIN_CLIENT_PACKET_BYTES = 512;
export const DEFAULT_KEEP_ALIVE_S = 1200;
export const MIN_KEEP_ALIVE_S = 30;
/** The lifetime of a WebSocket connection, before the time scale. */
export const CONNECTION_LIFETIME_MS = 24 * 3600 * 1000;
/** The expiry of an MQTT 3.1.1 persistent session, and the longest of MQTT 5. */
export const DEFAULT_SESSION_EXPIRY_S = 3600;
export const MAX_SESSION_EXPIRY_S = 7 * 24 * 3600;

export interface BrokerLimits {
  /** Publishes a connection may send and receive together in one second. */
  readonly publishesPerSecond: number;
  /** Unacknowledged QoS 1 publishes a connection may have in each direction. */
  readonly inFlight: number;
  readonly subscriptionsPerConnection: number;
  readonly connectWindowMs: number;
}

/** Receive Maximum that means "no limit" in MQTT 5. */
const UNLIMITED_IN_FLIGHT = 65_535;

export function brokerLimits(
  quotas: QuotaProfile,
  settings: Pick<DeviceSettings, 'connectWindowMs'>,
): BrokerLimits {
  if (quotas === 'off') {
    return {
      publishesPerSecond: Number.POSITIVE_INFINITY,
      inFlight: UNLIMITED_IN_FLIGHT,
      subscriptionsPerConnection: Number.POSITIVE_INFINITY,
      connectWindowMs: settings.connectWindowMs,
    };
  }
  return {
    publishesPerSecond: 100,
    inFlight: 100,
    subscriptionsPerConnection: 50,
    connectWindowMs: settings.connectWindowMs,
  };
}

/** What AWS makes of a client's keep-alive: 0 and above 1200 become 1200, below 30 becomes 30. */
export function effectiveKeepAlive(requestedSeconds: number): number {
  if (requestedSeconds === 0 || requestedSeconds > DEFAULT_KEEP_ALIVE_S) {
    return DEFAULT_KEEP_ALIVE_S;
  }
  return Math.max(requestedSeconds, MIN_KEEP_ALIVE_S);
}
