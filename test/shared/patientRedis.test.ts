import { expect, onTestFinished, test } from 'vitest';
import { connectRedis } from '../../src/shared/redis/connect.ts';
import { Switchboard } from '../chaos/support/switchboard.ts';
import { eventually } from '../support/eventually.ts';
import { startRedis } from '../support/redisServer.ts';
import { useRedis } from '../support/useRedis.ts';

const COMMANDS = 100;
const redis = useRedis();

async function connected(url: string) {
  const client = connectRedis(url);
  onTestFinished(() => client.disconnect());
  await client.connect();
  return client;
}

test('commands of one turn travel together, in their order', async () => {
  const client = await connected(redis().url);
  const sent = Array.from({ length: COMMANDS }, (_, at) => client.rpush('together', at));
  // The last few are held back until the turn is over.
  expect(client.stream.writableCorked).toBe(1);
  expect(client.stream.writableLength).toBeGreaterThan(0);
  await new Promise(setImmediate);
  expect(client.stream.writableCorked).toBe(0);
  expect(await Promise.all(sent)).toEqual(sent.map((_, at) => at + 1));
  expect(await client.lrange('together', -1, -1)).toEqual([String(COMMANDS - 1)]);
});

test('each of them is answered by itself: none waits for a slower one behind it', async () => {
  const client = await connected(redis().url);
  const quick = client.ping();
  const slow = client.blpop('never-there-yet', 0);
  expect(await quick).toBe('PONG');
  const other = await connected(redis().url);
  await other.rpush('never-there-yet', 'now');
  expect(await slow).toEqual(['never-there-yet', 'now']);
});

test('what was sent in the turn in which the connection is let go is answered or refused', async () => {
  const client = await connected(redis().url);
  const sent = client.set('last', 'word');
  client.disconnect();
  const [outcome] = await Promise.allSettled([sent]);
  if (outcome.status === 'rejected') expect(String(outcome.reason)).toMatch(/closed/i);
  else expect(outcome.value).toBe('OK');
  await expect(client.set('after', 'it')).rejects.toThrow(/closed/i);
});

test('a primary that has become a replica is left for the one that its name leads to now', async () => {
  const [first, second] = await Promise.all([startRedis(), startRedis()]);
  const board = await Switchboard.start(first.port);
  onTestFinished(async () => {
    await board.stop();
    await Promise.all([first.stop(), second.stop()]);
  });
  const client = await connected(board.url);
  await client.set('at', 'first');
  board.pointTo(second.port);
  await first.connect().replicaof('127.0.0.1', second.port);
  // Many at once, all of them refused, are one reason to connect anew.
  const refused = await Promise.allSettled(
    Array.from({ length: COMMANDS }, () => client.set('at', 'replica')),
  );
  expect(refused.map(({ status }) => status)).toContain('rejected');
  await eventually(() => client.set('at', 'second'));
  expect(await second.connect().get('at')).toBe('second');
});
