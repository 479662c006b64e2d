import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getIntrospectionQuery } from 'graphql';
import { describe, expect, test } from 'vitest';
import { readPersistedOperations } from '../../src/api/limits/persistedOperations.ts';
import { callerAddress } from '../../src/api/requestOrigin.ts';
import { eventually } from '../support/eventually.ts';
import { uniquePrefix } from '../support/prefix.ts';
import { startRedis } from '../support/redisServer.ts';
import { useRedis } from '../support/useRedis.ts';
import { register } from './support/operations.ts';
import { OTHER_TOKEN, startApi, type TestApi, TOKEN } from './support/testApi.ts';

const redis = useRedis();
const QUERY = '{ identity(id: "x") { id } }';
/** Asks Redis. */
const READ = '{ identityByUsername(username: "nobody") { id } }';

async function post(api: TestApi, body: object, token = TOKEN) {
  return api.fetch({
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify(body),
  });
}

describe('cost', () => {
  test('stands in every answer, of errors too, with what the caller has left', async () => {
    const api = await startApi(redis().url, { bucket: { perSecond: 0.001, size: 1000 } });
    const throttleStatus = (currentlyAvailable: number) => ({
      maximumAvailable: 1000,
      currentlyAvailable,
      restoreRate: 0.001,
    });
    const answers = [
      await api.send('{ deadUpdates(first: 9) { nodes { id } } }'),
      await api.send('{ nonsense }'),
      await api.send('{'),
      await api.send('mutation { drainWorker(input: { worker: "w" }) { __typename } }'),
    ];
    expect(answers.map(({ extensions }) => extensions.cost)).toEqual([
      { requested: 10, maximum: 20_000, throttleStatus: throttleStatus(990) },
      { requested: 0, maximum: 20_000, throttleStatus: throttleStatus(990) },
      { requested: 0, maximum: 20_000, throttleStatus: throttleStatus(990) },
      { requested: 11, maximum: 20_000, throttleStatus: throttleStatus(979) },
    ]);
  });

  test('that is too high is refused before anything is done', async () => {
    const api = await startApi(redis().url, { maxCost: 100 });
    const { status, body } = await post(api, {
      query: '{ deadUpdates(first: 100) { nodes { id } } }',
    });
    expect(status).toBe(200);
    expect(body.errors[0]).toMatchObject({
      message: 'The operation costs 101 points, and one may cost 100.',
      extensions: { code: 'COST_TOO_HIGH', remedy: expect.stringContaining('smaller pages') },
    });
    expect(body.extensions.cost.requested).toBe(101);
    expect(body.data).toBeUndefined();
  });
});

describe('a caller', () => {
  test('who has spent its points is told when to come again, and others are not held up', async () => {
    const bucket = { perSecond: 0.001, size: 200 };
    const api = await startApi(redis().url, { bucket });
    const sent: number[] = [];
    const spend = { query: '{ deadUpdates(first: 99) { nodes { id } } }' };
    for (let n = 0; n < 3; n += 1) sent.push((await post(api, spend)).status);
    expect(sent).toEqual([200, 200, 429]);
    const refused = await post(api, spend);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(90);
    expect(refused.body.errors[0].extensions).toEqual({
      code: 'RATE_LIMITED',
      remedy: expect.stringMatching(/^Send it again in \d+ s/),
    });
    expect(refused.body.extensions.cost.throttleStatus.currentlyAvailable).toBeLessThan(10);
    expect((await post(api, spend, OTHER_TOKEN)).status).toBe(200);
    expect(await api.registry.metrics()).toMatch(/outcome="rate_limited"\} 2/);
  });

  test('spends from one bucket at all processes of a deployment', async () => {
    const bucket = { perSecond: 0.001, size: 200 };
    const prefix = uniquePrefix('api');
    const [one, other] = await Promise.all([
      startApi(redis().url, { bucket, prefix }),
      startApi(redis().url, { bucket, prefix }),
    ]);
    const spend = { query: '{ deadUpdates(first: 99) { nodes { id } } }' };
    expect((await post(one, spend)).status).toBe(200);
    expect((await post(other, spend)).status).toBe(200);
    expect((await post(one, spend)).status).toBe(429);
    expect((await post(other, spend)).status).toBe(429);
  });

  test('has points again after a while', async () => {
    const api = await startApi(redis().url, { bucket: { perSecond: 1000, size: 200 } });
    const spend = { query: '{ deadUpdates(first: 199) { nodes { id } } }' };
    expect((await post(api, spend)).status).toBe(200);
    await eventually(async () => expect((await post(api, spend)).status).toBe(200));
  });

  test('is not held up while Redis is away', async () => {
    const server = await startRedis();
    const bucket = { perSecond: 0.001, size: 200 };
    const api = await startApi(server.url, { bucket, storeTimeoutMs: 1000 });
    await server.kill();
    const { status, body } = await post(api, { query: READ });
    expect(status).toBe(200);
    expect(body.errors[0].extensions.code).toBe('STORE_UNAVAILABLE');
    expect((await post(api, { query: '{ __typename }' })).body.data).toBeTruthy();
    await server.stop();
  });
});

test('an operation that takes too long is answered, and what comes late harms nothing', async () => {
  const server = await startRedis();
  const api = await startApi(server.url, { timeoutMs: 1000, storeTimeoutMs: 5000 });
  await register(api);
  server.pause();
  const { status, body } = await post(api, { query: READ });
  expect([status, body.errors[0].extensions.code]).toEqual([504, 'REQUEST_TIMEOUT']);
  expect(body.errors[0].extensions.remedy).toContain('idempotency key');
  server.resume();
  expect((await post(api, { query: READ })).body.data).toEqual({ identityByUsername: null });
  expect(api.log()).toBe('');
  await server.stop();
});

test('directives are counted', async () => {
  const api = await startApi(redis().url);
  const many = `{ __typename ${'@skip(if: false) '.repeat(60)} }`;
  const { errors } = await api.send(many);
  expect(errors.map(({ message }: Error) => message).join()).toMatch(/[Dd]irective/);
  expect(errors[0].extensions.code).not.toBe('INTERNAL_SERVER_ERROR');
});

test('the schema is told where that is on, and nowhere else', async () => {
  const query = getIntrospectionQuery();
  const open = await startApi(redis().url);
  expect((await open.run(query)).__schema.types.length).toBeGreaterThan(50);
  const closed = await startApi(redis().url, { introspection: false });
  const body = await closed.send(query);
  expect(body.errors[0].extensions.code).toBe('GRAPHQL_VALIDATION_FAILED');
  expect(body.data).toBeUndefined();
  const hint = await closed.send('{ identit(id: "x") { id } }');
  expect(JSON.stringify(hint.errors)).not.toContain('Did you mean');
  expect((await closed.run('{ __typename }')).__typename).toBe('Query');
});

describe('persisted operations', () => {
  const hash = createHash('sha256').update(QUERY).digest('hex');
  const persisted = new Map([[hash, QUERY]]);
  const byHash = (sha256Hash: string) => ({
    extensions: { persistedQuery: { version: 1, sha256Hash } },
  });

  test('are taken by their hash, beside others or alone', async () => {
    const both = await startApi(redis().url, { persisted });
    expect((await post(both, byHash(hash))).body.data).toEqual({ identity: null });
    expect((await post(both, { query: QUERY })).body.data).toEqual({ identity: null });
    const only = await startApi(redis().url, { persisted, onlyPersisted: true });
    expect((await post(only, byHash(hash))).body.data).toEqual({ identity: null });
    for (const body of [{ query: QUERY }, { query: QUERY, ...byHash(hash) }, {}]) {
      const answer = await post(only, body);
      expect([answer.status, answer.body.errors[0].extensions.code]).toEqual([
        400,
        'PERSISTED_OPERATIONS_ONLY',
      ]);
    }
  });

  test('that nobody persisted are refused, and are never learned from a caller', async () => {
    for (const onlyPersisted of [true, false]) {
      const api = await startApi(redis().url, { persisted, onlyPersisted });
      for (const key of ['0'.repeat(64), '__proto__', '']) {
        const answer = await post(api, byHash(key));
        expect([answer.status, answer.body.errors[0].extensions.code]).toEqual([
          400,
          'PERSISTED_OPERATION_UNKNOWN',
        ]);
      }
      const query = '{ __typename }';
      const learnt = createHash('sha256').update(query).digest('hex');
      await post(api, { query, ...byHash(learnt) });
      expect((await post(api, byHash(learnt))).status).toBe(400);
    }
  });

  test('come from a file whose hashes are right', async () => {
    const path = join(tmpdir(), `${uniquePrefix('persisted')}.json`);
    await writeFile(path, JSON.stringify({ [hash]: QUERY }));
    expect(readPersistedOperations(path)).toEqual(persisted);
    for (const text of ['{', '[]', '{"a":1}', JSON.stringify({ [hash]: `${QUERY} ` })]) {
      await writeFile(path, text);
      expect(() => readPersistedOperations(path)).toThrow(/API_PERSISTED_OPERATIONS_FILE/);
    }
    expect(() => readPersistedOperations(`${path}-not`)).toThrow(/ENOENT/);
  });
});

test.each([
  ['whoever connected, without proxies', 0, '203.0.113.9', '10.0.0.1'],
  ['what the only proxy saw', 1, '203.0.113.9', '203.0.113.9'],
  ['what the last proxy saw, not what the caller says', 1, '1.2.3.4, 203.0.113.9', '203.0.113.9'],
  ['what the first of two saw', 2, '1.2.3.4, 203.0.113.9, 10.0.0.2', '203.0.113.9'],
  ['whoever connected, where a proxy was gone around', 2, '203.0.113.9', '10.0.0.1'],
  ['whoever connected, where no proxy says anything', 1, null, '10.0.0.1'],
  ['whoever connected, where that is no address', 1, 'evil; DROP', '10.0.0.1'],
  ['an address of version 6', 1, '2001:db8::1', '2001:db8::1'],
] as const)('the address of a caller is %s', (_name, hops, forwardedFor, address) => {
  expect(callerAddress('10.0.0.1', forwardedFor, hops)).toBe(address);
});
