/**
 * Cuts the byte stream of a connection into MQTT packets and decodes them. PUBLISH and PUBACK
 * without properties, the traffic that matters for speed, are decoded here; everything else by
 * mqtt-packet, which gets exactly one whole packet at a time, so that a malformed one cannot make
 * it read into the next.
 */
import mqttPacket, { type Packet } from 'mqtt-packet';

export type ProtocolVersion = 4 | 5;

/** Largest packet by AWS's quota, 146 KB of variable header and payload (aws-facts 1.2). */
export const MAX_PACKET_BYTES = 146 * 1024;

export class MalformedPacketError extends Error {
  override readonly name = 'MalformedPacketError';
}

export class PacketTooLargeError extends Error {
  override readonly name = 'PacketTooLargeError';
}

const PUBLISH = 3;
const PUBACK = 4;

/** Turns chunks into whole packets, header included; throws the errors above. */
export class PacketFramer {
  #rest: Buffer | undefined;

  push(chunk: Buffer, onPacket: (packet: Buffer) => void): void {
    let data = this.#rest ? Buffer.concat([this.#rest, chunk]) : chunk;
    this.#rest = undefined;
    while (data.length > 0) {
      const end = packetEnd(data);
      if (end === undefined || end > data.length) break;
      onPacket(data.subarray(0, end));
      data = data.subarray(end);
    }
    if (data.length > 0) this.#rest = data;
  }
}

/** Offset behind the packet that starts at 0; undefined where its length is not there yet. */
function packetEnd(data: Buffer): number | undefined {
  let length = 0;
  let scale = 1;
  for (let at = 1; at <= 4; at += 1) {
    const byte = data[at];
    if (byte === undefined) return undefined;
    length += (byte & 0x7f) * scale;
    if (byte < 0x80) {
      if (length > MAX_PACKET_BYTES) throw new PacketTooLargeError('Packet too large');
      return at + 1 + length;
    }
    scale *= 128;
  }
  throw new MalformedPacketError('Remaining length is longer than four bytes');
}

type Parser = ReturnType<typeof mqttPacket.parser>;

const shared = new Map<ProtocolVersion, Parser>();

function parseWith(parser: Parser, data: Buffer): Packet {
  if (packetEnd(data) !== data.length) throw new MalformedPacketError('Not exactly one packet');
  const outcome: { packet?: Packet; error?: Error } = {};
  parser.removeAllListeners();
  parser.on('packet', (packet) => {
    outcome.packet = packet;
  });
  parser.on('error', (error: Error) => {
    outcome.error = error;
  });
  let left: number;
  try {
    left = parser.parse(data);
  } catch (error) {
    throw new MalformedPacketError(String(error));
  }
  if (outcome.error) throw new MalformedPacketError(outcome.error.message);
  if (!outcome.packet || left !== 0) throw new MalformedPacketError('Packet is truncated');
  return outcome.packet;
}

/** Decodes the first packet of a connection, whose protocol version is not known yet. */
export function decodeFirst(data: Buffer): Packet {
  return parseWith(mqttPacket.parser(), data);
}

/** Decodes one whole packet; throws MalformedPacketError. */
export function decode(data: Buffer, version: ProtocolVersion): Packet {
  const fast = decodeFast(data, version);
  if (fast) return fast;
  const parser = shared.get(version) ?? mqttPacket.parser({ protocolVersion: version });
  // Put back only after success: an error may leave a parser in the middle of a packet.
  shared.delete(version);
  const packet = parseWith(parser, data);
  shared.set(version, parser);
  return packet;
}

function decodeFast(data: Buffer, version: ProtocolVersion): Packet | undefined {
  const first = data[0] ?? 0;
  const type = first >> 4;
  let at = 1;
  while ((data[at] ?? 0) >= 0x80) at += 1;
  at += 1;
  if (type === PUBACK && first === 0x40 && data.length === at + 2) {
    return { cmd: 'puback', messageId: data.readUInt16BE(at), reasonCode: 0 };
  }
  const qos = (first >> 1) & 3;
  if (type !== PUBLISH || qos > 1 || data.length < at + 2) return undefined;
  const topicEnd = at + 2 + data.readUInt16BE(at);
  const payloadAt = topicEnd + (qos === 1 ? 2 : 0) + (version === 5 ? 1 : 0);
  if (payloadAt > data.length) return undefined;
  if (version === 5 && data[payloadAt - 1] !== 0) return undefined;
  return {
    cmd: 'publish',
    qos: qos === 1 ? 1 : 0,
    dup: (first & 8) !== 0,
    retain: (first & 1) !== 0,
    topic: data.toString('utf8', at + 2, topicEnd),
    payload: data.subarray(payloadAt),
    ...(qos === 1 ? { messageId: data.readUInt16BE(topicEnd) } : {}),
  };
}
