import { FINAL_PARTITIONS, OPEN_PARTITION } from './indexFunctions.ts';

/** `name = true` for each, as the inside of a Lua table. */
const OF_FAILED = FINAL_PARTITIONS.filter((name) => name.startsWith('FAILED'));
const quoted = (names: readonly string[]) => names.map((name) => `'${name}'`).join(', ');

/**
 * Lua functions that walk through the updates that a filter matches, in order of their positions,
 * a bounded number of candidates at a time. Candidates come from the smallest index that the
 * filter allows; their records tell the rest, so that what was pruned is passed over.
 *
 * A filter is a table of thing, shadow, classic, identity, group, batch, actor, labels, states, codes
 * and waits, each of them optional, besides what is paused; an update matches where all that is given
 * does, all of the labels, and one of the states, codes and reasons to wait. Shadows and groups have
 * no index of their own: they are looked for among the candidates of the others, as waits are.
 */
export const SCAN_FUNCTIONS = /* lua */ `
local OPEN_STATES = { QUEUED = true, HELD = true, IN_FLIGHT = true }
local FINAL = { ${quoted(FINAL_PARTITIONS)} }
local OF_FAILED = { ${quoted(OF_FAILED)} }

local function setOf(list)
  if not list then return nil end
  local set = {}
  for _, value in ipairs(list) do set[value] = true end
  return set
end

-- The sorted sets in which matches can stand.
local function partitionsOf(filter)
  local states, names, seen = setOf(filter.states), {}, {}
  local function add(name, state)
    if (states and not states[state]) or seen[name] then return end
    seen[name] = true
    names[#names + 1] = name
  end
  local function addOpen()
    for state in pairs(OPEN_STATES) do add('${OPEN_PARTITION}', state) end
  end
  if filter.waits then
    if not filter.codes then addOpen() end
  elseif filter.codes then
    for _, code in ipairs(filter.codes) do
      add('FAILED:' .. code, 'FAILED')
      if code == 'DEADLINE_PASSED' then add('EXPIRED', 'EXPIRED') end
    end
  else
    addOpen()
    for _, name in ipairs(FINAL) do add(name, string.match(name, '^[^:]+')) end
  end
  return names
end

local function listsOf(filter)
  local lists = {}
  local function add(kind, value) if value then lists[#lists + 1] = T .. ':i:' .. kind .. value end end
  add('t:', filter.thing)
  add('o:', filter.identity)
  add('a:', filter.actor)
  add('b:', filter.batch)
  for _, label in ipairs(filter.labels or {}) do add('l:', label) end
  return lists
end

local BLOCK = 50

-- Walks a list of pairs. Answers a function that gives the next position and id, or nothing.
local function walkList(key, newest, low, high)
  local count = redis.call('LLEN', key) / 2
  local function positionAt(i) return tonumber(redis.call('LINDEX', key, 2 * i)) end
  -- The first place at which the position is beyond the bound.
  local function firstBeyond(bound)
    local from, to = 0, count
    while from < to do
      local middle = math.floor((from + to) / 2)
      if positionAt(middle) > bound then to = middle else from = middle + 1 end
    end
    return from
  end
  local at = newest and firstBeyond(high) - 1 or firstBeyond(low - 1)
  local block, first
  return function()
    if at < 0 or at >= count then return nil end
    if not block or at < first or at >= first + #block / 2 then
      first = newest and math.max(0, at - BLOCK + 1) or at
      block = redis.call('LRANGE', key, 2 * first, 2 * (first + BLOCK) - 1)
    end
    local i = 2 * (at - first) + 1
    local position = tonumber(block[i])
    if not position or position < low or position > high then return nil end
    at = newest and at - 1 or at + 1
    return position, block[i + 1]
  end
end

-- Walks sorted sets as if they were one.
local function walkSets(names, newest, low, high)
  local sets = {}
  for _, name in ipairs(names) do
    sets[#sets + 1] = { key = partitionKey(name), low = low, high = high, at = 1, block = {} }
  end
  local function refill(set)
    if newest then
      set.block = redis.call('ZRANGE', set.key, int(set.high), int(set.low), 'BYSCORE', 'REV',
        'LIMIT', 0, BLOCK, 'WITHSCORES')
    else
      set.block = redis.call('ZRANGE', set.key, int(set.low), int(set.high), 'BYSCORE',
        'LIMIT', 0, BLOCK, 'WITHSCORES')
    end
    set.at = 1
    local last = tonumber(set.block[#set.block])
    if not last then set.ended = true
    elseif newest then set.high = last - 1
    else set.low = last + 1 end
  end
  return function()
    local best, bestPosition
    for _, set in ipairs(sets) do
      if set.at > #set.block and not set.ended then refill(set) end
      local position = tonumber(set.block[set.at + 1])
      if position and (not best or (newest and position > bestPosition)
        or (not newest and position < bestPosition)) then
        best, bestPosition = set, position
      end
    end
    if not best then return nil end
    best.at = best.at + 2
    return bestPosition, best.block[best.at - 2]
  end
end

-- The walk through the fewest candidates, or nothing where nothing can match.
local function walkOf(filter, newest, low, high)
  local names = partitionsOf(filter)
  local size = 0
  for _, name in ipairs(names) do size = size + redis.call('ZCARD', partitionKey(name)) end
  local list
  for _, key in ipairs(listsOf(filter)) do
    local pairsThere = redis.call('LLEN', key) / 2
    if pairsThere <= size then list, size = key, pairsThere end
  end
  if size == 0 then return nil end
  if list then return walkList(list, newest, low, high) end
  return walkSets(names, newest, low, high)
end

-- Why an update waits: the most telling reason, as UpdateReader gives it.
-- paused is true where all of the shard is, or a list of identities.
local function waitReader(now, paused)
  local parkedBy, heads, lease = {}, {}, nil
  local pausedOnes = type(paused) == 'table' and setOf(paused) or {}
  local function parked(identity)
    if parkedBy[identity] == nil then
      local i = redis.call('HMGET', T .. ':identity:' .. identity, 'status', 'waitReason')
      local is = i[1] == 'QUARANTINED' or i[1] == 'NEEDS_OPERATOR'
      parkedBy[identity] = is and (i[2] or 'IDENTITY_QUARANTINED') or false
    end
    return parkedBy[identity]
  end
  local function headOf(lane)
    if heads[lane] == nil then heads[lane] = redis.call('LINDEX', T .. ':lane:' .. lane, 0) end
    return heads[lane]
  end
  return function(id, u)
    if u.state ~= 'QUEUED' and u.state ~= 'HELD' then return nil end
    local reason = u.state == 'HELD' and (u.waitReason or 'BACKOFF') or nil
    local byIdentity = parked(u.identity)
    if byIdentity then return byIdentity end
    local scheduled = reason == 'SCHEDULED'
    if not scheduled then
      local lane = u.identity .. '/' .. u.thing .. (u.shadow and ('/' .. u.shadow) or '')
      local head = headOf(lane)
      if head and head ~= id then return 'BEHIND_ANOTHER_UPDATE' end
    end
    if paused == true or pausedOnes[u.identity] then return 'PAUSED' end
    local overdue = scheduled and tonumber(u.waitUntil or '0') < now
    if reason and not overdue then return reason end
    if lease == nil then lease = tonumber(redis.call('HGET', KEYS[1], 'expiresAt') or '0') end
    return lease <= now and 'NO_OWNER' or reason
  end
end

local function codeOf(u)
  return u.failure and string.match(u.failure, '"code":"([A-Z_]+)"')
end

-- What a record must have to be judged.
local function fieldsFor(filter, all)
  local fields = { 'state' }
  local function need(wanted, ...)
    if all or wanted then for _, name in ipairs({ ... }) do fields[#fields + 1] = name end end
  end
  need(filter.thing or filter.waits, 'thing')
  need(filter.shadow or filter.classic ~= nil or filter.waits, 'shadow')
  need(filter.group, 'through')
  need(filter.identity or filter.waits, 'identity')
  need(filter.actor, 'actor')
  need(filter.batch, 'batch')
  need(filter.labels, 'labels')
  need(filter.codes, 'failure')
  need(filter.waits, 'waitReason', 'waitUntil')
  return fields
end

local function matcher(filter, waitOf)
  local states, codes, waits = setOf(filter.states), setOf(filter.codes), setOf(filter.waits)
  return function(id, u)
    if states and not states[u.state] then return false end
    if filter.thing and u.thing ~= filter.thing then return false end
    if filter.shadow and u.shadow ~= filter.shadow then return false end
    if filter.classic ~= nil and filter.classic == (u.shadow ~= nil) then return false end
    if filter.identity and u.identity ~= filter.identity then return false end
    if filter.group and u.through ~= filter.group then return false end
    if filter.actor and u.actor ~= filter.actor then return false end
    if filter.batch and u.batch ~= filter.batch then return false end
    for _, label in ipairs(filter.labels or {}) do
      if not u.labels or not string.find(u.labels, ',' .. label .. ',', 1, true) then return false end
    end
    if codes and not codes[codeOf(u) or ''] then return false end
    return not waits or waits[waitOf(id, u) or ''] == true
  end
end

-- Visits the updates between two positions that match, in order, until the visitor answers false or
-- the most candidates were looked at. Answers whether nothing is left, the last position looked at,
-- and how many candidates were. ids begin with the prefix in their full form.
local function scan(filter, newest, low, high, most, prefix, all, visit)
  local now = timeMs()
  local waitOf = waitReader(now, filter.paused)
  local matches = matcher(filter, waitOf)
  local fields = fieldsFor(filter, all)
  local walk = walkOf(filter, newest, low, high)
  local last, looked = newest and high + 1 or low - 1, 0
  while walk do
    local position, short = walk()
    if not position then break end
    if looked >= most then return false, last, looked end
    looked, last = looked + 1, position
    local id = prefix .. short
    local values = redis.call('HMGET', T .. ':update:' .. id, unpack(fields))
    local u = {}
    for i, name in ipairs(fields) do u[name] = values[i] or nil end
    if u.state and matches(id, u) and visit(position, short, u, id, waitOf) == false then
      return false, last, looked
    end
  end
  return true, last, looked
end
`;
