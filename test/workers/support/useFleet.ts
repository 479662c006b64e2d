import { afterAll, afterEach, beforeAll } from 'vitest';
import type { RedisServer, RedisServerOptions } from '../../support/redisServer.ts';
import { useRedis } from '../../support/useRedis.ts';
import { Aws } from './aws.ts';
import { Fleet, QUICK_CONNECTS } from './fleet.ts';

/**
 * One Redis and one emulated account for the tests of a file; each call inside a test gives a new
 * deployment on them, which ends with its test.
 */
export function useFleet(
  options: { readonly redis?: RedisServerOptions; readonly emulator?: readonly string[] } = {},
): { fleet(): Fleet; aws(): Aws; redis(): RedisServer } {
  const redis = useRedis(options.redis);
  const fleets: Fleet[] = [];
  let account: Aws | undefined;
  const aws = () => {
    if (account === undefined) throw new Error('the account is there inside tests only');
    return account;
  };
  beforeAll(async () => {
    account = await Aws.start([...QUICK_CONNECTS, ...(options.emulator ?? [])]);
  });
  afterEach(async () => {
    await Promise.all(fleets.splice(0).map((fleet) => fleet.stop()));
  });
  afterAll(async () => {
    await account?.stop();
  });
  return {
    aws,
    redis,
    fleet: () => {
      const fleet = new Fleet(redis().url, aws());
      fleets.push(fleet);
      return fleet;
    },
  };
}
