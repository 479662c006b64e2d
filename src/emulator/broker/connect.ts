/** CONNECT: what is acceptable, throttling, authorization; then `accept.ts` takes over. */
import { randomUUID } from 'node:crypto';
import type { IConnectPacket } from 'mqtt-packet';
import type { RequestContext } from '../contract.ts';
import { acceptConnect } from './accept.ts';
import type { ConnectThrottle } from './connectThrottle.ts';
import type { Connection } from './connection.ts';
import { AUTHORIZATION_FAILURE, type BrokerCore, logRequest } from './core.ts';
import { MAX_CLIENT_ID_BYTES, MAX_PAYLOAD_BYTES, MIN_CLIENT_PACKET_BYTES } from './limits.ts';
import { Permissions } from './permissions.ts';
import { type DisconnectReason, NOT_AUTHORIZED_TEXT, REASON, reasonString } from './reasons.ts';
import { sessionExpirySeconds } from './sessionExpiry.ts';
import { isValidTopic } from './topics.ts';

interface Refusal {
  readonly code: number;
  readonly text: string;
  readonly reason: string;
  readonly details: string;
  readonly disconnectReason: DisconnectReason;
  /** As the lifecycle event says it. */
  readonly connectFailureReason: string;
}

const DENIED: Refusal = {
  code: REASON.notAuthorized,
  text: NOT_AUTHORIZED_TEXT,
  ...AUTHORIZATION_FAILURE,
  disconnectReason: 'AUTH_ERROR',
  connectFailureReason: 'AUTHORIZATION_FAILED',
};

function unacceptable(code: number, text: string): Refusal {
  return {
    code,
    text,
    reason: 'CLIENT_ERROR',
    details: text,
    disconnectReason: 'CLIENT_ERROR',
    connectFailureReason: 'CLIENT_ERROR',
  };
}

function throttled(details: string): Refusal {
  return {
    code: REASON.quotaExceeded,
    text: 'Exceeded the rate of CONNECT requests',
    reason: 'THROTTLED',
    details,
    disconnectReason: 'THROTTLED',
    connectFailureReason: 'THROTTLED',
  };
}

const INVALID_ID = unacceptable(REASON.clientIdNotValid, 'Client identifier is not valid');
const INVALID_PACKET = unacceptable(REASON.malformedPacket, 'CONNECT is not acceptable');

export function handleConnect(
  core: BrokerCore,
  throttle: ConnectThrottle,
  connection: Connection,
  packet: IConnectPacket,
): void {
  const traceId = randomUUID();
  connection.version = packet.protocolVersion === 5 ? 5 : 4;
  const clientId = chooseClientId(connection, packet);
  const refusal =
    faultOf(packet, clientId) ??
    throttleOf(core, throttle, clientId) ??
    (mayConnect(core, connection, packet, clientId) ? undefined : DENIED);
  if (refusal) return refuse(core, connection, clientId, refusal, traceId);
  const context = contextOf(connection, clientId);
  const { principal } = connection.origin;
  const permissions = new Permissions(core.authorizer, core.account, principal, context);
  acceptConnect(core, connection, packet, clientId, permissions, traceId);
}

/** MQTT 5 lets a client leave its id to the broker, which assigns `$GEN/<uuid>` (aws-facts 1.1). */
function chooseClientId(connection: Connection, packet: IConnectPacket): string {
  if (packet.clientId !== '') return packet.clientId;
  return connection.version === 5 || packet.clean === true ? `$GEN/${randomUUID()}` : '';
}

function faultOf(packet: IConnectPacket, clientId: string): Refusal | undefined {
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
  if (!will) return undefined;
  if (will.qos === 2) return unacceptable(REASON.qosNotSupported, 'QoS 2 is not supported');
  if (Buffer.byteLength(will.payload) > MAX_PAYLOAD_BYTES) {
    return unacceptable(REASON.packetTooLarge, 'Payload of the will is too large');
  }
  if (will.retain === true && will.topic.startsWith('$')) return INVALID_PACKET;
  return isValidTopic(will.topic)
    ? undefined
    : unacceptable(REASON.topicNameInvalid, 'Topic of the will is not valid');
}

function throttleOf(
  core: BrokerCore,
  throttle: ConnectThrottle,
  clientId: string,
): Refusal | undefined {
  const nowMs = core.now();
  if (!throttle.admit(clientId, nowMs)) return throttled('Connect.ClientIDThrottle');
  if (!core.rates.connects.take(nowMs)) return throttled('Connect.Throttle');
  const full = core.connected() >= core.limits.account.connections;
  return full ? throttled('Too many concurrent connections') : undefined;
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
  if (sessionExpirySeconds(core, packet) > 0) attributes.push('PersistentConnect');
  const permissions = new Permissions(core.authorizer, core.account, connection.origin.principal, {
    ...contextOf(connection, clientId),
    ...(attributes.length > 0 ? { 'iot:ConnectAttributes': attributes } : {}),
  });
  if (!permissions.decide('iot:Connect', 'client', clientId).allowed) return false;
  const { will } = packet;
  if (!will) return true;
  if (!permissions.decide('iot:Publish', 'topic', will.topic).allowed) return false;
  return (
    will.retain !== true || permissions.decide('iot:RetainPublish', 'topic', will.topic).allowed
  );
}

function refuse(
  core: BrokerCore,
  connection: Connection,
  clientId: string,
  refusal: Refusal,
  traceId: string,
): void {
  const { reason, details } = refusal;
  logRequest(core, connection, { eventType: 'Connect', clientId, reason, details }, traceId);
  core.lifecycle.connectFailed(connection, clientId, refusal.connectFailureReason);
  // MQTT 3.1.1 over WebSocket gets no CONNACK, only a closed socket (aws-facts 3.3).
  if (connection.version === 5) {
    connection.send({
      cmd: 'connack',
      sessionPresent: false,
      reasonCode: refusal.code,
      properties: { reasonString: reasonString('CONNACK', refusal.text, traceId) },
    });
  }
  connection.end({ disconnectReason: refusal.disconnectReason, clientInitiated: false, details });
}
