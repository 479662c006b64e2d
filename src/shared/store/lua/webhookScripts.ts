import type { Script } from '../../redis/script.ts';

/**
 * Writes a webhook where it is still what the caller read.
 * KEYS: all webhooks. ARGV: id, as it was ('' for a new one), as it shall be ('' to remove it),
 * the most that there may be. Answer: 'written' | 'changed' | 'full'.
 */
export const WRITE_WEBHOOK: Script = {
  name: 'writeWebhook',
  keys: 1,
  lua: /* lua */ `
local was = redis.call('HGET', KEYS[1], ARGV[1]) or ''
if was ~= ARGV[2] then return 'changed' end
if ARGV[3] == '' then
  redis.call('HDEL', KEYS[1], ARGV[1])
  return 'written'
end
if was == '' and redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[4]) then return 'full' end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 'written'
`,
};

/**
 * Notes a delivery, unless it is known, and drops the oldest of its webhook beyond the most kept.
 * KEYS: the delivery, the webhook's list. ARGV: id, kept ms, most kept, then fields and values.
 * Answer: 'added' | 'pending' | 'over', then the ids of those that were dropped.
 */
export const ADD_DELIVERY: Script = {
  name: 'addDelivery',
  keys: 2,
  lua: /* lua */ `
local state = redis.call('HGET', KEYS[1], 'state')
if state then return { state == 'PENDING' and 'pending' or 'over' } end
local t = redis.call('TIME')
local now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
redis.call('HSET', KEYS[1], 'state', 'PENDING', 'createdAt', string.format('%.0f', now), unpack(ARGV, 4))
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('ZADD', KEYS[2], now, ARGV[1])
redis.call('PEXPIRE', KEYS[2], ARGV[2])
local prefix = string.sub(KEYS[1], 1, #KEYS[1] - #ARGV[1])
local old = redis.call('ZRANGE', KEYS[2], 0, -1 - tonumber(ARGV[3]))
for _, id in ipairs(old) do redis.call('DEL', prefix .. id) end
if #old > 0 then redis.call('ZREM', KEYS[2], unpack(old)) end
return { 'added', unpack(old) }
`,
};

/**
 * Writes what became of an attempt; a delivery that is gone stays gone.
 * KEYS: the delivery. ARGV: fields and values. Answer: 1 | 0.
 */
export const NOTE_ATTEMPT: Script = {
  name: 'noteAttempt',
  keys: 1,
  lua: /* lua */ `
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HINCRBY', KEYS[1], 'attempts', 1)
redis.call('HDEL', KEYS[1], 'responseStatus', 'latencyMs', 'error')
redis.call('HSET', KEYS[1], unpack(ARGV))
return 1
`,
};
