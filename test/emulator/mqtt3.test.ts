import { connect, type MqttClient } from 'mqtt';
import { auth, iot, mqtt } from 'aws-iot-device-sdk-v2';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type DeviceWorld, type Holder, REGION, startDeviceWorld } from './world/deviceWorld.ts';
import { presignMqtt, wsOptions } from './world/presign.ts';

let world: DeviceWorld;

beforeAll(async () => {
  world = await startDeviceWorld();
});

afterAll(() => world.stop());

interface JsOptions {
  readonly protocolVersion?: 4 | 5;
  readonly clean?: boolean;
  readonly clientId?: string;
}

/** MQTT.js over a presigned URL, as a browser would connect; it does not reconnect. */
async function start(target: DeviceWorld, holder: Holder, options: JsOptions): Promise<MqttClient> {
  const path = await presignMqtt(holder);
  return connect(`wss://127.0.0.1:${target.gateway.port}${path}`, {
    clientId: holder.identityId,
    protocolVersion: 4,
    reconnectPeriod: 0,
    wsOptions: wsOptions(target),
    ...options,
  });
}

/** Resolves with the connected client; rejects where the socket closes before a CONNACK. */
async function mqttJs(holder: Holder, options: JsOptions = {}): Promise<MqttClient> {
  const client = await start(world, holder, options);
  return new Promise((resolve, reject) => {
    client.once('connect', () => resolve(client));
    client.once('close', () => reject(new Error('closed without CONNACK')));
  });
}

function closed(client: MqttClient): Promise<void> {
  return new Promise((resolve) => {
    client.once('close', () => resolve());
  });
}

/** The field article's own way: MQTT 3.1.1, default AWS signing, clean session false. */
function articleConnection(holder: Holder): mqtt.MqttClientConnection {
  const { credentials } = holder;
  const config = iot.AwsIotMqttConnectionConfigBuilder.new_with_websockets({
    region: REGION,
    credentials_provider: auth.AwsCredentialsProvider.newStatic(
      credentials.accessKeyId,
      credentials.secretKey,
      credentials.sessionToken,
    ),
  })
    .with_certificate_authority(world.ca)
    .with_endpoint('localhost')
    .with_port(world.gateway.port)
    .with_client_id(holder.identityId)
    .with_clean_session(false)
    .with_keep_alive_seconds(30)
    .build();
  return new mqtt.MqttClient().new_connection(config);
}

test('the SDK 3.1.1 client connects, updates a shadow and gets accepted', async () => {
  const connection = articleConnection(world.issue());
  await connection.connect();
  const topic = '$aws/things/device_1/shadow/update';
  const accepted = new Promise<string>((resolve) => {
    void connection
      .subscribe(`${topic}/accepted`, mqtt.QoS.AtLeastOnce, (_topic, payload) =>
        resolve(Buffer.from(payload).toString('utf8')),
      )
      .then(() =>
        connection.publish(topic, '{"state":{"desired":{"power":"OFF"}}}', mqtt.QoS.AtLeastOnce),
      );
  });
  expect(JSON.parse(await accepted)).toMatchObject({
    state: { desired: { power: 'OFF' } },
    version: 1,
  });
  await connection.disconnect();
});

test('aws-facts 3.3: a denied CONNECT of MQTT 3.1.1 sees the socket close, no CONNACK', async () => {
  const denied = mqttJs(world.issue(() => false));
  await expect(denied).rejects.toThrow(/closed/i);
});

test('aws-facts 3.3: a denied SUBSCRIBE closes an MQTT 3.1.1 connection', async () => {
  const client = await mqttJs(world.issue((action) => action !== 'iot:Subscribe'));
  const end = closed(client);
  client.subscribe('t', () => undefined);
  await end;
});

test.each([0, 1] as const)(
  'aws-facts 3.3: a denied PUBLISH closes an MQTT 3.1.1 connection (QoS %d)',
  async (qos) => {
    const client = await mqttJs(world.issue((action) => action !== 'iot:Publish'));
    const end = closed(client);
    client.publish('t', 'x', { qos }, () => undefined);
    await end;
  },
);

test('aws-facts 3.6: a quick second CONNECT of MQTT 3.1.1 sees the socket close', async () => {
  const holder = world.issue();
  const first = await mqttJs(holder);
  await expect(mqttJs(holder)).rejects.toThrow(/closed/i);
  await first.endAsync();
});

test('aws-facts 3.1: QoS 2 is refused, a subscription that asks for it gets QoS 1', async () => {
  const client = await mqttJs(world.issue());
  const [granted] = await client.subscribeAsync('t', { qos: 2 });
  expect(granted?.qos).toBe(1);
  const end = closed(client);
  client.publish('t', 'x', { qos: 2 }, () => undefined);
  await end;
});

test('MQTT.js with a presigned URL speaks MQTT 5', async () => {
  const client = await mqttJs(world.issue(), { protocolVersion: 5 });
  await client.subscribeAsync('room/+', { qos: 1 });
  const received = new Promise<string>((resolve) => {
    client.once('message', (topic, payload) => resolve(`${topic} ${payload.toString()}`));
  });
  await client.publishAsync('room/1', 'hello', { qos: 1 });
  expect(await received).toBe('room/1 hello');
  await client.endAsync();
});

test('aws-facts 3.1: a persistent session keeps subscriptions and queues QoS 1', async () => {
  const patient = await startDeviceWorld({ settings: { connectWindowMs: 0 } });
  const former = world;
  world = patient;
  try {
    const holder = patient.issue();
    const first = await mqttJs(holder, { clean: false });
    await first.subscribeAsync('mail', { qos: 1 });
    await first.endAsync();
    const other = await mqttJs(patient.issue());
    await other.publishAsync('mail', 'while away', { qos: 1 });
    const second = await start(patient, holder, { clean: false });
    const message = new Promise<string>((resolve) => {
      second.once('message', (_topic, payload) => resolve(payload.toString()));
    });
    const present = new Promise<boolean>((resolve) => {
      second.once('connect', (connack) => resolve(connack.sessionPresent));
    });
    expect(await present).toBe(true);
    expect(await message).toBe('while away');
    await Promise.all([second.endAsync(), other.endAsync()]);
  } finally {
    world = former;
    await patient.stop();
  }
});
