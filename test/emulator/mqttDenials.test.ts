import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { mqtt5 } from 'aws-iot-device-sdk-v2';
import { eventually } from '../support/eventually.ts';
import { type CrtClient, type CrtOptions, crtClient } from './world/crtClient.ts';
import { type DeviceWorld, type Holder, startDeviceWorld } from './world/deviceWorld.ts';

let world: DeviceWorld;
const clients: CrtClient[] = [];

beforeAll(async () => {
  world = await startDeviceWorld();
});

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.stop()));
});

afterAll(() => world.stop());

function open(holder: Holder, options: CrtOptions = {}): CrtClient {
  const client = crtClient(world, holder, options);
  clients.push(client);
  return client;
}

test('aws-facts 3.1: CONNACK tells the limits of AWS IoT', async () => {
  const outcome = await open(world.issue()).connect();
  expect(outcome.kind).toBe('connected');
  expect(outcome.connack).toMatchObject({
    reasonCode: 0,
    sessionPresent: false,
    receiveMaximum: 100,
    maximumQos: 1,
    topicAliasMaximum: 8,
    subscriptionIdentifiersAvailable: false,
    wildcardSubscriptionsAvailable: true,
    sharedSubscriptionsAvailable: true,
    serverKeepAlive: 30,
  });
});

test('aws-facts 3.3: a denied CONNECT gets CONNACK 0x87 with a reason string', async () => {
  const outcome = await open(world.issue((action) => action !== 'iot:Connect')).connect();
  expect(outcome.connack?.reasonCode).toBe(0x87);
  expect(outcome.connack?.reasonString).toMatch(
    /^CONNACK:Client is not authenticated\/authorized to send the message:[0-9a-f-]{36}$/,
  );
  expect(world.log.at(-1)).toMatchObject({
    eventType: 'Connect',
    status: 'Failure',
    reason: 'AUTHORIZATION_FAILURE',
    principalId: 'AROAEXAMPLE:CognitoIdentityCredentials',
  });
});

test('aws-facts 3.3: a denied SUBSCRIBE gets SUBACK 0x87 and keeps the session', async () => {
  const holder = world.issue((_action, resource) => !resource.includes('forbidden'));
  const client = open(holder);
  await client.connect();
  expect((await client.subscribe('forbidden', 'free')).reasonCodes).toEqual([0x87, 1]);
  expect((await client.publish('free', 'still here')).reasonCode).toBe(0);
});

test('aws-facts 3.3: a denied QoS 1 PUBLISH gets PUBACK 0x87 and keeps the session', async () => {
  const holder = world.issue((_action, resource) => !resource.includes('thermostat'));
  const client = open(holder);
  await client.connect();
  const denied = await client.publish('$aws/things/thermostat_9/shadow/update', {});
  expect(denied.reasonCode).toBe(0x87);
  expect(denied.reasonString).toMatch(/^PUBACK:.*:[0-9a-f-]{36}$/);
  expect((await client.publish('device_1', 'x')).reasonCode).toBe(0);
});

test('aws-facts 3.3: a denied QoS 0 PUBLISH ends the connection with DISCONNECT 0x87', async () => {
  const client = open(world.issue((action) => action !== 'iot:Publish'));
  await client.connect();
  const ended = client.disconnected();
  await client.client.publish({ topicName: 'nowhere', qos: mqtt5.QoS.AtMostOnce, payload: 'x' });
  const disconnect = await ended;
  expect(disconnect?.reasonCode).toBe(0x87);
  expect(disconnect?.reasonString).toMatch(
    /^DISCONNECT:Client is not authenticated\/authorized to send the message:[0-9a-f-]{36}$/,
  );
});

test('aws-facts 3.3: without iot:Receive a message is not delivered, and nobody is told', async () => {
  const client = open(
    world.issue((action, resource) => action !== 'iot:Receive' || resource === 'topic/open'),
  );
  await client.connect();
  await client.subscribe('secret', 'open');
  expect((await client.publish('secret', 'a')).reasonCode).toBe(0);
  await client.publish('open', 'b');
  expect((await client.message('open')).payload).toBe('b');
  expect(client.received).toEqual([]);
  expect(world.log).toContainEqual(
    expect.objectContaining({
      eventType: 'Publish-Out',
      topicName: 'secret',
      reason: 'AUTHORIZATION_FAILURE',
    }),
  );
});

test('a policy change is felt by an open connection', async () => {
  const holder = world.issue();
  const client = open(holder);
  await client.connect();
  expect((await client.publish('t', 'x')).reasonCode).toBe(0);
  world.permit(holder, (action) => action === 'iot:Connect');
  expect((await client.publish('t', 'x')).reasonCode).toBe(0x87);
});

test('aws-facts 3.6: a second CONNECT of a client id within 10 s gets CONNACK 0x97', async () => {
  const holder = world.issue();
  await open(holder).connect();
  const second = await open(holder).connect();
  expect(second.connack?.reasonCode).toBe(0x97);
});

test('aws-facts 3.4: a takeover ends the older connection with DISCONNECT 0x8E', async () => {
  const relaxed = await startDeviceWorld({ settings: { connectWindowMs: 0 } });
  const holder = relaxed.issue();
  const first = crtClient(relaxed, holder);
  const second = crtClient(relaxed, holder);
  try {
    await first.connect();
    const ended = first.disconnected();
    expect((await second.connect()).kind).toBe('connected');
    expect((await ended)?.reasonCode).toBe(0x8e);
    expect(relaxed.log).toContainEqual(
      expect.objectContaining({ eventType: 'Disconnect', disconnectReason: 'DUPLICATE_CLIENTID' }),
    );
  } finally {
    await Promise.all([first.stop(), second.stop()]);
    await relaxed.stop();
  }
});

test('aws-facts 4.2: expired credentials are refused at the upgrade', async () => {
  const outcome = await open(world.issue(undefined, Date.now() - 1)).connect();
  expect(outcome).toMatchObject({
    kind: 'refused',
    errorName: 'AWS_ERROR_HTTP_WEBSOCKET_UPGRADE_FAILURE',
  });
});

test('aws-facts 4.2: a signature with another secret is refused at the upgrade', async () => {
  const holder = world.issue();
  const credentials = { ...holder.credentials, secretKey: 'not the secret' };
  const outcome = await open({ ...holder, credentials }).connect();
  expect(outcome).toMatchObject({ kind: 'refused', connack: undefined });
  expect(world.log.at(-1)?.details).toContain('signature');
});

test('aws-facts 4.1: a token other than the one issued is refused at the upgrade', async () => {
  const holder = world.issue();
  const credentials = { ...holder.credentials, sessionToken: 'another' };
  const outcome = await open({ ...holder, credentials }).connect();
  expect(outcome).toMatchObject({ kind: 'refused', connack: undefined });
});

test('aws-facts 4.3: a connection outlives its credentials, a new one does not', async () => {
  const holder = world.issue(undefined, Date.now() + 1500);
  const client = open(holder);
  expect((await client.connect()).kind).toBe('connected');
  await eventually(async () => {
    const later = await open({ ...holder, identityId: 'another' }).connect();
    expect(later).toMatchObject({ errorName: 'AWS_ERROR_HTTP_WEBSOCKET_UPGRADE_FAILURE' });
  });
  expect((await client.publish('t', 'still here')).reasonCode).toBe(0);
});

test('a stop tells MQTT 5 clients with DISCONNECT 0x8B', async () => {
  const stopping = await startDeviceWorld();
  const client = crtClient(stopping, stopping.issue());
  await client.connect();
  const ended = client.disconnected();
  await stopping.stop();
  expect((await ended)?.reasonCode).toBe(0x8b);
  await client.stop();
});
