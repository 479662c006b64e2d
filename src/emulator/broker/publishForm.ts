/** What a PUBLISH may look like, whoever sends it (aws-facts 1.2, 2.1, 3.1). */
import type { IPublishPacket } from 'mqtt-packet';
import type { Connection } from './connection.ts';
import type { BrokerCore } from './core.ts';
import {
  MAX_CONTENT_TYPE_BYTES,
  MAX_CORRELATION_BYTES,
  MAX_PAYLOAD_BYTES,
  MAX_TOPIC_ALIAS,
  MAX_USER_PROPERTY_BYTES,
} from './limits.ts';
import { type DisconnectReason, REASON } from './reasons.ts';
import { isServiceTopic, isValidTopic } from './topics.ts';

export interface FormFault {
  readonly code: number;
  readonly text: string;
  readonly disconnectReason: DisconnectReason;
  /** Whether a QoS 1 publish is answered by a PUBACK with the code, instead of a disconnect. */
  readonly answerable: boolean;
}

/** The topic, by alias where the client uses one; undefined where the connection was ended. */
export function resolveTopic(connection: Connection, packet: IPublishPacket): string | undefined {
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

function fatal(code: number, text: string): FormFault {
  return { code, text, disconnectReason: 'CLIENT_ERROR', answerable: false };
}

function answerable(code: number, text: string): FormFault {
  return { code, text, disconnectReason: 'CLIENT_ERROR', answerable: true };
}

export function formFault(
  core: Pick<BrokerCore, 'settings'>,
  packet: IPublishPacket,
  topic: string,
  payload: Buffer,
): FormFault | undefined {
  if (packet.qos === 2) return fatal(REASON.qosNotSupported, 'QoS 2 is not supported');
  if (payload.length > MAX_PAYLOAD_BYTES) {
    return fatal(REASON.packetTooLarge, 'Payload is too large');
  }
  if (!isValidTopic(topic)) return answerable(REASON.topicNameInvalid, 'Topic name is not valid');
  if (topic.startsWith('$')) {
    if (packet.retain) {
      return answerable(REASON.topicNameInvalid, 'Retain is not allowed on reserved topics');
    }
    if (core.settings.reservedPublish === 'terminate' && isServiceTopic(topic)) {
      const text = 'Only AWS IoT publishes on this topic';
      return {
        code: REASON.notAuthorized,
        text,
        disconnectReason: 'FORBIDDEN_ACCESS',
        answerable: false,
      };
    }
  }
  return packet.properties ? propertyFault(packet.properties) : undefined;
}

function propertyFault(
  properties: NonNullable<IPublishPacket['properties']>,
): FormFault | undefined {
  const { subscriptionIdentifier, responseTopic, correlationData, contentType } = properties;
  if (subscriptionIdentifier !== undefined) {
    return fatal(REASON.protocolError, 'A client sends no subscription identifier');
  }
  if (responseTopic !== undefined && !isValidTopic(responseTopic)) {
    return answerable(REASON.topicNameInvalid, 'Response topic is not valid');
  }
  const oversized =
    (correlationData?.length ?? 0) > MAX_CORRELATION_BYTES ||
    Buffer.byteLength(contentType ?? '') > MAX_CONTENT_TYPE_BYTES ||
    userPropertyBytes(properties.userProperties) > MAX_USER_PROPERTY_BYTES;
  return oversized ? answerable(REASON.quotaExceeded, 'A property is too large') : undefined;
}

function userPropertyBytes(
  userProperties: Readonly<Record<string, string | string[]>> | undefined,
): number {
  let bytes = 0;
  for (const [name, values] of Object.entries(userProperties ?? {})) {
    for (const value of Array.isArray(values) ? values : [values]) {
      bytes += Buffer.byteLength(name) + Buffer.byteLength(value);
    }
  }
  return bytes;
}
