import type { Script } from '../../redis/script.ts';
import { CLOCK } from './clock.ts';

/**
 * Takes in one lifecycle event of an MQTT client, unless what is known of it is newer. Events come
 * late, twice and out of order. A connection's two events share a version number, which grows with
 * every connection of the client and begins again after about an hour offline: of two events less
 * than half of that apart the numbers tell which is newer, of others AWS's clock. The oldest
 * clients make room, those that are offline first.
 * KEYS: clients, online, offline. ARGV: most clients, client id, state ('online' | 'offline'),
 * version, AWS's timestamp, session, reason, address. Answer: 1 | 0.
 */
export const RECORD_PRESENCE: Script = {
  name: 'recordPresence',
  keys: 3,
  lua: /* lua */ `${CLOCK}
local SAME_PERIOD_MS = 1800000
local client, state, version, at = ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local known = redis.call('HGET', KEYS[1], client)
if known then
  local k = cjson.decode(known)
  local apart = at - k.at
  if math.abs(apart) >= SAME_PERIOD_MS then
    if apart < 0 then return 0 end
  elseif version < k.version then return 0
  elseif version == k.version and not (k.state == 'online' and state == 'offline') then return 0 end
end
local now = timeMs()
redis.call('HSET', KEYS[1], client, cjson.encode({ state = state, version = version, at = at,
  session = ARGV[6], reason = ARGV[7], address = ARGV[8], observedAt = now }))
local own, other = KEYS[2], KEYS[3]
if state == 'offline' then own, other = KEYS[3], KEYS[2] end
redis.call('ZREM', other, client)
redis.call('ZADD', own, at, client)
local excess = redis.call('ZCARD', KEYS[2]) + redis.call('ZCARD', KEYS[3]) - tonumber(ARGV[1])
for _, key in ipairs({ KEYS[3], KEYS[2] }) do
  if excess > 0 then
    local oldest = redis.call('ZPOPMIN', key, excess)
    for i = 1, #oldest, 2 do redis.call('HDEL', KEYS[1], oldest[i]) end
    excess = excess - #oldest / 2
  end
end
return 1
`,
};

/**
 * Says that a subscription observes. One that is new, or that has lost events, leaves a gap from
 * when the last one was surely alive.
 * KEYS: observer, gaps. ARGV: identity, worker, subscription, most gaps, how long an end may go
 * unnoticed, how often this is said; the last two in milliseconds. Answer: since when.
 */
export const OBSERVE_PRESENCE: Script = {
  name: 'observePresence',
  keys: 2,
  lua: /* lua */ `${CLOCK}
local now = timeMs()
local known = redis.call('HMGET', KEYS[1], 'subscription', 'seenAt', 'since')
local since = known[3]
if known[1] ~= ARGV[3] then
  since = string.format('%.0f', now)
  if known[2] then
    local from = math.max(tonumber(known[3]), tonumber(known[2]) - tonumber(ARGV[5]))
    redis.call('RPUSH', KEYS[2], string.format('%.0f|%.0f', from, now))
    redis.call('LTRIM', KEYS[2], -tonumber(ARGV[4]), -1)
  end
end
redis.call('HSET', KEYS[1], 'identity', ARGV[1], 'worker', ARGV[2], 'subscription', ARGV[3],
  'since', since, 'seenAt', string.format('%.0f', now), 'everyMs', ARGV[6])
return since
`,
};
