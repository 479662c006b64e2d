/**
 * Lua functions that gather what a script moves and write it once, at its end: the many updates of
 * one script move the same few counters, and a lane may get several new heads.
 */
export const LANE_TALLIES = /* lua */ `
local moved = {}
local function moveCount(from, to)
  if from == to then return end
  if from then moved[from] = (moved[from] or 0) - 1 end
  moved[to] = (moved[to] or 0) + 1
end

local function writeCounts()
  for state, by in pairs(moved) do
    if by ~= 0 then redis.call('HINCRBY', T .. ':counts', state, by) end
  end
end

-- Lanes that got another head, and since when the head that is known to stand there waits; false
-- where the lane is known to be empty. What was scheduled is as old as its place in the lane.
local rearranged, headAges = {}, {}

local function ageOfHead(lane)
  if headAges[lane] ~= nil then return headAges[lane] end
  local head = redis.call('LINDEX', T .. ':lane:' .. lane, 0)
  if not head then return false end
  local u = redis.call('HMGET', T .. ':update:' .. head, 'releasedAt', 'createdAt')
  return u[1] or u[2] or 0
end

-- Drops so many updates from the head of a lane. restAge is as above, or nothing where not known.
local function pop(lane, count, restAge)
  redis.call('LPOP', T .. ':lane:' .. lane, count)
  rearranged[lane] = true
  headAges[lane] = restAge
end

-- Gives each rearranged lane its place in the order of age.
local function writeLanes()
  for lane in pairs(rearranged) do
    local age = ageOfHead(lane)
    if age then
      redis.call('ZADD', T .. ':lanes', age, lane)
    else
      redis.call('ZREM', T .. ':lanes', lane)
      redis.call('SREM', T .. ':lanes-of:' .. string.match(lane, '^[^/]+'), lane)
    end
  end
end
`;
