import type { IPublishPacket } from 'mqtt-packet';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type DeviceWorld, startDeviceWorld } from './world/deviceWorld.ts';
import { type RawMqtt, rawMqtt } from './world/rawMqtt.ts';

let world: DeviceWorld;
/** A clock that stands still: buckets do not refill, so that what passes can be counted exactly. */
const standingStill = { now: () => 1_700_000_000_000, signatureNow: Date.now };
const opened: RawMqtt[] = [];

beforeAll(async () => {
  world = await startDeviceWorld(standingStill);
});

afterEach(() => {
  world.gateway.faults.set({});
  for (const raw of opened.splice(0)) raw.cut();
});

afterAll(() => world.stop());

async function open(...args: Parameters<typeof rawMqtt> | []): Promise<RawMqtt> {
  const { raw } = await rawMqtt(args[0] ?? world, args[1], args[2]);
  opened.push(raw);
  return raw;
}

function publish(
  messageId: number,
  topic = 'news',
  payload: string | Buffer = 'x',
  extra: Partial<IPublishPacket> = {},
): IPublishPacket {
  const base = { cmd: 'publish', qos: 1, dup: false, retain: false } as const;
  return { ...base, messageId, topic, payload, ...extra };
}

function subscribe(...topics: string[]) {
  const subscriptions = topics.map((topic) => ({ topic, qos: 1 as const }));
  return { cmd: 'subscribe', messageId: 1, subscriptions } as const;
}

test('aws-facts 1.2: above 100 publishes a second the rest is discarded, no disconnect', async () => {
  const raw = await open();
  const before = world.gateway.stats().publishesDiscarded;
  raw.send(...Array.from({ length: 150 }, (_, at) => publish(at + 1)));
  await raw.settle();
  const pubacks = raw.all('puback');
  expect(pubacks).toHaveLength(100);
  expect(world.gateway.stats().publishesDiscarded - before).toBe(50);
  expect(pubacks.every(({ reasonCode }) => reasonCode === 0)).toBe(true);
});

test('aws-facts 1.2: the 100 a second count what the connection receives, too', async () => {
  const raw = await open();
  const before = world.gateway.stats().publishesDiscarded;
  raw.send(subscribe('echo'));
  await raw.next('suback');
  raw.send(...Array.from({ length: 80 }, (_, at) => publish(at + 1, 'echo')));
  await raw.settle();
  // 50 came in and went out again; then nothing was left for either.
  expect(raw.all('puback')).toHaveLength(50);
  expect(raw.all('publish')).toHaveLength(50);
  expect(world.gateway.stats().publishesDiscarded - before).toBe(30);
});

test('aws-facts 3.5: a discarded publish gets PUBACK 0x97 where the setting says so', async () => {
  const answering = await startDeviceWorld({
    ...standingStill,
    settings: { discardedPublish: 'puback' },
  });
  try {
    const raw = await open(answering);
    raw.send(...Array.from({ length: 120 }, (_, at) => publish(at + 1)));
    await raw.settle();
    const codes = raw.all('puback').map(({ reasonCode }) => reasonCode);
    expect(codes.filter((code) => code === 0)).toHaveLength(100);
    expect(codes.filter((code) => code === 0x97)).toHaveLength(20);
  } finally {
    await answering.stop();
  }
});

test('aws-facts 1.2: the 101st unacknowledged publish is a DISCONNECT 0x93', async () => {
  const raw = await open();
  world.gateway.faults.set({ swallowPuback: 1 });
  raw.send(...Array.from({ length: 101 }, (_, at) => publish(at + 1)));
  expect((await raw.next('disconnect')).reasonCode).toBe(0x93);
  await raw.closed;
});

test("aws-facts 1.2: no more unacknowledged messages than the client's receive maximum", async () => {
  const raw = await open(world, world.issue(), { properties: { receiveMaximum: 3 } });
  raw.send(subscribe('echo'));
  await raw.next('suback');
  raw.send(...Array.from({ length: 10 }, (_, at) => publish(at + 1, 'echo', `${at}`)));
  await raw.settle();
  const first = raw.all('publish');
  expect(first).toHaveLength(3);
  raw.send({ cmd: 'puback', messageId: first[0]?.messageId ?? 0, reasonCode: 0 });
  await raw.settle();
  expect(raw.all('publish').map(({ payload }) => payload.toString())).toEqual(['0', '1', '2', '3']);
});

test('aws-facts 1.2: 8 filters a SUBSCRIBE', async () => {
  const raw = await open();
  raw.send(subscribe(...Array.from({ length: 8 }, (_, at) => `a/${at}`)));
  expect((await raw.next('suback')).granted).toEqual(Array<number>(8).fill(1));
  raw.send(subscribe(...Array.from({ length: 9 }, (_, at) => `b/${at}`)));
  expect((await raw.next('suback')).granted).toEqual(Array<number>(9).fill(0x97));
});

test.each([
  ['and the connection is closed', 'terminate'],
  ['and the connection stays, where the setting says so', 'suback'],
] as const)(
  'aws-facts 1.2: the 51st subscription gets SUBACK 0x97, and ends the connection or not (%s)',
  async (_what, setting) => {
    const strict = await startDeviceWorld({ settings: { overSubscribed: setting } });
    try {
      const raw = await open(strict);
      for (let packet = 0; packet < 10; packet += 1) {
        raw.send(subscribe(...Array.from({ length: 5 }, (_, at) => `t/${packet}/${at}`)));
        expect((await raw.next('suback')).granted).toEqual([1, 1, 1, 1, 1]);
      }
      raw.send(subscribe('one/more'));
      expect((await raw.next('suback')).granted).toEqual([0x97]);
      if (setting === 'terminate') expect((await raw.next('disconnect')).reasonCode).toBe(0x97);
      else await raw.settle();
    } finally {
      await strict.stop();
    }
  },
);

test.each([
  ['256 bytes', 'x'.repeat(256), 0],
  ['257 bytes', 'x'.repeat(257), 0x90],
  ['7 slashes', 'a/b/c/d/e/f/g/h', 0],
  ['8 slashes', 'a/b/c/d/e/f/g/h/i', 0x90],
  ['a wildcard', 'a/+/b', 0x90],
])(
  'aws-facts 1.2: a topic has at most 256 bytes and 7 slashes (%s)',
  async (_what, topic, code) => {
    const raw = await open();
    raw.send(publish(1, topic));
    expect((await raw.next('puback')).reasonCode).toBe(code);
    raw.send(subscribe(topic));
    const [granted] = (await raw.next('suback')).granted;
    expect(granted).toBe(topic.includes('+') || code === 0 ? 1 : 0x8f);
  },
);

test('aws-facts 1.2: a payload of 128 KB passes, a larger one ends the connection', async () => {
  const raw = await open();
  raw.send(publish(1, 'big', Buffer.alloc(128 * 1024)));
  expect((await raw.next('puback')).reasonCode).toBe(0);
  raw.send(publish(2, 'big', Buffer.alloc(128 * 1024 + 1)));
  expect((await raw.next('disconnect')).reasonCode).toBe(0x95);
});

test('aws-facts 1.2: a packet above 146 KB ends the connection before it is read', async () => {
  const raw = await open();
  raw.sendBytes(Buffer.from([0x32, 0x81, 0x90, 0x09]));
  expect((await raw.next('disconnect')).reasonCode).toBe(0x95);
});

test('aws-facts 1.2: a message above the client packet size is not delivered', async () => {
  const raw = await open(world, world.issue(), { properties: { maximumPacketSize: 600 } });
  raw.send(subscribe('echo'));
  await raw.next('suback');
  raw.send(publish(1, 'echo', 'x'.repeat(700)), publish(2, 'echo', 'small'));
  await raw.settle();
  expect(raw.all('publish').map(({ payload }) => payload.toString())).toEqual(['small']);
});

test('aws-facts 1.2: a client whose packet size is below 512 bytes is refused', async () => {
  const { connack } = await rawMqtt(world, world.issue(), {
    properties: { maximumPacketSize: 511 },
  });
  expect(connack.reasonCode).toBe(0x81);
});

test('aws-facts 1.2: topic aliases up to 8, a greater one ends the connection', async () => {
  const raw = await open();
  raw.send(subscribe('alias/8'));
  await raw.next('suback');
  raw.send(publish(1, 'alias/8', 'a', { properties: { topicAlias: 8 } }));
  raw.send(publish(2, '', 'b', { properties: { topicAlias: 8 } }));
  expect((await raw.next('publish')).topic).toBe('alias/8');
  expect((await raw.next('publish')).payload.toString()).toBe('b');
  raw.send(publish(3, 'alias/9', 'c', { properties: { topicAlias: 9 } }));
  expect((await raw.next('disconnect')).reasonCode).toBe(0x94);
});

test('aws-facts 3.1: a subscription identifier ends the connection with 0xA1', async () => {
  const raw = await open();
  raw.send({ ...subscribe('t'), properties: { subscriptionIdentifier: 5 } });
  const disconnect = await raw.next('disconnect');
  expect(disconnect.reasonCode).toBe(0xa1);
  expect(disconnect.properties?.reasonString).toMatch(
    /^DISCONNECT:Subscription Id is not supported now:/,
  );
});

test('aws-facts 3.1: QoS 2 ends an MQTT 5 connection with 0x9B', async () => {
  const raw = await open();
  raw.send(publish(1, 't', 'x', { qos: 2 }));
  expect((await raw.next('disconnect')).reasonCode).toBe(0x9b);
});

test.each(['pubrec', 'pubrel', 'pubcomp'] as const)(
  'aws-facts 3.1: what AWS does not support is refused (%s)',
  async (cmd) => {
    const raw = await open();
    raw.send({ cmd, messageId: 1 });
    expect((await raw.next('disconnect')).reasonCode).toBe(0x82);
  },
);

test('aws-facts 2.1: RETAIN is refused on reserved topics', async () => {
  const raw = await open();
  raw.send(publish(1, '$aws/things/device_1/shadow/update', '{}', { retain: true }));
  expect((await raw.next('puback')).reasonCode).toBe(0x90);
});

test('a publish on a topic that only AWS publishes on ends the connection', async () => {
  const raw = await open();
  raw.send(publish(1, '$aws/things/device_1/shadow/update/accepted', '{}'));
  expect((await raw.next('disconnect')).reasonCode).toBe(0x87);
});

test('aws-facts 1.2: the account takes 200 filters a second in small Regions', async () => {
  const small = await startDeviceWorld({ ...standingStill, quotas: 'small' });
  try {
    const codes: number[] = [];
    for (let client = 0; client < 6; client += 1) {
      const raw = await open(small);
      for (let packet = 0; packet < 6; packet += 1) {
        raw.send(subscribe(...Array.from({ length: 8 }, (_, at) => `t/${packet}/${at}`)));
        codes.push(...((await raw.next('suback')).granted as number[]));
      }
    }
    expect(codes.filter((code) => code === 1)).toHaveLength(200);
    expect(codes.filter((code) => code === 0x97)).toHaveLength(88);
  } finally {
    await small.stop();
  }
});

test('aws-facts 1.1: the account takes 100 CONNECTs a second in small Regions', async () => {
  const small = await startDeviceWorld({ ...standingStill, quotas: 'small' });
  try {
    const holders = Array.from({ length: 110 }, () => small.issue());
    const outcomes = await Promise.all(holders.map((holder) => rawMqtt(small, holder)));
    const codes = outcomes.map(({ connack }) => connack.reasonCode);
    for (const { raw } of outcomes) raw.cut();
    expect(codes.filter((code) => code === 0)).toHaveLength(100);
    expect(codes.filter((code) => code === 0x97)).toHaveLength(10);
  } finally {
    await small.stop();
  }
});

test('aws-facts 1.1: client ids of 128 bytes pass, longer or reserved ones get 0x85', async () => {
  for (const [clientId, code] of [
    ['x'.repeat(128), 0],
    ['x'.repeat(129), 0x85],
    ['$mine', 0x85],
  ] as const) {
    const { raw, connack } = await rawMqtt(world, world.issue(), { clientId });
    expect(connack.reasonCode).toBe(code);
    raw.cut();
  }
  const assigned = await rawMqtt(world, world.issue(), { clientId: '' });
  opened.push(assigned.raw);
  expect(assigned.connack.properties?.assignedClientIdentifier).toMatch(/^\$GEN\/[0-9a-f-]{36}$/);
});

test('with quotas off nothing is discarded', async () => {
  const free = await startDeviceWorld({ quotas: 'off' });
  try {
    const raw = await open(free);
    raw.send(...Array.from({ length: 500 }, (_, at) => publish(at + 1)));
    await raw.settle();
    expect(raw.all('puback')).toHaveLength(500);
  } finally {
    await free.stop();
  }
});

test('aws-facts 1.1: above 512 KiB a second reading is delayed, nothing is dropped', async () => {
  const live = await startDeviceWorld();
  try {
    const raw = await open(live);
    const startedAt = performance.now();
    for (let id = 1; id <= 6; id += 1) raw.send(publish(id, 'bulk', Buffer.alloc(127 * 1024)));
    await raw.settle();
    expect(raw.all('puback')).toHaveLength(6);
    // 762 KB against a bucket of 512 KiB that was full: about half a second.
    expect(performance.now() - startedAt).toBeGreaterThan(350);
  } finally {
    await live.stop();
  }
});
