/**
 * Lua functions on lanes, shared by the scripts that claim, settle and hold. An update's record,
 * its place in the lane and the counters change together or not at all.
 */
export const LANE_FUNCTIONS = /* lua */ `
local function moveCount(from, to)
  if from ~= to then
    if from then redis.call('HINCRBY', T .. ':counts', from, -1) end
    redis.call('HINCRBY', T .. ':counts', to, 1)
  end
end

-- Drops the head; the next update, if any, takes the lane's place in the order of age.
local function pop(lane)
  local key = T .. ':lane:' .. lane
  redis.call('LPOP', key)
  redis.call('HDEL', T .. ':waiting', lane)
  local nextHead = redis.call('LINDEX', key, 0)
  if nextHead then
    local createdAt = redis.call('HGET', T .. ':update:' .. nextHead, 'createdAt')
    redis.call('ZADD', T .. ':lanes', createdAt or 0, lane)
  else
    redis.call('ZREM', T .. ':lanes', lane)
    redis.call('SREM', T .. ':lanes-of:' .. string.match(lane, '^[^/]+'), lane)
  end
end

-- Ends the head of a lane in a final state. fields is a flat list of further record fields.
local function finish(lane, id, from, to, now, retentionMs, fields)
  local key = T .. ':update:' .. id
  redis.call('HDEL', key, 'waitReason', 'waitDetail', 'waitUntil', 'epoch')
  redis.call('HSET', key, 'state', to, 'finishedAt', int(now), unpack(fields))
  redis.call('PEXPIRE', key, retentionMs)
  moveCount(from, to)
  pop(lane)
end

local function hold(lane, id, from, reason, detail, untilMs)
  local key = T .. ':update:' .. id
  redis.call('HDEL', key, 'waitDetail', 'waitUntil', 'epoch')
  redis.call('HSET', key, 'state', 'HELD', 'waitReason', reason)
  if detail ~= '' then redis.call('HSET', key, 'waitDetail', detail) end
  if untilMs ~= '' then redis.call('HSET', key, 'waitUntil', untilMs) end
  redis.call('HSET', T .. ':waiting', lane, reason .. '|' .. untilMs)
  moveCount(from, 'HELD')
end

-- Settles what ended without a publish and claims the first update of the lane that may run.
local function claim(lane, epoch, now, retentionMs)
  local key = T .. ':lane:' .. lane
  local identityKey = T .. ':identity:' .. string.match(lane, '^[^/]+')
  while true do
    local id = redis.call('LINDEX', key, 0)
    if not id then
      redis.call('HDEL', T .. ':waiting', lane)
      return { 'empty' }
    end
    local record = T .. ':update:' .. id
    local u = redis.call('HMGET', record, 'state', 'tries', 'waitUntil', 'waitReason', 'expiresAt',
      'desired', 'confirm', 'expectedVersion', 'createdAt', 'unknown', 'waitDetail')
    local identity = redis.call('HMGET', identityKey, 'status', 'waitReason', 'probeAt')
    if not u[1] then
      pop(lane)
    elseif u[1] ~= 'QUEUED' and u[1] ~= 'HELD' and u[1] ~= 'IN_FLIGHT' then
      pop(lane)
    elseif u[5] and tonumber(u[5]) <= now then
      finish(lane, id, u[1], 'EXPIRED', now, retentionMs, { 'failure', cjson.encode({
        code = 'DEADLINE_PASSED',
        message = 'expiresAt passed before the update could be published.',
        remedy = 'Send it again with a later expiresAt; the wait reason it had says what held it.' }) })
    elseif not identity[1] then
      finish(lane, id, u[1], 'FAILED', now, retentionMs, { 'failure', cjson.encode({
        code = 'IDENTITY_REMOVED',
        message = 'The identity was removed before the update was published.',
        remedy = 'Register the identity again and send the update again.' }) })
    elseif identity[1] == 'QUARANTINED' or identity[1] == 'NEEDS_OPERATOR' then
      local reason = identity[2] or 'IDENTITY_QUARANTINED'
      local untilMs = identity[3] or ''
      hold(lane, id, u[1], reason, '', untilMs)
      return { 'wait', reason, untilMs, '', u[5] or '' }
    elseif u[1] == 'HELD' and u[3] and tonumber(u[3]) > now then
      return { 'wait', u[4] or 'BACKOFF', u[3], u[11] or '', u[5] or '' }
    else
      -- A claim that nobody settled (crash, lost lease) is a try whose outcome is unknown.
      if u[1] == 'IN_FLIGHT' then
        redis.call('HINCRBY', record, 'unknown', 1)
        u[10] = int(tonumber(u[10] or '0') + 1)
      end
      local tries = redis.call('HINCRBY', record, 'tries', 1)
      redis.call('HDEL', record, 'waitReason', 'waitDetail', 'waitUntil')
      redis.call('HSET', record, 'state', 'IN_FLIGHT', 'epoch', epoch)
      redis.call('HDEL', T .. ':waiting', lane)
      moveCount(u[1], 'IN_FLIGHT')
      return { 'claimed', id, int(tries), u[6], u[7], u[8] or '', u[5] or '', u[9], u[10] or '0' }
    end
  end
end
`;
