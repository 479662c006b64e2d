import type { Script } from '../../redis/script.ts';
import { GO_ON } from './endScripts.ts';
import { PRELUDE, WHEN_FULL } from './fence.ts';
import { IDENTITY_INDEX_FUNCTIONS } from './identityIndexFunctions.ts';
import { laneScript } from './laneScript.ts';

/**
 * Removes an identity with its secret, so that nothing more is accepted for it, and notes what is
 * left to do and that it is under way; its lanes stay. Where that is noted already, it is under way
 * again.
 * ARGV: id, whether it may have open updates ('1' | '0'), actor, reason, retention ms.
 * Answer: 'missing' | 'pending', how many, username | 'removed', how many, username.
 */
export const REMOVE_IDENTITY: Script = {
  name: 'removeIdentity',
  keys: 1,
  lua: `${WHEN_FULL}${PRELUDE}${IDENTITY_INDEX_FUNCTIONS}${
    /* lua */ `
local id = ARGV[1]
local record, removed = T .. ':identity:' .. id, T .. ':removed:' .. id
local r = redis.call('HMGET', record, 'username', 'status', 'nameKey', 'labelKey', 'cognitoId', 'groups')
local noted = redis.call('HGET', removed, 'username')
if not r[2] and not noted then return { 'missing' } end
local open = redis.call('SCARD', T .. ':scheduled-of:' .. id)
for _, lane in ipairs(redis.call('SMEMBERS', T .. ':lanes-of:' .. id)) do
  open = open + redis.call('LLEN', T .. ':lane:' .. lane)
end
local function noteStep() redis.call('ZADD', T .. ':removals', int(timeMs()), id) end
if not r[2] then
  noteStep()
  return { 'removed', int(open), noted }
end
if open > 0 and ARGV[2] == '0' then return { 'pending', int(open), r[1] or '' } end
for _, tag in ipairs(wordsOf(id, 'tags')) do unindexTag(id, tag) end
for _, group in ipairs(wordsOf(id, 'groups')) do unindexGroup(id, group) end
if r[3] then redis.call('ZREM', T .. ':identity-names', textEntry(r[3], id)) end
if r[4] then redis.call('ZREM', T .. ':identity-labels', textEntry(r[4], id)) end
redis.call('ZREM', statusKey(r[2]), id)
redis.call('ZREM', T .. ':identities', id)
redis.call('ZREM', T .. ':quarantined', id)
redis.call('DEL', record, T .. ':secret:' .. id, T .. ':credentials:' .. id, T .. ':connection:' .. id)
redis.call('HSET', removed, 'username', r[1] or '', 'cognitoId', r[5] or '', 'groups', r[6] or '',
  'actor', ARGV[3], 'reason', ARGV[4], 'retentionMs', ARGV[5])
noteStep()
return { 'removed', int(open), r[1] or '' }
`
  }`,
};

/**
 * Notes that nothing is left to do for a removal, and forgets whom it was. What stays keeps a
 * registration that read the id from its username just before from giving it to somebody anew.
 * ARGV: id, ms that it is kept.
 */
export const END_REMOVAL: Script = {
  name: 'endRemoval',
  keys: 1,
  lua: `${WHEN_FULL}${PRELUDE}${
    /* lua */ `
local removed = T .. ':removed:' .. ARGV[1]
redis.call('DEL', removed)
redis.call('ZREM', T .. ':removals', ARGV[1])
redis.call('HSET', removed, 'ended', int(timeMs()))
redis.call('PEXPIRE', removed, ARGV[2])
return 1
`
  }`,
};

/**
 * Cancels updates of an identity that wait, wherever they stand: what is being published is left
 * to its end. ARGV: id, actor, reason, retention ms, most updates.
 * Answer: how many were canceled, then the jobs of lanes that have another head now.
 */
export const CANCEL_OF_IDENTITY = laneScript(
  'cancelOfIdentity',
  `${GO_ON}${
    /* lua */ `
local id, most = ARGV[1], tonumber(ARGV[5])
local now = timeMs()
local jobs, canceled = {}, 0
-- Whoever cancels thousands is seen to be at it.
redis.call('ZADD', T .. ':removals', 'XX', int(now), id)
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
);
