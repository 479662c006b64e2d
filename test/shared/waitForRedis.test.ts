import { expect, onTestFinished, test } from 'vitest';
import { connectRedis } from '../../src/shared/redis/connect.ts';
import { waitForRedis } from '../../src/shared/redis/waitForRedis.ts';
import { startRedis } from '../support/redisServer.ts';

async function replica() {
  const primary = await startRedis();
  const server = await startRedis({ args: ['--replicaof', '127.0.0.1', String(primary.port)] });
  const client = connectRedis(server.url).on('error', () => undefined);
  onTestFinished(async () => {
    client.disconnect();
    await Promise.all([primary.stop(), server.stop()]);
  });
  return { server, client };
}

test('a replica takes no writes: it is said that it is one, and nothing is started on it', async () => {
  const { server, client } = await replica();
  const said: string[] = [];
  const wait = waitForRedis(client, server.url, 2000, (reason) => said.push(reason));
  await expect(wait).rejects.toMatchObject({
    code: 'REDIS_UNREACHABLE',
    message: expect.stringContaining('it is a replica'),
  });
  expect(said).toEqual([expect.stringContaining('it is a replica')]);
});

test('a replica that becomes the primary meanwhile is taken', async () => {
  const { server, client } = await replica();
  const promote = () => void server.connect().replicaof('NO', 'ONE');
  await waitForRedis(client, server.url, 20_000, promote);
  expect(await client.set('taken', 'yes')).toBe('OK');
});
