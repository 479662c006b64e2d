import { mqtt5 } from 'aws-iot-device-sdk-v2';
import type { IConnectPacket } from 'mqtt-packet';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type CrtClient, crtClient } from './world/crtClient.ts';
import { type DeviceWorld, type Holder, startDeviceWorld } from './world/deviceWorld.ts';
import { type RawMqtt, rawMqtt } from './world/rawMqtt.ts';

let world: DeviceWorld;
let observer: CrtClient;
let aheadMs = 0;
const opened: RawMqtt[] = [];

const connected = '$aws/events/presence/connected/';
const disconnected = '$aws/events/presence/disconnected/';

beforeEach(async () => {
  aheadMs = 0;
  world = await startDeviceWorld({
    now: () => Date.now() + aheadMs,
    signatureNow: Date.now,
    settings: { connectWindowMs: 0 },
  });
  observer = crtClient(world, world.issue());
  await observer.connect();
  await observer.subscribe(
    `${connected}+`,
    `${disconnected}+`,
    '$aws/events/presence/connect_failed/+',
    '$aws/events/subscriptions/subscribed/+',
    '$aws/events/subscriptions/unsubscribed/+',
  );
});

afterEach(async () => {
  for (const raw of opened.splice(0)) raw.cut();
  await observer.stop();
  await world.stop();
});

async function open(holder: Holder, options: Partial<IConnectPacket> = {}): Promise<RawMqtt> {
  const { raw } = await rawMqtt(world, holder, options);
  opened.push(raw);
  return raw;
}

const uuid = expect.stringMatching(/^[0-9a-f-]{36}$/) as string;

test('aws-facts 3.7: the fields of a connect and of the disconnect that belongs to it', async () => {
  const holder = world.issue();
  const raw = await open(holder);
  const start = await observer.json(connected + holder.identityId);
  expect(start).toEqual({
    clientId: holder.identityId,
    timestamp: expect.closeTo(Date.now(), -4) as number,
    eventType: 'connected',
    sessionIdentifier: uuid,
    principalIdentifier: 'AROAEXAMPLE:CognitoIdentityCredentials',
    ipAddress: '127.0.0.1',
    versionNumber: 0,
  });
  raw.send({ cmd: 'disconnect', reasonCode: 0 });
  expect(await observer.json(disconnected + holder.identityId)).toEqual({
    clientId: holder.identityId,
    timestamp: expect.closeTo(Date.now(), -4) as number,
    eventType: 'disconnected',
    sessionIdentifier: start['sessionIdentifier'],
    principalIdentifier: 'AROAEXAMPLE:CognitoIdentityCredentials',
    clientInitiatedDisconnect: true,
    disconnectReason: 'CLIENT_INITIATED_DISCONNECT',
    versionNumber: 0,
  });
});

test('aws-facts 3.7: the version number grows by connection, and starts again after an hour', async () => {
  const holder = world.issue();
  const topic = connected + holder.identityId;
  for (const version of [0, 1, 2]) {
    const raw = await open(holder);
    expect(await observer.json(topic)).toMatchObject({ versionNumber: version });
    raw.send({ cmd: 'disconnect', reasonCode: 0 });
    await raw.closed;
  }
  aheadMs += 3_601_000;
  // The observer's own keep-alive is over by now as well.
  observer = crtClient(world, world.issue());
  await observer.connect();
  await observer.subscribe(`${connected}+`);
  await open(holder);
  expect(await observer.json(topic)).toMatchObject({ versionNumber: 0 });
});

test.each([
  ['a cut', 'CONNECTION_LOST', false, (raw: RawMqtt) => raw.cut()],
  ['a Close frame', 'CLIENT_INITIATED_DISCONNECT', true, (raw: RawMqtt) => raw.close()],
  [
    'a malformed packet',
    'CLIENT_ERROR',
    false,
    (raw: RawMqtt) => raw.sendBytes(Buffer.from([0x00, 0x00])),
  ],
  [
    'a keep-alive that runs out',
    'MQTT_KEEP_ALIVE_TIMEOUT',
    false,
    () => {
      aheadMs += 46_000;
    },
  ],
] as const)(
  'aws-facts 3.7: every end of a connection has its disconnectReason (%s is %s)',
  async (_what, disconnectReason, clientInitiated, act) => {
    observer.stop().catch(() => undefined);
    observer = crtClient(world, world.issue(), {
      change: (config) => {
        config.connectProperties = {
          clientId: config.connectProperties?.clientId ?? '',
          keepAliveIntervalSeconds: 1200,
        };
      },
    });
    await observer.connect();
    await observer.subscribe(`${disconnected}+`);
    const holder = world.issue();
    act(await open(holder));
    expect(await observer.json(disconnected + holder.identityId)).toMatchObject({
      disconnectReason,
      clientInitiatedDisconnect: clientInitiated,
    });
  },
);

test('aws-facts 3.4: a takeover ends the older connection as DUPLICATE_CLIENTID', async () => {
  const holder = world.issue();
  await open(holder);
  await open(holder);
  expect(await observer.json(disconnected + holder.identityId)).toMatchObject({
    disconnectReason: 'DUPLICATE_CLIENTID',
    clientInitiatedDisconnect: false,
    versionNumber: 0,
  });
});

test('aws-facts 3.3: a denied QoS 0 publish ends the connection as FORBIDDEN_ACCESS', async () => {
  const holder = world.issue((action) => action !== 'iot:Publish');
  const raw = await open(holder);
  raw.send({ cmd: 'publish', qos: 0, dup: false, retain: false, topic: 't', payload: 'x' });
  expect(await observer.json(disconnected + holder.identityId)).toMatchObject({
    disconnectReason: 'FORBIDDEN_ACCESS',
  });
});

test('aws-facts 3.7: a refused CONNECT is told on connect_failed', async () => {
  const holder = world.issue(() => false);
  const { connack } = await rawMqtt(world, holder);
  expect(connack.reasonCode).toBe(0x87);
  const topic = `$aws/events/presence/connect_failed/${holder.identityId}`;
  expect(await observer.json(topic)).toMatchObject({
    eventType: 'connect_failed',
    connectFailureReason: 'AUTHORIZATION_FAILED',
  });
});

test('aws-facts 3.7: subscriptions are told with their topics', async () => {
  const holder = world.issue();
  const raw = await open(holder);
  raw.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a/b', qos: 1 }] });
  expect(
    await observer.json(`$aws/events/subscriptions/subscribed/${holder.identityId}`),
  ).toMatchObject({ eventType: 'subscribed', topics: ['a/b'], sessionIdentifier: uuid });
  raw.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['a/b'] });
  expect(
    await observer.json(`$aws/events/subscriptions/unsubscribed/${holder.identityId}`),
  ).toMatchObject({ eventType: 'unsubscribed', topics: ['a/b'] });
});

test.each([
  ['with a DISCONNECT packet', { reasonCode: mqtt5.DisconnectReasonCode.NormalDisconnection }],
  ['without one, by its Close frame', undefined],
])('aws-facts 3.7: a stop of the SDK is client-initiated (%s)', async (_what, packet) => {
  const holder = world.issue();
  const client = crtClient(world, holder);
  await client.connect();
  await client.stop(packet);
  expect(await observer.json(disconnected + holder.identityId)).toMatchObject({
    clientInitiatedDisconnect: true,
    disconnectReason: 'CLIENT_INITIATED_DISCONNECT',
  });
});
