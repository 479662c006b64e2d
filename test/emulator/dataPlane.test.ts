import {
  DeleteConnectionCommand,
  DeleteThingShadowCommand,
  GetConnectionCommand,
  GetRetainedMessageCommand,
  GetThingShadowCommand,
  IoTDataPlaneClient,
  ListNamedShadowsForThingCommand,
  ListRetainedMessagesCommand,
  ListSubscriptionsCommand,
  PublishCommand,
  UpdateThingShadowCommand,
} from '@aws-sdk/client-iot-data-plane';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CrtClient, crtClient } from './world/crtClient.ts';
import { type DeviceWorld, type Holder, REGION, startDeviceWorld } from './world/deviceWorld.ts';

const ADMINISTRATOR = { accessKeyId: 'AKIDADMIN', secretKey: 'the administrator key' };

let world: DeviceWorld;
let observer: CrtClient;
let administrator: IoTDataPlaneClient;
const opened: IoTDataPlaneClient[] = [];

beforeAll(async () => {
  world = await startDeviceWorld({ administrator: ADMINISTRATOR });
  observer = crtClient(world, world.issue());
  await observer.connect();
  administrator = dataPlane(ADMINISTRATOR);
});

afterAll(async () => {
  for (const client of opened) client.destroy();
  await observer.stop();
  await world.stop();
});

function dataPlane(keys: {
  accessKeyId: string;
  secretKey: string;
  sessionToken?: string;
}): IoTDataPlaneClient {
  const client = new IoTDataPlaneClient({
    region: REGION,
    endpoint: `https://localhost:${world.gateway.port}`,
    maxAttempts: 1,
    credentials: {
      accessKeyId: keys.accessKeyId,
      secretAccessKey: keys.secretKey,
      ...(keys.sessionToken === undefined ? {} : { sessionToken: keys.sessionToken }),
    },
    requestHandler: { httpsAgent: { ca: world.ca } },
  });
  opened.push(client);
  return client;
}

function asIdentity(holder: Holder): IoTDataPlaneClient {
  return dataPlane(holder.credentials);
}

function json(payload: Uint8Array | undefined): unknown {
  return JSON.parse(Buffer.from(payload ?? []).toString('utf8'));
}

const desired = (state: object): Uint8Array =>
  Buffer.from(JSON.stringify({ state: { desired: state } }));

test('UpdateThingShadow answers as over MQTT, and tells the subscribers', async () => {
  const prefix = '$aws/things/device_1/shadow/update';
  await observer.subscribe(`${prefix}/accepted`, `${prefix}/documents`);
  const { payload } = await administrator.send(
    new UpdateThingShadowCommand({ thingName: 'device_1', payload: desired({ a: 1 }) }),
  );
  expect(json(payload)).toMatchObject({ state: { desired: { a: 1 } }, version: 1 });
  expect(await observer.json(`${prefix}/accepted`)).toMatchObject({ version: 1 });
  expect(await observer.json(`${prefix}/documents`)).toMatchObject({ current: { version: 1 } });
});

test('GetThingShadow, ListNamedShadowsForThing and DeleteThingShadow work on named shadows', async () => {
  for (const shadowName of ['b', 'a', 'c']) {
    await administrator.send(
      new UpdateThingShadowCommand({
        thingName: 'lamp:2',
        shadowName,
        payload: desired({ on: true }),
      }),
    );
  }
  const page = await administrator.send(
    new ListNamedShadowsForThingCommand({ thingName: 'lamp:2', pageSize: 2 }),
  );
  expect(page.results).toEqual(['a', 'b']);
  const rest = await administrator.send(
    new ListNamedShadowsForThingCommand({ thingName: 'lamp:2', nextToken: page.nextToken }),
  );
  expect(rest.results).toEqual(['c']);
  expect(rest.nextToken).toBeUndefined();
  const named = { thingName: 'lamp:2', shadowName: 'a' };
  const got = await administrator.send(new GetThingShadowCommand(named));
  expect(json(got.payload)).toMatchObject({
    state: { desired: { on: true }, delta: { on: true } },
  });
  const deleted = await administrator.send(new DeleteThingShadowCommand(named));
  expect(json(deleted.payload)).toMatchObject({ version: 1 });
  await expect(administrator.send(new GetThingShadowCommand(named))).rejects.toMatchObject({
    name: 'ResourceNotFoundException',
    $metadata: { httpStatusCode: 404 },
  });
});

test.each([
  ['a version conflict', '{"state":{"desired":{}},"version":9}', 'ConflictException', 409],
  ['broken JSON', '{', 'InvalidRequestException', 400],
  [
    'more than 8 KB',
    `{"state":{"desired":{"a":"${'x'.repeat(9000)}"}}}`,
    'RequestEntityTooLargeException',
    413,
  ],
  ['no UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'UnsupportedDocumentEncodingException', 415],
])(
  'aws-facts 2.4: what cannot be applied is an HTTP error over HTTPS (%s)',
  async (_what, payload, name, httpStatusCode) => {
    const bad = new UpdateThingShadowCommand({
      thingName: 'device_3',
      payload: Buffer.from(payload),
    });
    await expect(administrator.send(bad)).rejects.toMatchObject({
      name,
      $metadata: { httpStatusCode },
    });
  },
);

test('Publish reaches subscribers, and the shadow service on its topics', async () => {
  const topic = '$aws/things/device_4/shadow/update';
  await observer.subscribe(`${topic}/accepted`, 'news/today');
  await administrator.send(
    new PublishCommand({ topic: 'news/today', qos: 1, payload: Buffer.from('hi') }),
  );
  expect((await observer.message('news/today')).payload).toBe('hi');
  await administrator.send(new PublishCommand({ topic, qos: 1, payload: desired({ a: 1 }) }));
  expect(await observer.json(`${topic}/accepted`)).toMatchObject({ version: 1 });
});

test('an identity may do what its policies allow, on the thing as resource', async () => {
  const holder = world.issue((action, resource) => {
    return action === 'iot:UpdateThingShadow' && resource === 'thing/device_5/config';
  });
  const client = asIdentity(holder);
  const update = { thingName: 'device_5', payload: desired({ a: 1 }) };
  await client.send(new UpdateThingShadowCommand({ ...update, shadowName: 'config' }));
  await expect(client.send(new UpdateThingShadowCommand(update))).rejects.toMatchObject({
    name: 'ForbiddenException',
    $metadata: { httpStatusCode: 403 },
  });
  expect(world.log).toContainEqual(
    expect.objectContaining({
      eventType: 'UpdateThingShadow',
      protocol: 'HTTP',
      reason: 'AUTHORIZATION_FAILURE',
    }),
  );
});

test.each([
  ['a wrong secret', { secretKey: 'wrong' }],
  ['another token', { sessionToken: 'wrong' }],
])('%s is a ForbiddenException', async (_what, wrong) => {
  const { credentials } = world.issue();
  const client = dataPlane({ ...credentials, ...wrong });
  await expect(
    client.send(new GetThingShadowCommand({ thingName: 'device_1' })),
  ).rejects.toMatchObject({ name: 'ForbiddenException', $metadata: { httpStatusCode: 403 } });
});

test('another administrator than the configured one is refused', async () => {
  const client = dataPlane({ ...ADMINISTRATOR, accessKeyId: 'AKIDOTHER' });
  await expect(
    client.send(new GetThingShadowCommand({ thingName: 'device_1' })),
  ).rejects.toMatchObject({ $metadata: { httpStatusCode: 403 } });
});

test('Publish passes MQTT 5 properties on', async () => {
  await observer.subscribe('rich');
  await administrator.send(
    new PublishCommand({
      topic: 'rich',
      qos: 1,
      payload: Buffer.from('{}'),
      contentType: 'application/json',
      responseTopic: 'answers',
      payloadFormatIndicator: 'UTF8_DATA',
      correlationData: Buffer.from('corr').toString('base64'),
      userProperties: JSON.stringify([{ a: 'b' }]),
      messageExpiry: 60,
    }),
  );
  const { packet } = await observer.message('rich');
  expect(packet).toMatchObject({
    contentType: 'application/json',
    responseTopic: 'answers',
    messageExpiryIntervalSeconds: 60,
    userProperties: [{ name: 'a', value: 'b' }],
  });
});

test('retained messages are listed and read', async () => {
  for (const topic of ['kept/b', 'kept/a']) {
    const payload = Buffer.from(topic);
    await administrator.send(new PublishCommand({ topic, qos: 1, retain: true, payload }));
  }
  const { retainedTopics, nextToken } = await administrator.send(
    new ListRetainedMessagesCommand({ maxResults: 1 }),
  );
  expect(retainedTopics).toMatchObject([{ topic: 'kept/a', payloadSize: 6, qos: 1 }]);
  expect(nextToken).toBe('kept/a');
  const kept = await administrator.send(new GetRetainedMessageCommand({ topic: 'kept/b' }));
  expect(Buffer.from(kept.payload ?? []).toString()).toBe('kept/b');
  await expect(
    administrator.send(new GetRetainedMessageCommand({ topic: 'never' })),
  ).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
});

test('aws-facts 3.7: connections are described, listed and deleted', async () => {
  const holder = world.issue();
  const clientId = holder.identityId;
  const client = crtClient(world, holder);
  await client.connect();
  await client.subscribe('some/topic');
  expect(await administrator.send(new GetConnectionCommand({ clientId }))).toMatchObject({
    connected: true,
    cleanSession: true,
    keepAliveDuration: 30,
  });
  const { subscriptions } = await administrator.send(new ListSubscriptionsCommand({ clientId }));
  expect(subscriptions).toEqual([{ topicFilter: 'some/topic', qos: 1 }]);
  const topic = `$aws/events/presence/disconnected/${clientId}`;
  await observer.subscribe(topic);
  const ended = client.disconnected();
  await administrator.send(new DeleteConnectionCommand({ clientId }));
  expect((await ended)?.reasonCode).toBe(0x98);
  expect(await observer.json(topic)).toMatchObject({
    disconnectReason: 'API_INITIATED_DISCONNECT',
    clientInitiatedDisconnect: false,
  });
  await client.stop();
});
