import type { IConnectPacket, IPublishPacket } from 'mqtt-packet';
import { afterEach, expect, test } from 'vitest';
import type { DeviceSettings } from '../../src/emulator/contract.ts';
import { type DeviceWorld, startDeviceWorld } from './world/deviceWorld.ts';
import { type RawMqtt, rawMqtt } from './world/rawMqtt.ts';

let world: DeviceWorld;
let aheadMs = 0;
const opened: RawMqtt[] = [];

const UPDATE = '$aws/things/device_1/shadow/update';

afterEach(async () => {
  for (const raw of opened.splice(0)) raw.cut();
  await world.stop();
});

async function start(settings: Partial<DeviceSettings>): Promise<void> {
  aheadMs = 0;
  world = await startDeviceWorld({
    settings: { connectWindowMs: 0, ...settings },
    now: () => Date.now() + aheadMs,
    signatureNow: Date.now,
  });
}

async function open(options: Partial<IConnectPacket> = {}, holder = world.issue()) {
  const session = await rawMqtt(world, holder, options);
  opened.push(session.raw);
  return session;
}

function publish(topic: string, payload: string): IPublishPacket {
  return { cmd: 'publish', qos: 1, dup: false, retain: false, messageId: 1, topic, payload };
}

async function subscribe(raw: RawMqtt, topic: string): Promise<void> {
  raw.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic, qos: 1 }] });
  await raw.next('suback');
}

test.each([
  [5, 5, true],
  [5, 6, false],
  [6, 6, true],
])(
  'aws-facts 1.3: state may be so many levels deep (limit %d, depth %d)',
  async (limit, depth, fits) => {
    await start({ shadowDepth: limit });
    const { raw } = await open();
    await subscribe(raw, `${UPDATE}/${fits ? 'accepted' : 'rejected'}`);
    const nested = '{"a":'.repeat(depth) + '{}' + '}'.repeat(depth);
    raw.send(publish(UPDATE, `{"state":{"desired":${nested}}}`));
    const answer = JSON.parse((await raw.next('publish')).payload.toString()) as { code?: number };
    expect(answer.code).toBe(fits ? undefined : 400);
  },
);

test('a publish on a topic that only AWS publishes on is routed where the setting says so', async () => {
  await start({ reservedPublish: 'route' });
  const { raw } = await open();
  await subscribe(raw, `${UPDATE}/accepted`);
  raw.send(publish(`${UPDATE}/accepted`, 'forged'));
  expect((await raw.next('publish')).payload.toString()).toBe('forged');
});

test('the 24 h cut sends DISCONNECT 0x98 first where the setting says so', async () => {
  await start({ announceLifetimeEnd: true, connectionLifetimeMs: 10_000 });
  const { raw } = await open();
  aheadMs += 10_500;
  expect((await raw.next('disconnect')).reasonCode).toBe(0x98);
});

test('a persistent session of MQTT 3.1.1 expires after the seconds that are set', async () => {
  await start({ sessionExpirySeconds: 100 });
  const holder = world.issue();
  const lasting = { protocolVersion: 4, clean: false } as const;
  const present = async (): Promise<boolean> => {
    const { raw, connack } = await open(lasting, holder);
    raw.send({ cmd: 'disconnect' });
    await raw.closed;
    return connack.sessionPresent;
  };
  expect(await present()).toBe(false);
  aheadMs += 90_000;
  expect(await present()).toBe(true);
  aheadMs += 101_000;
  expect(await present()).toBe(false);
});

test('the ledger keeps as many updates as are set and counts the rest', async () => {
  await start({ ledgerLimit: 3 });
  const { raw } = await open();
  for (let at = 0; at < 5; at += 1) {
    raw.send(publish(UPDATE, `{"state":{"desired":{"at":${at}}}}`));
  }
  await raw.settle();
  const { ledger } = world.gateway;
  expect(ledger.last).toBe(5);
  expect(ledger.dropped).toBe(2);
  expect(ledger.since(0).map(({ desired }) => desired)).toEqual([{ at: 2 }, { at: 3 }, { at: 4 }]);
  expect(ledger.since(3, 1).map(({ sequence }) => sequence)).toEqual([4]);
});
