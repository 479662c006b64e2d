import { afterEach, expect, test } from 'vitest';
import { runScript } from '../../src/shared/redis/script.ts';
import { HEARTBEAT, LEAVE } from '../../src/shared/store/lua/fleetScripts.ts';
import { BatchEnds } from '../../src/shared/store/batchEnds.ts';
import { shardOf } from '../../src/shared/domain/ids.ts';
import { eventually } from '../support/eventually.ts';
import { startRedis } from '../support/redisServer.ts';
import { useRedis } from '../support/useRedis.ts';
import { subscribe, type TestStream } from './support/eventStream.ts';
import { register, updateShadow } from './support/operations.ts';
import { type Json, OTHER_TOKEN, startApi, type TestApi } from './support/testApi.ts';

const redis = useRedis();

const UPDATE_EVENTS = /* GraphQL */ `
  subscription ($ids: [ID!], $filter: UpdateEventFilter, $after: String) {
    updateEvents(ids: $ids, filter: $filter, after: $after) {
      cursor type updateId state failureCode thing identityId batchId waitReason
      update { id state cancellation { actor } }
    }
  }
`;

const CANCEL =
  'mutation ($input: CancelUpdateInput!) { cancelUpdate(input: $input) { __typename } }';

async function send(api: TestApi, identityId: string, thing = 'device_1'): Promise<string> {
  const answer = await updateShadow(api, { identityId, thing, desired: { power: 'ON' } });
  return answer.update.id as string;
}

const cancel = (api: TestApi, updateId: string) => api.run(CANCEL, { input: { updateId } });

/** Sends an update and ends it. */
async function endOne(api: TestApi, identityId: string, thing?: string): Promise<string> {
  const id = await send(api, identityId, thing);
  await cancel(api, id);
  return id;
}

const open: TestStream[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((stream) => stream.close()));
});

async function follow(...args: Parameters<typeof subscribe>): Promise<TestStream> {
  const stream = await subscribe(...args);
  open.push(stream);
  return stream;
}

test('the end of an update is told as it happens, with the update as it is by then', async () => {
  const api = await startApi(redis().url);
  const identityId = await register(api);
  const id = await send(api, identityId);
  const stream = await follow(api, UPDATE_EVENTS, { ids: [id] });
  expect(stream.headers.get('content-type')).toBe('text/event-stream');
  await endOne(api, identityId, 'device_2');
  await cancel(api, id);
  const event = await stream.next();
  expect(event).toEqual({
    cursor: expect.any(String),
    type: 'UPDATE_ENDED',
    updateId: id,
    state: 'CANCELED',
    failureCode: null,
    thing: 'device_1',
    identityId,
    batchId: null,
    waitReason: null,
    update: { id, state: 'CANCELED', cancellation: { actor: 'tests' } },
  });
  expect(stream.ids).toContain(event.cursor);
});

test('events are filtered by identity, thing and state', async () => {
  const api = await startApi(redis().url);
  const [alice, bob] = [await register(api, 'alice'), await register(api, 'bob')];
  const things = await follow(api, UPDATE_EVENTS, { filter: { thing: 'device_2' } });
  const ofBob = await follow(api, UPDATE_EVENTS, { filter: { identityId: bob } });
  const failed = await follow(api, UPDATE_EVENTS, { filter: { states: ['FAILED', 'HELD'] } });
  const first = await endOne(api, alice, 'device_1');
  const second = await endOne(api, bob, 'device_2');
  expect((await things.next()).updateId).toBe(second);
  expect((await ofBob.next()).updateId).toBe(second);
  expect(first).not.toBe(second);
  // What the state filter left out does not come later either.
  await api.redis.xadd(api.keys.shard(shardOf(alice, 8)).events, '*', ...heldEvent(alice));
  expect(await failed.next()).toMatchObject({ type: 'UPDATE_HELD', waitReason: 'BACKOFF' });
});

function heldEvent(identityId: string): string[] {
  const fields = { k: 'H', u: '0'.repeat(26), r: 'BACKOFF', d: '', i: identityId, t: 'device_1' };
  return Object.entries(fields).flat();
}

test('a client that comes back goes on without a gap and sees nothing twice', async () => {
  const api = await startApi(redis().url);
  const identities = await Promise.all(
    ['a', 'b', 'c', 'd', 'e'].map((name) => register(api, name)),
  );
  const first = await follow(api, UPDATE_EVENTS);
  const ended: string[] = [];
  for (const id of identities) ended.push(await endOne(api, id));
  const seen: Json[] = [await first.next(), await first.next()];
  await first.close();
  for (const id of identities) ended.push(await endOne(api, id));

  const rest = ended.length - seen.length;
  const after = seen.at(-1).cursor as string;
  const byArgument = await follow(api, UPDATE_EVENTS, { after });
  const byHeader = await follow(api, UPDATE_EVENTS, {}, { lastEventId: after });
  for (const stream of [byArgument, byHeader]) {
    const others: Json[] = [];
    for (let count = 0; count < rest; count += 1) others.push(await stream.next());
    const ids = [...seen, ...others].map(({ updateId }) => updateId as string);
    expect(ids.toSorted()).toEqual(ended.toSorted());
  }
});

test('each cursor of many events in one millisecond and many shards goes on right behind it', async () => {
  const api = await startApi(redis().url);
  const identity = await register(api);
  const all = await follow(api, UPDATE_EVENTS);
  const at = Date.now() - 1000;
  for (let event = 0; event < 30; event += 1) {
    const fields = { k: 'E', u: String(event).padStart(26, '0'), s: 'SUCCEEDED', i: identity };
    const key = api.keys.shard(event % 3).events;
    await api.redis.xadd(key, `${at}-${Math.floor(event / 3)}`, ...Object.entries(fields).flat());
  }
  await all.close();
  const before = Buffer.from(`${at - 1}.0.0`).toString('base64url');
  const whole = await follow(api, UPDATE_EVENTS, { after: before });
  const cursors: string[] = [];
  for (let event = 0; event < 30; event += 1) cursors.push((await whole.next()).cursor);
  for (const place of [0, 1, 2, 10, 28]) {
    const rest = await follow(api, UPDATE_EVENTS, { after: cursors[place] });
    expect((await rest.next()).cursor).toBe(cursors[place + 1]);
    await rest.close();
  }
});

test('a cursor whose events were trimmed is refused, and so is nonsense', async () => {
  const api = await startApi(redis().url);
  const identity = await register(api);
  const stream = await follow(api, UPDATE_EVENTS);
  await endOne(api, identity);
  const { cursor } = await stream.next();
  await stream.close();
  await eventually(() => expect(api.services.feed.active).toBe(false));
  for (let count = 0; count < 3; count += 1) await endOne(api, identity);
  await api.redis.xtrim(api.keys.shard(shardOf(identity, 8)).events, 'MAXLEN', 1);
  const codeOf = async (after: string) => {
    const refused = await follow(api, UPDATE_EVENTS, { after });
    const { value } = await refused.events.next();
    return value?.data.errors[0].extensions.code as string;
  };
  expect(await codeOf(cursor)).toBe('CURSOR_EXPIRED');
  expect(await codeOf('nonsense')).toBe('CURSOR_INVALID');
  const future = Buffer.from(`${Date.now() + 3_600_000}.0.0`).toString('base64url');
  expect(await codeOf(future)).toBe('CURSOR_EXPIRED');
});

test('a slow reader holds up nobody and misses nothing', async () => {
  const api = await startApi(redis().url);
  const identity = await register(api);
  const slow = await follow(api, UPDATE_EVENTS);
  const shard = api.keys.shard(shardOf(identity, 8)).events;
  const total = 3000;
  const add = async (event: number) => {
    const fields = { k: 'E', u: String(event).padStart(26, '0'), s: 'FAILED', i: identity };
    await api.redis.xadd(shard, '*', ...Object.entries(fields).flat());
  };
  for (let event = 0; event < total; event += 1) await add(event);
  const quick = await follow(api, UPDATE_EVENTS);
  await add(total);
  expect((await quick.next()).updateId).toContain(String(total).padStart(26, '0'));
  for (let event = 0; event <= total; event += 1) {
    expect((await slow.next()).updateId).toContain(String(event).padStart(26, '0'));
  }
});

/** A subscriber that has read nothing yet of more events than the process keeps for it. */
async function farBehind(api: TestApi): Promise<TestStream> {
  const slow = await follow(api, UPDATE_EVENTS);
  const quick = await follow(api, UPDATE_EVENTS);
  const total = 2000;
  const add = (event: number) =>
    api.redis.xadd(
      api.keys.shard(0).events,
      '*',
      ...Object.entries({ k: 'E', u: String(event).padStart(26, '0'), s: 'FAILED' }).flat(),
    );
  for (let event = 0; event < total; event += 1) await add(event);
  for (let event = 0; event < total; event += 1) await quick.next();
  await quick.close();
  return slow;
}

/** What the last events of a stream are. */
async function endOf(stream: TestStream): Promise<Json[]> {
  const all: Json[] = [];
  for await (const { event, data } of stream.events) all.push({ event, data });
  return all.slice(-2);
}

const failedWith = (code: string) => [
  {
    event: 'next',
    data: { errors: [expect.objectContaining({ extensions: expect.objectContaining({ code }) })] },
  },
  { event: 'complete', data: undefined },
];

test('a subscriber whose next events were trimmed is told so before its stream ends', async () => {
  const api = await startApi(redis().url);
  const slow = await farBehind(api);
  await api.redis.xtrim(api.keys.shard(0).events, 'MAXLEN', 1);
  expect(await endOf(slow)).toEqual(failedWith('CURSOR_EXPIRED'));
});

test('a subscriber whose next events Redis does not give is told so before its stream ends', async () => {
  const server = await startRedis();
  const api = await startApi(server.url, { storeTimeoutMs: 300 });
  const slow = await farBehind(api);
  await server.kill();
  expect(await endOf(slow)).toEqual(failedWith('STORE_UNAVAILABLE'));
});

test('while nothing happens the stream says that it lives, and from where to go on', async () => {
  const api = await startApi(redis().url);
  const identity = await register(api);
  const stream = await follow(api, UPDATE_EVENTS);
  const reading = stream.next();
  await eventually(() => expect(stream.ids.length).toBeGreaterThan(1));
  const id = await endOne(api, identity);
  expect((await reading).updateId).toBe(id);
  const after = await follow(api, UPDATE_EVENTS, {}, { lastEventId: stream.ids[0] ?? '' });
  expect((await after.next()).updateId).toBe(id);
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

test('one actor has a limited number of subscriptions, and others have theirs', async () => {
  const api = await startApi(redis().url, { events: { perActor: 2 } });
  await follow(api, UPDATE_EVENTS);
  const second = await follow(api, UPDATE_EVENTS);
  const third = await follow(api, UPDATE_EVENTS);
  const { value } = await third.events.next();
  expect(value?.data.errors[0].extensions.code).toBe('TOO_MANY_SUBSCRIPTIONS');
  expect((await follow(api, UPDATE_EVENTS, {}, { token: OTHER_TOKEN })).status).toBe(200);
  await second.close();
  await eventually(async () => {
    const again = await follow(api, UPDATE_EVENTS);
    const event = again.events.next();
    await endOne(api, await register(api, `user${Math.random()}`));
    expect((await event).value?.data.errors).toBeUndefined();
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

test('a client that takes no events is told so', async () => {
  const api = await startApi(redis().url);
  const answer = await api.send(UPDATE_EVENTS);
  expect(answer.errors[0].extensions.code).toBe('NOT_ACCEPTABLE');
  expect(api.services.feed.active).toBe(false);
});

test('a batch tells how far it is, until all of it has ended', async () => {
  const api = await startApi(redis().url);
  const identities = await Promise.all(['a', 'b', 'c'].map((name) => register(api, name)));
  const updates = identities.map((identityId) => ({
    identityId,
    thing: 'device_1',
    desired: { power: 'ON' },
  }));
  const data: Json = await api.run(
    `mutation ($input: UpdateShadowsInput!) {
      updateShadows(input: $input) { ... on UpdateShadowsSuccess { batch { id } rows { update { id } } } }
    }`,
    { input: { updates } },
  );
  const { batch, rows } = data.updateShadows;
  const query =
    'subscription ($id: ID!) { batchEvents(id: $id) { type batch { id state ended total } } }';
  const stream = await follow(api, query, { id: batch.id });
  expect(await stream.next()).toMatchObject({ type: 'PROGRESS', batch: { ended: 0, total: 3 } });
  await cancel(api, rows[0].update.id);
  expect(await stream.next()).toMatchObject({ type: 'PROGRESS', batch: { ended: 1 } });
  for (const row of rows.slice(1)) await cancel(api, row.update.id);
  const ends = new BatchEnds(api.redis, api.keys, api.services.batches, 60_000);
  for (let shard = 0; shard < 8; shard += 1) await ends.sweep(shard);
  let last: Json;
  do last = await stream.next();
  while (last.type === 'PROGRESS');
  expect(last).toMatchObject({ type: 'ENDED', batch: { state: 'COMPLETED', ended: 3 } });
  expect((await stream.events.next()).value).toMatchObject({ event: 'complete' });

  const late = await follow(api, query, { id: batch.id });
  expect(await late.next()).toMatchObject({ type: 'ENDED' });
  const none = await follow(api, query, { id: `bat_${'0'.repeat(26)}` });
  expect((await none.events.next()).value?.data.errors[0].extensions.code).toBe('BATCH_NOT_FOUND');
});

test('an identity that is parked and released, and workers that come and go, are told', async () => {
  const api = await startApi(redis().url);
  const id = await register(api);
  const identity = await follow(
    api,
    'subscription ($id: ID!) { identityEvents(id: $id) { type status waitReason identity { id } } }',
    { id },
  );
  const workers = await follow(api, 'subscription { workerEvents(worker: "one") { type worker } }');
  const fleet = await follow(
    api,
    'subscription { fleetEvents { type worker action actor subjects } }',
  );
  const beat = (worker: string) =>
    runScript(
      api.redis,
      HEARTBEAT,
      [api.keys.members, api.keys.memberInfo],
      [worker, '{}', 60_000],
    );
  const record = api.keys.shard(shardOf(id, 8)).identity(id);
  await api.redis.hset(record, 'status', 'QUARANTINED');
  await api.run(
    'mutation ($input: ReleaseIdentityInput!) { releaseIdentity(input: $input) { __typename } }',
    { input: { identityId: id } },
  );
  expect(await identity.next()).toMatchObject({ status: 'ACTIVE', identity: { id } });
  for (const worker of ['two', 'two', 'one', 'one']) await beat(worker);
  await api.run('mutation ($input: WorkerInput!) { drainWorker(input: $input) { __typename } }', {
    input: { worker: 'two' },
  });
  await runScript(api.redis, LEAVE, [api.keys.members, api.keys.memberInfo], ['one']);
  expect(await workers.next()).toEqual({ type: 'WORKER_JOINED', worker: 'one' });
  expect(await workers.next()).toEqual({ type: 'WORKER_LEFT', worker: 'one' });
  const told: Json[] = [];
  for (let count = 0; count < 4; count += 1) told.push(await fleet.next());
  expect(told.map(({ type, worker }) => `${type} ${worker}`)).toEqual([
    'WORKER_JOINED two',
    'WORKER_JOINED one',
    'OPERATOR_ACTED null',
    'WORKER_LEFT one',
  ]);
  expect(told[2]).toMatchObject({ action: 'drainWorker', actor: 'tests' });
});
