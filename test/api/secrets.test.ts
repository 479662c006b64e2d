import { expect, test } from 'vitest';
import { useRedis } from '../support/useRedis.ts';
import { dumpRedis, REGISTER, register, updateShadow } from './support/operations.ts';
import { startApi, TOKEN } from './support/testApi.ts';

const redis = useRedis();
const PASSWORD = 'correct-horse-battery-staple';

const bare = (api: Awaited<ReturnType<typeof startApi>>, body: string) =>
  api.fetch({
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${TOKEN}` },
    body,
  });

test('a password is in no answer, no log line and no key of Redis', async () => {
  const api = await startApi(redis().url);
  const answers: unknown[] = [];
  const input = { username: 'alice', password: PASSWORD, label: 'hers' };
  answers.push(await api.send(REGISTER, { input }));
  answers.push(await api.send(REGISTER, { input }));
  const { identityByUsername } = await api.run('{ identityByUsername(username: "alice") { id } }');
  const identityId = identityByUsername.id as string;
  answers.push(
    await api.send(
      'mutation ($input: ReplaceIdentitySecretInput!) { replaceIdentitySecret(input: $input) { __typename } }',
      { input: { identityId, password: PASSWORD } },
    ),
  );
  await updateShadow(api, { identityId, thing: 'device_1', desired: { power: 'OFF' } });
  expect(JSON.stringify(answers)).not.toContain(PASSWORD);
  expect(api.log()).not.toContain(PASSWORD);
  const dump = await dumpRedis(api);
  expect(dump).toContain(identityId);
  expect(dump).not.toContain(PASSWORD);
  expect(dump).not.toContain(Buffer.from(PASSWORD).toString('base64').slice(0, 20));
});

test('a request that is wrong about a password does not hear it again', async () => {
  const api = await startApi(redis().url);
  const answers = [
    await api.send(REGISTER, { input: { usernam: 'alice', password: PASSWORD } }),
    await api.send(REGISTER, { input: { username: 'alice', passwort: PASSWORD } }),
    await api.send(REGISTER, { input: { username: 'alice', password: [PASSWORD] } }),
    await api.send(REGISTER, { input: PASSWORD }),
    await api.send(REGISTER, { input: { username: 'alice', password: ` ${PASSWORD}` } }),
    await api.send(
      `mutation { registerIdentity(input: { username: "a", password: { p: "${PASSWORD}" } }) { __typename } }`,
    ),
    await api.send(
      `mutation { registerIdentity(input: { username: "a", passwort: "${PASSWORD}" }) { __typename } }`,
    ),
    (await bare(api, `{"query":"${REGISTER}","variables":{"password":"${PASSWORD}`)).body,
    (await bare(api, `{"password":${PASSWORD}}`)).body,
    (await bare(api, `{"query":"{ fleet { __typename } }","password":"${PASSWORD}"}`)).body,
  ];
  for (const answer of answers) {
    expect(answer.errors ?? answer.data.registerIdentity.code).toBeTruthy();
    expect(JSON.stringify(answer)).not.toContain(PASSWORD);
  }
  expect(api.log()).not.toContain(PASSWORD);
});

test('an unexpected error reaches the caller as an id and the log with its stack', async () => {
  const api = await startApi(redis().url);
  const id = await register(api);
  const [record] = await api.redis.keys(`*${api.keys.prefix}*:identity:${id}`);
  await api.redis.hset(record ?? '', 'denial', '{broken');
  const body = await api.send('query ($id: ID!) { identity(id: $id) { username } }', { id });
  const { errorId, code } = body.errors[0].extensions;
  expect(code).toBe('INTERNAL_SERVER_ERROR');
  expect(JSON.stringify(body)).not.toMatch(/broken|JSON at|\.ts/);
  expect(api.log()).toContain(errorId);
  expect(api.log()).toMatch(/identityRecord\.ts|parseDenial/);
});
