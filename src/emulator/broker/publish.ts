/** PUBLISH from a client: validity, quota, authorization, PUBACK, then routing. */
import { randomUUID } from 'node:crypto';
import type { IPublishPacket } from 'mqtt-packet';
import type { Agreement, Connection } from './connection.ts';
import { AUTHORIZATION_FAILURE, type BrokerCore, logRequest } from './core.ts';
import { encodePuback, type ForwardedProperties, type Message } from './encoding.ts';
import { MAX_PAYLOAD_BYTES, MAX_TOPIC_ALIAS } from './limits.ts';
import { NOT_AUTHORIZED_TEXT, REASON, reasonString } from './reasons.ts';
import { isValidTopic } from './topics.ts';

export function handlePublish(
  core: BrokerCore,
  connection: Connection,
  agreement: Agreement,
  packet: IPublishPacket,
): void {
  const topic = resolveTopic(connection, packet);
  if (topic === undefined) return;
  const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload;
  const refused = formOf(packet, topic, payload);
  if (refused) return refuseForm(connection, packet, refused);
  const nowMs = core.now();
  // Above 100 a second a publish is discarded without a word (aws-facts 1.2, 3.5).
  if (!agreement.publishRate.take(nowMs)) return;
  const traceId = randomUUID();
  if (!mayPublish(agreement, packet, topic)) {
    return deny(core, connection, packet, topic, traceId);
  }
  core.counters.publishesIn += 1;
  if (packet.qos === 1) connection.write(encodePuback(packet.messageId ?? 0));
  logRequest(core, connection, { eventType: 'Publish-In', topicName: topic }, traceId);
  core.route(messageOf(packet, topic, payload, nowMs), agreement.session);
  core.service.handlerOf(topic)?.({ topic, payload, requester: connection, traceId });
}

/** The topic, by alias where the client uses one; undefined where the connection was ended. */
function resolveTopic(connection: Connection, packet: IPublishPacket): string | undefined {
  const alias = packet.properties?.topicAlias;
  if (alias === undefined) return packet.topic;
  const known = connection.aliases.get(alias);
  if (alias < 1 || alias > MAX_TOPIC_ALIAS || (packet.topic === '' && known === undefined)) {
    connection.end(
      { disconnectReason: 'CLIENT_ERROR', clientInitiated: false, details: 'Topic alias' },
      REASON.topicAliasInvalid,
      'Topic alias is not valid',
    );
    return undefined;
  }
  if (packet.topic === '') return known;
  connection.aliases.set(alias, packet.topic);
  return packet.topic;
}

interface FormFault {
  readonly code: number;
  readonly text: string;
  /** Whether a QoS 1 publish is answered by a PUBACK with the code, instead of a disconnect. */
  readonly answerable: boolean;
}

function formOf(packet: IPublishPacket, topic: string, payload: Buffer): FormFault | undefined {
  if (packet.qos === 2) {
    return { code: REASON.qosNotSupported, text: 'QoS 2 is not supported', answerable: false };
  }
  if (payload.length > MAX_PAYLOAD_BYTES) {
    return { code: REASON.packetTooLarge, text: 'Payload is too large', answerable: false };
  }
  if (!isValidTopic(topic)) {
    return { code: REASON.topicNameInvalid, text: 'Topic name is not valid', answerable: true };
  }
  if (packet.retain && topic.startsWith('$')) {
    const text = 'Retain is not allowed on reserved topics';
    return { code: REASON.topicNameInvalid, text, answerable: true };
  }
  return undefined;
}

function refuseForm(connection: Connection, packet: IPublishPacket, fault: FormFault): void {
  if (fault.answerable && packet.qos === 1 && connection.version === 5) {
    return negativePuback(connection, packet, fault.code, fault.text, randomUUID());
  }
  connection.end(
    { disconnectReason: 'CLIENT_ERROR', clientInitiated: false, details: fault.text },
    fault.code,
    fault.text,
  );
}

function mayPublish(agreement: Agreement, packet: IPublishPacket, topic: string): boolean {
  const { permissions } = agreement;
  if (!permissions.decide('iot:Publish', 'topic', topic).allowed) return false;
  return !packet.retain || permissions.decide('iot:RetainPublish', 'topic', topic).allowed;
}

/** The denials of aws-facts 3.3: QoS 1 over MQTT 5 keeps the session, everything else ends it. */
function deny(
  core: BrokerCore,
  connection: Connection,
  packet: IPublishPacket,
  topic: string,
  traceId: string,
): void {
  logRequest(
    core,
    connection,
    { eventType: 'Publish-In', topicName: topic, ...AUTHORIZATION_FAILURE },
    traceId,
  );
  if (packet.qos === 1 && connection.version === 5) {
    negativePuback(connection, packet, REASON.notAuthorized, NOT_AUTHORIZED_TEXT, traceId);
    return;
  }
  connection.end(
    { disconnectReason: 'FORBIDDEN_ACCESS', clientInitiated: false },
    REASON.notAuthorized,
    NOT_AUTHORIZED_TEXT,
    traceId,
  );
}

function negativePuback(
  connection: Connection,
  packet: IPublishPacket,
  reasonCode: number,
  text: string,
  traceId: string,
): void {
  connection.send({
    cmd: 'puback',
    messageId: packet.messageId ?? 0,
    reasonCode,
    ...(connection.agreement?.reasonStrings === false
      ? {}
      : { properties: { reasonString: reasonString('PUBACK', text, traceId) } }),
  });
}

function messageOf(packet: IPublishPacket, topic: string, payload: Buffer, nowMs: number): Message {
  const base = { topic, payload, qos: packet.qos === 1 ? 1 : 0, retain: packet.retain } as const;
  if (!packet.properties) return base;
  const { topicAlias: _a, subscriptionIdentifier: _s, ...rest } = packet.properties;
  const properties: ForwardedProperties = rest;
  const expiryS = properties.messageExpiryInterval;
  return {
    ...base,
    ...(Object.keys(properties).length > 0 ? { properties } : {}),
    ...(expiryS === undefined ? {} : { expiresAtMs: nowMs + expiryS * 1000 }),
  };
}
