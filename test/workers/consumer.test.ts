import { setImmediate } from 'node:timers/promises';
import { Worker } from 'bullmq';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { ShardQueues } from '../../src/shared/queue/shardQueues.ts';
import { connectRedis } from '../../src/shared/redis/connect.ts';
import { Keys } from '../../src/shared/redis/keys.ts';
import { DELIVER_QUEUE } from '../../src/shared/redis/shardKeys.ts';
import { EventBus } from '../../src/workers/events.ts';
import { Consumer } from '../../src/workers/shard/consumer.ts';
import { eventually } from '../support/eventually.ts';
import { uniquePrefix } from '../support/prefix.ts';
import { useRedis } from '../support/useRedis.ts';

const PATIENCE_MS = 50;
const queueSide = useRedis();
/** Another Redis, in which a job seems to wait that the consumer never gets. */
const lookedAt = useRedis();

test('a consumer that is let go while it is looked at is not made anew', async () => {
  const keys = new Keys(uniquePrefix('consumer')).shard(0);
  const queueRedis = connectRedis(queueSide().url);
  const redis = connectRedis(lookedAt().url);
  await redis.rpush(`${keys.queue}:wait`, 'job');
  const log = pino({ level: 'silent' });
  const events = new EventBus(log);
  let restarts = 0;
  events.on('consumer:restarted', () => (restarts += 1));
  const deps = { redis, queueRedis, events, log, patienceMs: PATIENCE_MS };
  const consumer = new Consumer(keys, deps, 1, () => Promise.resolve());
  consumer.start();
  await eventually(() => expect(restarts).toBeGreaterThan(0));
  lookedAt().pause();
  const pausedAt = performance.now();
  try {
    await eventually(() => {
      expect(redis['commandQueue'].length, 'a look is under way').toBeGreaterThan(0);
      expect(performance.now() - pausedAt, 'a restart is due').toBeGreaterThan(PATIENCE_MS);
    });
    await consumer.drain();
    restarts = 0;
  } finally {
    lookedAt().resume();
  }
  // Answered behind the look, which then has its turn.
  await redis.ping();
  await setImmediate();
  expect(restarts).toBe(0);
  redis.disconnect();
  queueRedis.disconnect();
});

test('a job whose workers died with it runs again, however often, and never counts as failed', async () => {
  const keys = new Keys(uniquePrefix('consumer'));
  const { tag, queue } = keys.shard(0);
  const redis = connectRedis(queueSide().url);
  const queues = new ShardQueues(redis, keys);
  await queues.add(0, { name: 'deliver', data: {}, id: 'died' });
  const dead = new Worker(DELIVER_QUEUE, null, {
    connection: redis,
    prefix: tag,
    autorun: false,
    skipStalledCheck: true,
  });
  await dead.getNextJob('dead', { block: false });
  // Its lock has run out, which was noticed once already, and it has died so often before.
  await redis.del(`${queue}:died:lock`);
  await redis.sadd(`${queue}:stalled`, 'died');
  await redis.hset(`${queue}:died`, 'stc', 1000);
  const log = pino({ level: 'silent' });
  const ran: string[] = [];
  const consumer = new Consumer(
    keys.shard(0),
    { redis, queueRedis: redis, events: new EventBus(log), log, patienceMs: 60_000 },
    1,
    (job) => Promise.resolve(ran.push(job.id ?? '')),
  );
  consumer.start();
  await eventually(() => expect(ran).toEqual(['died']));
  await consumer.drain();
  expect(await queues.queue(0).getFailedCount()).toBe(0);
  await dead.close();
  await queues.close();
  redis.disconnect();
});

test('a job that fails runs again after a pause, and of what is done a part is kept', async () => {
  const keys = new Keys(uniquePrefix('consumer'));
  const redis = connectRedis(queueSide().url);
  const queues = new ShardQueues(redis, keys);
  const queue = queues.queue(0);
  const log = pino({ level: 'silent' });
  let failures = 0;
  const consumer = new Consumer(
    keys.shard(0),
    { redis, queueRedis: redis, events: new EventBus(log), log, patienceMs: 60_000 },
    50,
    (job) => {
      if (job.id !== 'fails' || failures > 0) return Promise.resolve();
      failures += 1;
      return Promise.reject(new Error('not this time'));
    },
  );
  consumer.start();
  await queues.add(0, { name: 'deliver', data: {}, id: 'fails' });
  await eventually(async () => expect(await queue.getDelayedCount()).toBe(1));
  expect((await queue.getJob('fails'))?.delay).toBeGreaterThanOrEqual(1000);
  expect(await queues.promote(0, 'fails')).toBe(true);
  await eventually(async () => expect(await queue.getCompletedCount()).toBe(1));

  await queues.add(0, { name: 'schedule', data: {}, id: 'fleeting', fleeting: true });
  const many = Array.from({ length: 510 }, (_, at) => `job-${at}`);
  await Promise.all(many.map((id) => queues.add(0, { name: 'deliver', data: {}, id })));
  await eventually(async () => expect(await queue.getJobCountByTypes('wait', 'active')).toBe(0));
  expect(await queue.getCompletedCount()).toBe(500);
  // Nobody reads BullMQ's events. A stream is trimmed by whole nodes, of a hundred entries.
  expect(await redis.xlen(`${keys.shard(0).queue}:events`)).toBeLessThanOrEqual(200);
  expect(await queue.getJob('fails')).toBeUndefined();
  expect(await queue.getJob('fleeting')).toBeUndefined();
  await consumer.drain();
  await queues.close();
  redis.disconnect();
});
