import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { useRedis } from '../../support/useRedis.ts';
import { Receiver, verify } from './support/receiver.ts';
import { WebhookWorld } from './support/webhookWorld.ts';

const redis = useRedis();
let world: WebhookWorld;
let receiver: Receiver;

beforeEach(async () => {
  world = await WebhookWorld.open(redis().url);
  receiver = await Receiver.start();
});

afterEach(async () => {
  await world.close();
  await receiver.stop();
});

const until = (id: string, state: string) =>
  eventually(async () => {
    const delivery = await world.delivery(id);
    expect(delivery.state).toBe(state);
    return delivery;
  });

test('a delivery is signed so that any library of Standard Webhooks verifies it', async () => {
  await world.startDeliverer();
  const { webhook, secret } = await world.create(receiver.url, 'UPDATES_DEAD');
  const id = await world.send(webhook);
  const delivery = await until(id, 'DELIVERED');
  expect(delivery).toMatchObject({ attempts: 1, responseStatus: 204, error: undefined });
  const [request] = receiver.received;
  if (request === undefined) throw new Error('nothing came');
  expect(verify(secret, request)).toEqual({
    type: 'updates.dead',
    timestamp: expect.any(String),
    data: { hello: 'world' },
  });
  expect(request.headers['webhook-id']).toBe(id);
  expect(() => verify(`whsec_${'A'.repeat(43)}=`, request)).toThrow('No matching signature');
  expect(() => verify(secret, { ...request, body: `${request.body} ` })).toThrow();
  expect(JSON.stringify(await world.redis.hgetall(world.keys.webhooks))).not.toContain(secret);
});

test('after a rotation both secrets verify, for as long as was said', async () => {
  await world.startDeliverer();
  const { webhook, secret } = await world.create(receiver.url, 'UPDATES_DEAD');
  const both = await world.webhooks.rotate(webhook.id, Date.now() + 60_000);
  await until(await world.send(webhook), 'DELIVERED');
  const [first] = receiver.received;
  if (first === undefined) throw new Error('nothing came');
  for (const one of [secret, both.secret]) expect(() => verify(one, first)).not.toThrow();
  const only = await world.webhooks.rotate(webhook.id, Date.now());
  await until(await world.send(webhook), 'DELIVERED');
  const second = receiver.received[1];
  if (second === undefined) throw new Error('nothing came');
  expect(() => verify(only.secret, second)).not.toThrow();
  expect(() => verify(both.secret, second)).toThrow('No matching signature');
});

test('what fails is tried again under the same id until it is taken', async () => {
  await world.startDeliverer();
  receiver.respond = (response) => {
    response.writeHead(receiver.received.length < 3 ? 503 : 200).end();
  };
  const { webhook } = await world.create(receiver.url, 'UPDATES_DEAD');
  const delivery = await until(await world.send(webhook), 'DELIVERED');
  expect(delivery).toMatchObject({ attempts: 3, responseStatus: 200 });
  expect(receiver.ids.size).toBe(1);
});

test('the same notification is delivered once, however often it is found', async () => {
  const { webhook } = await world.create(receiver.url, 'UPDATES_DEAD');
  const ids = await Promise.all(['a', 'a', 'a'].map((key) => world.send(webhook, key)));
  expect(new Set(ids).size).toBe(1);
  await world.startDeliverer();
  await until(ids[0] ?? '', 'DELIVERED');
  await world.send(webhook, 'a');
  await until(await world.send(webhook, 'b'), 'DELIVERED');
  expect(receiver.received).toHaveLength(2);
});

test('a delivery can be sent again, with the same body under the same id', async () => {
  await world.startDeliverer();
  const { webhook, secret } = await world.create(receiver.url, 'UPDATES_DEAD');
  const id = await world.send(webhook);
  await world.deliveries.again(await until(id, 'DELIVERED'));
  await eventually(() => expect(receiver.received).toHaveLength(2));
  expect(receiver.ids.size).toBe(1);
  for (const request of receiver.received) expect(() => verify(secret, request)).not.toThrow();
});

test('a webhook whose deliveries fail for long is disabled, and the audit says so', async () => {
  await world.startDeliverer({ disableAfter: 2 });
  receiver.respond = (response) => response.writeHead(500).end();
  const { webhook } = await world.create(receiver.url, 'UPDATES_DEAD');
  await until(await world.send(webhook), 'FAILED');
  expect((await world.webhooks.find(webhook.id))?.disabled).toBeUndefined();
  await until(await world.send(webhook), 'FAILED');
  await eventually(async () => {
    expect((await world.webhooks.find(webhook.id))?.disabled?.reason).toContain('2 deliveries');
  });
  const sent = receiver.received.length;
  const refused = await until(await world.send(webhook), 'FAILED');
  expect(refused.error).toContain('2 deliveries in a row failed');
  expect(receiver.received).toHaveLength(sent);
  await eventually(async () => {
    const entries = await world.redis.xrange(world.keys.audit('actions'), '-', '+');
    expect(entries.flatMap(([, words]) => words)).toContain('disableWebhook');
  });
});

test('a receiver that says it is gone is believed', async () => {
  await world.startDeliverer();
  receiver.respond = (response) => response.writeHead(410).end();
  const { webhook } = await world.create(receiver.url, 'UPDATES_DEAD');
  const delivery = await until(await world.send(webhook), 'FAILED');
  expect(delivery.attempts).toBe(1);
  await eventually(async () => {
    expect((await world.webhooks.find(webhook.id))?.disabled).toBeDefined();
  });
});

test('a webhook that is deleted is sent nothing more', async () => {
  const { webhook } = await world.create(receiver.url, 'UPDATES_DEAD');
  const id = await world.send(webhook);
  await world.webhooks.remove(webhook.id);
  await world.startDeliverer();
  await until(id, 'FAILED');
  expect(receiver.received).toEqual([]);
});

test('of a webhook that is deleted nothing is counted any more', async () => {
  const { webhook } = await world.create(receiver.url, 'UPDATES_DEAD');
  expect(await world.webhooks.countFailure(webhook.id, true)).toBe(1);
  await world.webhooks.remove(webhook.id);
  // An attempt that began before ends behind it.
  expect(await world.webhooks.countFailure(webhook.id, true)).toBe(0);
  expect(await world.redis.exists(world.keys.webhookFailures)).toBe(0);
});

test('the log of deliveries is bounded', async () => {
  const { webhook } = await world.create(receiver.url, 'UPDATES_DEAD');
  for (let at = 0; at < 520; at += 1) await world.send(webhook);
  const key = world.keys.webhookDeliveries(webhook.id);
  expect(await world.redis.zcard(key)).toBe(500);
  expect(await world.redis.keys(`${world.keys.webhookTag}:delivery:*`)).toHaveLength(500);
});

test('deliveries are listed in the order in which they were made, also within a millisecond', async () => {
  const { webhook } = await world.create(receiver.url, 'UPDATES_DEAD');
  const first = await world.send(webhook);
  const sent = await Promise.all(Array.from({ length: 30 }, () => world.send(webhook)));
  const listed = await world.deliveries.page(webhook.id, 100, 0);
  expect(listed.map(({ id }) => id)).toEqual([first, ...sent].toReversed());
});

test('while a receiver is down, no more waits for it than is listed', async () => {
  const { webhook } = await world.create(receiver.url, 'UPDATES_DEAD');
  const ids: string[] = [];
  for (let at = 0; at < 520; at += 1) ids.push(await world.send(webhook));
  expect(await world.deliveries.find(ids[0] ?? '')).toBeUndefined();
  expect(await world.deliveries.find(ids.at(-1) ?? '')).toMatchObject({ state: 'PENDING' });
  expect(await world.deliveries.queue.getJobCountByTypes('waiting', 'delayed')).toBe(500);
});
