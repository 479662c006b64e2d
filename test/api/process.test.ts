import { request } from 'node:http';
import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/freePort.ts';
import { RedisRelay } from '../support/redisRelay.ts';
import { uniquePrefix } from '../support/prefix.ts';
import { type RunningProcess, startProgram } from '../support/processes.ts';
import { startRedis } from '../support/redisServer.ts';
import { useRedis } from '../support/useRedis.ts';
import { TOKEN, VAULT_KEYS } from './support/testApi.ts';

const redis = useRedis();

const environment = (redisUrl: string) => ({
  REDIS_URL: redisUrl,
  KEY_PREFIX: uniquePrefix('p').slice(0, 32),
  SHARD_COUNT: '4',
  API_TOKENS: `tests:${TOKEN}`,
  VAULT_KEYS,
  API_PORT: '0',
  API_OPS_PORT: '0',
});

function start(env: Record<string, string | undefined>): Promise<RunningProcess> {
  return startProgram('src/api/main.ts', [], { env });
}

async function urls(api: RunningProcess): Promise<{ graphql: string; ops: string }> {
  const [, graphql = ''] = await api.line(/"url":"(http:[^"]+\/graphql)".*GraphQL is served/);
  const [, ops = ''] = await api.line(/"url":"(http:[^"]+)\/metrics"/);
  return { graphql, ops };
}

async function send(url: string, query: string): Promise<unknown> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${TOKEN}` },
    body: JSON.stringify({ query }),
  });
  return response.json();
}

test('without its variables it names all of them at once and ends with 78', async () => {
  const api = await start({ REDIS_URL: 'localhost', SHARD_COUNT: 'many', API_TOKENS: 'short' });
  expect(await api.exited).toEqual({ code: 78, signal: null });
  for (const name of ['REDIS_URL', 'SHARD_COUNT', 'API_TOKENS', 'VAULT_KEYS']) {
    expect(api.stderr).toMatch(new RegExp(`- ${name} `));
  }
  expect(api.stderr).toContain('.env.example');
  expect(api.stderr).not.toMatch(/\bat .*[.]ts/);
});

test('without a Redis it says so as it tries and ends with 69, its password unsaid', async () => {
  const port = await freePort();
  const api = await start({
    ...environment(`redis://someone:open-sesame@127.0.0.1:${port}`),
    STARTUP_TIMEOUT_MS: '700',
  });
  expect(await api.exited).toEqual({ code: 69, signal: null });
  expect(api.stdout).toContain('Redis does not answer yet; trying again');
  expect(api.stdout).toContain('REDIS_UNREACHABLE');
  expect(api.stdout).toContain(`redis://someone:***@127.0.0.1:${port}`);
  expect(api.stdout).toContain('set REDIS_URL to where it is');
  expect(api.stdout + api.stderr).not.toMatch(/open-sesame|\bat .*[.]ts|Unhandled/);
});

test('a REDIS_URL with a password that is not encoded is named, and not shown', async () => {
  const api = await start(environment('redis://:open#sesame@redis:6379'));
  expect(await api.exited).toEqual({ code: 78, signal: null });
  expect(api.stderr).toMatch(/- REDIS_URL .*# as %23/);
  expect(api.stdout + api.stderr).not.toMatch(/sesame|\bat .*[.]ts/);
});

test('a signal ends the wait for Redis at once, with 0', async () => {
  const api = await start(environment(`redis://127.0.0.1:${await freePort()}`));
  await api.line(/trying again/);
  const startedAt = performance.now();
  api.signal('SIGTERM');
  expect(await api.exited).toEqual({ code: 0, signal: null });
  expect(performance.now() - startedAt).toBeLessThan(3000);
});

test('a Redis that comes late is waited for', async () => {
  const server = await startRedis();
  await server.kill();
  const api = await start(environment(server.url));
  await api.line(/trying again/);
  await server.launch();
  const { graphql } = await urls(api);
  expect(await send(graphql, '{ fleet { oldestWaitSeconds } }')).toMatchObject({
    data: { fleet: { oldestWaitSeconds: 0 } },
  });
  await server.stop();
});

test('another shard count than the deployment was made with ends with 78', async () => {
  const env = environment(redis().url);
  const first = await start(env);
  await urls(first);
  const second = await start({ ...env, SHARD_COUNT: '5' });
  expect(await second.exited).toEqual({ code: 78, signal: null });
  expect(second.stdout).toContain('Set SHARD_COUNT=4');
  expect((await first.stop()).code).toBe(0);
});

test('without authentication it listens on this machine only, and says so', async () => {
  const env = { ...environment(redis().url), API_TOKENS: undefined };
  const elsewhere = await start({ ...env, API_HOST: '0.0.0.0' });
  expect(await elsewhere.exited).toEqual({ code: 78, signal: null });
  expect(elsewhere.stderr).toMatch(/API_TOKENS is not set, nor is API_OIDC_ISSUERS/);
  const here = await start(env);
  const { graphql } = await urls(here);
  await here.line(/Nobody has to prove who they are.*Set API_TOKENS or API_OIDC_ISSUERS/);
  const answer = await fetch(graphql, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: '{ apiTokens { nodes { id } } }' }),
  });
  expect(await answer.json()).toMatchObject({ data: { apiTokens: { nodes: [] } } });
  expect(answer.headers.get('content-security-policy')).toMatch(/^default-src 'none'/);
});

test('a port in use ends with 69 and a sentence', async () => {
  const first = await start(environment(redis().url));
  const { graphql } = await urls(first);
  const second = await start({ ...environment(redis().url), API_PORT: new URL(graphql).port });
  expect(await second.exited).toEqual({ code: 69, signal: null });
  expect(second.stdout).toContain('it is in use');
});

test('a Redis that may evict or keeps no log is warned of', async () => {
  const server = await startRedis({ maxmemoryPolicy: 'allkeys-lru' });
  const api = await start(environment(server.url));
  await urls(api);
  expect(api.stdout).toContain('set maxmemory-policy noeviction');
  expect(api.stdout).toContain('set appendonly yes');
  await server.stop();
});

test('readiness follows Redis, liveness does not', async () => {
  const server = await startRedis();
  const api = await start({ ...environment(server.url), API_STORE_TIMEOUT_MS: '1000' });
  const { graphql, ops } = await urls(api);
  expect(await (await fetch(`${ops}/readyz`)).text()).toBe('ok\n');
  expect((await fetch(new URL('/health', graphql))).status).toBe(200);
  await server.kill();
  const away = await fetch(`${ops}/readyz`);
  expect([away.status, await away.text()]).toEqual([503, 'Redis does not answer.\n']);
  expect((await fetch(`${ops}/livez`)).status).toBe(200);
  await server.launch();
  await eventually(async () => expect((await fetch(`${ops}/readyz`)).status).toBe(200));
  await api.line(/Redis is back/);
  expect(api.stdout).toMatch(/Redis went away[^]*Redis is back/);
  expect(await (await fetch(`${ops}/metrics`)).text()).toContain('courier_api_requests_running');
  await server.stop();
});

test('SIGTERM lets the request that runs finish, then ends with 0', async () => {
  const server = await startRedis();
  const api = await start(environment(server.url));
  const { graphql, ops } = await urls(api);
  await send(graphql, '{ fleet { oldestWaitSeconds } }');
  server.pause();
  const answer = send(graphql, '{ identityByUsername(username: "alice") { id } }');
  await eventually(async () => {
    const metrics = await (await fetch(`${ops}/metrics`)).text();
    expect(metrics).toMatch(/courier_api_requests_running\{[^}]*\} 1/);
  });
  api.signal('SIGTERM');
  await api.line(/"msg":"stopping"/);
  const ready = await fetch(`${ops}/readyz`);
  expect([ready.status, await ready.text()]).toEqual([503, 'This process is stopping.\n']);
  await expect(fetch(graphql)).rejects.toThrow();
  server.resume();
  expect(await answer).toMatchObject({ data: { identityByUsername: null } });
  expect(await api.exited).toEqual({ code: 0, signal: null });
  expect(api.stderr).toBe('');
  await server.stop();
});

test('a connection that is kept open does not keep the process from ending', async () => {
  const api = await start(environment(redis().url));
  const { graphql } = await urls(api);
  await new Promise<void>((resolve, reject) => {
    const idle = request(new URL('/health', graphql), { headers: { connection: 'keep-alive' } });
    idle.on('response', (response) => response.resume().on('end', resolve));
    idle.on('error', reject);
    idle.end();
  });
  const startedAt = performance.now();
  api.signal('SIGTERM');
  expect((await api.exited).code).toBe(0);
  expect(performance.now() - startedAt).toBeLessThan(3000);
});

test('connections to Redis that hang without being closed are made anew, and it answers again', async () => {
  const relay = await RedisRelay.start(redis().port);
  try {
    const settings = { REDIS_SILENCE_MS: '300', API_STORE_TIMEOUT_MS: '1000' };
    const api = await start({ ...environment(relay.url), ...settings });
    const { graphql } = await urls(api);
    const query = '{ fleet { oldestWaitSeconds } }';
    expect(await send(graphql, query)).toMatchObject({ data: { fleet: {} } });
    relay.hang();
    await eventually(async () => {
      expect(await send(graphql, query)).toMatchObject({ data: { fleet: {} } });
    });
    await api.line(/a silent connection to Redis was made anew/);
  } finally {
    await relay.stop();
  }
});
