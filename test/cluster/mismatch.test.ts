import { afterAll, expect, inject, test } from 'vitest';
import type { RedisClient } from '../../src/shared/redis/client.ts';
import { connectRedis } from '../../src/shared/redis/connect.ts';
import type { RedisTarget } from '../../src/shared/redis/target.ts';
import { waitForRedis } from '../../src/shared/redis/waitForRedis.ts';
import { CourierError } from '../../src/shared/errors/courierError.ts';
import { freePort } from '../support/freePort.ts';
import { startProgram } from '../support/processes.ts';
import { useRedis } from '../support/useRedis.ts';

const single = useRedis();
const open: RedisClient[] = [];

afterAll(() => {
  for (const client of open) client.disconnect();
});

function clusterUrl(): string {
  const url = inject('cluster')?.REDIS_URL;
  if (url === undefined) throw new Error('this project shares no cluster');
  return url;
}

async function refusal(target: RedisTarget, timeoutMs = 20_000): Promise<CourierError> {
  const client = connectRedis(target).on('error', () => undefined);
  open.push(client);
  const wait = waitForRedis(client, target.REDIS_URL, timeoutMs, () => undefined);
  const error = await wait.then(
    () => new Error('it was taken'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof CourierError)) throw error;
  return error;
}

test('a cluster that is taken for a single Redis is refused with what to set', async () => {
  const error = await refusal({ REDIS_URL: clusterUrl(), REDIS_CLUSTER: 'off' });
  expect(error).toMatchObject({ code: 'REDIS_CLUSTER_MISMATCH', exitCode: 78 });
  expect(error.message).toContain('is a Redis Cluster, and REDIS_CLUSTER is off');
  expect(error.remedy).toContain('REDIS_CLUSTER=on');
});

test('a single Redis that is taken for a cluster is refused with what to set', async () => {
  const error = await refusal({ REDIS_URL: single().url, REDIS_CLUSTER: 'on' });
  expect(error).toMatchObject({ code: 'REDIS_CLUSTER_MISMATCH', exitCode: 78 });
  expect(error.message).toContain('is no Redis Cluster, and REDIS_CLUSTER is on');
  expect(error.remedy).toContain('REDIS_CLUSTER=off');
});

test('a cluster that does not answer is waited for, and named without its passwords', async () => {
  const nodes = [await freePort(), await freePort()];
  const urls = nodes.map((port) => `redis://someone:open-sesame@127.0.0.1:${port}`);
  const error = await refusal({ REDIS_URL: urls.join(','), REDIS_CLUSTER: 'on' }, 1500);
  expect(error).toMatchObject({ code: 'REDIS_UNREACHABLE', exitCode: 69 });
  expect(error.message).not.toContain('open-sesame');
  for (const port of nodes) expect(error.message).toContain(`someone:***@127.0.0.1:${port}`);
  expect(error.message).toContain('no node takes a connection');
});

test('a node that is away at the start is passed over, and a program runs on the others', async () => {
  const config = {
    REDIS_URL: `redis://127.0.0.1:${await freePort()},${clusterUrl()}`,
    REDIS_CLUSTER: 'on',
    KEY_PREFIX: 'passed-over',
    VAULT_KEYS: `k1:${Buffer.alloc(32, 1).toString('base64')}`,
  };
  const command = ['vault', 'reencrypt'];
  const vault = await startProgram('src/cli/main.ts', command, { env: config });
  expect(await vault.exited, vault.stderr).toEqual({ code: 0, signal: null });
  expect(vault.stdout + vault.stderr).toContain('0 identities');
});
