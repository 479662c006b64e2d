import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CrtClient, crtClient } from './world/crtClient.ts';
import { type DeviceWorld, startDeviceWorld } from './world/deviceWorld.ts';

let world: DeviceWorld;
let client: CrtClient;
let things = 0;

beforeAll(async () => {
  // One connection serves every test here, which takes more than its 50 subscriptions.
  world = await startDeviceWorld({ quotas: 'off' });
  client = crtClient(world, world.issue());
  await client.connect();
});

afterAll(async () => {
  await client.stop();
  await world.stop();
});

/** A fresh shadow, its answers subscribed. */
async function freshShadow(name?: string): Promise<string> {
  things += 1;
  const classic = `$aws/things/device_${things}/shadow`;
  const prefix = name === undefined ? classic : `${classic}/name/${name}`;
  const answers = ['accepted', 'rejected', 'delta', 'documents'];
  await client.subscribe(...answers.map((answer) => `${prefix}/update/${answer}`));
  await client.subscribe(`${prefix}/get/accepted`, `${prefix}/get/rejected`);
  await client.subscribe(`${prefix}/delete/accepted`, `${prefix}/delete/rejected`);
  return prefix;
}

const now = expect.closeTo(Date.now() / 1000, -2) as number;

test('aws-facts 2.2: accepted holds only the fields of the request, with their timestamps', async () => {
  const prefix = await freshShadow();
  await client.publish(`${prefix}/update`, { state: { desired: { power: 'ON', dim: 3 } } });
  await client.json(`${prefix}/update/accepted`);
  await client.publish(`${prefix}/update`, {
    state: { desired: { power: 'OFF' } },
    clientToken: 'token-1',
  });
  expect(await client.json(`${prefix}/update/accepted`)).toEqual({
    state: { desired: { power: 'OFF' } },
    metadata: { desired: { power: { timestamp: now } } },
    version: 2,
    timestamp: now,
    clientToken: 'token-1',
  });
});

test('aws-facts 2.2: delta is flat and holds all that differs', async () => {
  const prefix = await freshShadow();
  await client.publish(`${prefix}/update`, {
    state: { desired: { a: 1, b: { c: 2, d: [1, 2] } } },
  });
  await client.json(`${prefix}/update/delta`);
  await client.publish(`${prefix}/update`, { state: { reported: { a: 1, b: { c: 2, d: [1] } } } });
  expect(await client.json(`${prefix}/update/delta`)).toEqual({
    version: 2,
    timestamp: now,
    state: { b: { d: [1, 2] } },
    metadata: { b: { d: [{ timestamp: now }, { timestamp: now }] } },
  });
  client.received.length = 0;
  await client.publish(`${prefix}/update`, { state: { reported: { b: { d: [1, 2] } } } });
  await client.json(`${prefix}/update/documents`);
  expect(client.received.map(({ topic }) => topic)).not.toContain(`${prefix}/update/delta`);
});

test('aws-facts 2.2: documents show the shadow before and after', async () => {
  const prefix = await freshShadow();
  await client.publish(`${prefix}/update`, { state: { desired: { a: 1 } } });
  await client.json(`${prefix}/update/documents`);
  await client.publish(`${prefix}/update`, { state: { desired: { a: null, b: 2 } } });
  expect(await client.json(`${prefix}/update/documents`)).toEqual({
    previous: {
      state: { desired: { a: 1 } },
      metadata: { desired: { a: { timestamp: now } } },
      version: 1,
    },
    current: {
      state: { desired: { b: 2 } },
      metadata: { desired: { b: { timestamp: now } } },
      version: 2,
    },
    timestamp: now,
  });
});

test('aws-facts 2.2: get returns both sections and their delta', async () => {
  const prefix = await freshShadow('config');
  await client.publish(`${prefix}/update`, {
    state: { desired: { a: 1, b: 2 }, reported: { a: 1 } },
  });
  await client.json(`${prefix}/update/accepted`);
  await client.publish(`${prefix}/get`, { clientToken: 'g' });
  expect(await client.json(`${prefix}/get/accepted`)).toMatchObject({
    state: { desired: { a: 1, b: 2 }, reported: { a: 1 }, delta: { b: 2 } },
    version: 1,
    clientToken: 'g',
  });
});

test('aws-facts 2.3: a deleted shadow goes on numbering', async () => {
  const prefix = await freshShadow();
  await client.publish(`${prefix}/update`, { state: { desired: { a: 1 } } });
  await client.publish(`${prefix}/update`, { state: { desired: { a: 2 } } });
  await client.publish(`${prefix}/delete`, '');
  expect(await client.json(`${prefix}/delete/accepted`)).toEqual({ version: 2, timestamp: now });
  await client.publish(`${prefix}/get`, '');
  expect(await client.json(`${prefix}/get/rejected`)).toMatchObject({ code: 404 });
  await client.publish(`${prefix}/update`, { state: { desired: { b: 1 } } });
  for (const version of [1, 2, 3]) {
    expect(await client.json(`${prefix}/update/accepted`)).toMatchObject({ version });
  }
});

const rejections: readonly [string, string, number, string][] = [
  ['broken JSON', '{"state":', 400, 'Invalid JSON'],
  ['no state', '{"clientToken":"t"}', 400, 'Missing required node: state'],
  ['a state that is no object', '{"state":1}', 400, 'State node must be an object'],
  ['a desired that is no object', '{"state":{"desired":1}}', 400, 'Desired node must be an object'],
  ['a reported array', '{"state":{"reported":[]}}', 400, 'Reported node must be an object'],
  ['a version that is no number', '{"state":{},"version":"1"}', 400, 'Invalid version'],
  [
    'a client token above 64 bytes',
    `{"state":{},"clientToken":"${'x'.repeat(65)}"}`,
    400,
    'Invalid clientToken',
  ],
  ['another node', '{"state":{"other":{}}}', 400, 'State contains an invalid node'],
  ['another version', '{"state":{"desired":{}},"version":7}', 409, 'Version conflict'],
  [
    'too much nesting',
    '{"state":{"desired":{"a":{"b":{"c":{"d":{"e":{"f":{}}}}}}}}}',
    400,
    'JSON contains too many levels of nesting; maximum is 6',
  ],
  [
    'more than 8 KB',
    `{"state":{"desired":{"a":"${'x'.repeat(8192)}"}}}`,
    413,
    'The payload exceeds the maximum size allowed',
  ],
];

test.each(rejections)(
  'aws-facts 2.4: what cannot be applied is rejected with code and message (%s)',
  async (_what, payload, code, message) => {
    const prefix = await freshShadow();
    expect((await client.publish(`${prefix}/update`, payload)).reasonCode).toBe(0);
    expect(await client.json(`${prefix}/update/rejected`)).toMatchObject({ code, message });
  },
);

test('every accepted update stands in the ledger', async () => {
  const prefix = await freshShadow('lamp');
  await client.publish(`${prefix}/update`, { state: { desired: { a: 1 } }, clientToken: 'L' });
  await client.json(`${prefix}/update/accepted`);
  expect(world.gateway.ledger.since(world.gateway.ledger.last - 1)).toEqual([
    expect.objectContaining({
      sequence: world.gateway.ledger.last,
      thing: `device_${things}`,
      shadow: 'lamp',
      clientToken: 'L',
      version: 1,
      desired: { a: 1 },
    }),
  ]);
});
