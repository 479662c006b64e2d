import { connect, type TLSSocket } from 'node:tls';
import * as fc from 'fast-check';
import mqttPacket, { type Packet } from 'mqtt-packet';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import {
  decode,
  decodeFirst,
  MalformedPacketError,
  PacketFramer,
  PacketTooLargeError,
} from '../../src/emulator/broker/framing.ts';
import { parseFilter } from '../../src/emulator/broker/topics.ts';
import { parseEmptyable, parseUpdate } from '../../src/emulator/shadow/request.ts';
import { verifyRequest } from '../../src/emulator/sigv4/verify.ts';
import { type DeviceWorld, REGION, startDeviceWorld } from './world/deviceWorld.ts';
import { presignMqtt } from './world/presign.ts';
import { rawMqtt, rawSocket } from './world/rawMqtt.ts';

/** Bounded: these run with every test run. The seed of a failure is printed by fast-check. */
const BOUNDS = { numRuns: 2000, interruptAfterTimeLimit: 4000, markInterruptAsFailure: false };
const LIVE = { numRuns: 60, interruptAfterTimeLimit: 6000, markInterruptAsFailure: false };

let world: DeviceWorld;
const faults: unknown[] = [];
const onFault = (error: unknown): number => faults.push(error);

beforeAll(async () => {
  process.on('uncaughtException', onFault);
  process.on('unhandledRejection', onFault);
  world = await startDeviceWorld({ quotas: 'off' });
});

afterEach(async () => {
  expect(faults).toEqual([]);
  // Whatever came before, the next client is served.
  const { raw, connack } = await rawMqtt(world);
  expect(connack.reasonCode).toBe(0);
  raw.cut();
});

afterAll(async () => {
  process.off('uncaughtException', onFault);
  process.off('unhandledRejection', onFault);
  await world.stop();
});

const version = fc.constantFrom(4 as const, 5 as const);
const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((data) => Buffer.from(data));
const name = fc.constantFrom('a', 'a/b', '+', '#', '$share/g/x', '$aws/things/t/shadow/update', '');

/** Well-formed packets of every kind that a client sends. */
const packet: fc.Arbitrary<Packet> = fc.oneof(
  fc.record({
    cmd: fc.constant('publish' as const),
    qos: fc.constantFrom(0 as const, 1 as const, 2 as const),
    dup: fc.boolean(),
    retain: fc.boolean(),
    topic: name.filter((text) => text !== ''),
    payload: bytes(20),
    messageId: fc.integer({ min: 1, max: 65_535 }),
  }),
  fc.record({
    cmd: fc.constant('subscribe' as const),
    messageId: fc.integer({ min: 1, max: 65_535 }),
    subscriptions: fc.array(
      fc.record({
        topic: name.filter((text) => text !== ''),
        qos: fc.constantFrom(0 as const, 1 as const, 2 as const),
      }),
      { minLength: 1, maxLength: 3 },
    ),
  }),
  fc.record({
    cmd: fc.constant('unsubscribe' as const),
    messageId: fc.integer({ min: 1, max: 65_535 }),
    unsubscriptions: fc.array(
      name.filter((text) => text !== ''),
      { minLength: 1, maxLength: 3 },
    ),
  }),
  fc.record({
    cmd: fc.constant('puback' as const),
    messageId: fc.integer({ min: 1, max: 65_535 }),
  }),
  fc.constant({ cmd: 'pingreq' as const }),
  fc.constant({ cmd: 'disconnect' as const }),
);

/** A packet with some bytes flipped, cut off or put in. */
const damaged = fc
  .tuple(packet, version, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }), fc.nat(40))
  .map(([each, protocolVersion, flips, cut]) => {
    const encoded = Buffer.from(mqttPacket.generate(each, { protocolVersion }));
    for (const [at, value] of flips) encoded[at % encoded.length] = value;
    return cut < 4 ? encoded.subarray(0, Math.max(1, encoded.length - cut)) : encoded;
  });

function isClean(error: unknown): boolean {
  return error instanceof MalformedPacketError || error instanceof PacketTooLargeError;
}

test('any bytes are packets, or one of two errors', () => {
  fc.assert(
    fc.property(fc.oneof(bytes(60), damaged), version, (data, protocolVersion) => {
      for (const read of [decodeFirst, (each: Buffer) => decode(each, protocolVersion)]) {
        try {
          new PacketFramer().push(data, read);
        } catch (error) {
          expect(isClean(error), String(error)).toBe(true);
        }
      }
    }),
    BOUNDS,
  );
});

test('a decoder that met a malformed packet reads the next one right', () => {
  fc.assert(
    fc.property(damaged, packet, version, (broken, each, protocolVersion) => {
      try {
        decode(broken, protocolVersion);
      } catch {
        // What it makes of the broken one is another test's concern.
      }
      const encoded = mqttPacket.generate(each, { protocolVersion });
      expect(decode(encoded, protocolVersion).cmd).toBe(each.cmd);
    }),
    BOUNDS,
  );
});

test('packets are the same wherever the stream is cut', () => {
  fc.assert(
    fc.property(
      fc.array(packet, { minLength: 1, maxLength: 5 }),
      fc.array(fc.nat(200), { maxLength: 8 }),
      (packets, cuts) => {
        const encoded = packets.map((each) => mqttPacket.generate(each, { protocolVersion: 5 }));
        const stream = Buffer.concat(encoded);
        const framer = new PacketFramer();
        const found: Buffer[] = [];
        const at = [0, ...cuts.map((cut) => cut % stream.length), stream.length];
        at.sort((a, b) => a - b);
        for (const [index, end] of at.entries()) {
          framer.push(stream.subarray(at[index - 1] ?? 0, end), (each) => found.push(each));
        }
        expect(Buffer.concat(found)).toEqual(stream);
        expect(found.map((each) => each.length)).toEqual(encoded.map((each) => each.length));
      },
    ),
    BOUNDS,
  );
});

test('any text is a filter or none, any payload a request or an error', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), name), (text) => {
      const parsed = parseFilter(text);
      expect(parsed === undefined || text.endsWith(parsed.filter)).toBe(true);
    }),
    BOUNDS,
  );
  const json = fc.json().map((text) => Buffer.from(text));
  const sections = fc
    .record(
      { state: fc.jsonValue(), clientToken: fc.jsonValue(), version: fc.jsonValue() },
      { requiredKeys: [] },
    )
    .map((body) => Buffer.from(JSON.stringify(body)));
  fc.assert(
    fc.property(fc.oneof(bytes(60), json, sections), (payload) => {
      for (const parsed of [parseUpdate(payload, 5), parseEmptyable(payload)]) {
        if (!parsed.ok) expect(parsed.error.code).toBeGreaterThanOrEqual(400);
      }
    }),
    BOUNDS,
  );
});

test('any request line and headers are a signature or a refusal', () => {
  const options = {
    region: REGION,
    services: ['iotdevicegateway'],
    credentials: { find: () => undefined },
    trustForeignKeys: false,
    acceptSignedToken: true,
    now: Date.now,
  };
  const word = fc.constantFrom('X-Amz-Credential', 'X-Amz-Date', 'X-Amz-Signature', '%', 'a/b/c');
  const query = fc.array(fc.tuple(fc.oneof(word, fc.string()), fc.string()), { maxLength: 6 });
  fc.assert(
    fc.property(query, fc.string(), fc.array(fc.string()), (pairs, tail, rawHeaders) => {
      const url = `/mqtt?${pairs.map((pair) => pair.join('=')).join('&')}${tail}`;
      const request = { method: 'GET', url, rawHeaders, body: Buffer.alloc(0) };
      expect(verifyRequest(request, 'query', options).ok).toBe(false);
      const authorization = ['authorization', `AWS4-HMAC-SHA256 ${tail}`, ...rawHeaders];
      const signed = { ...request, rawHeaders: authorization };
      expect(verifyRequest(signed, 'header', options).ok).toBe(false);
    }),
    BOUNDS,
  );
});

test('damaged packets on a live connection: an answer or a close, for this client only', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(damaged, { minLength: 1, maxLength: 6 }), version, async (all, v) => {
      const protocol = v === 4 ? ({ protocolVersion: 4 } as const) : {};
      const { raw } = await rawMqtt(world, world.issue(), protocol);
      raw.sendBytes(Buffer.concat(all));
      raw.close();
      await raw.closed;
    }),
    LIVE,
  );
});

test('anything instead of a CONNECT closes the connection', async () => {
  await fc.assert(
    fc.asyncProperty(bytes(40), async (data) => {
      const raw = await rawSocket(world, world.issue());
      raw.sendBytes(data);
      raw.close();
      await raw.closed;
    }),
    LIVE,
  );
});

test('a text frame is a protocol error', async () => {
  const { raw } = await rawMqtt(world);
  raw.sendText('hello');
  expect((await raw.next('disconnect')).reasonCode).toBe(0x82);
  await raw.closed;
});

function tls(): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      port: world.gateway.port,
      host: '127.0.0.1',
      ca: world.ca,
      servername: 'localhost',
    });
    socket.once('secureConnect', () => resolve(socket));
    socket.once('error', reject);
  });
}

/** Writes and ends; resolves when the other side has let go, too. */
function writeAndLeave(socket: TLSSocket, data: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    socket.on('error', () => undefined);
    socket.on('close', () => resolve());
    socket.resume();
    socket.end(data);
  });
}

test('garbage in WebSocket frames ends that connection', async () => {
  await fc.assert(
    fc.asyncProperty(bytes(80), async (data) => {
      const socket = await tls();
      const path = await presignMqtt(world.issue());
      socket.write(
        `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
          'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n' +
          'Sec-WebSocket-Protocol: mqtt\r\n\r\n',
      );
      await new Promise((resolve) => socket.once('data', resolve));
      await writeAndLeave(socket, data);
    }),
    LIVE,
  );
});

test('garbage instead of HTTP ends that connection', async () => {
  const start = fc.constantFrom(
    '',
    'GET ',
    'POST /things/a/shadow HTTP/1.1\r\n',
    'GET /mqtt HTTP/1.1\r\n',
  );
  await fc.assert(
    fc.asyncProperty(start, bytes(80), async (text, data) => {
      await writeAndLeave(await tls(), Buffer.concat([Buffer.from(text), data]));
    }),
    LIVE,
  );
});
