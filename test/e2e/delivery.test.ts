import { AttachPolicyCommand, DetachPolicyCommand, IoTClient } from '@aws-sdk/client-iot';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseMetrics, sumBy } from '../../src/cli/client/metrics.ts';
import { eventually } from '../support/eventually.ts';
import { DevCommand } from './devCommand.ts';

let dev: DevCommand;

beforeAll(async () => {
  dev = await DevCommand.start(['--users', '6'], { QUARANTINE_PROBE_MS: '2000' });
});

afterAll(async () => {
  await dev.stop();
});

async function workerMetrics(): Promise<ReturnType<typeof parseMetrics>> {
  const texts = await Promise.all(dev.ready.metrics.map(async (url) => (await fetch(url)).text()));
  return texts.flatMap(parseMetrics);
}

test("the article's payload by one mutation: ACCEPTED, and the shadow holds it", async () => {
  const [identity] = await dev.registerUsers(0, 1);
  expect(identity?.cognitoId).toMatch(/^us-east-1:[0-9a-f-]{36}$/);
  const { id } = await dev.courier.send({
    identityId: identity?.id ?? '',
    thing: 'device_1',
    desired: { power: 'OFF' },
  });
  const [update] = await dev.reach([id], 'SUCCEEDED');
  expect(update).toMatchObject({ milestone: 'ACCEPTED', version: 1, tries: 1, failure: null });
  expect(await dev.shadow('device_1')).toEqual({ desired: { power: 'OFF' }, version: 1 });
});

test('what one thing gets at once arrives in its order, each exactly once', async () => {
  const identities = await dev.registerUsers(1, 3);
  const rounds = 15;
  const things = identities.flatMap(({ id: identityId }, owner) =>
    [1, 2, 3].map((thing) => ({ identityId, thing: `device_order_${owner}_${thing}` })),
  );
  const updates = Array.from({ length: rounds }, (_, round) =>
    things.map((thing) => ({ ...thing, desired: { round } })),
  ).flat();
  await dev.reach(await dev.courier.sendAll(updates), 'SUCCEEDED');
  for (const { thing } of things) {
    expect(await dev.shadow(thing)).toEqual({
      desired: { round: rounds - 1 },
      version: rounds,
    });
  }
});

test('a thing outside the policy ends as NOT_AUTHORIZED with a remedy; the identity goes on', async () => {
  const [identity] = await dev.registerUsers(3, 4);
  const identityId = identity?.id ?? '';
  const [denied = '', allowed = ''] = await dev.courier.sendAll([
    { identityId, thing: 'thermostat_9', desired: { target: 20 } },
    { identityId, thing: 'device_3', desired: { power: 'ON' } },
  ]);
  await dev.reach([allowed], 'SUCCEEDED');
  const [update] = await dev.reach([denied], 'FAILED');
  expect(update?.failure).toMatchObject({
    code: 'NOT_AUTHORIZED',
    stage: 'SUBSCRIBE',
    gate: 'TOPIC_FILTER_POLICY',
    remedy: expect.stringContaining('topicfilter/$aws/things/thermostat_9/shadow/'),
  });
  expect((await dev.courier.identity(identityId)).status).toBe('ACTIVE');
  await expect(dev.shadow('thermostat_9')).rejects.toThrow(/no shadow/i);
});

test('a detached policy parks the identity with its updates until it is attached again', async () => {
  const [identity] = await dev.registerUsers(4, 5);
  const identityId = identity?.id ?? '';
  const things = ['device_q1', 'device_q2', 'device_q3'];
  const send = (power: string) =>
    dev.courier.sendAll(things.map((thing) => ({ identityId, thing, desired: { power } })));
  await dev.reach(await send('ON'), 'SUCCEEDED');

  const { region, endpoints, iotPolicyName: policyName } = dev.ready.emulator;
  const credentials = { accessKeyId: 'AKIAADMINISTRATOR', secretAccessKey: 'any' };
  const control = new IoTClient({ region, endpoint: endpoints.iot, credentials });
  const target = identity?.cognitoId ?? '';
  await control.send(new DetachPolicyCommand({ policyName, target }));
  const held = await send('OFF');
  await eventually(
    async () => {
      const updates = await dev.courier.updates(held);
      expect(updates.map(({ state, wait }) => [state, wait?.reason])).toEqual(
        things.map(() => ['HELD', 'IDENTITY_QUARANTINED']),
      );
    },
    { deadlineMs: 30_000, intervalMs: 100 },
  );
  const parked = await dev.courier.identity(identityId);
  expect(parked).toMatchObject({
    status: 'QUARANTINED',
    pendingUpdates: 3,
    quarantine: {
      stage: 'CONNECT',
      gate: 'IOT_POLICY_NOT_ATTACHED',
      remedy: expect.stringContaining(`aws iot attach-policy --policy-name ${policyName}`),
    },
  });
  const samples = await workerMetrics();
  expect(sumBy(samples, 'courier_identities_quarantined', []).get('')).toBe(1);
  expect(sumBy(samples, 'courier_lanes_waiting', ['reason']).get('IDENTITY_QUARANTINED')).toBe(3);

  await control.send(new AttachPolicyCommand({ policyName, target }));
  const delivered = await dev.reach(held, 'SUCCEEDED', 40_000);
  expect(delivered.map(({ version }) => version)).toEqual([2, 2, 2]);
  expect((await dev.courier.identity(identityId)).status).toBe('ACTIVE');
  control.destroy();
});

test('a wrong password parks the identity before its first update, and says so', async () => {
  const user = dev.ready.emulator.users[5];
  const { id } = await dev.courier.register({
    username: user?.username ?? '',
    password: 'not-The-1-password',
  });
  await eventually(
    async () =>
      expect(await dev.courier.identity(id)).toMatchObject({
        status: 'NEEDS_OPERATOR',
        quarantine: { stage: 'USER_POOL', gate: 'USER_POOL_PASSWORD' },
      }),
    { deadlineMs: 30_000, intervalMs: 100 },
  );
  expect(dev.process.stderr).not.toContain('not-The-1-password');
});
