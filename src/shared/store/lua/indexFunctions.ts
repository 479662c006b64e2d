import { FAILURE_CODES } from '../../domain/sets.ts';
import { BATCH_FUNCTIONS } from './batchFunctions.ts';

/**
 * The sorted sets of the search index: updates by their position. An update stands in OPEN until
 * it ends, and then in the one of its end, so that their sizes are the counts by state and code.
 */
export const OPEN_PARTITION = 'OPEN';
export const FINAL_PARTITIONS: readonly string[] = [
  'SUCCEEDED',
  'SUPERSEDED',
  'CANCELED',
  'EXPIRED',
  'FAILED',
  ...FAILURE_CODES.map((code) => `FAILED:${code}`),
];

/** A position is a time in ms times this, plus a count: unique and growing within a shard. */
export const POSITIONS_A_MS = 4096;

/**
 * Lua functions that keep the search index. The sets above (`:i:s:<partition>`) hold positions and
 * ids; the lists of a thing (`:i:t:`), identity (`:i:o:`), actor (`:i:a:`), label (`:i:l:`) and
 * batch (`:i:b:`) hold the same as pairs, in the order of acceptance, since what is only added at
 * the end takes a third of a sorted set's memory as a list. Ids stand there without what all of a
 * shard begin with.
 */
export const INDEX_FUNCTIONS = /* lua */ `
${BATCH_FUNCTIONS}
local ID_LENGTH = 26
local POSITIONS_A_MS = ${POSITIONS_A_MS}

local function partitionKey(name)
  return T .. ':i:s:' .. name
end

local function partitionOf(state, fields)
  if state ~= 'FAILED' then return state end
  for i = 1, #fields, 2 do
    if fields[i] == 'failure' then
      local code = string.match(fields[i + 1], '"code":"([A-Z_]+)"')
      if code then return 'FAILED:' .. code end
    end
  end
  return state
end

-- What left OPEN in this script, and where it went: lists as ZREM and ZADD take them.
local left, reached = {}, {}
local MOVES_AT_ONCE = 500

local function writeMoves()
  if #left == 0 then return end
  redis.call('ZREM', partitionKey('${OPEN_PARTITION}'), unpack(left))
  for partition, pairs in pairs(reached) do
    redis.call('ZADD', partitionKey(partition), unpack(pairs))
  end
  left, reached = {}, {}
end

-- Moves an update to its end, in the index and in its batch. fields are those of its record, flat.
-- Written by writeIndex, at the end of the script.
local function indexEnd(id, state, fields, position, batch, now)
  local partition = partitionOf(state, fields)
  -- What was accepted before there was an index has no position.
  if position then
    local short = string.sub(id, -ID_LENGTH)
    local list = reached[partition] or {}
    left[#left + 1] = short
    list[#list + 1], list[#list + 2] = position, short
    reached[partition] = list
    if #left == MOVES_AT_ONCE then writeMoves() end
  end
  if batch then countEnd(batch, partition, now) end
end

local function writeIndex()
  writeMoves()
  writeParts()
end
`;

/**
 * Lua functions that index what a script accepts; after INDEX_FUNCTIONS. Lists are trimmed when
 * they are added to, and vanish once nothing was for the index's age.
 */
export const INDEX_ACCEPTED = /* lua */ `
-- Reserves positions for so many updates; answers the first one.
local function reserve(count, now)
  local key = T .. ':i:pos'
  local first = math.max(tonumber(redis.call('GET', key) or '0') + 1, now * POSITIONS_A_MS)
  redis.call('SET', key, int(first + count - 1))
  return first
end

local TRIMMED_AT_ONCE = 64

-- Drops the oldest entries of a list: those below the floor, and what is beyond the most pairs.
local function trimList(key, words, floor, most)
  local drop = 0
  local head = redis.call('LRANGE', key, 0, 2 * TRIMMED_AT_ONCE - 1)
  while drop < #head and tonumber(head[drop + 1]) < floor do drop = drop + 2 end
  drop = math.max(drop, math.min(words - 2 * most, 2 * TRIMMED_AT_ONCE))
  if drop > 0 then redis.call('LTRIM', key, drop, -1) end
  return drop == 2 * TRIMMED_AT_ONCE
end

-- What stands before it has ended and is older than the index goes back.
local function floorOf(now, ageMs)
  local horizon = (now - ageMs) * POSITIONS_A_MS
  local oldest = redis.call('ZRANGE', partitionKey('${OPEN_PARTITION}'), 0, 0, 'WITHSCORES')[2]
  return oldest and math.min(horizon, tonumber(oldest)) or horizon
end

-- Adds pairs to lists, given by key. Looks for old ones about every sixteenth pair.
local function pushPairs(lists, now, ageMs, most)
  local floor
  for key, words in pairs(lists) do
    local length = redis.call('RPUSH', key, unpack(words))
    redis.call('PEXPIRE', key, ageMs)
    if length > 32 and length % 32 < #words then
      floor = floor or floorOf(now, ageMs)
      local rounds = math.ceil(#words / TRIMMED_AT_ONCE)
      while rounds > 0 and trimList(key, length, floor, most) do
        rounds, length = rounds - 1, length - 2 * TRIMMED_AT_ONCE
      end
    end
  end
end

-- Indexes updates, each given as id, position, identity, thing and labels (',a,b,' or '').
local function indexAccepted(updates, actor, batch, now, ageMs, most)
  if #updates == 0 then return end
  local open, lists, ofBatch = {}, {}, {}
  local function add(key, position, short)
    local words = lists[key] or {}
    words[#words + 1], words[#words + 2] = position, short
    lists[key] = words
  end
  for _, u in ipairs(updates) do
    local short, position = string.sub(u[1], -ID_LENGTH), int(u[2])
    open[#open + 1], open[#open + 2] = position, short
    ofBatch[#ofBatch + 1], ofBatch[#ofBatch + 2] = position, short
    add(T .. ':i:o:' .. u[3], position, short)
    add(T .. ':i:t:' .. u[4], position, short)
    add(T .. ':i:a:' .. actor, position, short)
    for label in string.gmatch(u[5], '[^,]+') do add(T .. ':i:l:' .. label, position, short) end
  end
  redis.call('ZADD', partitionKey('${OPEN_PARTITION}'), unpack(open))
  pushPairs(lists, now, ageMs, most)
  -- Whole as long as the batch's counters are: it is what canceling and retrying a batch read.
  if batch ~= '' then redis.call('RPUSH', T .. ':i:b:' .. batch, unpack(ofBatch)) end
end
`;
