import type { Script } from '../../redis/script.ts';
import { PRELUDE, WHEN_FULL } from './fence.ts';

/**
 * Takes a lease that is free, released or expired. The epoch grows even over a loss of Redis's
 * data, because it is never below Redis's clock. A call that a reconnect sent again is answered as
 * the first was: the token tells.
 * ARGV: holder, token, lease ms. Answer: 1, epoch | 0, holder, epoch, expiresAt.
 */
export const ACQUIRE_LEASE: Script = {
  name: 'acquireLease',
  keys: 1,
  lua: `${PRELUDE}${
    /* lua */ `
local now = timeMs()
local l = redis.call('HMGET', KEYS[1], 'holder', 'epoch', 'expiresAt', 'token')
if l[3] and tonumber(l[3]) > now then
  if l[4] == ARGV[2] then return { 1, l[2] } end
  return { 0, l[1], l[2], l[3] }
end
local epoch = math.max(tonumber(l[2] or '0') + 1, now)
redis.call('HSET', KEYS[1], 'holder', ARGV[1], 'token', ARGV[2], 'epoch', int(epoch),
  'acquiredAt', int(now), 'expiresAt', int(now + tonumber(ARGV[3])))
event('S', 'w', ARGV[1], 'e', int(epoch))
return { 1, int(epoch) }
`
  }`,
};

/**
 * Extends a lease. One that ran out but that nobody took since is still its holder's: no other
 * epoch existed in between.
 * ARGV: epoch, token, lease ms. Answer: 1 | 0.
 */
export const RENEW_LEASE: Script = {
  name: 'renewLease',
  keys: 1,
  lua: `${WHEN_FULL}${PRELUDE}${
    /* lua */ `
local l = redis.call('HMGET', KEYS[1], 'epoch', 'token')
if l[1] ~= ARGV[1] or l[2] ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], 'expiresAt', int(timeMs() + tonumber(ARGV[3])))
return 1
`
  }`,
};

/** Gives a lease up at once. ARGV: epoch, token. Answer: 1 | 0. */
export const RELEASE_LEASE: Script = {
  name: 'releaseLease',
  keys: 1,
  lua: `${WHEN_FULL}${PRELUDE}${
    /* lua */ `
local l = redis.call('HMGET', KEYS[1], 'epoch', 'token')
if l[1] ~= ARGV[1] or l[2] ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], 'expiresAt', '0', 'token', '')
event('S', 'w', '', 'e', ARGV[1])
return 1
`
  }`,
};
