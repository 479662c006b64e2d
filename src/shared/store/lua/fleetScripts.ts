import type { Script } from '../../redis/script.ts';
import { CLOCK } from './clock.ts';
import { WHEN_FULL } from './fence.ts';

/** Events of the fleet that its stream keeps. */
export const MOST_FLEET_EVENTS = 10_000;

/**
 * A Lua function that writes what happened in the fleet to its stream, beside the list of members.
 * k is J (a worker joined: w), L (it left, or was given up: w), or A (an operator acted: n, the
 * mutation; a, the actor; s, what it concerns as a JSON list; r, the reason).
 */
const FLEET_EVENT = /* lua */ `
local function event(kind, worker)
  local stream = string.match(KEYS[1], '^(.*):members$') .. ':events'
  redis.call('XADD', stream, 'MAXLEN', '~', ${MOST_FLEET_EVENTS}, '*', 'k', kind, 'w', worker)
end
`;

/**
 * Records a heartbeat and answers who else beats. Members whose last beat is older than the limit
 * are dropped, and their count of beats with them.
 * KEYS: members, info. ARGV: worker, description as JSON, limit ms.
 * Answer: quadruples of worker, last beat, beats, description.
 */
export const HEARTBEAT: Script = {
  name: 'heartbeat',
  keys: 2,
  lua: `${WHEN_FULL}${CLOCK}${FLEET_EVENT}${
    /* lua */ `
local now = timeMs()
local gone = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[3]))
for _, worker in ipairs(gone) do
  redis.call('ZREM', KEYS[1], worker)
  if redis.call('HDEL', KEYS[2], worker, worker .. '|beats') > 0 then event('L', worker) end
end
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
-- From its second beat on it takes part.
if redis.call('HINCRBY', KEYS[2], ARGV[1] .. '|beats', 1) == 2 then event('J', ARGV[1]) end
local answer = {}
local members = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
for i = 1, #members, 2 do
  answer[#answer + 1] = members[i]
  answer[#answer + 1] = members[i + 1]
  answer[#answer + 1] = redis.call('HGET', KEYS[2], members[i] .. '|beats') or '0'
  answer[#answer + 1] = redis.call('HGET', KEYS[2], members[i]) or '{}'
end
return answer
`
  }`,
};

/** Takes a worker out of the fleet. KEYS: members, info. ARGV: worker. */
export const LEAVE: Script = {
  name: 'leave',
  keys: 2,
  lua: `${FLEET_EVENT}${
    /* lua */ `
redis.call('ZREM', KEYS[1], ARGV[1])
local known = redis.call('HDEL', KEYS[2], ARGV[1], ARGV[1] .. '|beats')
if known > 0 then event('L', ARGV[1]) end
return known
`
  }`,
};

/**
 * Drains a worker, unless no other one would take shards: in one step, so that two who drain each
 * other's last companion at the same moment do not both pass. Workers that are gone are forgotten.
 * KEYS: members, drains. ARGV: worker. Answer: 'drained' | 'no-worker' | 'last'.
 */
export const DRAIN_WORKER: Script = {
  name: 'drainWorker',
  keys: 2,
  lua: /* lua */ `
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 'no-worker' end
for _, drained in ipairs(redis.call('SMEMBERS', KEYS[2])) do
  if not redis.call('ZSCORE', KEYS[1], drained) then redis.call('SREM', KEYS[2], drained) end
end
for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  if member ~= ARGV[1] and redis.call('SISMEMBER', KEYS[2], member) == 0 then
    redis.call('SADD', KEYS[2], ARGV[1])
    return 'drained'
  end
end
return 'last'
`,
};

/**
 * Notes a pause, unless its target is paused already. KEYS: pauses. ARGV: field, pause as JSON,
 * most pauses. Answer: the pause that holds, as JSON | 0 where there are too many.
 */
export const PAUSE: Script = {
  name: 'pause',
  keys: 1,
  lua: /* lua */ `
local holding = redis.call('HGET', KEYS[1], ARGV[1])
if holding then return holding end
if redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[3]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return ARGV[2]
`,
};

/**
 * A token bucket in Redis's time, which counts what it grants in each second of that clock: what
 * is shown as the use of the budget. KEYS: bucket. ARGV: rate per second, burst, wanted.
 * Answer: granted, ms until the next token where none was granted.
 */
export const TAKE_BUDGET: Script = {
  name: 'takeBudget',
  keys: 1,
  lua: /* lua */ `
local t = redis.call('TIME')
local now = tonumber(t[1]) * 1000 + tonumber(t[2]) / 1000
local rate, burst, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local b = redis.call('HMGET', KEYS[1], 'tokens', 'at', 'second', 'granted', 'before')
local tokens = tonumber(b[1] or burst)
local at = tonumber(b[2] or now)
tokens = math.min(burst, tokens + math.max(0, now - at) * rate / 1000)
local granted = math.min(wanted, math.floor(tokens))
tokens = tokens - granted
local second, sum, before = tonumber(t[1]), granted, 0
if tonumber(b[3]) == second then
  sum, before = granted + tonumber(b[4]), tonumber(b[5])
elseif tonumber(b[3]) == second - 1 then
  before = tonumber(b[4])
end
redis.call('HSET', KEYS[1], 'tokens', string.format('%.6f', tokens), 'at', string.format('%.3f', now),
  'second', second, 'granted', sum, 'before', before)
redis.call('PEXPIRE', KEYS[1], math.ceil(burst / rate * 1000) + 60000)
local wait = 0
if granted == 0 then wait = math.ceil((1 - tokens) / rate * 1000) end
return { granted, wait }
`,
};
