import type { Script } from '../../redis/script.ts';
import { PRELUDE } from './fence.ts';

/**
 * Says that somebody waits for the answer to a wish to read, unless nobody could give one.
 * ARGV: identity, answer's id, ms that somebody waits. Answer: 'no-identity' | 'no-owner' | 'open'.
 */
export const OPEN_ANSWER: Script = {
  name: 'openAnswer',
  keys: 1,
  lua: `${PRELUDE}${
    /* lua */ `
if redis.call('EXISTS', T .. ':identity:' .. ARGV[1]) == 0 then return 'no-identity' end
if tonumber(redis.call('HGET', KEYS[1], 'expiresAt') or '0') <= timeMs() then return 'no-owner' end
redis.call('SET', T .. ':answer:' .. ARGV[2], '', 'PX', ARGV[3])
return 'open'
`
  }`,
};
