import type { Script } from '../../redis/script.ts';
import { PRELUDE, WHEN_FULL } from './fence.ts';
import { FINAL_PARTITIONS, INDEX_FUNCTIONS, POSITIONS_A_MS } from './indexFunctions.ts';
import { SCAN_FUNCTIONS } from './scanFunctions.ts';

const SCAN_ARGUMENTS = /* lua */ `
local filter = cjson.decode(ARGV[1])
local newest, low, high = ARGV[2] == 'newest', tonumber(ARGV[3]), tonumber(ARGV[4])
local prefix, most = ARGV[5], tonumber(ARGV[6])
`;

/**
 * The next updates of a shard that match a filter, between two positions.
 * ARGV: filter as JSON (see SCAN_FUNCTIONS), 'newest' | 'oldest' first, lowest and highest position,
 * what ids begin with, most candidates, most matches.
 * Answer: '1' where nothing is left, the last position looked at, candidates looked at, then pairs
 * of position and id without its beginning.
 */
export const SEARCH: Script = {
  name: 'search',
  keys: 1,
  lua: `${PRELUDE}${INDEX_FUNCTIONS}${SCAN_FUNCTIONS}${SCAN_ARGUMENTS}${
    /* lua */ `
local wanted, found = tonumber(ARGV[7]), {}
local ended, last, looked = scan(filter, newest, low, high, most, prefix, false,
  function(position, short)
    found[#found + 1] = int(position)
    found[#found + 1] = short
    return #found < 2 * wanted
  end)
local answer = { ended and '1' or '0', int(last), int(looked) }
for _, word in ipairs(found) do answer[#answer + 1] = word end
return answer
`
  }`,
};

/**
 * Counts the updates of a shard that match a filter, by what they have.
 * ARGV: as SEARCH, without the most matches.
 * Answer: '1' where nothing is left, the last position looked at, candidates looked at, matches,
 * then triples of kind ('state' | 'code' | 'wait' | 'actor' | 'label'), value and count.
 */
export const TALLY: Script = {
  name: 'tally',
  keys: 1,
  lua: `${PRELUDE}${INDEX_FUNCTIONS}${SCAN_FUNCTIONS}${SCAN_ARGUMENTS}${
    /* lua */ `
local matched, counts = 0, { state = {}, code = {}, wait = {}, actor = {}, label = {} }
local function count(kind, value)
  if value then counts[kind][value] = (counts[kind][value] or 0) + 1 end
end
local ended, last, looked = scan(filter, newest, low, high, most, prefix, true,
  function(_, _, u, id, waitOf)
    matched = matched + 1
    count('state', u.state)
    count('code', codeOf(u))
    count('wait', waitOf(id, u))
    count('actor', u.actor)
    for label in string.gmatch(u.labels or '', '[^,]+') do count('label', label) end
  end)
local answer = { ended and '1' or '0', int(last), int(looked), int(matched) }
for kind, values in pairs(counts) do
  for value, times in pairs(values) do
    answer[#answer + 1] = kind
    answer[#answer + 1] = value
    answer[#answer + 1] = int(times)
  end
end
return answer
`
  }`,
};

/**
 * Takes out of the index what is too old, whose record was pruned, or what is beyond the most
 * updates that it may hold: the oldest of those that have ended, a bounded number at a time.
 * ARGV: epoch, token, what ids begin with, the index's age in ms, most updates, most of a step.
 * Answer: 'fenced' | 'trimmed', how many went.
 */
export const TRIM_INDEX: Script = {
  name: 'trimIndex',
  keys: 1,
  lua: `${WHEN_FULL}${PRELUDE}${INDEX_FUNCTIONS}${
    /* lua */ `
local now = timeMs()
if not owns(ARGV[1], ARGV[2], now) then return { 'fenced' } end
local prefix, most, step = ARGV[3], tonumber(ARGV[5]), tonumber(ARGV[6])
local horizon = '(' .. int((now - tonumber(ARGV[4])) * ${POSITIONS_A_MS})
local removed, count, oldest = 0, 0, {}
-- Looks at a few first: as a rule none of them was pruned.
local function dropPruned(key)
  local from, upTo = 0, 9
  while from < step do
    local gone = {}
    for _, short in ipairs(redis.call('ZRANGE', key, from, upTo)) do
      if redis.call('EXISTS', T .. ':update:' .. prefix .. short) == 0 then gone[#gone + 1] = short end
    end
    if #gone == 0 then return end
    redis.call('ZREM', key, unpack(gone))
    removed = removed + #gone
    from, upTo = upTo + 1 - #gone, upTo + 50
  end
end
for _, name in ipairs({ ${FINAL_PARTITIONS.map((name) => `'${name}'`).join(', ')} }) do
  local key = partitionKey(name)
  local old = redis.call('ZRANGE', key, '-inf', horizon, 'BYSCORE', 'LIMIT', 0, step)
  if #old > 0 then
    redis.call('ZREMRANGEBYRANK', key, 0, #old - 1)
    removed = removed + #old
  end
  dropPruned(key)
  local size = redis.call('ZCARD', key)
  count = count + size
  if size > 0 then oldest[#oldest + 1] = key end
end
local over = math.min(count - most, step)
if over > 0 then
  local candidates = {}
  for _, key in ipairs(oldest) do
    local words = redis.call('ZRANGE', key, 0, over - 1, 'WITHSCORES')
    for i = 1, #words, 2 do
      candidates[#candidates + 1] = { key, words[i], tonumber(words[i + 1]) }
    end
  end
  table.sort(candidates, function(a, b) return a[3] < b[3] end)
  for i = 1, over do redis.call('ZREM', candidates[i][1], candidates[i][2]) end
  removed = removed + over
end
return { 'trimmed', int(removed) }
`
  }`,
};
