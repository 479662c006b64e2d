import type { Script } from '../../redis/script.ts';
import { CLOCK } from './clock.ts';

/**
 * API tokens lie under one hash tag: a record each, a set of all by when they were made, and a
 * hash of the digests of those that may be good. KEYS[1] is that set, which names the tag.
 */
const KEYS_OF = /* lua */ `
local all = KEYS[1]
local digests = all .. ':digests'
local function recordOf(id) return all .. ':' .. id end
${CLOCK}`;

/**
 * Keeps a new token. Where there are too many, those that ended longest ago make room.
 * ARGV: id, digest, most tokens, then record fields and values.
 * Answer: 'kept' | 'too many'.
 */
export const CREATE_API_TOKEN: Script = {
  name: 'createApiToken',
  keys: 1,
  lua: `${KEYS_OF}${
    /* lua */ `
local id, digest, most = ARGV[1], ARGV[2], tonumber(ARGV[3])
local at = timeMs()
if redis.call('ZCARD', all) >= most then
  local ended, endedAt
  for _, other in ipairs(redis.call('ZRANGE', all, 0, -1)) do
    local r = redis.call('HMGET', recordOf(other), 'revokedAt', 'expiresAt', 'digest')
    local ends = tonumber(r[1] or r[2] or 0)
    if ends <= at and (endedAt == nil or ends < endedAt) then ended, endedAt = other, ends end
  end
  if ended == nil then return 'too many' end
  local gone = redis.call('HGET', recordOf(ended), 'digest')
  if gone then redis.call('HDEL', digests, gone) end
  redis.call('DEL', recordOf(ended))
  redis.call('ZREM', all, ended)
end
redis.call('HSET', recordOf(id), 'digest', digest, 'createdAt', string.format('%.0f', at))
for i = 4, #ARGV, 2 do redis.call('HSET', recordOf(id), ARGV[i], ARGV[i + 1]) end
redis.call('HSET', digests, digest, id)
redis.call('ZADD', all, at, id)
return 'kept'
`
  }`,
};

/**
 * Finds a token by its digest, and notes that it is used, at most once a minute.
 * ARGV: digest. Answer: nothing, or id, and the record's fields and values.
 */
export const CHECK_API_TOKEN: Script = {
  name: 'checkApiToken',
  keys: 1,
  lua: `${KEYS_OF}${
    /* lua */ `
local id = redis.call('HGET', digests, ARGV[1])
if not id then return false end
local at = timeMs()
local r = redis.call('HMGET', recordOf(id), 'expiresAt', 'lastUsedAt', 'revokedAt')
if not r[1] or r[3] then return false end
if tonumber(r[1]) > at and at - tonumber(r[2] or 0) > 60000 then
  -- Where Redis is full the token is good all the same.
  redis.pcall('HSET', recordOf(id), 'lastUsedAt', string.format('%.0f', at))
end
return { id, string.format('%.0f', at), redis.call('HGETALL', recordOf(id)) }
`
  }`,
};

/**
 * Ends a token for good. ARGV: id, by whom, reason.
 * Answer: 'revoked' | 'unknown' | 'ended'.
 */
export const REVOKE_API_TOKEN: Script = {
  name: 'revokeApiToken',
  keys: 1,
  lua: `${KEYS_OF}${
    /* lua */ `
local record = recordOf(ARGV[1])
local r = redis.call('HMGET', record, 'digest', 'revokedAt')
if not r[1] then return 'unknown' end
if r[2] then return 'ended' end
redis.call('HSET', record, 'revokedAt', string.format('%.0f', timeMs()), 'revokedBy', ARGV[2],
  'reason', ARGV[3])
redis.call('HDEL', digests, r[1])
return 'revoked'
`
  }`,
};
