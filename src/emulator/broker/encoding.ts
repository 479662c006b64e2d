/** Encodes what the broker sends; PUBLISH and PUBACK without properties by hand, for speed. */
import mqttPacket, { type IPublishPacket, type Packet } from 'mqtt-packet';
import type { ProtocolVersion } from './framing.ts';

/** Properties of a publish that are passed on to MQTT 5 subscribers. */
export type ForwardedProperties = Omit<
  NonNullable<IPublishPacket['properties']>,
  'topicAlias' | 'subscriptionIdentifier'
>;

/** A message on its way through the broker. */
export interface Message {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: 0 | 1;
  readonly retain: boolean;
  readonly properties?: ForwardedProperties;
  /** Epoch milliseconds after which it is not delivered any more. */
  readonly expiresAtMs?: number;
}

export interface Delivery {
  readonly message: Message;
  readonly qos: 0 | 1;
  readonly retain: boolean;
}

export function encode(packet: Packet, version: ProtocolVersion): Buffer {
  return mqttPacket.generate(packet, { protocolVersion: version });
}

export function encodePuback(packetId: number): Buffer {
  return Buffer.from([0x40, 2, packetId >> 8, packetId & 0xff]);
}

export function encodePublish(
  delivery: Delivery,
  version: ProtocolVersion,
  packetId: number,
  nowMs: number,
): Buffer {
  const { message, qos, retain } = delivery;
  if (version === 5 && message.properties) {
    const packet: Packet = {
      cmd: 'publish',
      topic: message.topic,
      payload: message.payload,
      qos,
      dup: false,
      retain,
      properties: propertiesAt(message, message.properties, nowMs),
      ...(qos === 1 ? { messageId: packetId } : {}),
    };
    return encode(packet, version);
  }
  const topicBytes = Buffer.byteLength(message.topic);
  const length = 2 + topicBytes + (qos === 1 ? 2 : 0) + (version === 5 ? 1 : 0);
  const remaining = length + message.payload.length;
  const header = remaining < 128 ? 2 : remaining < 16384 ? 3 : 4;
  const out = Buffer.allocUnsafe(header + remaining);
  out[0] = 0x30 | (qos << 1) | (retain ? 1 : 0);
  let at = 1;
  for (let left = remaining; ; left >>= 7) {
    if (left < 128) {
      out[at++] = left;
      break;
    }
    out[at++] = (left & 0x7f) | 0x80;
  }
  at = out.writeUInt16BE(topicBytes, at);
  at += out.write(message.topic, at, 'utf8');
  if (qos === 1) at = out.writeUInt16BE(packetId, at);
  if (version === 5) out[at++] = 0;
  out.set(message.payload, at);
  return out;
}

/** MQTT 5 wants the expiry that is left, not the one that was sent. */
function propertiesAt(
  message: Message,
  properties: ForwardedProperties,
  nowMs: number,
): ForwardedProperties {
  if (message.expiresAtMs === undefined) return properties;
  const leftS = Math.max(1, Math.ceil((message.expiresAtMs - nowMs) / 1000));
  return { ...properties, messageExpiryInterval: leftS };
}
