import { AWS_SHADOW_LIMITS } from '../../domain/desired.ts';

/**
 * Lua functions on groups: the updates at the head of a lane that one publish carries. The head is
 * the carrier, whose token is published; its record names the members in their order, and each of
 * them names the carrier. A group stays as it is from the claim that made it until it is settled,
 * so that every try publishes the same document under the same token.
 */
export const GROUP_FUNCTIONS = /* lua */ `
local MAX_GROUP = 100
local MAX_GROUP_BYTES = ${AWS_SHADOW_LIMITS.maxBytes}

local function members(carrier)
  local group = redis.call('HGET', T .. ':update:' .. carrier, 'group')
  local ids = {}
  for id in string.gmatch(group or '', '[^,]+') do ids[#ids + 1] = id end
  return ids
end

local function setMembers(carrier, from, to)
  local ids = members(carrier)
  for _, id in ipairs(ids) do
    redis.call('HSET', T .. ':update:' .. id, 'state', to)
    moveCount(from, to)
  end
  return ids
end

-- Lets the members of a group go; a later claim may make another one.
local function dissolve(carrier)
  for _, id in ipairs(members(carrier)) do redis.call('HDEL', T .. ':update:' .. id, 'carrier') end
  redis.call('HDEL', T .. ':update:' .. carrier, 'group')
end

-- A table that cjson made of an object with at least one key; an empty one may be an array.
local function isObject(value)
  return type(value) == 'table' and type(next(value)) == 'string'
end

local function isEmpty(value)
  return type(value) == 'table' and next(value) == nil
end

-- Whether one document can say what two patches do one after the other. It cannot where an object
-- follows a value at the same place: that would keep what the value was meant to replace.
local function mergeable(before, patch)
  for key, value in pairs(patch) do
    local old = before[key]
    if old ~= nil then
      if isEmpty(value) then return false end
      if isObject(value) and not (isObject(old) and mergeable(old, value)) then return false end
    end
  end
  return true
end

local function fold(before, patch)
  for key, value in pairs(patch) do
    if isObject(value) and isObject(before[key]) then fold(before[key], value)
    else before[key] = value end
  end
end

-- Adds to a claimed head what stands behind it and may go with it. Answers the members as
-- pairs of id and desired; '' for none. The sum of their sizes bounds the merged document's.
local function claimGroup(lane, head, tries)
  local list = {}
  if head.group then
    for _, id in ipairs(setMembers(head.id, 'QUEUED', 'IN_FLIGHT')) do
      local member = T .. ':update:' .. id
      local desired = redis.call('HGET', member, 'desired')
      list[#list + 1] = { id, wholeOf(member, 'desired', desired) }
    end
  -- One that was published alone stays alone: its document is the one that its token stands for.
  elseif head.coalesce == '1' and tries == 1 then
    local bytes = #head.desired
    local merged
    local names = {}
    for _, id in ipairs(redis.call('LRANGE', T .. ':lane:' .. lane, 1, MAX_GROUP - 1)) do
      local member = T .. ':update:' .. id
      local u = redis.call('HMGET', member, 'coalesce', 'confirm', 'desired', 'state')
      if u[1] ~= '1' or u[2] ~= head.confirm or u[4] ~= 'QUEUED' then break end
      local desired = wholeOf(member, 'desired', u[3])
      bytes = bytes + #desired
      if bytes > MAX_GROUP_BYTES then break end
      merged = merged or cjson.decode(head.desired)
      local patch = cjson.decode(desired)
      if not mergeable(merged, patch) then break end
      fold(merged, patch)
      list[#list + 1] = { id, desired }
      names[#names + 1] = id
      redis.call('HSET', member, 'state', 'IN_FLIGHT', 'carrier', head.id)
      moveCount('QUEUED', 'IN_FLIGHT')
    end
    if #names > 0 then
      redis.call('HSET', T .. ':update:' .. head.id, 'group', table.concat(names, ','))
    end
  end
  return #list == 0 and '' or list
end
`;
