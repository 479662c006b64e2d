import type { IConnectPacket, ISubscribePacket } from 'mqtt-packet';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { type DeviceWorld, type Holder, startDeviceWorld } from './world/deviceWorld.ts';
import { type RawMqtt, rawMqtt } from './world/rawMqtt.ts';

let world: DeviceWorld;
/** Moves the emulator's clock; the signatures' stays real. */
let aheadMs = 0;
/** Where the emulator's clock stands still, as long as it does. */
let stoppedAt: number | undefined;
const opened: RawMqtt[] = [];

beforeEach(async () => {
  aheadMs = 0;
  stoppedAt = undefined;
  world = await startDeviceWorld({
    now: () => (stoppedAt ?? Date.now()) + aheadMs,
    signatureNow: Date.now,
    settings: { connectWindowMs: 0 },
  });
});

afterEach(async () => {
  for (const raw of opened.splice(0)) raw.cut();
  await world.stop();
});

async function open(holder?: Holder, options: Partial<IConnectPacket> = {}) {
  const session = await rawMqtt(world, holder, options);
  opened.push(session.raw);
  return session;
}

const subscribe = (topic: string): ISubscribePacket => ({
  cmd: 'subscribe',
  messageId: 1,
  subscriptions: [{ topic, qos: 1 }],
});

const publish = (topic: string, payload: string, messageId = 1) =>
  ({ cmd: 'publish', qos: 1, dup: false, retain: false, messageId, topic, payload }) as const;

const lasting: Partial<IConnectPacket> = {
  clean: false,
  properties: { sessionExpiryInterval: 60 },
};

async function leave({ raw }: { raw: RawMqtt }): Promise<void> {
  raw.send({ cmd: 'disconnect', reasonCode: 0 });
  await raw.closed;
}

test('aws-facts 3.1: a session expiry is told back, and at most 7 days', async () => {
  const { connack } = await open(undefined, {
    properties: { sessionExpiryInterval: 4_000_000_000 },
  });
  expect(connack.properties?.sessionExpiryInterval).toBe(604_800);
  const { connack: plain } = await open();
  expect(plain.properties?.sessionExpiryInterval).toBe(0);
});

test('aws-facts 3.1: a session lasts as long as its expiry says', async () => {
  const holder = world.issue();
  const first = await open(holder, lasting);
  first.raw.send(subscribe('mail'));
  await first.raw.next('suback');
  await leave(first);
  aheadMs += 50_000;
  const second = await open(holder, lasting);
  expect(second.connack.sessionPresent).toBe(true);
  await leave(second);
  aheadMs += 61_000;
  const third = await open(holder, lasting);
  expect(third.connack.sessionPresent).toBe(false);
});

test('a clean start drops the session', async () => {
  const holder = world.issue();
  await leave(await open(holder, lasting));
  const second = await open(holder, { ...lasting, clean: true });
  expect(second.connack.sessionPresent).toBe(false);
});

test('aws-facts 3.1: a session is not resumed across protocol versions', async () => {
  const holder = world.issue();
  await leave(await open(holder, lasting));
  const second = await open(holder, { protocolVersion: 4, clean: false });
  expect(second.connack.sessionPresent).toBe(false);
});

test('aws-facts 3.1: DISCONNECT may change the expiry, but not from 0', async () => {
  const holder = world.issue();
  const first = await open(holder, lasting);
  first.raw.send({ cmd: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval: 0 } });
  await first.raw.closed;
  const second = await open(holder, { clean: false });
  expect(second.connack.sessionPresent).toBe(false);
  second.raw.send({ cmd: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval: 60 } });
  await second.raw.closed;
  expect((await open(holder, lasting)).connack.sessionPresent).toBe(false);
});

test('aws-facts 3.1: what was not acknowledged is sent again on the next connection, DUP unset', async () => {
  const holder = world.issue();
  const first = await open(holder, lasting);
  first.raw.send(subscribe('mail'));
  await first.raw.next('suback');
  first.raw.send(publish('mail', 'a'));
  await first.raw.next('publish');
  first.raw.cut();
  await first.raw.closed;
  const second = await open(holder, lasting);
  const again = await second.raw.next('publish');
  expect(again.payload.toString()).toBe('a');
  expect(again.dup).toBe(false);
});

test('aws-facts 1.2: stored messages are replayed at 10 a second', async () => {
  const holder = world.issue();
  const first = await open(holder, lasting);
  first.raw.send(subscribe('mail'));
  await first.raw.next('suback');
  await leave(first);
  const { raw: sender } = await open();
  sender.send(...Array.from({ length: 25 }, (_, at) => publish('mail', `${at}`, at + 1)));
  await sender.settle();
  stoppedAt = Date.now();
  const second = await open(holder, lasting);
  await second.raw.settle();
  expect(second.raw.all('publish')).toHaveLength(10);
  aheadMs += 2000;
  await eventually(async () => {
    await second.raw.settle();
    expect(second.raw.all('publish').length).toBeGreaterThanOrEqual(20);
  });
  const received = second.raw.all('publish').map(({ payload }) => payload.toString());
  expect(received).toEqual(received.map((_, at) => `${at}`));
});

test('a stored message that has expired is not delivered, a delivered one tells what is left', async () => {
  const holder = world.issue();
  const first = await open(holder, { ...lasting, properties: { sessionExpiryInterval: 3000 } });
  first.raw.send(subscribe('mail'));
  await first.raw.next('suback');
  await leave(first);
  const { raw: sender } = await open();
  sender.send(
    { ...publish('mail', 'short', 1), properties: { messageExpiryInterval: 10 } },
    { ...publish('mail', 'long', 2), properties: { messageExpiryInterval: 1000 } },
  );
  await sender.settle();
  aheadMs += 20_000;
  const { raw } = await open(holder, lasting);
  const kept = await raw.next('publish');
  expect(kept.payload.toString()).toBe('long');
  expect(kept.properties?.messageExpiryInterval).toBeGreaterThan(970);
  expect(kept.properties?.messageExpiryInterval).toBeLessThanOrEqual(980);
});

test.each([
  [0, 1200],
  [5, 30],
  [45, 45],
  [5000, 1200],
])(
  'aws-facts 1.1: a keep-alive is brought within 30 to 1,200 s (%d s becomes %d s)',
  async (keepalive, effective) => {
    const { connack } = await open(undefined, { keepalive });
    expect(connack.properties?.serverKeepAlive).toBe(effective);
  },
);

test('aws-facts 1.1: without a word for 1.5 keep-alives the connection ends with 0x8D', async () => {
  const { raw } = await open(undefined, { keepalive: 30 });
  aheadMs += 44_000;
  await raw.settle();
  aheadMs += 46_000;
  expect((await raw.next('disconnect')).reasonCode).toBe(0x8d);
  expect(world.log.at(-1)).toMatchObject({ disconnectReason: 'MQTT_KEEP_ALIVE_TIMEOUT' });
});

test('aws-facts 1.1: a connection is cut after its lifetime, without a DISCONNECT', async () => {
  const { raw } = await open(undefined, { keepalive: 1200 });
  for (let hour = 0; hour < 24; hour += 0.25) {
    aheadMs += 900_000;
    if (hour < 23.75) await raw.settle();
  }
  await raw.closed;
  expect(raw.all('disconnect')).toEqual([]);
  expect(world.log.at(-1)).toMatchObject({ disconnectReason: 'WEBSOCKET_TTL_EXPIRATION' });
});

test('the time scale shortens the lifetime', async () => {
  const fast = await startDeviceWorld({ timeScale: 86_400 });
  try {
    const { raw } = await rawMqtt(fast);
    await raw.closed;
    expect(fast.log.at(-1)).toMatchObject({ disconnectReason: 'WEBSOCKET_TTL_EXPIRATION' });
  } finally {
    await fast.stop();
  }
});

test('a will is published when the connection is lost, and not after a DISCONNECT', async () => {
  const { raw: watcher } = await open();
  watcher.send(subscribe('last/words'));
  await watcher.next('suback');
  const will = { topic: 'last/words', payload: Buffer.from('lost'), qos: 1 } as const;
  await leave(await open(undefined, { will }));
  await watcher.settle();
  expect(watcher.all('publish')).toEqual([]);
  const { raw } = await open(undefined, { will });
  raw.cut();
  expect((await watcher.next('publish')).payload.toString()).toBe('lost');
  const { raw: asking } = await open(undefined, { will });
  asking.send({ cmd: 'disconnect', reasonCode: 4 });
  expect((await watcher.next('publish')).payload.toString()).toBe('lost');
});

test('aws-facts 2.1: the shadow service ignores a will on its topics, subscribers get it', async () => {
  const topic = '$aws/things/device_1/shadow/update';
  const { raw: watcher } = await open();
  watcher.send(subscribe(topic));
  await watcher.next('suback');
  const payload = Buffer.from('{"state":{"reported":{"connected":false}}}');
  const { raw } = await open(undefined, { will: { topic, payload, qos: 1 } });
  raw.cut();
  expect((await watcher.next('publish')).payload.toString()).toBe(payload.toString());
  expect(world.gateway.ledger.last).toBe(0);
});

test('a will needs the permission to publish on its topic', async () => {
  const holder = world.issue((action) => action !== 'iot:Publish');
  const will = { topic: 'last/words', payload: Buffer.from('x'), qos: 0 } as const;
  const { connack } = await open(holder, { will });
  expect(connack.reasonCode).toBe(0x87);
});
