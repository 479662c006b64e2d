import { expect, test } from 'vitest';
import { shardOfUpdate } from '../../src/shared/domain/ids.ts';
import { useRedis } from '../support/useRedis.ts';
import { OTHER_TOKEN, type Json, startApi, type TestApi } from './support/testApi.ts';
import { register, updateShadow } from './support/operations.ts';

const redis = useRedis();

const FIELDS = `
  id state thing shadow desired confirm expectedVersion coalesce supersededFields
  cancellation { actor reason } carriedBy { id } replayOf { id } replays { id }`;
const CANCEL = `mutation ($input: CancelUpdateInput!) {
  result: cancelUpdate(input: $input) {
    __typename ... on CancelUpdateSuccess { update { ${FIELDS} } } ... on Error { code message remedy }
  }
}`;
const REPLAY = `mutation ($input: ReplayUpdateInput!) {
  result: replayUpdate(input: $input) {
    __typename ... on ReplayUpdateSuccess { update { ${FIELDS} } } ... on Error { code message remedy }
  }
}`;
const DEAD = `query ($first: Int, $after: String) {
  deadUpdates(first: $first, after: $after) {
    edges { cursor node { id state } } nodes { id } pageInfo { hasNextPage endCursor }
  }
}`;

async function start(input: object = {}): Promise<{ api: TestApi; id: string }> {
  const api = await startApi(redis().url);
  const identityId = await register(api);
  const asked = { identityId, thing: 'device_1', desired: { power: 'OFF' }, ...input };
  const answer = await updateShadow(api, asked);
  return { api, id: answer.update.id };
}

const run = async (api: TestApi, mutation: string, input: object): Promise<Json> =>
  (await api.run(mutation, { input }, OTHER_TOKEN)).result;

/** Ends an update as a worker would leave it; there is none here. */
async function end(api: TestApi, id: string, state: string, finishedAt: number): Promise<void> {
  const keys = api.keys.shard(shardOfUpdate(id) ?? -1);
  await api.redis.hset(keys.update(id), { state, finishedAt, failure: '{"code":"REJECTED"}' });
  if (state !== 'SUCCEEDED') await api.redis.zadd(keys.dead, finishedAt, id);
}

test('what waits is canceled with its reason and by whom, as often as asked', async () => {
  const { api, id } = await start({ coalesce: true });
  const input = { updateId: id, reason: 'ordered by mistake' };
  for (const _time of [1, 2]) {
    expect((await run(api, CANCEL, input)).update).toMatchObject({
      id,
      state: 'CANCELED',
      coalesce: true,
      carriedBy: null,
      supersededFields: [],
      cancellation: { actor: 'others', reason: 'ordered by mistake' },
    });
  }
});

test('what cannot be canceled says why', async () => {
  const { api, id } = await start();
  const code = async (input: object) => (await run(api, CANCEL, input)).code;
  expect(await code({ updateId: 'upd_0_nonsense' })).toBe('UPDATE_NOT_FOUND');
  expect(await code({ updateId: id, reason: ' ' })).toBe('REASON_INVALID');
  await end(api, id, 'SUCCEEDED', 5);
  expect(await code({ updateId: id })).toBe('UPDATE_FINISHED');
});

test('a dead update is replayed as a new one, and each tells of the other', async () => {
  const asked = { confirm: 'PUBACK', shadow: 'config', expectedVersion: 4, coalesce: true };
  const { api, id } = await start(asked);
  expect((await run(api, REPLAY, { updateId: id })).code).toBe('UPDATE_NOT_REPLAYABLE');
  await end(api, id, 'FAILED', Date.now());

  const same = (await run(api, REPLAY, { updateId: id, idempotencyKey: 'k' })).update;
  expect(same).toMatchObject({ ...asked, state: 'QUEUED', desired: { power: 'OFF' } });
  expect(same.replayOf).toEqual({ id });
  const repeated = (await run(api, REPLAY, { updateId: id, idempotencyKey: 'k' })).update;
  expect(repeated.id).toBe(same.id);
  const changes = { desired: { power: 'ON' }, expectedVersion: 7 };
  const changed = (await run(api, REPLAY, { updateId: id, ...changes })).update;
  expect(changed).toMatchObject({ ...changes, replayOf: { id } });

  const { update } = await api.run(`query ($id: ID!) { update(id: $id) { ${FIELDS} } }`, { id });
  expect(update).toMatchObject({ state: 'FAILED', desired: { power: 'OFF' } });
  expect(update.replays).toEqual([{ id: same.id }, { id: changed.id }]);
  expect(update.replayOf).toBeNull();
});

test('of an update that was replayed very often, the newest replays are told', async () => {
  const { api, id } = await start();
  await end(api, id, 'FAILED', Date.now());
  const made: string[] = [];
  for (let time = 0; time < 103; time += 1) {
    made.push((await run(api, REPLAY, { updateId: id })).update.id);
  }
  const { update } = await api.run('query ($id: ID!) { update(id: $id) { replays { id } } }', {
    id,
  });
  expect(update.replays.map((replay: { id: string }) => replay.id)).toEqual(made.slice(-100));
  const shard = api.keys.shard(shardOfUpdate(id) ?? 0);
  expect(await api.redis.llen(shard.replays(id))).toBe(100);
});

test('a replay is checked as any update is', async () => {
  const { api, id } = await start();
  await end(api, id, 'EXPIRED', Date.now());
  const code = async (input: object) => (await run(api, REPLAY, { updateId: id, ...input })).code;
  expect(await code({ desired: {} })).toBe('DESIRED_INVALID');
  expect(await code({ expectedVersion: -1 })).toBe('EXPECTED_VERSION_INVALID');
  expect(await code({ expiresAt: '2020-01-01T00:00:00Z' })).toBe('EXPIRES_AT_INVALID');
  expect((await run(api, REPLAY, { updateId: 'upd_0_nonsense' })).code).toBe('UPDATE_NOT_FOUND');
});

test('the dead of all shards come newest first, page by page', async () => {
  const api = await startApi(redis().url);
  const ids: string[] = [];
  for (let at = 0; at < 7; at += 1) {
    const identityId = await register(api, `user-${at}`);
    const answer = await updateShadow(api, { identityId, thing: 'device_1', desired: { at } });
    ids.push(answer.update.id);
    await end(api, answer.update.id, at % 2 === 0 ? 'FAILED' : 'EXPIRED', 1000 + at);
  }
  const seen: string[] = [];
  for (let after: string | null = null, more = true; more; ) {
    const { deadUpdates: page }: Json = await api.run(DEAD, { first: 3, after });
    expect(page.nodes.map(({ id }: Json) => id)).toEqual(
      page.edges.map(({ node }: Json) => node.id),
    );
    seen.push(...page.nodes.map(({ id }: Json) => id));
    after = page.pageInfo.endCursor;
    more = page.pageInfo.hasNextPage;
  }
  expect(seen).toEqual(ids.toReversed());
  for (const variables of [{ first: 0 }, { first: 501 }, { after: 'nonsense' }]) {
    const { errors } = await api.send(DEAD, variables);
    expect(errors[0].extensions.code).toBe('PAGE_INVALID');
  }
});

test('a replay keeps the expected version, takes another one, or none where it says null', async () => {
  const { api, id } = await start({ expectedVersion: 7 });
  await end(api, id, 'FAILED', 1);
  const versionOf = async (input: object) =>
    (await run(api, REPLAY, { updateId: id, ...input })).update.expectedVersion;
  expect(await versionOf({})).toBe(7);
  expect(await versionOf({ expectedVersion: 9 })).toBe(9);
  expect(await versionOf({ expectedVersion: null })).toBe(null);
});

test('a replay may wait for its end, for as long as any answer may', async () => {
  const { api, id } = await start();
  await end(api, id, 'FAILED', 1);
  const { code } = await run(api, REPLAY, { updateId: id, wait: '1h' });
  expect(code).toBe('WAIT_INVALID');
  const { update } = await run(api, REPLAY, { updateId: id, wait: '10ms' });
  expect(update).toMatchObject({ state: 'QUEUED', replayOf: { id } });
});
