/** MQTT packet by packet over a signed WebSocket, for what no well-behaved client would send. */
import mqttPacket, { type IConnectPacket, type Packet, type PacketCmd } from 'mqtt-packet';
import { WebSocket } from 'ws';
import type { DeviceWorld, Holder } from './deviceWorld.ts';
import { presignMqtt, wsOptions } from './presign.ts';

type Of<C extends PacketCmd> = Extract<Packet, { cmd: C }>;

export class RawMqtt {
  readonly received: Packet[] = [];
  readonly closed: Promise<number>;
  readonly #socket: WebSocket;
  readonly #version: 4 | 5;
  readonly #waiting: { cmd: string; done: (packet: Packet) => void }[] = [];

  constructor(socket: WebSocket, version: 4 | 5) {
    this.#socket = socket;
    this.#version = version;
    const parser = mqttPacket.parser({ protocolVersion: version });
    parser.on('packet', (packet) => {
      const at = this.#waiting.findIndex(({ cmd }) => cmd === packet.cmd);
      if (at === -1) this.received.push(packet);
      else this.#waiting.splice(at, 1)[0]?.done(packet);
    });
    parser.on('error', () => socket.terminate());
    socket.on('message', (data: Buffer) => parser.parse(data));
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => socket.on('close', resolve));
  }

  send(...packets: Packet[]): void {
    const encoded = packets.map((packet) =>
      mqttPacket.generate(packet, { protocolVersion: this.#version }),
    );
    this.#socket.send(Buffer.concat(encoded));
  }

  sendBytes(bytes: Uint8Array): void {
    this.#socket.send(bytes);
  }

  sendText(text: string): void {
    this.#socket.send(text);
  }

  /** The next packet of a kind, one that came already included. */
  next<C extends PacketCmd>(cmd: C): Promise<Of<C>> {
    const at = this.received.findIndex((packet) => packet.cmd === cmd);
    const [known] = at === -1 ? [] : this.received.splice(at, 1);
    if (known) return Promise.resolve(known as Of<C>);
    return new Promise((resolve) => {
      this.#waiting.push({ cmd, done: (packet) => resolve(packet as Of<C>) });
    });
  }

  /** Everything sent so far has been handled once this resolves. */
  async settle(): Promise<void> {
    this.send({ cmd: 'pingreq' });
    await this.next('pingresp');
  }

  /** Packets of a kind that have come and were not taken. */
  all<C extends PacketCmd>(cmd: C): Of<C>[] {
    return this.received.filter((packet): packet is Of<C> => packet.cmd === cmd);
  }

  /** Cuts the TCP connection. */
  cut(): void {
    this.#socket.terminate();
  }

  /** Sends a Close frame. */
  close(): void {
    this.#socket.close();
  }
}

/** Opens a WebSocket that has not sent a CONNECT yet. */
export async function rawSocket(
  world: DeviceWorld,
  holder: Holder,
  version: 4 | 5 = 5,
): Promise<RawMqtt> {
  const path = await presignMqtt(holder);
  const url = `wss://127.0.0.1:${world.gateway.port}${path}`;
  const socket = new WebSocket(url, 'mqtt', wsOptions(world));
  await new Promise((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  return new RawMqtt(socket, version);
}

/** Connects as the holder, client id as the identity id unless told otherwise. */
export async function rawMqtt(
  world: DeviceWorld,
  holder: Holder = world.issue(),
  options: Partial<IConnectPacket> = {},
): Promise<{ raw: RawMqtt; connack: Of<'connack'> }> {
  const version = options.protocolVersion === 4 ? 4 : 5;
  const raw = await rawSocket(world, holder, version);
  raw.send({
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: version,
    clientId: holder.identityId,
    clean: true,
    keepalive: 30,
    ...options,
  });
  return { raw, connack: await raw.next('connack') };
}
