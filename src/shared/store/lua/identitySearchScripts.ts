import type { Script } from '../../redis/script.ts';
import { PRELUDE } from './fence.ts';

/**
 * Looks through a set of a shard's identities for those that fit, up to so many candidates.
 * ARGV: sets (the ends of their keys, by spaces; the smallest is looked through), 'age' (newest first) | 'text' (by letters), where to go on (score
 * and id, or the entry; '' to begin), least text, most matches, most candidates, then what must fit
 * ('' for anything): status, tag, group, beginning of the username, of the label.
 * Answer: candidates looked at, '1' where the set has more, where it stopped, then pairs of where
 * a match stands and its id. Where: \`<score>:<id>\`, or the entry.
 */
export const SEARCH_IDENTITIES: Script = {
  name: 'searchIdentities',
  keys: 1,
  lua: `${PRELUDE}${
    /* lua */ `
local key
for set in string.gmatch(ARGV[1], '%S+') do
  local other = T .. ':' .. set
  if not key or redis.call('ZCARD', other) < redis.call('ZCARD', key) then key = other end
end
local byText, after, least = ARGV[2] == 'text', ARGV[3], ARGV[4]
local mostMatches, mostCandidates = tonumber(ARGV[5]), tonumber(ARGV[6])
local status, tag, group, name, label = ARGV[7], ARGV[8], ARGV[9], ARGV[10], ARGV[11]
-- As many as may do; more each time that they did not.
local chunk = math.min(100, mostMatches + 1)

local function begins(text, with)
  return text and string.sub(text, 1, #with) == with
end

local function fits(id)
  local r = redis.call('HMGET', T .. ':identity:' .. id, 'status', 'tags', 'groups', 'nameKey', 'labelKey')
  return r[1] and (status == '' or r[1] == status)
    and (tag == '' or string.find(r[2] or '', ',' .. tag .. ',', 1, true))
    and (group == '' or string.find(r[3] or '', ',' .. group .. ',', 1, true))
    and (name == '' or begins(r[4], name)) and (label == '' or begins(r[5], label))
end

-- The next entries as pairs of where and id, and whether there were as many as asked for.
local function entriesByText()
  local from = after == '' and ('[' .. least) or ('(' .. after)
  local found = redis.call('ZRANGEBYLEX', key, from, '[' .. least .. '\\255', 'LIMIT', 0, chunk)
  local entries = {}
  for i, entry in ipairs(found) do
    entries[i] = { entry, string.match(entry, '%z(.*)$') }
  end
  return entries, #found == chunk
end

local function entriesByAge()
  local score, id = string.match(after, '^(%d+):(.*)$')
  local found = {}
  if score then
    -- Those of the same millisecond are told apart by their ids.
    for _, other in ipairs(redis.call('ZREVRANGEBYSCORE', key, score, score)) do
      if other < id then
        found[#found + 1] = other
        found[#found + 1] = score
      end
    end
  end
  local older = redis.call('ZREVRANGEBYSCORE', key, score and ('(' .. score) or '+inf', '-inf',
    'WITHSCORES', 'LIMIT', 0, chunk)
  for _, word in ipairs(older) do found[#found + 1] = word end
  local entries = {}
  for i = 1, #found, 2 do
    entries[#entries + 1] = { found[i + 1] .. ':' .. found[i], found[i] }
  end
  return entries, #older == 2 * chunk
end

local matches, looked, more = {}, 0, true
while more and looked < mostCandidates and #matches < 2 * mostMatches do
  local entries, full
  if byText then entries, full = entriesByText() else entries, full = entriesByAge() end
  more = full
  chunk = math.min(100, 2 * chunk)
  for i, entry in ipairs(entries) do
    looked = looked + 1
    after = entry[1]
    if fits(entry[2]) then
      matches[#matches + 1] = entry[1]
      matches[#matches + 1] = entry[2]
    end
    if #matches >= 2 * mostMatches then
      more = full or i < #entries
      break
    end
  end
end
return { looked, more and '1' or '0', after, unpack(matches) }
`
  }`,
};

/**
 * How many identities of a shard have each status. ARGV: tag, group ('' for any), then statuses.
 * Answer: a count for each.
 */
export const COUNT_IDENTITIES: Script = {
  name: 'countIdentities',
  keys: 1,
  lua: `${PRELUDE}${
    /* lua */ `
local keys = {}
if ARGV[1] ~= '' then keys[#keys + 1] = T .. ':tagged:' .. ARGV[1] end
if ARGV[2] ~= '' then keys[#keys + 1] = T .. ':grouped:' .. ARGV[2] end
local counts = {}
for i = 3, #ARGV do
  local ofStatus = T .. ':identities:' .. ARGV[i]
  if #keys == 0 then
    counts[#counts + 1] = redis.call('ZCARD', ofStatus)
  else
    counts[#counts + 1] = redis.call('ZINTERCARD', #keys + 1, ofStatus, unpack(keys))
  end
end
return counts
`
  }`,
};
