/** An accepted CONNECT: takeover, session, CONNACK. */
import type { IConnackPacket, IConnectPacket } from 'mqtt-packet';
import type { Agreement, Connection, Will } from './connection.ts';
import { type BrokerCore, logRequest } from './core.ts';
import { mayDeliver } from './delivery.ts';
import { MAX_PACKET_BYTES } from './framing.ts';
import { effectiveKeepAlive, MAX_TOPIC_ALIAS } from './limits.ts';
import type { Permissions } from './permissions.ts';
import { RateBucket } from './rateBucket.ts';
import { Session } from './session.ts';
import { sessionExpirySeconds } from './sessionExpiry.ts';
import { forgetSession } from './sessions.ts';

export function acceptConnect(
  core: BrokerCore,
  connection: Connection,
  packet: IConnectPacket,
  clientId: string,
  permissions: Permissions,
  traceId: string,
): void {
  const nowMs = core.now();
  const { session, present } = takeSession(core, connection, packet, clientId);
  const keepAliveS = effectiveKeepAlive(packet.keepalive ?? 0);
  const agreement: Agreement = {
    clientId,
    session,
    permissions,
    keepAliveMs: keepAliveS * 1000,
    maximumPacketSize: packet.properties?.maximumPacketSize ?? Number.POSITIVE_INFINITY,
    reasonStrings: packet.properties?.requestProblemInformation !== false,
    publishRate: new RateBucket(core.limits.publishesPerConnection, nowMs),
    byteRate: new RateBucket(core.limits.bytesPerConnection, nowMs),
    unacknowledged: new Set(),
    shadowRequests: new Map(),
    will: willOf(packet),
  };
  connection.agreement = agreement;
  connection.mayReceive = (delivery) => mayDeliver(core, connection, agreement, delivery);
  logRequest(core, connection, { eventType: 'Connect' }, traceId);
  connection.send(connack(core, connection, packet, present, keepAliveS));
  const window = Math.min(packet.properties?.receiveMaximum ?? 65_535, core.limits.inFlight);
  const replay = new RateBucket(core.limits.replayPerSession, nowMs);
  session.attach(connection, { window, replay }, nowMs);
  core.lifecycle.connected(connection);
}

/** Ends an older connection of the client id, then resumes its session or starts a new one. */
function takeSession(
  core: BrokerCore,
  connection: Connection,
  packet: IConnectPacket,
  clientId: string,
): { session: Session; present: boolean } {
  core.sessions.get(clientId)?.link?.displace();
  // The displaced connection's session may have ended with it.
  const kept = core.sessions.get(clientId);
  const expiryMs = (sessionExpirySeconds(core, packet) * 1000) / core.timeScale;
  const expired = (kept?.expiresAtMs ?? Number.POSITIVE_INFINITY) <= core.now();
  // A session is not resumed across protocol versions (aws-facts 3.1).
  const resumable = packet.clean !== true && kept?.version === connection.version && !expired;
  if (kept && resumable) {
    kept.expiryMs = expiryMs;
    return { session: kept, present: true };
  }
  if (kept) forgetSession(core, kept);
  const session = new Session(clientId, connection.version, expiryMs);
  core.sessions.set(clientId, session);
  return { session, present: false };
}

function willOf(packet: IConnectPacket): Will | undefined {
  const { will } = packet;
  if (!will) return undefined;
  const { willDelayInterval = 0, ...properties } = will.properties ?? {};
  return {
    delaySeconds: willDelayInterval,
    message: {
      topic: will.topic,
      payload: Buffer.from(will.payload),
      qos: will.qos === 1 ? 1 : 0,
      retain: will.retain === true,
      ...(Object.keys(properties).length > 0 ? { properties } : {}),
    },
  };
}

/** The properties that AWS IoT sends (aws-facts 3.1). */
function connack(
  core: BrokerCore,
  connection: Connection,
  packet: IConnectPacket,
  sessionPresent: boolean,
  keepAliveS: number,
): IConnackPacket {
  if (connection.version !== 5) return { cmd: 'connack', returnCode: 0, sessionPresent };
  return {
    cmd: 'connack',
    reasonCode: 0,
    sessionPresent,
    properties: {
      sessionExpiryInterval: sessionExpirySeconds(core, packet),
      receiveMaximum: core.limits.inFlight,
      maximumQoS: 1,
      retainAvailable: true,
      maximumPacketSize: MAX_PACKET_BYTES,
      ...(packet.clientId === '' ? { assignedClientIdentifier: connection.clientId } : {}),
      topicAliasMaximum: MAX_TOPIC_ALIAS,
      wildcardSubscriptionAvailable: true,
      subscriptionIdentifiersAvailable: false,
      sharedSubscriptionAvailable: true,
      serverKeepAlive: keepAliveS,
    },
  };
}
