import { expect, onTestFinished, test } from 'vitest';
import { connectRedis } from '../../src/shared/redis/connect.ts';
import { isRedisUnavailable } from '../../src/shared/redis/unavailable.ts';
import { eventually } from '../support/eventually.ts';
import { useRedis } from '../support/useRedis.ts';

const redis = useRedis();

test('what a connection leaves half answered when it is cut is an outage, and no fault of ours', async () => {
  const client = connectRedis(redis().url);
  onTestFinished(() => client.disconnect());
  const half = client.pipeline().ping().blpop('never-there', 0).exec();
  const look = redis().connect();
  await eventually(async () => expect(await look.client('LIST')).toContain('cmd=blpop'));
  await look.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  const answers = (await half) ?? [];
  expect(answers[0]).toEqual([null, 'PONG']);
  expect(answers[1]?.[0]).toBeInstanceOf(Error);
  expect(isRedisUnavailable(answers[1]?.[0])).toBe(true);
});
