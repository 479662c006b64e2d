/** CONNECT: client id, throttling, authorization, takeover, and the CONNACK. */
import { randomUUID } from 'node:crypto';
import type { IConnackPacket, IConnectPacket } from 'mqtt-packet';
import type { RequestContext } from '../contract.ts';
import type { Connection } from './connection.ts';
import { AUTHORIZATION_FAILURE, type BrokerCore, logRequest } from './core.ts';
import type { Message } from './encoding.ts';
import {
  DEFAULT_SESSION_EXPIRY_S,
  effectiveKeepAlive,
  MAX_CLIENT_ID_BYTES,
  MAX_PAYLOAD_BYTES,
  MAX_SESSION_EXPIRY_S,
  MAX_TOPIC_ALIAS,
  MIN_CLIENT_PACKET_BYTES,
} from './limits.ts';
import { Permissions } from './permissions.ts';
import { RateBucket } from './rateBucket.ts';
import { type DisconnectReason, NOT_AUTHORIZED_TEXT, REASON, reasonString } from './reasons.ts';
import { Session } from './session.ts';
import { forgetSession } from './sessions.ts';
import { isValidTopic } from './topics.ts';

interface Refusal {
  readonly code: number;
  readonly text: string;
  readonly reason: string;
  readonly details: string;
  readonly disconnectReason: DisconnectReason;
}

const DENIED: Refusal = {
  code: REASON.notAuthorized,
  text: NOT_AUTHORIZED_TEXT,
  ...AUTHORIZATION_FAILURE,
  disconnectReason: 'AUTH_ERROR',
};

const INVALID_ID: Refusal = {
  code: REASON.clientIdNotValid,
  text: 'Client identifier is not valid',
  reason: 'CLIENT_ERROR',
  details: 'Client identifier is not valid',
  disconnectReason: 'CLIENT_ERROR',
};

const THROTTLED: Refusal = {
  code: REASON.quotaExceeded,
  text: 'Exceeded the connect rate of this client identifier',
  reason: 'THROTTLED',
  details: 'Connect.ClientIDThrottle',
  disconnectReason: 'THROTTLED',
};

const INVALID_PACKET: Refusal = {
  code: REASON.malformedPacket,
  text: 'Malformed CONNECT',
  reason: 'CLIENT_ERROR',
  details: 'CONNECT is not acceptable',
  disconnectReason: 'CLIENT_ERROR',
};

/** The last time that a CONNECT of each client id was let through (aws-facts 3.6). */
export class ConnectThrottle {
  readonly #windowMs: number;
  readonly #lastMs = new Map<string, number>();

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  admit(clientId: string, nowMs: number): boolean {
    if (this.#windowMs <= 0) return true;
    const last = this.#lastMs.get(clientId);
    if (last !== undefined && nowMs - last < this.#windowMs) return false;
    this.#lastMs.set(clientId, nowMs);
    return true;
  }

  sweep(nowMs: number): void {
    for (const [clientId, last] of this.#lastMs) {
      if (nowMs - last >= this.#windowMs) this.#lastMs.delete(clientId);
    }
  }
}

export function handleConnect(
  core: BrokerCore,
  throttle: ConnectThrottle,
  connection: Connection,
  packet: IConnectPacket,
): void {
  const traceId = randomUUID();
  connection.version = packet.protocolVersion === 5 ? 5 : 4;
  const clientId = chooseClientId(connection, packet);
  const refusal = refusalOf(core, throttle, connection, packet, clientId);
  if (refusal) return refuse(core, connection, clientId, refusal, traceId);
  const permissions = new Permissions(
    core.authorizer,
    core.account,
    connection.origin.principal,
    contextOf(connection, clientId),
  );
  accept(core, connection, packet, clientId, permissions, traceId);
}

/** MQTT 5 lets a client leave its id to the broker, which assigns `$GEN/<uuid>` (aws-facts 1.1). */
function chooseClientId(connection: Connection, packet: IConnectPacket): string {
  if (packet.clientId !== '') return packet.clientId;
  return connection.version === 5 || packet.clean === true ? `$GEN/${randomUUID()}` : '';
}

function refusalOf(
  core: BrokerCore,
  throttle: ConnectThrottle,
  connection: Connection,
  packet: IConnectPacket,
  clientId: string,
): Refusal | undefined {
  if (packet.protocolVersion === 3 || packet.protocolId === 'MQIsdp') return INVALID_PACKET;
  const reserved = packet.clientId.startsWith('$');
  if (clientId === '' || reserved || Buffer.byteLength(clientId) > MAX_CLIENT_ID_BYTES) {
    return INVALID_ID;
  }
  const { properties, will } = packet;
  if ((properties?.maximumPacketSize ?? MIN_CLIENT_PACKET_BYTES) < MIN_CLIENT_PACKET_BYTES) {
    return INVALID_PACKET;
  }
  if (properties?.receiveMaximum === 0 || properties?.authenticationMethod !== undefined) {
    return INVALID_PACKET;
  }
  if (will && (will.qos === 2 || Buffer.byteLength(will.payload) > MAX_PAYLOAD_BYTES)) {
    return INVALID_PACKET;
  }
  if (will && !isValidTopic(will.topic)) return INVALID_PACKET;
  if (!throttle.admit(clientId, core.now())) return THROTTLED;
  return mayConnect(core, connection, packet, clientId) ? undefined : DENIED;
}

function contextOf(connection: Connection, clientId: string): RequestContext {
  const { origin } = connection;
  return {
    'iot:ClientId': clientId,
    'iot:DomainName': origin.host,
    'aws:SourceIp': origin.sourceIp,
    'aws:SecureTransport': 'true',
    ...(origin.principal
      ? { 'cognito-identity.amazonaws.com:sub': origin.principal.identityId }
      : {}),
  };
}

function mayConnect(
  core: BrokerCore,
  connection: Connection,
  packet: IConnectPacket,
  clientId: string,
): boolean {
  const attributes: string[] = [];
  if (packet.will) attributes.push('LastWill');
  if (sessionExpirySeconds(packet) > 0) attributes.push('PersistentConnect');
  const permissions = new Permissions(core.authorizer, core.account, connection.origin.principal, {
    ...contextOf(connection, clientId),
    ...(attributes.length > 0 ? { 'iot:ConnectAttributes': attributes } : {}),
  });
  if (!permissions.decide('iot:Connect', 'client', clientId).allowed) return false;
  if (!packet.will) return true;
  const action = packet.will.retain === true ? 'iot:RetainPublish' : 'iot:Publish';
  return (
    permissions.decide('iot:Publish', 'topic', packet.will.topic).allowed &&
    permissions.decide(action, 'topic', packet.will.topic).allowed
  );
}

function refuse(
  core: BrokerCore,
  connection: Connection,
  clientId: string,
  refusal: Refusal,
  traceId: string,
): void {
  logRequest(
    core,
    connection,
    { eventType: 'Connect', clientId, reason: refusal.reason, details: refusal.details },
    traceId,
  );
  // MQTT 3.1.1 over WebSocket gets no CONNACK, only a closed socket (aws-facts 3.3).
  if (connection.version === 5) {
    connection.send({
      cmd: 'connack',
      sessionPresent: false,
      reasonCode: refusal.code,
      properties: { reasonString: reasonString('CONNACK', refusal.text, traceId) },
    });
  }
  connection.end({
    disconnectReason: refusal.disconnectReason,
    clientInitiated: false,
    details: refusal.details,
  });
}

function sessionExpirySeconds(packet: IConnectPacket): number {
  if (packet.protocolVersion !== 5) return packet.clean === true ? 0 : DEFAULT_SESSION_EXPIRY_S;
  return Math.min(packet.properties?.sessionExpiryInterval ?? 0, MAX_SESSION_EXPIRY_S);
}

function willOf(packet: IConnectPacket): Message | undefined {
  const { will } = packet;
  if (!will) return undefined;
  const { willDelayInterval: _delay, ...properties } = will.properties ?? {};
  return {
    topic: will.topic,
    payload: Buffer.from(will.payload),
    qos: will.qos === 1 ? 1 : 0,
    retain: will.retain === true,
    ...(Object.keys(properties).length > 0 ? { properties } : {}),
  };
}

function accept(
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
  const window = Math.min(packet.properties?.receiveMaximum ?? 65_535, core.limits.inFlight);
  connection.agreement = {
    clientId,
    session,
    permissions,
    keepAliveMs: keepAliveS * 1000,
    receiveMaximum: window,
    maximumPacketSize: packet.properties?.maximumPacketSize ?? Number.POSITIVE_INFINITY,
    reasonStrings: packet.properties?.requestProblemInformation !== false,
    publishRate: new RateBucket(core.limits.publishesPerSecond, nowMs),
    will: willOf(packet),
  };
  connection.mayReceive = ({ message }) =>
    permissions.decide('iot:Receive', 'topic', message.topic).allowed;
  logRequest(core, connection, { eventType: 'Connect' }, traceId);
  connection.send(connack(core, connection, packet, present, keepAliveS));
  session.attach(connection, window, nowMs);
}

/** Ends an older connection of the client id, then resumes its session or starts a new one. */
function takeSession(
  core: BrokerCore,
  connection: Connection,
  packet: IConnectPacket,
  clientId: string,
): { session: Session; present: boolean } {
  const old = core.sessions.get(clientId);
  old?.link?.displace();
  // The displaced connection's session may have ended with it.
  const kept = core.sessions.get(clientId);
  const expiryMs = (sessionExpirySeconds(packet) * 1000) / core.timeScale;
  if (kept && (packet.clean === true || kept.version !== connection.version)) {
    forgetSession(core, kept);
  } else if (kept) {
    kept.expiryMs = expiryMs;
    return { session: kept, present: true };
  }
  const session = new Session(clientId, connection.version, expiryMs);
  core.sessions.set(clientId, session);
  return { session, present: false };
}

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
      sessionExpiryInterval: sessionExpirySeconds(packet),
      receiveMaximum: core.limits.inFlight,
      maximumQoS: 1,
      retainAvailable: true,
      maximumPacketSize: 149_504,
      ...(packet.clientId === '' ? { assignedClientIdentifier: connection.clientId } : {}),
      topicAliasMaximum: MAX_TOPIC_ALIAS,
      wildcardSubscriptionAvailable: true,
      subscriptionIdentifiersAvailable: false,
      sharedSubscriptionAvailable: true,
      serverKeepAlive: keepAliveS,
    },
  };
}
