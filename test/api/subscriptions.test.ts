import { expect, test } from 'vitest';
import { runScript } from '../../src/shared/redis/script.ts';
import { HEARTBEAT, LEAVE } from '../../src/shared/store/lua/fleetScripts.ts';
import { BatchEnds } from '../../src/shared/store/batchEnds.ts';
import { shardOf } from '../../src/shared/domain/ids.ts';
import { useRedis } from '../support/useRedis.ts';
import { follow } from './support/eventStream.ts';
import { register } from './support/operations.ts';
import { type Json, startApi } from './support/testApi.ts';
import { cancel, endOne, sendOne, UPDATE_EVENTS } from './support/updateEvents.ts';

const redis = useRedis();

test('the end of an update is told as it happens, with the update as it is by then', async () => {
  const api = await startApi(redis().url);
  const identityId = await register(api);
  const id = await sendOne(api, identityId);
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
