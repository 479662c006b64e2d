/** PUBLISH from a client: validity, quotas, authorization, PUBACK, then routing. */
import { randomUUID } from 'node:crypto';
import type { IPublishPacket } from 'mqtt-packet';
import type { Agreement, Connection } from './connection.ts';
import { AUTHORIZATION_FAILURE, type BrokerCore, logRequest } from './core.ts';
import { encodePuback, type ForwardedProperties, type Message } from './encoding.ts';
import { MAX_MESSAGE_EXPIRY_S } from './limits.ts';
import { type FormFault, formFault, resolveTopic } from './publishForm.ts';
import { NOT_AUTHORIZED_TEXT, REASON, reasonString } from './reasons.ts';

const DISCARDED_TEXT = 'Exceeded the rate of publish requests';

export function handlePublish(
  core: BrokerCore,
  connection: Connection,
  agreement: Agreement,
  packet: IPublishPacket,
): void {
  const topic = resolveTopic(connection, packet);
  if (topic === undefined) return;
  const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload;
  const fault = formFault(core, packet, topic, payload);
  if (fault) return refuseForm(connection, packet, fault);
  const nowMs = core.now();
  if (!withinQuotas(core, connection, agreement, packet, nowMs)) return;
  const traceId = randomUUID();
  if (!mayPublish(agreement, packet, topic)) {
    return deny(core, connection, packet, topic, traceId);
  }
  core.counters.publishesIn += 1;
  if (packet.qos === 1) acknowledge(core, connection, agreement, packet.messageId ?? 0);
  logRequest(core, connection, { eventType: 'Publish-In', topicName: topic }, traceId);
  const message = messageOf(packet, topic, payload, nowMs);
  if (message.retain && core.rates.retainedPublishes.take(nowMs)) {
    core.retained.store(message, nowMs);
  }
  core.route(message, agreement.session);
  core.service.handlerOf(topic)?.({ topic, payload, requester: connection, traceId });
}

/**
 * 100 publishes a second on a connection and the account's rate: what exceeds them is discarded
 * (aws-facts 1.2, 3.5). 100 in flight: one more is a protocol error in MQTT 5.
 */
function withinQuotas(
  core: BrokerCore,
  connection: Connection,
  agreement: Agreement,
  packet: IPublishPacket,
  nowMs: number,
): boolean {
  if (packet.qos === 1 && agreement.unacknowledged.size >= core.limits.inFlight) {
    if (connection.version === 5) {
      connection.end(
        { disconnectReason: 'CLIENT_ERROR', clientInitiated: false, details: 'Receive maximum' },
        REASON.receiveMaximumExceeded,
        'Receive Maximum exceeded',
      );
    }
    return false;
  }
  if (agreement.publishRate.take(nowMs) && core.rates.publishesIn.take(nowMs)) return true;
  core.counters.publishesDiscarded += 1;
  logRequest(core, connection, {
    eventType: 'Publish-In',
    topicName: packet.topic,
    reason: 'THROTTLED',
    details: DISCARDED_TEXT,
  });
  if (core.settings.discardedPublish === 'puback' && packet.qos === 1) {
    answerNegative(connection, packet, REASON.quotaExceeded, DISCARDED_TEXT, randomUUID());
  }
  return false;
}

function acknowledge(
  core: BrokerCore,
  connection: Connection,
  agreement: Agreement,
  packetId: number,
): void {
  if (core.faults.strikes('swallowPuback', connection.clientId)) {
    agreement.unacknowledged.add(packetId);
  } else {
    connection.write(encodePuback(packetId));
  }
}

function refuseForm(connection: Connection, packet: IPublishPacket, fault: FormFault): void {
  if (fault.answerable && packet.qos === 1 && connection.version === 5) {
    return answerNegative(connection, packet, fault.code, fault.text, randomUUID());
  }
  connection.end(
    { disconnectReason: fault.disconnectReason, clientInitiated: false, details: fault.text },
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
    answerNegative(connection, packet, REASON.notAuthorized, NOT_AUTHORIZED_TEXT, traceId);
    return;
  }
  connection.end(
    { disconnectReason: 'FORBIDDEN_ACCESS', clientInitiated: false },
    REASON.notAuthorized,
    NOT_AUTHORIZED_TEXT,
    traceId,
  );
}

/** A PUBACK with a reason; MQTT 3.1.1 has none. */
function answerNegative(
  connection: Connection,
  packet: IPublishPacket,
  reasonCode: number,
  text: string,
  traceId: string,
): void {
  if (connection.version !== 5) return;
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
  const { topicAlias: _alias, subscriptionIdentifier: _id, ...rest } = packet.properties;
  const properties: ForwardedProperties = rest;
  const expiryS = properties.messageExpiryInterval;
  return {
    ...base,
    ...(Object.keys(properties).length > 0 ? { properties } : {}),
    ...(expiryS === undefined
      ? {}
      : { expiresAtMs: nowMs + Math.min(expiryS, MAX_MESSAGE_EXPIRY_S) * 1000 }),
  };
}
