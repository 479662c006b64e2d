/**
 * Lua functions on how an update gets its place: in its lane at once, or in the schedule of its
 * shard until its time has come. What waits there is in no lane and holds nothing up.
 */
export const LANE_ENTRY = /* lua */ `
local function enter(lane, id, identity, now)
  if redis.call('RPUSH', T .. ':lane:' .. lane, id) == 1 then
    redis.call('ZADD', T .. ':lanes', now, lane)
    redis.call('SADD', T .. ':lanes-of:' .. identity, lane)
  end
end

-- A moment, or so many ms from now on, by this server's clock.
local function dueAt(notBefore, now)
  local delay = string.match(notBefore, '^%+(%d+)$')
  return delay and int(tonumber(now) + tonumber(delay)) or notBefore
end

local function schedule(record, id, identity, dueAt)
  redis.call('HSET', record, 'state', 'HELD', 'waitReason', 'SCHEDULED', 'waitUntil', dueAt,
    'notBefore', dueAt)
  redis.call('ZADD', T .. ':scheduled', dueAt, id)
  redis.call('SADD', T .. ':scheduled-of:' .. identity, id)
end

-- Takes an update out of the schedule; answers whether it was there.
local function unschedule(id, identity)
  if redis.call('ZREM', T .. ':scheduled', id) == 0 then return false end
  redis.call('SREM', T .. ':scheduled-of:' .. identity, id)
  return true
end
`;
