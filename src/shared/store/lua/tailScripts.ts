import type { Script } from '../../redis/script.ts';
import { PRELUDE } from './fence.ts';

/**
 * Notes how far the events of a shard are being handed to webhooks, before any is. Whoever finds
 * the plan of a predecessor hands out the same events in the same portions.
 * ARGV: epoch, token, from ('' to leave it), up to ('' where everything up to `from` was handed
 * out). Answer: 1 | 0.
 */
export const WRITE_TAIL: Script = {
  name: 'writeTail',
  keys: 1,
  lua: `${PRELUDE}${
    /* lua */ `
if not owns(ARGV[1], ARGV[2], timeMs()) then return 0 end
local key = T .. ':webhook-tail'
if ARGV[3] ~= '' then redis.call('HSET', key, 'from', ARGV[3]) end
if ARGV[4] == '' then redis.call('HDEL', key, 'upTo') else redis.call('HSET', key, 'upTo', ARGV[4]) end
return 1
`
  }`,
};
