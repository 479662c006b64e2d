import { setTimeout as delay } from 'node:timers/promises';
import { Queue, Worker } from 'bullmq';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RedisClient } from '../../src/shared/redis/client.ts';
import { connectRedis } from '../../src/shared/redis/connect.ts';
import { uniquePrefix } from '../support/prefix.ts';
import { said } from '../support/said.ts';
import { type RedisCluster, startRedisCluster } from '../support/redisCluster.ts';

const CONSUMERS = 4;
const JOBS = 5;
/** The longest that a consumer runs: by then it has connected, taken jobs, and blocks. */
const LONGEST_MS = 60;
const ROUNDS = 30;

let cluster: RedisCluster;
const open: RedisClient[] = [];

beforeAll(async () => {
  cluster = await startRedisCluster();
});

afterAll(async () => {
  for (const client of open) client.disconnect();
  await cluster.stop();
});

function client(): RedisClient {
  const one = connectRedis(cluster.target);
  open.push(one.on('error', () => undefined));
  return one;
}

test('consumers close at whatever moment of their connecting, taking and blocking', async () => {
  const connection = client();
  for (let round = 0; round < ROUNDS; round += 1) {
    const prefix = `{${uniquePrefix('closing')}}`;
    const queue = new Queue('deliver', { connection, prefix });
    const workers = Array.from({ length: CONSUMERS }, () => {
      const worker = new Worker('deliver', () => Promise.resolve(), { connection, prefix });
      return worker.on('error', () => undefined);
    });
    await queue.addBulk(Array.from({ length: JOBS }, () => ({ name: 'any', data: {} })));
    // What is tried is the moment, not a wait for something to come true.
    await delay((LONGEST_MS / ROUNDS) * round);
    await Promise.all(workers.map((worker) => worker.close()));
    await queue.close();
  }
});

test.each(['connecting', 'connect', 'ready', 'close', 'reconnecting'])(
  'a client that is let go when it says "%s" ends, and connects again when it is told to',
  async (state) => {
    const one = client();
    const reached = said(one, state);
    const connecting = one.connect().catch(() => undefined);
    if (state === 'close' || state === 'reconnecting') {
      await connecting;
      one.disconnect(true);
    }
    await reached;
    const ended = said(one, 'end');
    one.disconnect();
    await ended;
    await connecting;
    await one.connect();
    expect(await one.set(uniquePrefix('again'), 'there')).toBe('OK');
  },
);

test('one that is told to connect while it ends does so behind that end', async () => {
  const one = client();
  await one.connect();
  const ended = said(one, 'end');
  one.disconnect();
  const connected = one.connect();
  await ended;
  await connected;
  expect(await one.set(uniquePrefix('behind'), 'there')).toBe('OK');
});
