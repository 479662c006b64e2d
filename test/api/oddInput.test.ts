import { expect, test } from 'vitest';
import { TOP_LEVEL_CODES } from '../../src/api/topLevelCodes.ts';
import { useRedis } from '../support/useRedis.ts';
import { REGISTER, register, UPDATE_SHADOW, UPDATE_SHADOWS } from './support/operations.ts';
import { startApi, TOKEN } from './support/testApi.ts';

const redis = useRedis();

const ODD: readonly unknown[] = [
  null,
  0,
  1.5,
  1e10,
  1e300,
  true,
  '',
  '\ud800',
  '\u0000',
  'a'.repeat(100_000),
  '2024-02-30T00:00:00Z',
  '9999-99-99T00:00:00Z',
  [],
  [[]],
  {},
  { toString: 1 },
  JSON.parse('{"__proto__":{"a":1}}'),
  JSON.parse('{"constructor":{"prototype":{}}}'),
];

const DOCUMENTS: readonly string[] = [
  '',
  '#',
  '{',
  'subscription { x }',
  'type X { a: Int }',
  'mutation { updateShadow(input: {}) }',
  '{ ...F } fragment F on Query { ...F }',
  '{ ...F } fragment F on Query { ...G } fragment G on Query { ...F }',
  'query A { __typename } query B { __typename }',
  `{ __typename ${'@skip(if: false)'.repeat(500)} }`,
  '{ identity(id: "a") { id } identity(id: "b") { id } }',
  'query ($d: DateTime) { __typename }',
];

test('whatever is sent, the answer is data or the code of a mistake, never a fault of ours', async () => {
  const api = await startApi(redis().url);
  const identityId = await register(api);
  const requests: object[] = DOCUMENTS.map((query) => ({ query, variables: { d: 'x' } }));
  for (const odd of ODD) {
    for (const field of [
      'identityId',
      'thing',
      'shadow',
      'desired',
      'confirm',
      'expectedVersion',
    ]) {
      const input = { identityId, thing: 'device_1', desired: { a: 1 }, [field]: odd };
      requests.push({ query: UPDATE_SHADOW, variables: { input } });
    }
    for (const field of ['expiresAt', 'idempotencyKey']) {
      const input = { identityId, thing: 'device_1', desired: { a: 1 }, [field]: odd };
      requests.push({ query: UPDATE_SHADOW, variables: { input } });
    }
    for (const field of ['username', 'password', 'label']) {
      const input = { username: 'bob', password: 'his-password', [field]: odd };
      requests.push({ query: REGISTER, variables: { input } });
    }
    for (const updates of [odd, [odd]]) {
      requests.push({ query: UPDATE_SHADOWS, variables: { input: { updates } } });
    }
    requests.push(
      { query: odd },
      { query: UPDATE_SHADOW, variables: odd },
      { query: '{ __typename }', operationName: odd },
      { query: '{ __typename }', extensions: odd },
      {
        query: 'query ($i: ID!) { identity(id: $i) { id } update(id: $i) { id } }',
        variables: { i: odd },
      },
      { query: 'query ($i: [ID!]!) { updatesById(ids: $i) { id } }', variables: { i: odd } },
      {
        query: 'query ($n: String!) { identityByUsername(username: $n) { id } }',
        variables: { n: odd },
      },
    );
  }
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${TOKEN}` };
  const mistakes = new Set<unknown>(TOP_LEVEL_CODES);
  mistakes.delete('INTERNAL_SERVER_ERROR');
  for (const request of requests) {
    const { status, body } = await api.fetch({
      method: 'POST',
      headers,
      body: JSON.stringify(request),
    });
    expect(status, JSON.stringify(request)).toBeLessThan(500);
    for (const error of body.errors ?? []) expect(mistakes).toContain(error.extensions.code);
    expect(body.errors ?? body.data).toBeTruthy();
  }
  expect(api.log()).toBe('');
});
