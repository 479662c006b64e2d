import type { Script } from '../../redis/script.ts';
import { CLOCK } from './clock.ts';
import { CHOICE_FUNCTIONS } from './choiceFunctions.ts';
import { PRELUDE } from './fence.ts';

/**
 * Scripts on groups. The list of groups has a slot of its own, and so has each group with its
 * members and choices; what concerns a member's lanes lies in the slot of its shard.
 */

/**
 * Creates a group, unless one has its name. A call that a reconnect sent again is answered as the
 * first was: the id tells.
 * KEYS: names, list, info, in deletion. ARGV: id, name, info as JSON, most groups.
 * Answer: id | 'exists' | 'deleting' | 'full'.
 */
export const CREATE_GROUP: Script = {
  name: 'createGroup',
  keys: 4,
  lua: /* lua */ `
local known = redis.call('HGET', KEYS[1], ARGV[2])
if known then
  if redis.call('HEXISTS', KEYS[4], known) == 1 then return 'deleting' end
  return known == ARGV[1] and known or 'exists'
end
if redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[4]) then return 'full' end
redis.call('HSET', KEYS[1], ARGV[2], ARGV[1])
redis.call('ZADD', KEYS[2], 0, ARGV[2])
redis.call('HSET', KEYS[3], ARGV[1], ARGV[3])
return ARGV[1]
`,
};

/**
 * Changes what is said of a group.
 * KEYS: names, list, info, in deletion. ARGV: id, name ('' stays), 'keep' | 'drop' | 'set' the
 * description, that. Answer: what was said of it as JSON, and what is now | 'gone' | 'exists' |
 * 'deleting'.
 */
export const CHANGE_GROUP: Script = {
  name: 'changeGroup',
  keys: 4,
  lua: /* lua */ `
local id, name = ARGV[1], ARGV[2]
local before = redis.call('HGET', KEYS[3], id)
if not before then return 'gone' end
local info = cjson.decode(before)
if name ~= '' and name ~= info.name then
  local known = redis.call('HGET', KEYS[1], name)
  if known then
  if redis.call('HEXISTS', KEYS[4], known) == 1 then return 'deleting' end
  return known == ARGV[1] and known or 'exists'
end
  redis.call('HSET', KEYS[1], name, id)
  redis.call('HDEL', KEYS[1], info.name)
  redis.call('ZREM', KEYS[2], info.name)
  redis.call('ZADD', KEYS[2], 0, name)
  info.name = name
end
if ARGV[3] == 'drop' then info.description = nil end
if ARGV[3] == 'set' then info.description = ARGV[4] end
local after = cjson.encode(info)
redis.call('HSET', KEYS[3], id, after)
return { before, after }
`,
};

/**
 * Takes a group from sight, and keeps its name until its members know. Where that was done before,
 * its deletion is under way again.
 * KEYS: names, list, info, in deletion, deletions. ARGV: id. Answer: 1 | 0.
 */
export const BEGIN_GROUP_DELETION: Script = {
  name: 'beginGroupDeletion',
  keys: 5,
  lua: /* lua */ `${CLOCK}
local info = redis.call('HGET', KEYS[3], ARGV[1])
if info then
  redis.call('HSET', KEYS[4], ARGV[1], info)
  redis.call('HDEL', KEYS[3], ARGV[1])
  -- It may be called otherwise by now than whoever deletes it knows.
  redis.call('ZREM', KEYS[2], cjson.decode(info).name)
elseif redis.call('HEXISTS', KEYS[4], ARGV[1]) == 0 then
  return 0
end
redis.call('ZADD', KEYS[5], timeMs(), ARGV[1])
return 1
`,
};

/** KEYS: names, list, info, in deletion, deletions. ARGV: id, name. */
export const END_GROUP_DELETION: Script = {
  name: 'endGroupDeletion',
  keys: 5,
  lua: /* lua */ `
redis.call('HDEL', KEYS[4], ARGV[1])
redis.call('ZREM', KEYS[5], ARGV[1])
if redis.call('HGET', KEYS[1], ARGV[2]) == ARGV[1] then redis.call('HDEL', KEYS[1], ARGV[2]) end
return 1
`,
};

/**
 * KEYS: members, that the group is deleted. ARGV: identity, most members.
 * Answer: 'added' | 'known' | 'full' | 'deleted'.
 */
export const ADD_MEMBER: Script = {
  name: 'addMember',
  keys: 2,
  lua: /* lua */ `${CLOCK}
if redis.call('EXISTS', KEYS[2]) == 1 then return 'deleted' end
if redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 'known' end
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 'full' end
redis.call('ZADD', KEYS[1], timeMs(), ARGV[1])
return 'added'
`,
};

/**
 * Who sends for things, and notes that they were asked for.
 * KEYS: members, choices, use. ARGV: things. Answer: for each its choice ('' for none) and whether
 * the one chosen is a member ('1' | '0').
 */
export const READ_CHOICES: Script = {
  name: 'readChoices',
  keys: 3,
  lua: /* lua */ `${CLOCK}
local now = timeMs()
local answer = {}
for _, thing in ipairs(ARGV) do
  local choice = redis.call('HGET', KEYS[2], thing)
  local member = choice and string.match(choice, '^[^|]+')
  if choice then redis.call('ZADD', KEYS[3], now, thing) end
  answer[#answer + 1] = choice or ''
  answer[#answer + 1] = member and redis.call('ZSCORE', KEYS[1], member) and '1' or '0'
end
return answer
`,
};

/**
 * Records who sends for a thing from now on, unless somebody else did meanwhile. Versions grow with
 * this server's clock, so that one is never given twice, not even after a choice was forgotten.
 * KEYS: members, choices, use. ARGV: thing, the choice as it was read ('' for none), member.
 * Answer: the choice that holds now; '' where the group has no member, or is deleted.
 */
export const CHOOSE: Script = {
  name: 'choose',
  keys: 3,
  lua: /* lua */ `${CLOCK}
local thing, expected = ARGV[1], ARGV[2]
-- What is chosen behind a deletion would stay for good.
if redis.call('EXISTS', KEYS[1]) == 0 then return '' end
local present = redis.call('HGET', KEYS[2], thing) or ''
if present ~= expected then return present end
local now = timeMs()
local last = tonumber(string.match(expected, '|(%d+)$') or '0')
local chosen = ARGV[3] .. '|' .. string.format('%.0f', math.max(now, last + 1))
redis.call('HSET', KEYS[2], thing, chosen)
redis.call('ZADD', KEYS[3], now, thing)
return chosen
`,
};

/**
 * The choices that were not used for the longest time, where they are too old or too many.
 * KEYS: members, choices, use. ARGV: ms after which one is old, most choices, how many at once.
 * Answer: pairs of thing and choice.
 */
export const STALE_CHOICES: Script = {
  name: 'staleChoices',
  keys: 3,
  lua: /* lua */ `${CLOCK}
local now = timeMs()
local over = redis.call('ZCARD', KEYS[3]) > tonumber(ARGV[2])
local latest = over and '+inf' or string.format('%.0f', now - tonumber(ARGV[1]))
local answer = {}
for _, thing in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', latest, 'LIMIT', 0, ARGV[3])) do
  answer[#answer + 1] = thing
  answer[#answer + 1] = redis.call('HGET', KEYS[2], thing) or ''
end
return answer
`,
};

/**
 * Forgets a choice, or notes that it is needed.
 * KEYS: members, choices, use. ARGV: thing, the choice as it was read, 'forget' | 'keep'.
 */
export const END_STALE_CHOICE: Script = {
  name: 'endStaleChoice',
  keys: 3,
  lua: /* lua */ `${CLOCK}
if (redis.call('HGET', KEYS[2], ARGV[1]) or '') ~= ARGV[2] then return 0 end
if ARGV[3] == 'forget' then
  redis.call('HDEL', KEYS[2], ARGV[1])
  redis.call('ZREM', KEYS[3], ARGV[1])
else
  redis.call('ZADD', KEYS[3], timeMs(), ARGV[1])
end
return 1
`,
};

/**
 * In the slot of a member's shard: voids its choice for a thing up to a version, so that nothing
 * more is accepted by it, unless an update that came by it is open.
 * ARGV: group, identity, thing, version, ms that the seal is kept. Answer: 'busy' | 'sealed'.
 */
export const SEAL_CHOICE: Script = {
  name: 'sealChoice',
  keys: 1,
  lua: `${PRELUDE}${CHOICE_FUNCTIONS}${
    /* lua */ `
local group, identity, thing, version = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if redis.call('HEXISTS', T .. ':through:' .. group, identity .. '/' .. thing) == 1 then return 'busy' end
local key = T .. ':sealed:' .. group .. '/' .. identity .. '/' .. thing
if not isSealed(group, identity, thing, version) then redis.call('SET', key, version) end
redis.call('PEXPIRE', key, ARGV[5])
return 'sealed'
`
  }`,
};
