import type { Script } from '../../redis/script.ts';
import { PRELUDE } from './fence.ts';

/**
 * Writes down which updates a shard's part of an action takes on next, unless that was done.
 * ARGV: action, the chunk as JSON. Answer: the chunk that stands.
 */
export const PLAN_CHUNK: Script = {
  name: 'planChunk',
  keys: 1,
  lua: `${PRELUDE}${
    /* lua */ `
local key = T .. ':bulk:' .. ARGV[1]
if redis.call('HEXISTS', key, 'ended') == 0 then redis.call('HSETNX', key, 'chunk', ARGV[2]) end
return redis.call('HGET', key, 'chunk')
`
  }`,
};

/**
 * Writes down what is sent for a chunk, in the place of what was read before.
 * ARGV: action, the chunk as JSON, as it was ('' for nothing), as it shall be.
 * Answer: what stands; nothing where the chunk is counted.
 */
export const AGREE_ON_CHUNK: Script = {
  name: 'agreeOnChunk',
  keys: 1,
  lua: `${PRELUDE}${
    /* lua */ `
local key = T .. ':bulk:' .. ARGV[1]
if redis.call('HGET', key, 'chunk') ~= ARGV[2] then return false end
local stands = redis.call('HGET', key, 'sending') or ''
if stands ~= ARGV[3] then return stands end
redis.call('HSET', key, 'sending', ARGV[4])
return ARGV[4]
`
  }`,
};

/**
 * Counts a chunk that was worked off, once, and goes on behind it.
 * ARGV: action, the chunk as JSON, the position behind it, whether it was the last ('1' | '0'),
 * done, skipped, failed, errors as JSON. Answer: 1 | 0 where somebody else did.
 */
export const END_CHUNK: Script = {
  name: 'endChunk',
  keys: 1,
  lua: `${PRELUDE}${
    /* lua */ `
local MOST_ERRORS = 10
local key = T .. ':bulk:' .. ARGV[1]
if redis.call('HGET', key, 'chunk') ~= ARGV[2] then return 0 end
redis.call('HDEL', key, 'chunk', 'sending')
redis.call('HSET', key, 'cursor', ARGV[3])
if ARGV[4] == '1' then redis.call('HSET', key, 'ended', '1') end
redis.call('HINCRBY', key, 'done', ARGV[5])
redis.call('HINCRBY', key, 'skipped', ARGV[6])
redis.call('HINCRBY', key, 'failed', ARGV[7])
local errors = cjson.decode(redis.call('HGET', key, 'errors') or '[]')
for _, one in ipairs(cjson.decode(ARGV[8])) do
  if #errors < MOST_ERRORS then errors[#errors + 1] = one end
end
if #errors > 0 then redis.call('HSET', key, 'errors', cjson.encode(errors)) end
return 1
`
  }`,
};

/**
 * Ends the wait of an update that is held for a time of ours. ARGV: id.
 * Answer: its job, or '' where it does not wait so any more.
 */
export const END_WAIT: Script = {
  name: 'endWait',
  keys: 1,
  lua: `${PRELUDE}${
    /* lua */ `
local record = T .. ':update:' .. ARGV[1]
local u = redis.call('HMGET', record, 'state', 'waitReason', 'identity', 'thing', 'shadow', 'job')
if u[1] ~= 'HELD' or (u[2] ~= 'BACKOFF' and u[2] ~= 'RATE_LIMITED') then return '' end
local lane = u[3] .. '/' .. u[4] .. (u[5] and ('/' .. u[5]) or '')
local now = int(timeMs())
redis.call('HSET', record, 'waitUntil', now)
redis.call('HSET', T .. ':waiting', lane, u[2] .. '|' .. now)
return jobOf(ARGV[1], u[6])
`
  }`,
};
