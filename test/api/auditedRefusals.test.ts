import { OperationTypeNode } from 'graphql';
import { expect, test } from 'vitest';
import { buildSchema } from '../../src/api/schema/schema.ts';
import { startRedis } from '../support/redisServer.ts';
import { useRedis } from '../support/useRedis.ts';
import { leastOperation } from './support/leastOperation.ts';
import { dumpRedis } from './support/operations.ts';
import { type Json, startApi, type TestApi, tokenOf } from './support/testApi.ts';

const redis = useRedis();

const mutations = Object.values(buildSchema().getMutationType()?.getFields() ?? {});

async function refusals(api: TestApi) {
  const { auditLog } = await api.run(`{
    auditLog(first: 100, filter: { outcome: REFUSED }) {
      nodes { action actor role code reason subjects before after }
    }
  }`);
  return auditLog.nodes;
}

test('whoever tries what the role may not do stands in the audit, with what was tried', async () => {
  const api = await startApi(redis().url);
  const query = `mutation ($input: RemoveIdentityInput!) { removeIdentity(input: $input) { __typename } }`;
  const input = { identityId: 'idn_somebody', reason: 'because' };
  const { errors } = await api.send(query, { input }, tokenOf('operator'));
  expect(errors[0].extensions.code).toBe('FORBIDDEN');
  expect(await refusals(api)).toEqual([
    {
      action: 'removeIdentity',
      actor: 'operator',
      role: 'OPERATOR',
      code: 'FORBIDDEN',
      reason: 'because',
      subjects: ['idn_somebody'],
      before: null,
      after: null,
    },
  ]);
});

test('every mutation that a viewer tries stands in the audit once, as forbidden', async () => {
  const api = await startApi(redis().url);
  for (const field of mutations) {
    const { query, variables } = leastOperation(OperationTypeNode.MUTATION, field);
    await api.send(query, variables, tokenOf('viewer'));
  }
  const told: string[] = (await refusals(api)).map(
    ({ action, actor, code }: Record<string, string>) => `${action} ${actor} ${code}`,
  );
  expect(told.toSorted()).toEqual(
    mutations.map(({ name }) => `${name} viewer FORBIDDEN`).toSorted(),
  );
});

test('what is forbidden is answered as that, also while Redis is away and nothing is audited', async () => {
  const server = await startRedis();
  const api = await startApi(server.url, { storeTimeoutMs: 300 });
  await server.stop();
  const query = 'mutation { drainWorker(input: { worker: "one" }) { __typename } }';
  const { errors } = await api.send(query, {}, tokenOf('viewer'));
  expect(errors[0].extensions.code).toBe('FORBIDDEN');
});

test('what a token was not made for stands in the audit, as tried, where it is a mutation', async () => {
  const api = await startApi(redis().url);
  const made = await api.run(`mutation {
    createApiToken(input: { name: "ci", role: ADMIN, operations: ["me", "cancelUpdate"] }) {
      ... on CreateApiTokenSuccess { secret }
    }
  }`);
  const { secret } = made.createApiToken;
  const query = `mutation ($input: RemoveIdentityInput!) {
    a: cancelUpdate(input: { updateId: "upd_nothing" }) { __typename }
    ...more
  }
  fragment more on Mutation { b: removeIdentity(input: $input) { __typename } }`;
  const input = { identityId: 'idn_somebody', reason: 'because' };
  const { data, errors } = await api.send(query, { input }, secret);
  expect(data).toBeUndefined();
  expect(errors[0].extensions.code).toBe('FORBIDDEN');
  const entry = {
    action: 'removeIdentity',
    actor: 'ci',
    role: 'ADMIN',
    code: 'FORBIDDEN',
    reason: 'because',
    subjects: ['idn_somebody'],
    before: null,
    after: null,
  };
  expect(await refusals(api)).toEqual([entry]);

  await api.send('{ fleet { oldestWaitSeconds } }', {}, secret);
  await api.send(query, { input: {} }, secret);
  const register =
    'mutation { registerIdentity(input: { username: "eve", password: "hush-hush" }) { __typename } }';
  await api.send(register, {}, secret);
  expect((await refusals(api)).map(({ action, subjects }: Json) => [action, subjects])).toEqual([
    ['registerIdentity', []],
    ['removeIdentity', []],
    ['removeIdentity', ['idn_somebody']],
  ]);
  expect(await dumpRedis(api)).not.toContain('hush-hush');
});
