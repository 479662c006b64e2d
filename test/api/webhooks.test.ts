import { expect, test } from 'vitest';
import { useRedis } from '../support/useRedis.ts';
import { dumpRedis } from './support/operations.ts';
import { type Json, startApi, type TestApi } from './support/testApi.ts';

const redis = useRedis();
const URL = 'https://example.com/hook';

async function ask(api: TestApi, mutation: string, input: object, fields = ''): Promise<Json> {
  const name = `${mutation.charAt(0).toUpperCase()}${mutation.slice(1)}`;
  const data: Json = await api.run(
    `mutation ($input: ${name}Input!) {
      result: ${mutation}(input: $input) {
        __typename
        ... on ${name}Success { ${fields || '__typename'} }
        ... on Error { code }
      }
    }`,
    { input },
  );
  return data.result;
}

const WEBHOOK = 'webhook { id name url events enabled disabledReason createdBy formerSecretUntil }';

const create = (api: TestApi, over: object = {}) =>
  ask(
    api,
    'createWebhook',
    { name: 'ours', url: URL, events: ['UPDATES_DEAD', 'UPDATES_DEAD', 'BATCH_ENDED'], ...over },
    `secret ${WEBHOOK}`,
  );

const list = async (api: TestApi): Promise<Json> => {
  const data: Json = await api.run(
    'query { webhooks { nodes { id name enabled failuresInARow deliveries { nodes { id type state body } } } } }',
  );
  return data.webhooks.nodes;
};

test('a webhook is made, changed, switched off and on, and deleted', async () => {
  const api = await startApi(redis().url);
  const { webhook } = await create(api);
  expect(webhook).toEqual({
    id: expect.stringMatching(/^whk_/),
    name: 'ours',
    url: URL,
    events: ['UPDATES_DEAD', 'BATCH_ENDED'],
    enabled: true,
    disabledReason: null,
    createdBy: 'tests',
    formerSecretUntil: null,
  });
  const { id } = webhook;
  const change = (input: object) => ask(api, 'updateWebhook', { webhookId: id, ...input }, WEBHOOK);
  expect((await change({ name: 'yours' })).webhook).toMatchObject({ name: 'yours', url: URL });
  expect((await change({ enabled: false })).webhook).toMatchObject({
    enabled: false,
    disabledReason: 'Disabled by tests.',
  });
  expect((await change({ enabled: true, events: ['BATCH_ENDED'] })).webhook).toMatchObject({
    enabled: true,
    disabledReason: null,
    events: ['BATCH_ENDED'],
  });
  expect((await ask(api, 'deleteWebhook', { webhookId: id, reason: '' })).code).toBe(
    'REASON_INVALID',
  );
  expect((await ask(api, 'deleteWebhook', { webhookId: id, reason: 'done' })).__typename).toBe(
    'DeleteWebhookSuccess',
  );
  expect(await list(api)).toEqual([]);
  expect((await change({})).code).toBe('WEBHOOK_NOT_FOUND');
});

test('a secret is shown once, kept sealed, and changed by a rotation', async () => {
  const api = await startApi(redis().url);
  const { secret, webhook } = await create(api);
  expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  const rotate = (overlap: string) =>
    ask(api, 'rotateWebhookSecret', { webhookId: webhook.id, overlap }, `secret ${WEBHOOK}`);
  const rotated = await rotate('1h');
  expect(rotated.secret).not.toBe(secret);
  expect(Date.parse(rotated.webhook.formerSecretUntil)).toBeGreaterThan(Date.now());
  expect((await rotate('200h')).code).toBe('WEBHOOK_INVALID');
  const everything = `${await dumpRedis(api)}${api.log()}${JSON.stringify(await list(api))}`;
  for (const one of [secret, rotated.secret]) {
    expect(everything).not.toContain(one.replace('whsec_', ''));
  }
});

test('a test goes into the log of deliveries, and any delivery can be sent again', async () => {
  const api = await startApi(redis().url);
  const { webhook } = await create(api);
  const tested = await ask(api, 'testWebhook', { webhookId: webhook.id }, 'delivery { id state }');
  expect(tested.delivery.state).toBe('PENDING');
  const [{ deliveries }] = await list(api);
  expect(deliveries.nodes).toEqual([
    {
      id: tested.delivery.id,
      type: 'webhook.test',
      state: 'PENDING',
      body: {
        type: 'webhook.test',
        timestamp: expect.any(String),
        data: { webhookId: webhook.id, name: 'ours', sentBy: 'tests' },
      },
    },
  ]);
  const again = (deliveryId: string) =>
    ask(api, 'redeliverWebhookDelivery', { deliveryId }, 'delivery { id }');
  expect((await again(tested.delivery.id)).delivery.id).toBe(tested.delivery.id);
  expect((await again('whd_none')).code).toBe('WEBHOOK_DELIVERY_NOT_FOUND');
  expect((await ask(api, 'testWebhook', { webhookId: 'whk_none' })).code).toBe('WEBHOOK_NOT_FOUND');
  const jobs = await api.redis.keys(`${api.keys.webhookTag}:webhooks:whd_*`);
  expect(jobs).toHaveLength(2);
});

test('what lets a caller in at a receiver stays out of the audit and the log', async () => {
  const api = await startApi(redis().url);
  const { webhook } = await create(api, {
    url: 'https://hooks.example.com:8443/T00/hush-1?k=hush-2',
  });
  const change = (url: string) =>
    ask(api, 'updateWebhook', { webhookId: webhook.id, url }, WEBHOOK);
  expect((await change('https://other.example.com/hush-3')).webhook.url).toContain('hush-3');
  expect((await change('https://10.0.0.1/hush-4')).code).toBe('WEBHOOK_ADDRESS_REFUSED');
  expect((await change('https://hush-5@[hush-6')).code).toBe('WEBHOOK_URL_INVALID');
  await ask(api, 'deleteWebhook', { webhookId: webhook.id, reason: 'done' });
  const { auditLog } = await api.run('query { auditLog { nodes { action input before after } } }');
  const [deleted, invalid, refused, changed, created]: Json[] = auditLog.nodes;
  const old = { url: 'https://hooks.example.com:8443/…' };
  const now = { url: 'https://other.example.com/…' };
  expect(created).toMatchObject({ action: 'createWebhook', input: old, after: old });
  expect(changed).toMatchObject({ action: 'updateWebhook', input: now, before: old, after: now });
  expect(refused.input.url).toBe('https://10.0.0.1/…');
  expect(invalid.input.url).toBe('no URL');
  expect(deleted.before).toMatchObject(now);
  expect(`${JSON.stringify(auditLog)}${api.log()}`).not.toContain('hush');
});

test.each([
  [{ url: 'https://10.0.0.1/' }, 'WEBHOOK_ADDRESS_REFUSED'],
  [{ url: 'http://169.254.169.254/latest/meta-data' }, 'WEBHOOK_ADDRESS_REFUSED'],
  [{ url: 'https://example.com/\r\nx-injected: yes' }, 'WEBHOOK_URL_INVALID'],
  [{ url: 'ftp://example.com/' }, 'WEBHOOK_URL_INVALID'],
  [{ name: 'in\r\njected: yes' }, 'WEBHOOK_INVALID'],
  [{ name: '' }, 'WEBHOOK_INVALID'],
  [{ events: [] }, 'WEBHOOK_INVALID'],
])('%j is refused', async (over, code) => {
  const api = await startApi(redis().url);
  expect((await create(api, over)).code).toBe(code);
  const { webhook } = await create(api);
  const changed = await ask(api, 'updateWebhook', { webhookId: webhook.id, ...over }, WEBHOOK);
  expect(changed.code).toBe(code);
});

test('a private range that is allowed may be called', async () => {
  const api = await startApi(redis().url, { webhookNetworks: '10.0.0.0/8' });
  expect((await create(api, { url: 'http://10.0.0.1:8080/hook' })).webhook.enabled).toBe(true);
  expect((await create(api, { url: 'http://192.168.0.1/hook' })).code).toBe(
    'WEBHOOK_ADDRESS_REFUSED',
  );
});

test('there are fifty webhooks at most', async () => {
  const api = await startApi(redis().url);
  const made = await Promise.all(Array.from({ length: 52 }, () => create(api)));
  expect(made.filter(({ code }) => code === 'TOO_MANY_WEBHOOKS')).toHaveLength(2);
});
