import { Worker } from 'bullmq';
import { Cluster } from 'ioredis';
import { afterEach, expect, test } from 'vitest';
import type { RedisClient } from '../../src/shared/redis/client.ts';
import { connectRedis } from '../../src/shared/redis/connect.ts';
import { eventually } from '../support/eventually.ts';
import { said } from '../support/said.ts';
import { type RedisServer, startRedis } from '../support/redisServer.ts';

let server: RedisServer | undefined;
let client: RedisClient | undefined;

afterEach(async () => {
  client?.disconnect();
  await server?.stop();
});

async function connected(): Promise<{
  readonly server: RedisServer;
  readonly client: RedisClient;
}> {
  server = await startRedis();
  client = connectRedis(server.url);
  client.on('error', () => undefined);
  await client.connect();
  return { server, client };
}

/** As BullMQ makes one for its blocking reads. */
function duplicateOf(one: RedisClient): RedisClient {
  if (one instanceof Cluster) throw new Error('a single Redis was connected');
  return one.duplicate();
}

test('a client that is let go while it waits to reconnect ends, and its commands with it', async () => {
  const { server: redis, client: first } = await connected();
  for (const one of [first, duplicateOf(first)]) {
    one.on('error', () => undefined);
    if (one.status === 'wait') await one.connect();
    const read = one.bzpopmin('nothing', 0);
    const refused = expect(read).rejects.toThrow('Connection is closed');
    const waits = said(one, 'reconnecting');
    await redis.kill();
    await waits;
    const ended = said(one, 'end');
    one.disconnect();
    await ended;
    await refused;
    await redis.launch();
  }
});

test('a client that was let go connects again when it is told to', async () => {
  const { server: redis, client: one } = await connected();
  const waits = said(one, 'reconnecting');
  await redis.kill();
  await waits;
  one.disconnect();
  await redis.launch();
  await one.connect();
  expect(await one.ping()).toBe('PONG');
});

test("BullMQ's worker closes while its blocking read waits for Redis to come back", async () => {
  const { server: redis, client: connection } = await connected();
  const worker = new Worker('deliver', () => Promise.resolve(), { connection });
  worker.on('error', () => undefined);
  await worker.waitUntilReady();
  const look = redis.connect();
  await eventually(async () => expect(await look.client('LIST')).toContain('cmd=bzpopmin'));
  const lost = said(connection, 'reconnecting');
  await redis.kill();
  await lost;
  await worker.close();
});
