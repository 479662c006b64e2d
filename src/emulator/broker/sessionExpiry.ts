/** How long a session is asked to live on after its connection. */
import type { IConnectPacket } from 'mqtt-packet';
import type { BrokerCore } from './core.ts';
import { MAX_SESSION_EXPIRY_S } from './limits.ts';

/** Seconds, before the time scale; 0 for a session that ends with its connection. */
export function sessionExpirySeconds(
  core: Pick<BrokerCore, 'settings'>,
  packet: IConnectPacket,
): number {
  if (packet.protocolVersion !== 5) {
    return packet.clean === true ? 0 : core.settings.sessionExpirySeconds;
  }
  return Math.min(packet.properties?.sessionExpiryInterval ?? 0, MAX_SESSION_EXPIRY_S);
}
