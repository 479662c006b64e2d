import * as fc from 'fast-check';
import type { IPublishPacket, ISubscribePacket, ISubscription } from 'mqtt-packet';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { Router } from '../../src/emulator/broker/router.ts';
import { type DeviceWorld, type Holder, startDeviceWorld } from './world/deviceWorld.ts';
import { type RawMqtt, rawMqtt } from './world/rawMqtt.ts';

let world: DeviceWorld;
const opened: RawMqtt[] = [];

beforeAll(async () => {
  world = await startDeviceWorld({ quotas: 'off' });
});

afterEach(() => {
  for (const raw of opened.splice(0)) raw.cut();
});

afterAll(() => world.stop());

async function open(holder?: Holder): Promise<RawMqtt> {
  const { raw } = await rawMqtt(world, holder);
  opened.push(raw);
  return raw;
}

/** A connection with these subscriptions. */
async function subscribed(...subscriptions: ISubscription[]): Promise<RawMqtt> {
  const raw = await open();
  const packet: ISubscribePacket = { cmd: 'subscribe', messageId: 1, subscriptions };
  raw.send(packet);
  await raw.next('suback');
  return raw;
}

async function publish(raw: RawMqtt, topic: string, extra: Partial<IPublishPacket> = {}) {
  const base = { cmd: 'publish', qos: 1, dup: false, retain: false, messageId: 9 } as const;
  raw.send({ ...base, topic, payload: topic, ...extra });
  await raw.next('puback');
}

const topicsOf = (raw: RawMqtt): string[] => raw.all('publish').map(({ topic }) => topic);

test('wildcards match levels, and never a topic that begins with $ at the first level', async () => {
  const plus = await subscribed({ topic: 'a/+/c', qos: 1 });
  const hash = await subscribed({ topic: 'a/#', qos: 1 });
  const all = await subscribed({ topic: '#', qos: 1 }, { topic: '+/things/#', qos: 1 });
  const sender = await open();
  for (const topic of ['a', 'a/b/c', 'a/b/d', 'b', '$aws/things/x/shadow/update']) {
    await publish(sender, topic);
  }
  for (const raw of [plus, hash, all]) await raw.settle();
  expect(topicsOf(plus)).toEqual(['a/b/c']);
  expect(topicsOf(hash)).toEqual(['a', 'a/b/c', 'a/b/d']);
  expect(topicsOf(all)).toEqual(['a', 'a/b/c', 'a/b/d', 'b']);
});

test('overlapping filters bring a message once, with the higher QoS', async () => {
  const raw = await subscribed({ topic: 'o/#', qos: 0 }, { topic: 'o/+', qos: 1 });
  await publish(raw, 'o/x');
  await raw.settle();
  expect(raw.all('publish').map(({ qos }) => qos)).toEqual([1]);
});

test('a message arrives with the lower QoS of publish and subscription', async () => {
  const raw = await subscribed({ topic: 'q', qos: 0 });
  await publish(raw, 'q');
  await raw.settle();
  expect(raw.all('publish').map(({ qos }) => qos)).toEqual([0]);
});

test('a shared subscription gives each message to one member', async () => {
  const members = [
    await subscribed({ topic: '$share/g/work/+', qos: 1 }),
    await subscribed({ topic: '$share/g/work/+', qos: 1 }),
  ];
  const sender = await open();
  for (const at of [1, 2, 3, 4]) await publish(sender, `work/${at}`);
  for (const raw of members) await raw.settle();
  const counts = members.map((raw) => raw.all('publish').length);
  expect(counts).toEqual([2, 2]);
});

test('No Local keeps a client from its own messages', async () => {
  const raw = await subscribed({ topic: 'own', qos: 1, nl: true });
  await publish(raw, 'own');
  await publish(await open(), 'own', { payload: 'of another' });
  await raw.settle();
  expect(raw.all('publish').map(({ payload }) => payload.toString())).toEqual(['of another']);
});

test('MQTT 5 properties are passed on', async () => {
  const raw = await subscribed({ topic: 'p', qos: 1 });
  const properties = {
    payloadFormatIndicator: true,
    contentType: 'text/plain',
    responseTopic: 'answers',
    correlationData: Buffer.from('c'),
    userProperties: { a: 'b' },
  };
  await publish(raw, 'p', { properties });
  const received = (await raw.next('publish')).properties;
  expect(received).toMatchObject({ ...properties, userProperties: { a: 'b' } });
});

test('aws-facts 3.1: a retained message comes with the subscription, not with a wildcard', async () => {
  const sender = await open();
  await publish(sender, 'kept/one', { retain: true, payload: 'old' });
  const exact = await subscribed({ topic: 'kept/one', qos: 1 });
  const message = await exact.next('publish');
  expect(message).toMatchObject({ retain: true, topic: 'kept/one' });
  const wild = await subscribed({ topic: 'kept/#', qos: 1 });
  const unwanted = await subscribed({ topic: 'kept/one', qos: 1, rh: 2 });
  await wild.settle();
  await unwanted.settle();
  expect(wild.all('publish')).toEqual([]);
  expect(unwanted.all('publish')).toEqual([]);
  await publish(sender, 'kept/one', { retain: true, payload: 'new' });
  expect((await exact.next('publish')).retain).toBe(false);
  await publish(sender, 'kept/one', { retain: true, payload: '' });
  const late = await subscribed({ topic: 'kept/one', qos: 1 });
  await late.settle();
  expect(late.all('publish')).toEqual([]);
});

test('aws-facts 5: a retained publish needs iot:RetainPublish', async () => {
  const raw = await open(world.issue((action) => action !== 'iot:RetainPublish'));
  raw.send({
    cmd: 'publish',
    qos: 1,
    dup: false,
    retain: true,
    messageId: 1,
    topic: 't',
    payload: 'x',
  });
  expect((await raw.next('puback')).reasonCode).toBe(0x87);
});

test('after UNSUBSCRIBE nothing comes any more', async () => {
  const raw = await subscribed({ topic: 'u/+', qos: 1 }, { topic: 'u/1', qos: 1 });
  raw.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['u/+', 'u/1', 'never'] });
  expect((await raw.next('unsuback')).granted).toEqual([0, 0, 0]);
  await publish(raw, 'u/1');
  await raw.settle();
  expect(raw.all('publish')).toEqual([]);
});

/** MQTT 4.7, straight from its text. */
function matches(filter: string, topic: string): boolean {
  if (topic.startsWith('$') !== filter.startsWith('$') && /^[+#]/.test(filter)) return false;
  const wanted = filter.split('/');
  const given = topic.split('/');
  for (const [at, level] of wanted.entries()) {
    if (level === '#') return true;
    if (given[at] === undefined || (level !== '+' && level !== given[at])) return false;
  }
  return wanted.length === given.length;
}

test('the router finds exactly the filters that match, whatever was added and removed', () => {
  const level = fc.constantFrom('a', 'b', '$s', '');
  const topic = fc.array(level, { minLength: 1, maxLength: 4 }).map((levels) => levels.join('/'));
  const filter = fc
    .tuple(
      fc.array(fc.oneof(level, fc.constant('+')), { minLength: 1, maxLength: 3 }),
      fc.boolean(),
    )
    .map(([levels, rest]) => [...levels, ...(rest ? ['#'] : [])].join('/'));
  const options = { qos: 1, noLocal: false, retainAsPublished: false } as const;
  fc.assert(
    fc.property(
      fc.array(filter, { maxLength: 12 }),
      fc.array(fc.nat(11), { maxLength: 6 }),
      fc.array(topic, { minLength: 1, maxLength: 6 }),
      (filters, removals, topics) => {
        const router = new Router<string>();
        const kept = new Set(filters);
        for (const each of filters) router.add(each, { filter: each }, options);
        for (const at of removals) {
          const each = filters[at];
          if (each === undefined) continue;
          expect(router.remove(each, { filter: each })).toBe(kept.delete(each));
        }
        expect(router.size).toBe(kept.size);
        for (const each of topics) {
          const found: string[] = [];
          router.match(each, (subscriber) => found.push(subscriber));
          const expected = [...kept].filter((known) => matches(known, each));
          expect(found.sort()).toEqual(expected.sort());
          expect(router.hasSubscribers(each)).toBe(expected.length > 0);
        }
      },
    ),
    { numRuns: 500 },
  );
});
