import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/freePort.ts';
import { uniquePrefix } from '../support/prefix.ts';
import { type RunningProcess, startProgram } from '../support/processes.ts';
import { startRedis } from '../support/redisServer.ts';
import { useRedis } from '../support/useRedis.ts';

const redis = useRedis();

/** A worker that has nothing to do never calls AWS, so none needs to be there. */
const environment = (redisUrl: string) => ({
  REDIS_URL: redisUrl,
  KEY_PREFIX: uniquePrefix('w').slice(0, 32),
  SHARD_COUNT: '2',
  VAULT_KEYS: `k1:${randomBytes(32).toString('base64')}`,
  AWS_REGION: 'eu-west-1',
  COGNITO_USER_POOL_ID: 'eu-west-1_AbCdEfGhI',
  COGNITO_CLIENT_ID: 'abc123',
  COGNITO_IDENTITY_POOL_ID: 'eu-west-1:12345678-1234-1234-1234-123456789012',
  IOT_POLICY_NAME: 'courier',
  IOT_ENDPOINT: 'localhost:1',
  WORKER_OPS_PORT: '0',
  HEARTBEAT_MS: '100',
});

function start(env: Record<string, string | undefined>): Promise<RunningProcess> {
  return startProgram('src/workers/main.ts', [], { env });
}

async function opsUrl(worker: RunningProcess): Promise<string> {
  const [, url = ''] = await worker.line(/"url":"(http:[^"]+)\/metrics"/);
  return url;
}

test('without its variables it names all of them at once and ends with 78', async () => {
  const worker = await start({ REDIS_URL: 'localhost', IOT_ENDPOINT: 'https://wrong' });
  expect(await worker.exited).toEqual({ code: 78, signal: null });
  for (const name of ['REDIS_URL', 'VAULT_KEYS', 'AWS_REGION', 'IOT_POLICY_NAME', 'IOT_ENDPOINT']) {
    expect(worker.stderr).toMatch(new RegExp(`- ${name} `));
  }
  expect(worker.stderr).not.toMatch(/\bat .*[.]ts/);
});

test('a CA file that cannot be read ends it with 78 and the name of the variable', async () => {
  const worker = await start({ ...environment(redis().url), IOT_CA_FILE: '/nowhere/ca.pem' });
  expect(await worker.exited).toEqual({ code: 78, signal: null });
  expect(worker.stderr).toContain('IOT_CA_FILE cannot be read');
});

test('while it waits for Redis it lives, is not ready, and ends at a signal with 0', async () => {
  const worker = await start(environment(`redis://127.0.0.1:${await freePort()}`));
  await worker.line(/waiting for Redis/);
  const ops = await opsUrl(worker);
  expect((await fetch(`${ops}/livez`)).status).toBe(200);
  const ready = await fetch(`${ops}/readyz`);
  expect(ready.status).toBe(503);
  expect(await ready.text()).toMatch(/Redis/);
  worker.signal('SIGTERM');
  expect(await worker.exited).toEqual({ code: 0, signal: null });
});

test('without a Redis it gives up in time with 69 and says what to set', async () => {
  const port = await freePort();
  const worker = await start({
    ...environment(`redis://someone:open-sesame@127.0.0.1:${port}`),
    STARTUP_TIMEOUT_MS: '700',
  });
  expect(await worker.exited).toEqual({ code: 69, signal: null });
  expect(worker.stdout).toContain('set REDIS_URL to where it is');
  expect(worker.stdout + worker.stderr).not.toContain('open-sesame');
});

test('it warns of a Redis that may evict, takes the shards all the same, and leaves with 0', async () => {
  const evicting = await startRedis({ maxmemoryPolicy: 'allkeys-lru' });
  try {
    const worker = await start(environment(evicting.url));
    await worker.line(/maxmemory-policy noeviction/);
    const ops = await opsUrl(worker);
    await eventually(async () => {
      const metrics = await (await fetch(`${ops}/metrics`)).text();
      expect(metrics).toMatch(/^courier_leases_held(?:\{[^}]*\})? 2$/m);
    });
    await eventually(async () => expect((await fetch(`${ops}/readyz`)).status).toBe(200));
    worker.signal('SIGTERM');
    expect(await worker.exited).toEqual({ code: 0, signal: null });
  } finally {
    await evicting.stop();
  }
});
