import { iotshadow } from 'aws-iot-device-sdk-v2';
import * as fc from 'fast-check';
import type { IPublishPacket } from 'mqtt-packet';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { emptySection, mergeInto } from '../../src/emulator/shadow/merge.ts';
import { crtClient } from './world/crtClient.ts';
import { type DeviceWorld, startDeviceWorld } from './world/deviceWorld.ts';
import { type RawMqtt, rawMqtt } from './world/rawMqtt.ts';

let world: DeviceWorld;
let aheadMs = 0;

const SHADOW = '$aws/things/device_1/shadow';

beforeEach(async () => {
  aheadMs = 0;
  world = await startDeviceWorld({ now: () => Date.now() + aheadMs, signatureNow: Date.now });
});

afterEach(() => world.stop());

function publish(topic: string, payload: unknown, messageId = 1): IPublishPacket {
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
  return { cmd: 'publish', qos: 1, dup: false, retain: false, messageId, topic, payload: text };
}

async function subscribed(...topics: string[]): Promise<RawMqtt> {
  const { raw } = await rawMqtt(world, world.issue(), { keepalive: 1200 });
  raw.send({
    cmd: 'subscribe',
    messageId: 1,
    subscriptions: topics.map((topic) => ({ topic, qos: 1 })),
  });
  await raw.next('suback');
  return raw;
}

async function answer(raw: RawMqtt): Promise<Record<string, unknown>> {
  return JSON.parse((await raw.next('publish')).payload.toString()) as Record<string, unknown>;
}

test('aws-facts 7.5: the SDK shadow V2 client updates, gets and deletes', async () => {
  const mqtt = crtClient(world, world.issue());
  await mqtt.connect();
  const shadows = iotshadow.IotShadowClientv2.newFromMqtt5(mqtt.client, {
    maxRequestResponseSubscriptions: 6,
    maxStreamingSubscriptions: 2,
    operationTimeoutInSeconds: 10,
  });
  const named = { thingName: 'device_1', shadowName: 'config' };
  const updated = await shadows.updateNamedShadow({ ...named, state: { desired: { a: 1 } } });
  expect(updated).toMatchObject({ state: { desired: { a: 1 } }, version: 1 });
  const got = await shadows.getNamedShadow(named);
  expect(got).toMatchObject({ state: { desired: { a: 1 }, delta: { a: 1 } } });
  await expect(
    shadows.updateNamedShadow({ ...named, state: { desired: { a: 2 } }, version: 9 }),
  ).rejects.toMatchObject({ modeledError: { code: 409, message: 'Version conflict' } });
  expect(await shadows.deleteNamedShadow(named)).toMatchObject({ version: 1 });
  await expect(shadows.getNamedShadow(named)).rejects.toMatchObject({
    modeledError: { code: 404 },
  });
  shadows.close();
  await mqtt.stop();
});

test('aws-facts 1.3: more than 20 requests a second for a thing are rejected with 429', async () => {
  const raw = await subscribed(`${SHADOW}/update/rejected`);
  const requests = Array.from({ length: 25 }, (_, at) =>
    publish(`${SHADOW}/update`, { state: { desired: { at } }, clientToken: `${at}` }, at + 1),
  );
  raw.send(...requests);
  await raw.settle();
  const rejected = raw.all('publish');
  expect(rejected.length).toBeGreaterThanOrEqual(4);
  expect(JSON.parse(rejected[0]?.payload.toString() ?? '')).toMatchObject({
    code: 429,
    clientToken: expect.stringMatching(/^\d+$/) as string,
  });
  raw.cut();
});

test('aws-facts 1.3: an 11th unanswered request of a connection is rejected with 429', async () => {
  const raw = await subscribed(`${SHADOW}/update/rejected`);
  world.gateway.faults.set({ delayAcceptedMs: { min: 100, max: 100 } });
  const requests = Array.from({ length: 12 }, (_, at) =>
    publish(`${SHADOW}/update`, { state: { desired: { at } } }, at + 1),
  );
  raw.send(...requests);
  expect(await answer(raw)).toMatchObject({ code: 429 });
  expect(await answer(raw)).toMatchObject({ code: 429 });
  expect(world.gateway.ledger.last).toBe(10);
  raw.cut();
});

test('aws-facts 2.3: a tombstone keeps the numbering for 48 h', async () => {
  const raw = await subscribed(`${SHADOW}/update/accepted`, `${SHADOW}/delete/accepted`);
  const update = publish(`${SHADOW}/update`, { state: { desired: { a: 1 } } });
  raw.send(update);
  expect(await answer(raw)).toMatchObject({ version: 1 });
  raw.send(publish(`${SHADOW}/delete`, ''));
  expect(await answer(raw)).toMatchObject({ version: 1 });
  raw.cut();
  aheadMs += 47 * 3_600_000;
  const later = await subscribed(`${SHADOW}/update/accepted`, `${SHADOW}/delete/accepted`);
  later.send(update);
  expect(await answer(later)).toMatchObject({ version: 2 });
  later.send(publish(`${SHADOW}/delete`, ''));
  await answer(later);
  later.cut();
  aheadMs += 49 * 3_600_000;
  const last = await subscribed(`${SHADOW}/update/accepted`);
  last.send(update);
  expect(await answer(last)).toMatchObject({ version: 1 });
  last.cut();
});

test('aws-facts 2.3: null removes a field, a section, and with state null both', async () => {
  const raw = await subscribed(`${SHADOW}/get/accepted`);
  const state = async () => {
    raw.send(publish(`${SHADOW}/get`, ''));
    return answer(raw);
  };
  raw.send(
    publish(`${SHADOW}/update`, {
      state: { desired: { a: 1, b: { c: 2, d: 3 }, list: [1, 2] }, reported: { a: 1 } },
    }),
  );
  raw.send(
    publish(`${SHADOW}/update`, { state: { desired: { a: null, b: { c: null }, list: [3] } } }),
  );
  expect((await state())['state']).toMatchObject({
    desired: { b: { d: 3 }, list: [3] },
    reported: { a: 1 },
  });
  raw.send(publish(`${SHADOW}/update`, { state: { desired: null } }));
  expect(await state()).toMatchObject({ state: { reported: { a: 1 } }, version: 3 });
  raw.send(publish(`${SHADOW}/update`, { state: null }));
  expect(await state()).toMatchObject({ state: {}, version: 4 });
  raw.cut();
});

test('aws-facts 1.3: the stored document may not grow above 8 KB, whatever the size of a patch', async () => {
  const raw = await subscribed(`${SHADOW}/update/rejected`, `${SHADOW}/update/accepted`);
  const patch = (key: string, bytes: number) =>
    publish(`${SHADOW}/update`, { state: { desired: { [key]: 'x'.repeat(bytes) } } });
  raw.send(patch('a', 5000));
  expect(await answer(raw)).toMatchObject({ version: 1 });
  raw.send(patch('b', 4000));
  expect(await answer(raw)).toMatchObject({ code: 413 });
  raw.send(patch('a', 10));
  expect(await answer(raw)).toMatchObject({ version: 2 });
  raw.send(patch('b', 4000));
  expect(await answer(raw)).toMatchObject({ version: 3 });
  raw.cut();
});

test('aws-facts 2.4: a payload that is not UTF-8 is rejected with 415', async () => {
  const raw = await subscribed(`${SHADOW}/update/rejected`);
  raw.send({ ...publish(`${SHADOW}/update`, ''), payload: Buffer.from([0x22, 0xff]) });
  expect(await answer(raw)).toMatchObject({
    code: 415,
    message: 'Unsupported documented encoding; supported encoding is UTF-8',
  });
  raw.cut();
});

test('aws-facts 2.4: an unregistered thing has a shadow as soon as it is updated', async () => {
  const raw = await subscribed('$aws/things/tpyo/shadow/update/accepted');
  raw.send(publish('$aws/things/tpyo/shadow/update', { state: { desired: { a: 1 } } }));
  expect(await answer(raw)).toMatchObject({ version: 1 });
  raw.cut();
});

test('a client inside the emulator gets deltas and reports', async () => {
  const local = world.gateway.localClient('device_1');
  const stop = local.subscribe(`${SHADOW}/update/delta`, (_topic, payload) => {
    const { state } = JSON.parse(payload.toString()) as { state: unknown };
    local.publish(`${SHADOW}/update`, Buffer.from(JSON.stringify({ state: { reported: state } })));
  });
  const raw = await subscribed(`${SHADOW}/get/accepted`);
  raw.send(publish(`${SHADOW}/update`, { state: { desired: { power: 'ON' } } }));
  raw.send(publish(`${SHADOW}/get`, ''));
  const got = await answer(raw);
  expect(got['state']).toEqual({ desired: { power: 'ON' }, reported: { power: 'ON' } });
  expect(world.gateway.ledger.since(0)[1]).toMatchObject({ clientId: 'device_1', version: 2 });
  stop();
  raw.send(publish(`${SHADOW}/update`, { state: { desired: { power: 'OFF' } } }));
  await raw.settle();
  expect(world.gateway.ledger.last).toBe(3);
  raw.cut();
});

test('shadows, tombstones and retained messages outlive a restart as JSON', async () => {
  const raw = await subscribed('unused');
  raw.send(publish(`${SHADOW}/update`, { state: { desired: { a: [1, { b: 2 }] } } }));
  raw.send(publish(`${SHADOW}/name/gone/update`, { state: { reported: { a: 1 } } }));
  raw.send(publish(`${SHADOW}/name/gone/delete`, ''));
  raw.send({ ...publish('kept', 'text'), retain: true });
  await raw.settle();
  raw.cut();
  const state = JSON.parse(JSON.stringify(world.gateway.exportState())) as ReturnType<
    DeviceWorld['gateway']['exportState']
  >;
  await world.stop();
  world = await startDeviceWorld({ state });
  expect(world.gateway.exportState()).toEqual(state);
  const again = await subscribed(`${SHADOW}/get/accepted`, `${SHADOW}/name/gone/update/accepted`);
  again.send(publish(`${SHADOW}/get`, ''));
  expect(await answer(again)).toMatchObject({
    state: { desired: { a: [1, { b: 2 }] } },
    version: 1,
  });
  again.send(publish(`${SHADOW}/name/gone/update`, { state: { reported: { a: 1 } } }));
  expect(await answer(again)).toMatchObject({ version: 2 });
  again.cut();
});

/** JSON documents without null, as they can be stored. */
const stored = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.integer(),
    fc.string({ maxLength: 4 }),
    fc.boolean(),
    fc.array(fc.integer(), { maxLength: 3 }),
    tie('object'),
  ),
  object: fc.dictionary(fc.constantFrom('a', 'b', 'c', '__proto__', 'constructor'), tie('value'), {
    maxKeys: 3,
  }),
})).object;

test('merging a document into nothing gives the document, and twice changes nothing', () => {
  fc.assert(
    fc.property(stored, (document) => {
      const patch = JSON.parse(JSON.stringify(document)) as never;
      const section = emptySection();
      mergeInto(section, patch, 1);
      const once = JSON.stringify(section.state);
      expect(JSON.parse(once)).toEqual(patch);
      mergeInto(section, patch, 2);
      expect(JSON.stringify(section.state)).toBe(once);
      expect(Object.keys(section.metadata)).toEqual(Object.keys(section.state));
    }),
    { numRuns: 300 },
  );
  expect(({} as Record<string, unknown>)['a']).toBeUndefined();
});
