import { request } from 'node:http';
import { expect, test } from 'vitest';
import { shardOf } from '../../src/shared/domain/ids.ts';
import type { RedisClient } from '../../src/shared/redis/client.ts';
import { connectRedis } from '../../src/shared/redis/connect.ts';
import { Keys } from '../../src/shared/redis/keys.ts';
import { runScript } from '../../src/shared/redis/script.ts';
import { ACQUIRE_LEASE } from '../../src/shared/store/lua/leaseScripts.ts';
import { eventually } from '../support/eventually.ts';
import { uniquePrefix } from '../support/prefix.ts';
import { startProgram } from '../support/processes.ts';
import { startRedis } from '../support/redisServer.ts';
import { useRedis } from '../support/useRedis.ts';
import { REGISTER, register, UPDATE_SHADOW } from './support/operations.ts';
import { startApi, type TestApi, TOKEN, VAULT_KEYS } from './support/testApi.ts';

const redis = useRedis();
const HOUR_MS = 3_600_000;

const SHADOW = /* GraphQL */ `
  query ($identityId: ID!) {
    shadow(identityId: $identityId, thing: "device_1") { ... on Error { code } }
  }
`;

const post = (query: string, variables: object) => ({
  method: 'POST',
  headers: { 'content-type': 'application/json', authorization: `Bearer ${TOKEN}` },
  body: JSON.stringify({ query, variables }),
});

/** Gives the identity an owner that does nothing, so that whoever reads as it waits. */
async function own(client: RedisClient, keys: Keys, id: string, shardCount = 8): Promise<void> {
  const { lease } = keys.shard(shardOf(id, shardCount));
  await runScript(client, ACQUIRE_LEASE, [lease], ['worker-1', 'token', HOUR_MS]);
}

/** Resolves when as many callers wait for a shadow. */
const waiting = (client: RedisClient, keys: Keys, count: number) =>
  eventually(async () => {
    expect(await client.keys(`{${keys.prefix}:*:answer:*`)).toHaveLength(count);
  });

type Method = (...args: never[]) => unknown;

/** The calls of a method from now on, with what they give. */
function callsOf<Name extends string, Of extends Record<Name, Method>>(of: Of, name: Name) {
  const calls: { args: Parameters<Of[Name]>; result: ReturnType<Of[Name]> }[] = [];
  const original = of[name].bind(of) as (...args: Parameters<Of[Name]>) => ReturnType<Of[Name]>;
  const noted = (...args: Parameters<Of[Name]>) => {
    const result = original(...args);
    calls.push({ args, result });
    return result;
  };
  Object.defineProperty(of, name, { value: noted });
  return calls;
}

test('a shadow is waited for no longer than its caller stays', async () => {
  const api = await startApi(redis().url, { shadowReadTimeoutMs: HOUR_MS });
  const identityId = await register(api);
  await own(api.redis, api.keys, identityId);
  const gone = new AbortController();
  const asking = api
    .respond({ ...post(SHADOW, { identityId }), signal: gone.signal })
    .catch(() => undefined);
  await waiting(api.redis, api.keys, 1);
  gone.abort();
  await waiting(api.redis, api.keys, 0);
  await asking;
  expect(api.log()).toBe('');
});

test('nor than until its caller was answered that it takes too long', async () => {
  const api = await startApi(redis().url, { shadowReadTimeoutMs: HOUR_MS, timeoutMs: 1500 });
  const identityId = await register(api);
  await own(api.redis, api.keys, identityId);
  const reads = callsOf(api.services.shadowReads, 'read');
  const { body } = await api.fetch(post(SHADOW, { identityId }));
  expect(body.errors[0].extensions.code).toBe('REQUEST_TIMEOUT');
  await reads[0]?.result;
  await waiting(api.redis, api.keys, 0);
});

async function waitForEnd(api: TestApi, signal: AbortSignal) {
  const input = { identityId: await register(api), thing: 'device_1', desired: { power: 'OFF' } };
  const waits = callsOf(api.services.ends, 'waitFor');
  const request = post(UPDATE_SHADOW, { input: { ...input, wait: '30s' } });
  // Nobody looks at the answer of a caller who is gone.
  const answer = api.respond({ ...request, signal }).catch(() => undefined);
  await eventually(() => expect(waits).toHaveLength(1));
  return { answer, wait: waits[0]?.result };
}

test('what was accepted stays, and its end is waited for no longer than the caller is there', async () => {
  const api = await startApi(redis().url);
  const gone = new AbortController();
  const { answer, wait } = await waitForEnd(api, gone.signal);
  gone.abort();
  await wait;
  await answer;
  const data = await api.run('{ updates(first: 2) { nodes { state } } }');
  expect(data.updates.nodes).toEqual([{ state: 'QUEUED' }]);
});

test('nor longer than an operation may take', async () => {
  const api = await startApi(redis().url, { timeoutMs: 1500 });
  const { answer, wait } = await waitForEnd(api, new AbortController().signal);
  expect((await answer)?.status).toBe(504);
  await wait;
});

test('nor at all where it was accepted only after that', async () => {
  const server = await startRedis();
  const api = await startApi(server.url, { timeoutMs: 1500 });
  const identityId = await register(api);
  const waits = callsOf(api.services.ends, 'waitFor');
  server.pause();
  const input = { identityId, thing: 'device_1', desired: { power: 'OFF' }, wait: '30s' };
  const { status } = await api.fetch(post(UPDATE_SHADOW, { input }));
  expect(status).toBe(504);
  server.resume();
  await eventually(() => expect(waits).toHaveLength(1));
  await waits[0]?.result;
});

test('searches and counts are told that their answer is too late', async () => {
  const server = await startRedis();
  const api = await startApi(server.url, { timeoutMs: 1500 });
  const { search, facets, identityIndex, auditReader } = api.services;
  const pages = callsOf(search, 'page');
  const others = [
    callsOf(facets, 'count'),
    callsOf(identityIndex, 'page'),
    callsOf(auditReader, 'page'),
  ];
  server.pause();
  const { status } = await api.fetch(
    post(
      `{ updates { nodes { id } } updateFacets { total }
         identities { nodes { id } } auditLog { nodes { id } } }`,
      {},
    ),
  );
  server.resume();
  expect(status).toBe(504);
  const signals = [pages[0]?.args[0].signal, ...others.map((calls) => calls[0]?.args.at(-1))];
  expect(signals).toHaveLength(4);
  for (const signal of signals) expect(signal).toMatchObject({ aborted: true });
  await server.stop();
});

test('a client that closes its connection is nobody to wait for', async () => {
  const env = {
    REDIS_URL: redis().url,
    KEY_PREFIX: uniquePrefix('a').slice(0, 32),
    SHARD_COUNT: '4',
    API_TOKENS: `tests:${TOKEN}`,
    VAULT_KEYS,
    API_PORT: '0',
    API_OPS_PORT: '0',
    API_SHADOW_READ_TIMEOUT_MS: '30000',
  };
  const api = await startProgram('src/api/main.ts', [], { env });
  const [, url = ''] = await api.line(/"url":"(http:[^"]+\/graphql)".*GraphQL is served/);
  const client = connectRedis(env.REDIS_URL, {});
  try {
    await client.connect();
    const keys = new Keys(env.KEY_PREFIX);
    const input = { username: 'alice', password: 'her-password' };
    const answer = await fetch(url, post(REGISTER, { input }));
    const { data } = (await answer.json()) as {
      data: { registerIdentity: { identity: { id: string } } };
    };
    const identityId = data.registerIdentity.identity.id;
    await own(client, keys, identityId, 4);
    const { body, ...options } = post(SHADOW, { identityId });
    const asking = request(url, options).on('error', () => undefined);
    asking.end(body);
    await waiting(client, keys, 1);
    asking.destroy();
    await waiting(client, keys, 0);
  } finally {
    client.disconnect();
    await api.stop();
  }
});
