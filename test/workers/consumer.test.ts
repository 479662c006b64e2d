import { setImmediate } from 'node:timers/promises';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { Keys } from '../../src/shared/redis/keys.ts';
import { connectRedis } from '../../src/shared/redis/connect.ts';
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
  const queueRedis = connectRedis(queueSide().url, { enableAutoPipelining: false });
  const redis = connectRedis(lookedAt().url, { enableAutoPipelining: false });
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
