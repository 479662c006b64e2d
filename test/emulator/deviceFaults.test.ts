import type { IPublishPacket } from 'mqtt-packet';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { DeviceFaults } from '../../src/emulator/contract.ts';
import { eventually } from '../support/eventually.ts';
import { type CrtClient, crtClient } from './world/crtClient.ts';
import { type DeviceWorld, type Holder, startDeviceWorld } from './world/deviceWorld.ts';
import { type RawMqtt, rawMqtt } from './world/rawMqtt.ts';

let world: DeviceWorld;
const opened: RawMqtt[] = [];

const UPDATE = '$aws/things/device_1/shadow/update';

beforeEach(async () => {
  world = await startDeviceWorld({ quotas: 'off', settings: { faultSeed: 7 } });
});

afterEach(async () => {
  for (const raw of opened.splice(0)) raw.cut();
  await world.stop();
});

async function open(holder?: Holder): Promise<RawMqtt> {
  const { raw } = await rawMqtt(world, holder);
  opened.push(raw);
  return raw;
}

function publish(messageId: number, topic = 't'): IPublishPacket {
  const payload = '{"state":{"desired":{"a":1}}}';
  return { cmd: 'publish', qos: 1, dup: false, retain: false, messageId, topic, payload };
}

async function subscribe(raw: RawMqtt, topic: string): Promise<void> {
  raw.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic, qos: 1 }] });
  await raw.next('suback');
}

test('swallowed PUBACKs: the publish counts, its PUBACK never comes', async () => {
  const raw = await open();
  await subscribe(raw, `${UPDATE}/accepted`);
  world.gateway.faults.set({ swallowPuback: 1 });
  raw.send(publish(1, UPDATE));
  await raw.next('publish');
  await raw.settle();
  expect(raw.all('puback')).toEqual([]);
});

test('swallowed answers: the update counts, accepted never comes', async () => {
  const raw = await open();
  await subscribe(raw, `${UPDATE}/accepted`);
  world.gateway.faults.set({ swallowAccepted: 1 });
  raw.send(publish(1, UPDATE));
  await raw.next('puback');
  await raw.settle();
  expect(raw.all('publish')).toEqual([]);
  expect(world.gateway.ledger.last).toBe(1);
});

test('delayed answers come later, the PUBACK at once', async () => {
  const raw = await open();
  await subscribe(raw, `${UPDATE}/accepted`);
  world.gateway.faults.set({ delayAcceptedMs: { min: 150, max: 200 } });
  const sentAt = performance.now();
  raw.send(publish(1, UPDATE), { cmd: 'pingreq' });
  await eventually(() => expect(raw.all('publish')).toHaveLength(1));
  expect(performance.now() - sentAt).toBeGreaterThanOrEqual(140);
  // Nothing but the answer came later than what was sent behind it.
  expect(raw.received.map(({ cmd }) => cmd)).toEqual(['puback', 'pingresp', 'publish']);
});

test('duplicate deliveries come twice, with packet ids of their own', async () => {
  const raw = await open();
  await subscribe(raw, 't');
  world.gateway.faults.set({ duplicateDelivery: 1 });
  raw.send(publish(1));
  const [first, second] = [await raw.next('publish'), await raw.next('publish')];
  expect(second.payload).toEqual(first.payload);
  expect(second.messageId).not.toBe(first.messageId);
});

test('latency holds every packet back and keeps their order', async () => {
  const raw = await open();
  world.gateway.faults.set({ latencyMs: { min: 0, max: 30 } });
  for (let id = 1; id <= 20; id += 1) raw.send(publish(id));
  await raw.settle();
  expect(raw.all('puback').map(({ messageId }) => messageId)).toEqual(
    Array.from({ length: 20 }, (_, at) => at + 1),
  );
});

test('a fault may concern some clients only', async () => {
  const struck = world.issue();
  const raw = await open(struck);
  const other = await open();
  world.gateway.faults.set({ swallowPuback: 1, clientIds: [struck.identityId] });
  raw.send(publish(1));
  other.send(publish(1));
  await raw.settle();
  await other.settle();
  expect(raw.all('puback')).toHaveLength(0);
  expect(other.all('puback')).toHaveLength(1);
});

test('refused upgrades: the SDK sees a failed upgrade, until the fault is over', async () => {
  world.gateway.faults.set({ refuseUpgrade: { share: 1, status: 503 } });
  const clients: CrtClient[] = [];
  const connect = async () => {
    const client = crtClient(world, world.issue());
    clients.push(client);
    return client.connect();
  };
  expect(await connect()).toMatchObject({ errorName: 'AWS_ERROR_HTTP_WEBSOCKET_UPGRADE_FAILURE' });
  world.gateway.faults.set({});
  expect((await connect()).kind).toBe('connected');
  await Promise.all(clients.map((client) => client.stop()));
});

test('connections are dropped: one, all, or with a DISCONNECT', async () => {
  const holder = world.issue();
  const [one, two, three] = [await open(holder), await open(), await open()];
  expect(world.gateway.faults.drop({ clientIds: [holder.identityId] })).toBe(1);
  expect(await one.closed).toBe(1006);
  expect(world.gateway.faults.drop({ how: 'disconnect', reasonCode: 0x98 })).toBe(2);
  expect((await two.next('disconnect')).reasonCode).toBe(0x98);
  expect((await three.next('disconnect')).reasonCode).toBe(0x98);
});

test('a share is drawn from the seed: the same in every run', async () => {
  const struck = async (): Promise<number[]> => {
    const seeded = await startDeviceWorld({ quotas: 'off', settings: { faultSeed: 42 } });
    try {
      const { raw } = await rawMqtt(seeded);
      seeded.gateway.faults.set({ swallowPuback: 0.5 });
      raw.send(...Array.from({ length: 40 }, (_, at) => publish(at + 1)));
      await raw.settle();
      raw.cut();
      return raw.all('puback').map(({ messageId }) => messageId ?? 0);
    } finally {
      await seeded.stop();
    }
  };
  const first = await struck();
  expect(first.length).toBeGreaterThan(5);
  expect(first.length).toBeLessThan(35);
  expect(await struck()).toEqual(first);
});

test('a freeze answers nothing until it is over, and loses nothing', async () => {
  const raw = await open();
  const frozenAt = performance.now();
  world.gateway.faults.freeze(200);
  raw.send(publish(1));
  await raw.next('puback');
  expect(performance.now() - frozenAt).toBeGreaterThanOrEqual(190);
});

test.each([
  [{ swallowPuback: 2 }, /swallowPuback must be a share from 0 to 1/],
  [{ latencyMs: { min: 5, max: 1 } }, /latencyMs must be milliseconds/],
  [{ refuseUpgrade: { share: 1, status: 200 } }, /status must be an HTTP status from 400/],
] satisfies [DeviceFaults, RegExp][])('a value out of range is named: %j', (faults, message) => {
  expect(() => world.gateway.faults.set(faults)).toThrow(message);
  expect(world.gateway.faults.current()).toEqual({});
});
