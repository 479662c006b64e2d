import { expect, test } from 'vitest';
import { shardOf } from '../../src/shared/domain/ids.ts';
import { useRedis } from '../support/useRedis.ts';
import { register } from './support/operations.ts';
import { type Json, startApi, type TestApi, tokenOf } from './support/testApi.ts';

const redis = useRedis();

const PAUSE = 'scope shard identityId groupId actor reason since';

async function ask(api: TestApi, verb: 'pause' | 'resume', input: object, token?: string) {
  const name = verb === 'pause' ? 'PauseUpdates' : 'ResumeUpdates';
  const data: Json = await api.run(
    `mutation ($input: ${name}Input!) { result: ${verb}Updates(input: $input) {
      __typename
      ... on Error { code message remedy }
      ... on ${name}Success { pause { ${PAUSE} } }
    } }`,
    { input },
    token,
  );
  return data.result;
}

const reason = 'maintenance of the line';

test('a pause tells who made it and why; a second one changes nothing; resuming ends it', async () => {
  const api = await startApi(redis().url);
  const made = await ask(api, 'pause', { target: { fleet: true }, reason }, tokenOf('approver'));
  expect(made.pause).toEqual({
    scope: 'FLEET',
    shard: null,
    identityId: null,
    groupId: null,
    actor: 'approver',
    reason,
    since: expect.stringMatching(/Z$/),
  });
  const second = await ask(api, 'pause', { target: { fleet: true }, reason: 'another' });
  expect(second.pause).toEqual(made.pause);
  expect((await api.run(`{ fleet { pauses { ${PAUSE} } } }`)).fleet.pauses).toEqual([made.pause]);
  expect((await ask(api, 'resume', { target: { fleet: true } })).pause).toEqual(made.pause);
  expect((await ask(api, 'resume', { target: { fleet: true } })).code).toBe('NOT_PAUSED');
});

test('a pause names its identity or group as they are, as long as they are there', async () => {
  const api = await startApi(redis().url);
  const identityId = await register(api);
  const create = 'mutation { createGroup(input: { name: "plant" }) { __typename } }';
  await api.run(create);
  for (const target of [{ identityId }, { group: 'plant' }])
    await ask(api, 'pause', { target, reason });
  const query = '{ fleet { pauses { scope identity { username } group { name } } } }';
  expect((await api.run(query)).fleet.pauses).toEqual([
    { scope: 'IDENTITY', identity: { username: 'alice' }, group: null },
    { scope: 'GROUP', identity: null, group: { name: 'plant' } },
  ]);
  const remove = `mutation ($id: ID!) {
    removeIdentity(input: { identityId: $id, reason: "gone" }) { __typename }
  }`;
  await api.run(remove, { id: identityId });
  const [first] = (await api.run(query)).fleet.pauses;
  expect(first).toEqual({ scope: 'IDENTITY', identity: null, group: null });
});

test('updates of what is paused say so, with who and why, and others do not', async () => {
  const api = await startApi(redis().url);
  const ids = await Promise.all(['a', 'b'].map((name) => register(api, name)));
  const wait = async (identityId: string) => {
    const data = await api.run(
      `mutation ($id: ID!) { updateShadow(input: { identityId: $id, thing: "t", desired: { a: 1 } }) {
        ... on UpdateShadowSuccess { update { id wait { reason detail } } }
      } }`,
      { id: identityId },
    );
    const { update } = data.updateShadow;
    const again = await api.run('query ($id: ID!) { update(id: $id) { wait { reason detail } } }', {
      id: update.id,
    });
    return again.update.wait;
  };
  const [first = '', second = ''] = ids;
  await ask(api, 'pause', { target: { identityId: first }, reason });
  expect(await wait(first)).toEqual({
    reason: 'PAUSED',
    detail: `identity:${first}, by tests: ${reason}`,
  });
  expect(await wait(second)).toEqual({ reason: 'NO_OWNER', detail: null });
  const shard = shardOf(second, 8);
  await ask(api, 'pause', { target: { shard }, reason });
  expect(await wait(second)).toMatchObject({ reason: 'BEHIND_ANOTHER_UPDATE' });
  const third = await register(api, 'c');
  const paused = shardOf(third, 8) === shard ? 'PAUSED' : 'NO_OWNER';
  expect(await wait(third)).toMatchObject({ reason: paused });
});

test('what is not there, or names nothing or too much, is refused', async () => {
  const api = await startApi(redis().url);
  const refused = async (target: object) => (await ask(api, 'pause', { target, reason })).code;
  expect(await refused({ shard: 8 })).toBe('SHARD_NOT_FOUND');
  expect(await refused({ shard: -1 })).toBe('SHARD_NOT_FOUND');
  expect(await refused({ identityId: 'idn_nobody' })).toBe('IDENTITY_NOT_FOUND');
  expect(await refused({ fleet: false })).toBe('PAUSE_TARGET_INVALID');
  expect((await ask(api, 'pause', { target: { fleet: true }, reason: '' })).code).toBe(
    'REASON_INVALID',
  );
  const both = await api.send(
    'mutation { pauseUpdates(input: { target: { fleet: true, shard: 1 }, reason: "r" }) { __typename } }',
  );
  expect(both.errors[0].message).toMatch(/[Ee]xactly one/);
  expect(await api.redis.exists(api.keys.pauses)).toBe(0);
});

test('no more pauses are taken than workers can follow', async () => {
  const api = await startApi(redis().url);
  const pause = JSON.stringify({ actor: 'a', reason: 'r', since: 1 });
  const many = Array.from({ length: 1000 }, (_, at) => [`identity:idn_${at}`, pause]).flat();
  await api.redis.hset(api.keys.pauses, ...many);
  const refused = await ask(api, 'pause', { target: { fleet: true }, reason });
  expect(refused.code).toBe('TOO_MANY_PAUSES');
  await ask(api, 'resume', { target: { identityId: 'idn_7' } });
  expect((await ask(api, 'pause', { target: { fleet: true }, reason })).pause.scope).toBe('FLEET');
});
