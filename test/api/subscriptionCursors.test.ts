import { expect, test } from 'vitest';
import { shardOf } from '../../src/shared/domain/ids.ts';
import { eventually } from '../support/eventually.ts';
import { startRedis } from '../support/redisServer.ts';
import { useRedis } from '../support/useRedis.ts';
import { follow, type TestStream } from './support/eventStream.ts';
import { register } from './support/operations.ts';
import { type Json, startApi, type TestApi } from './support/testApi.ts';
import { endOne, UPDATE_EVENTS } from './support/updateEvents.ts';

const redis = useRedis();

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

test('a client that is cut off before its first event misses none either', async () => {
  const api = await startApi(redis().url, { heartbeatMs: 3_600_000 });
  const identity = await register(api);
  const first = await follow(api, UPDATE_EVENTS);
  void first.events.next();
  await eventually(() => expect(first.ids).toHaveLength(1));
  await first.close();
  const ended = await endOne(api, identity);
  const second = await follow(api, UPDATE_EVENTS, {}, { lastEventId: first.ids[0] ?? '' });
  expect((await second.next()).updateId).toBe(ended);
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
  // A subscription begins with the millisecond in which it is made, which the last event is not of.
  const last = Date.now();
  await eventually(() => expect(Date.now()).toBeGreaterThan(last), { intervalMs: 1 });
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
  const api = await startApi(server.url, { storeTimeoutMs: 1000 });
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
