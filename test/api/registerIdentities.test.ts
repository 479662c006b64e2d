import { expect, test } from 'vitest';
import { useRedis } from '../support/useRedis.ts';
import { dumpRedis, register } from './support/operations.ts';
import { type Json, startApi, type TestApi } from './support/testApi.ts';

const redis = useRedis();

const REGISTER_MANY = /* GraphQL */ `
  mutation ($input: RegisterIdentitiesInput!) {
    registerIdentities(input: $input) {
      __typename
      ... on RegisterIdentitiesSuccess {
        created
        refused
        rows { index created identity { id username label tags } error { code message } }
      }
      ... on Error { code message }
    }
  }
`;

async function run(api: TestApi, identities: readonly object[], over: object = {}): Promise<Json> {
  const data: Json = await api.run(REGISTER_MANY, { input: { identities, ...over } });
  return data.registerIdentities;
}

test('each row is registered or says why not, and the others go on', async () => {
  const api = await startApi(redis().url);
  const answer = await run(api, [
    { username: 'alice', password: 'her-password', label: 'the kitchen', tags: ['b', 'a', 'b'] },
    { username: 'bo b', password: 'his-password' },
    { username: 'carol' },
    { username: 'dave', refreshToken: 'a.refresh.token' },
    { username: 'erin', password: 'her-password', tags: ['no,comma'] },
    { username: 'alice', password: 'another-password' },
  ]);
  expect(answer).toMatchObject({ created: 2, refused: 4 });
  const codes = answer.rows.map(({ error }: Json) => error?.code ?? null);
  expect(codes).toEqual([
    null,
    'USERNAME_INVALID',
    'SECRET_INVALID',
    null,
    'TAGS_INVALID',
    'IDENTITY_EXISTS',
  ]);
  expect(answer.rows[0].identity).toMatchObject({ label: 'the kitchen', tags: ['a', 'b'] });
  expect(answer.rows[5].error.message).toContain('row 0');
});

test('a request that comes again answers the same identities', async () => {
  const api = await startApi(redis().url);
  const id = await register(api);
  const users = [
    { username: 'alice', password: 'another-password' },
    { username: 'bob', password: 'his-password' },
  ];
  const first = await run(api, users);
  expect(first.rows.map(({ created }: Json) => created as boolean)).toEqual([false, true]);
  expect(first.rows[0].identity.id).toBe(id);
  const again = await run(api, users);
  expect(again).toMatchObject({ created: 0, refused: 0 });
  expect(again.rows.map(({ identity }: Json) => identity.id as string)).toEqual(
    first.rows.map(({ identity }: Json) => identity.id as string),
  );
  const refused = await run(api, users, { onExisting: 'REFUSE' });
  expect(refused.rows[1].error.code).toBe('IDENTITY_EXISTS');
});

test('no secret of a request is in an answer, in the log or in Redis', async () => {
  const api = await startApi(redis().url);
  const answer = await run(api, [
    { username: 'alice', password: 'a-very-secret-password' },
    { username: 'b ob', password: 'a-very-secret-password' },
  ]);
  expect(JSON.stringify(answer)).not.toContain('a-very-secret');
  expect(api.log()).not.toContain('a-very-secret');
  expect(await dumpRedis(api)).not.toContain('a-very-secret');
});

test('a thousand are one request, one more is too many', async () => {
  const api = await startApi(redis().url);
  const users = Array.from({ length: 1001 }, (_, at) => ({
    username: `user-${at}`,
    password: 'their-password',
  }));
  expect(await run(api, users)).toMatchObject({ code: 'TOO_MANY_IDENTITIES' });
  expect(await run(api, users.slice(1))).toMatchObject({ created: 1000, refused: 0 });
});
