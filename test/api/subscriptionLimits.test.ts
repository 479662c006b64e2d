import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { useRedis } from '../support/useRedis.ts';
import { follow } from './support/eventStream.ts';
import { startIssuer, trusting } from './support/issuer.ts';
import { type Json, OTHER_TOKEN, startApi, type TestApi, TOKEN } from './support/testApi.ts';
import { UPDATE_EVENTS } from './support/updateEvents.ts';

const redis = useRedis();

/** Begins a subscription; resolves once it stands, or with the code of its refusal. */
async function begin(api: TestApi, token = TOKEN): Promise<string> {
  const { events, ids } = await follow(api, UPDATE_EVENTS, {}, { token });
  const first = events.next();
  let code: string | undefined;
  await Promise.race([
    first.then(({ value }) => {
      code = value?.data.errors?.[0].extensions.code;
    }),
    eventually(() => expect(ids.length).toBeGreaterThan(0)),
  ]);
  return code ?? 'STANDS';
}

async function makeToken(api: TestApi, name: string): Promise<string> {
  const data: Json = await api.run(
    `mutation ($input: CreateApiTokenInput!) {
      createApiToken(input: $input) { ... on CreateApiTokenSuccess { secret } }
    }`,
    { input: { name, role: 'VIEWER' } },
  );
  return data.createApiToken.secret as string;
}

test('one caller has a limited number of subscriptions, and others have theirs', async () => {
  const api = await startApi(redis().url, { events: { perCaller: 2 } });
  await follow(api, UPDATE_EVENTS);
  const second = await follow(api, UPDATE_EVENTS);
  expect(await begin(api)).toBe('TOO_MANY_SUBSCRIPTIONS');
  expect(await begin(api, OTHER_TOKEN)).toBe('STANDS');
  await second.close();
  await eventually(async () => expect(await begin(api)).toBe('STANDS'));
});

test('a token and a user of an issuer are different callers, though their name is the same', async () => {
  const issuer = await startIssuer();
  const api = await startApi(redis().url, { jwt: trusting(issuer), events: { perCaller: 1 } });
  const user = await issuer.sign({ sub: 'tests' });
  const token = await makeToken(api, 'tests');
  for (const each of [TOKEN, user, token]) {
    expect(await begin(api, each)).toBe('STANDS');
    expect(await begin(api, each)).toBe('TOO_MANY_SUBSCRIPTIONS');
  }
});

test('tokens of one name are one caller, so that a second token is no second share', async () => {
  const api = await startApi(redis().url, { events: { perCaller: 1 } });
  expect(await begin(api, await makeToken(api, 'collector'))).toBe('STANDS');
  expect(await begin(api, await makeToken(api, 'collector'))).toBe('TOO_MANY_SUBSCRIPTIONS');
  expect(await begin(api, await makeToken(api, 'reporter'))).toBe('STANDS');
});

test('all callers together have a limited number of subscriptions', async () => {
  const api = await startApi(redis().url, { events: { perCaller: 2, inAll: 3 } });
  for (const token of [TOKEN, TOKEN, OTHER_TOKEN]) expect(await begin(api, token)).toBe('STANDS');
  expect(await begin(api, OTHER_TOKEN)).toBe('TOO_MANY_SUBSCRIPTIONS');
});

test('nothing is looked at while nobody subscribes, and a client that hangs up is forgotten', async () => {
  const api = await startApi(redis().url);
  expect(api.services.feed.active).toBe(false);
  const stream = await follow(api, UPDATE_EVENTS);
  expect(api.services.feed.active).toBe(true);
  expect(await api.registry.metrics()).toMatch(/^courier_api_subscriptions 1$/m);
  await stream.close();
  await eventually(async () => {
    expect(api.services.feed.active).toBe(false);
    expect(await api.registry.metrics()).toMatch(/^courier_api_subscriptions 0$/m);
  });
});

test('a process that stops ends its streams so that clients come back', async () => {
  const api = await startApi(redis().url);
  const stream = await follow(api, UPDATE_EVENTS);
  const events = stream.events.next();
  api.services.subscriptions.stop();
  // Without `complete`, after which a client would not come back.
  expect(await events).toEqual({ value: undefined, done: true });
  // The same for who comes while it stops, over a connection that is still there.
  const late = await follow(api, UPDATE_EVENTS);
  expect(await late.events.next()).toEqual({ value: undefined, done: true });
});

test('a subscription that is old enough is interrupted the same way', async () => {
  const api = await startApi(redis().url, { events: { maxMs: 100 } });
  const stream = await follow(api, UPDATE_EVENTS);
  expect(await stream.events.next()).toEqual({ value: undefined, done: true });
  expect(stream.ids.length).toBeGreaterThan(0);
});
