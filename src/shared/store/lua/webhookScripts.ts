import type { Script } from '../../redis/script.ts';
import { CLOCK } from './clock.ts';

/**
 * Writes a webhook where it is still what the caller read. One that is removed takes along how many
 * deliveries of it failed.
 * KEYS: all webhooks, their failures. ARGV: id, as it was ('' for a new one), as it shall be ('' to remove it),
 * the most that there may be. Answer: 'written' | 'changed' | 'full'.
 */
export const WRITE_WEBHOOK: Script = {
  name: 'writeWebhook',
  keys: 2,
  lua: /* lua */ `
local was = redis.call('HGET', KEYS[1], ARGV[1]) or ''
if was ~= ARGV[2] then return 'changed' end
if ARGV[3] == '' then
  redis.call('HDEL', KEYS[1], ARGV[1])
  redis.call('HDEL', KEYS[2], ARGV[1])
  return 'written'
end
if was == '' and redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[4]) then return 'full' end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 'written'
`,
};

/**
 * Counts a delivery that was given up, unless its webhook is gone.
 * KEYS: all webhooks, their failures. ARGV: id. Answer: how many in a row.
 */
export const COUNT_FAILURE: Script = {
  name: 'countFailure',
  keys: 2,
  lua: /* lua */ `
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
return redis.call('HINCRBY', KEYS[2], ARGV[1], 1)
`,
};

const NOW = /* lua */ `${CLOCK}
local now = timeMs()
`;

/**
 * Notes a delivery, unless it is known, and drops the oldest of its webhook beyond the most kept.
 * KEYS: the delivery, the webhook's list, what is pending. ARGV: id, kept ms, most kept, then fields
 * and values. Answer: 'added' | 'pending' | 'over', how many were dropped that had not ended, and
 * the ids of all that were dropped.
 */
export const ADD_DELIVERY: Script = {
  name: 'addDelivery',
  keys: 3,
  lua: /* lua */ `
local state = redis.call('HGET', KEYS[1], 'state')
if state then return { state == 'PENDING' and 'pending' or 'over', '0' } end
${NOW}
redis.call('HSET', KEYS[1], 'state', 'PENDING', 'createdAt', string.format('%.0f', now), unpack(ARGV, 4))
redis.call('PEXPIRE', KEYS[1], ARGV[2])
-- With the microseconds: of several in one millisecond the ids say no order.
local t = redis.call('TIME')
redis.call('ZADD', KEYS[2], t[1] * 1000 + t[2] / 1000, ARGV[1])
redis.call('PEXPIRE', KEYS[2], ARGV[2])
redis.call('ZADD', KEYS[3], now, ARGV[1])
local prefix = string.sub(KEYS[1], 1, #KEYS[1] - #ARGV[1])
local old = redis.call('ZRANGE', KEYS[2], 0, -1 - tonumber(ARGV[3]))
for _, id in ipairs(old) do redis.call('DEL', prefix .. id) end
local lost = 0
if #old > 0 then
  redis.call('ZREM', KEYS[2], unpack(old))
  lost = redis.call('ZREM', KEYS[3], unpack(old))
end
return { 'added', tostring(lost), unpack(old) }
`,
};

/**
 * Writes what became of an attempt; a delivery that is gone stays gone.
 * KEYS: the delivery, what is pending. ARGV: id, then fields and values. Answer: 1 | 0.
 */
export const NOTE_ATTEMPT: Script = {
  name: 'noteAttempt',
  keys: 2,
  lua: /* lua */ `
local known = redis.call('EXISTS', KEYS[1]) == 1
if known then
  redis.call('HINCRBY', KEYS[1], 'attempts', 1)
  redis.call('HDEL', KEYS[1], 'responseStatus', 'latencyMs', 'error')
  redis.call('HSET', KEYS[1], unpack(ARGV, 2))
end
if not known or redis.call('HGET', KEYS[1], 'state') ~= 'PENDING' then
  redis.call('ZREM', KEYS[2], ARGV[1])
end
return known and 1 or 0
`,
};

/**
 * Has a delivery begin anew, and be kept as long as a new one.
 * KEYS: the delivery, what is pending. ARGV: id, kept ms. Answer: 1, or 0 where it is gone.
 */
export const RENEW_DELIVERY: Script = {
  name: 'renewDelivery',
  keys: 2,
  lua: /* lua */ `
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
${NOW}
redis.call('HSET', KEYS[1], 'state', 'PENDING')
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('ZADD', KEYS[2], 'NX', now, ARGV[1])
return 1
`,
};

/**
 * How many deliveries have not ended, and for how long the oldest has been due. Those whose records
 * are gone by age are forgotten. KEYS: what is pending. ARGV: kept ms. Answer: count, age in ms.
 */
export const PENDING_DELIVERIES: Script = {
  name: 'pendingDeliveries',
  keys: 1,
  lua: /* lua */ `
${NOW}
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[1]))
local oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2]
return { redis.call('ZCARD', KEYS[1]), oldest and math.max(0, now - tonumber(oldest)) or 0 }
`,
};
