import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseVaultKeys } from '../../../src/shared/vault/keys.ts';
import { Vault } from '../../../src/shared/vault/vault.ts';
import { MAX_ATTEMPTS } from '../../../src/shared/store/webhookDeliveries.ts';
import { Webhooks } from '../../../src/shared/store/webhooks.ts';
import { eventually } from '../../support/eventually.ts';
import { useRedis } from '../../support/useRedis.ts';
import { Receiver } from './support/receiver.ts';
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
  eventually(async () => expect((await world.delivery(id)).state).toBe(state));

test('each class of attempt is counted as itself, with how long it took', async () => {
  const answers = [200, 302, 404, 503];
  receiver.respond = (response) => {
    const status = answers[receiver.received.length - 1];
    if (status === undefined) response.destroy();
    else response.writeHead(status).end();
  };
  await world.startDeliverer();
  const { webhook } = await world.create(receiver.url, 'UPDATES_DEAD');
  await until(await world.send(webhook), 'DELIVERED');
  await until(await world.send(webhook), 'FAILED');
  const scraped = await world.scrape();
  expect(scraped).toMatchObject({
    'webhook_attempts_total/delivered': 1,
    'webhook_attempts_total/http_3xx': 1,
    'webhook_attempts_total/http_4xx': 1,
    'webhook_attempts_total/http_5xx': 1,
    'webhook_attempts_total/network': 7,
    webhook_attempt_seconds_count: 11,
    'webhook_deliveries_total/delivered': 1,
    'webhook_deliveries_total/given_up': 1,
    'webhooks/enabled': 1,
  });
});

test('an answer that does not come is a timeout', async () => {
  receiver.respond = () => undefined;
  await world.startDeliverer({ timeoutMs: 50 });
  const { webhook } = await world.create(receiver.url, 'UPDATES_DEAD');
  await until(await world.send(webhook), 'FAILED');
  // Written down first, and counted then.
  await eventually(async () =>
    expect(await world.scrape()).toMatchObject({
      'webhook_attempts_total/timeout': MAX_ATTEMPTS,
      'webhook_deliveries_total/given_up': 1,
    }),
  );
});

test('without the key of its secret nothing is sent, and the delivery ends all the same', async () => {
  const keys = parseVaultKeys(`gone:${Buffer.alloc(32, 8).toString('base64')}`);
  if (typeof keys === 'string') throw new Error(keys);
  const others = new Webhooks(world.redis, world.keys, new Vault(keys));
  const draft = { name: 'a receiver', url: receiver.url, createdBy: 'tests' };
  const { webhook } = await others.create({ ...draft, events: ['UPDATES_DEAD'] });
  await world.startDeliverer();
  const id = await world.send(webhook);
  await until(id, 'FAILED');
  expect(receiver.received).toEqual([]);
  expect((await world.delivery(id)).error).toContain('gone');
  expect(await world.scrape()).toMatchObject({ 'webhook_attempts_total/unsigned': 10 });
});

test('what waits is counted with the age of the oldest, whoever sends it in the end', async () => {
  const { webhook } = await world.create(receiver.url, 'UPDATES_DEAD');
  expect(await world.scrape()).toEqual({ 'webhooks/enabled': 1 });
  const ids = [await world.send(webhook), await world.send(webhook)];
  await eventually(async () => {
    const scraped = await world.scrape();
    expect(scraped).toMatchObject({ webhook_deliveries_pending: 2 });
    expect(scraped.webhook_oldest_delivery_seconds).toBeGreaterThan(0);
  });
  await world.startDeliverer();
  for (const id of ids) await until(id, 'DELIVERED');
  const over = await world.scrape();
  expect(over).not.toHaveProperty('webhook_deliveries_pending');
  expect(over).not.toHaveProperty('webhook_oldest_delivery_seconds');

  const answer = new Promise<ServerResponse>((resolve) => {
    receiver.respond = resolve;
  });
  await world.deliveries.again(await world.delivery(ids[0] ?? ''));
  expect(await world.scrape()).toMatchObject({ webhook_deliveries_pending: 1 });
  (await answer).writeHead(204).end();
});

test('what is crowded out before it ended is counted as lost, and waits no more', async () => {
  const { webhook } = await world.create(receiver.url, 'UPDATES_DEAD');
  for (let at = 0; at < 503; at += 1) await world.send(webhook);
  expect(await world.scrape()).toMatchObject({
    'webhook_deliveries_total/crowded_out': 3,
    webhook_deliveries_pending: 500,
  });
});

test('a webhook that was given up is told from one that an operator disabled', async () => {
  await world.startDeliverer({ disableAfter: 1 });
  receiver.respond = (response) => response.writeHead(410).end();
  const { webhook } = await world.create(receiver.url, 'UPDATES_DEAD');
  const other = await world.create(receiver.url, 'UPDATES_DEAD');
  await world.webhooks.change(other.webhook.id, (one) => ({
    ...one,
    disabled: { at: 0, reason: 'Disabled by tests.' },
  }));
  await until(await world.send(webhook), 'FAILED');
  await eventually(async () => {
    expect(await world.scrape()).toMatchObject({ 'webhooks/given_up': 1, 'webhooks/disabled': 1 });
  });
  await until(await world.send(other.webhook), 'FAILED');
  expect(await world.scrape()).toMatchObject({ 'webhook_deliveries_total/not_sent': 1 });
});
