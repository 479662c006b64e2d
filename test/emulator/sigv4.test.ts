import { request } from 'node:https';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type DeviceWorld, startDeviceWorld } from './world/deviceWorld.ts';
import { presignMqtt } from './world/presign.ts';

let world: DeviceWorld;

beforeAll(async () => {
  world = await startDeviceWorld();
});

afterAll(() => world.stop());

interface UpgradeAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

/** Asks for the upgrade as a WebSocket client does and reads whatever comes back. */
function upgrade(
  path: string,
  target: DeviceWorld = world,
  headers: Record<string, string> = {},
): Promise<UpgradeAnswer> {
  return new Promise((resolve, reject) => {
    const sent = request({
      host: '127.0.0.1',
      port: target.gateway.port,
      path,
      ca: target.ca,
      headers: {
        host: 'localhost',
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
        'sec-websocket-version': '13',
        'sec-websocket-protocol': 'mqtt',
        ...headers,
      },
    });
    sent.on('error', reject);
    sent.on('upgrade', (response, socket) => {
      socket.destroy();
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: '' });
    });
    sent.on('response', (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        body += text;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
      );
    });
    sent.end();
  });
}

test('aws-facts 4.1: a URL signed without its token upgrades, subprotocol mqtt', async () => {
  const answer = await upgrade(await presignMqtt(world.issue()));
  expect(answer.status).toBe(101);
  expect(answer.headers['sec-websocket-protocol']).toBe('mqtt');
});

test('aws-facts 4.2: a refusal is a 403 with JSON, an error type and a request id', async () => {
  const path = await presignMqtt(world.issue());
  const answer = await upgrade(path.replace(/X-Amz-Signature=..../, 'X-Amz-Signature=0000'));
  expect(answer.status).toBe(403);
  expect(answer.headers).toMatchObject({
    'content-type': 'application/json',
    'x-amzn-errortype': 'ForbiddenException:',
    'x-amzn-requestid': expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
  });
  expect(JSON.parse(answer.body)).toEqual({
    message: expect.stringContaining('signature') as string,
    traceId: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
  });
});

const minutes = (count: number): Date => new Date(Date.now() + count * 60_000);

test.each([
  ['another region', { region: 'us-west-2' }, 403],
  ['another service', { service: 'iotdata' }, 403],
  ['a clock six minutes behind', { date: minutes(-6) }, 403],
  ['a clock six minutes ahead', { date: minutes(6) }, 403],
  ['a clock four minutes behind', { date: minutes(-4) }, 101],
  ['a clock four minutes ahead', { date: minutes(4) }, 101],
  ['its token signed', { signToken: true }, 403],
])(
  'aws-facts 4.1: region, service, date and token of a signed URL must fit (%s)',
  async (_what, options, status) => {
    expect((await upgrade(await presignMqtt(world.issue(), options))).status).toBe(status);
  },
);

test('aws-facts 4.1: a signed token is accepted where the setting says so', async () => {
  const lenient = await startDeviceWorld({ settings: { acceptSignedToken: true } });
  try {
    const signed = await presignMqtt(lenient.issue(), { signToken: true });
    expect((await upgrade(signed, lenient)).status).toBe(101);
    expect((await upgrade(await presignMqtt(lenient.issue()), lenient)).status).toBe(101);
  } finally {
    await lenient.stop();
  }
});

test('aws-facts 4.1: Host counts as it was sent', async () => {
  const path = await presignMqtt(world.issue());
  const host = `localhost:${world.gateway.port}`;
  expect((await upgrade(path, world, { host })).status).toBe(403);
});

test('aws-facts 4.2: no signature at all is refused', async () => {
  expect((await upgrade('/mqtt')).status).toBe(403);
});

test('a signature by nobody known is refused', async () => {
  const stranger = world.issue();
  const other = await startDeviceWorld();
  try {
    expect((await upgrade(await presignMqtt(stranger), other)).status).toBe(403);
  } finally {
    await other.stop();
  }
});

test('another path than /mqtt is not found, another subprotocol is a bad request', async () => {
  const path = await presignMqtt(world.issue());
  expect((await upgrade('/other')).status).toBe(404);
  expect((await upgrade(path, world, { 'sec-websocket-protocol': 'amqp' })).status).toBe(400);
});
