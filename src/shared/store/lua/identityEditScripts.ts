import type { Script } from '../../redis/script.ts';
import { GO_ON } from './endScripts.ts';
import { PRELUDE, WHEN_FULL } from './fence.ts';
import { IDENTITY_INDEX_FUNCTIONS } from './identityIndexFunctions.ts';
import { LANE_FUNCTIONS } from './laneFunctions.ts';

/** Calls an identity something else. ARGV: id, label ('' for none), label as searched. Answer: 1 | 0. */
export const RENAME_IDENTITY: Script = {
  name: 'renameIdentity',
  keys: 1,
  lua: `${PRELUDE}${IDENTITY_INDEX_FUNCTIONS}${
    /* lua */ `
if redis.call('EXISTS', T .. ':identity:' .. ARGV[1]) == 0 then return 0 end
setLabel(ARGV[1], ARGV[2], ARGV[3])
return 1
`
  }`,
};

/**
 * Gives an identity tags, or takes them. What it has, or lacks, already is passed over.
 * ARGV: id, 'add' | 'remove', most tags, then tags. Answer: 'missing' | 'too-many' | 'done'.
 */
export const TAG_IDENTITY: Script = {
  name: 'tagIdentity',
  keys: 1,
  lua: `${PRELUDE}${IDENTITY_INDEX_FUNCTIONS}${
    /* lua */ `
local id, add = ARGV[1], ARGV[2] == 'add'
if redis.call('EXISTS', T .. ':identity:' .. id) == 0 then return 'missing' end
local named = { unpack(ARGV, 4) }
local tags = edited(id, 'tags', named, add)
if add and #tags > tonumber(ARGV[3]) then return 'too-many' end
for _, tag in ipairs(named) do
  if add then indexTag(id, tag) else unindexTag(id, tag) end
end
table.sort(tags)
writeWords(id, 'tags', tags)
return 'done'
`
  }`,
};

/**
 * Notes at an identity that it is a member of a group, or is not any more.
 * ARGV: id, 'add' | 'remove', most groups, group. Answer: 'missing' | 'too-many' | 'done'.
 */
export const GROUP_IDENTITY: Script = {
  name: 'groupIdentity',
  keys: 1,
  lua: `${PRELUDE}${IDENTITY_INDEX_FUNCTIONS}${
    /* lua */ `
local id, add, group = ARGV[1], ARGV[2] == 'add', ARGV[4]
if redis.call('EXISTS', T .. ':identity:' .. id) == 0 then return 'missing' end
local groups = edited(id, 'groups', { group }, add)
if add and #groups > tonumber(ARGV[3]) then return 'too-many' end
if add then indexGroup(id, group) else unindexGroup(id, group) end
writeWords(id, 'groups', groups)
return 'done'
`
  }`,
};

/**
 * Removes an identity with its secret, so that nothing more is accepted for it; its lanes stay.
 * ARGV: id, whether it may have open updates ('1' | '0').
 * Answer: 'missing' | 'pending', how many | 'removed', how many, username, Cognito id, groups ('').
 */
export const REMOVE_IDENTITY: Script = {
  name: 'removeIdentity',
  keys: 1,
  lua: `${WHEN_FULL}${PRELUDE}${IDENTITY_INDEX_FUNCTIONS}${
    /* lua */ `
local id = ARGV[1]
local record = T .. ':identity:' .. id
local r = redis.call('HMGET', record, 'username', 'status', 'nameKey', 'labelKey', 'cognitoId', 'groups')
if not r[2] then return { 'missing' } end
local open = redis.call('SCARD', T .. ':scheduled-of:' .. id)
for _, lane in ipairs(redis.call('SMEMBERS', T .. ':lanes-of:' .. id)) do
  open = open + redis.call('LLEN', T .. ':lane:' .. lane)
end
if open > 0 and ARGV[2] == '0' then return { 'pending', int(open) } end
for _, tag in ipairs(wordsOf(id, 'tags')) do unindexTag(id, tag) end
for _, group in ipairs(wordsOf(id, 'groups')) do unindexGroup(id, group) end
if r[3] then redis.call('ZREM', T .. ':identity-names', textEntry(r[3], id)) end
if r[4] then redis.call('ZREM', T .. ':identity-labels', textEntry(r[4], id)) end
redis.call('ZREM', statusKey(r[2]), id)
redis.call('ZREM', T .. ':identities', id)
redis.call('ZREM', T .. ':quarantined', id)
redis.call('DEL', record, T .. ':secret:' .. id, T .. ':credentials:' .. id, T .. ':connection:' .. id)
return { 'removed', int(open), r[1] or '', r[5] or '', r[6] or '' }
`
  }`,
};

/**
 * Cancels updates of an identity that wait, wherever they stand: what is being published is left
 * to its end. ARGV: id, actor, reason, retention ms, most updates.
 * Answer: how many were canceled, then the jobs of lanes that have another head now.
 */
export const CANCEL_OF_IDENTITY: Script = {
  name: 'cancelOfIdentity',
  keys: 1,
  lua: `${WHEN_FULL}${PRELUDE}${LANE_FUNCTIONS}${GO_ON}${
    /* lua */ `
local id, most = ARGV[1], tonumber(ARGV[5])
local now = timeMs()
local jobs, canceled = {}, 0
local function cancelAll(updates)
  for _, update in ipairs(updates) do
    if canceled >= most then return end
    local u = redis.call('HMGET', T .. ':update:' .. update, 'state', 'thing', 'shadow', 'group', 'carrier')
    if (u[1] == 'QUEUED' or u[1] == 'HELD') and not isPublished(u[1], u[4], u[5]) then
      local lane = laneOf(id, u[2], u[3] or nil)
      close(update, u[1], 'CANCELED', now, ARGV[4],
        { 'canceledBy', ARGV[2], 'cancelReason', ARGV[3] })
      if remove(lane, update) then jobs[#jobs + 1] = headJob(lane) end
      canceled = canceled + 1
    end
  end
end
cancelAll(redis.call('SMEMBERS', T .. ':scheduled-of:' .. id))
for _, lane in ipairs(redis.call('SMEMBERS', T .. ':lanes-of:' .. id)) do
  if canceled >= most then break end
  -- A group that is being published may stand before what can be canceled.
  cancelAll(redis.call('LRANGE', T .. ':lane:' .. lane, 0, most + MAX_GROUP))
end
local answer = { int(canceled) }
for _, job in ipairs(jobs) do if job ~= '' then answer[#answer + 1] = job end end
return answer
`
  }`,
};
