import { MOST_REPLAYS } from '../../domain/replay.ts';
import type { Script } from '../../redis/script.ts';
import { PRELUDE } from './fence.ts';
import { CHOICE_FUNCTIONS } from './choiceFunctions.ts';
import { INDEX_ACCEPTED, INDEX_FUNCTIONS } from './indexFunctions.ts';
import { LANE_ENTRY } from './laneEntry.ts';
import { LONG_FIELDS } from './longFields.ts';

/**
 * Takes rows into their lanes. A row whose record exists is left alone, so that a replay of a
 * half-done accept completes it. Rows of a batch come in portions, and what one of them was refused
 * stays refused: its replay answers the same.
 * ARGV: job id, actor, retention ms, batch ('' for none), the index's age in ms, the most pairs of its
 * lists, whether identities must exist ('0' where that was decided before), then the rows as JSON,
 * each a list of texts: id, identity, lane, thing, shadow, desired, confirm, expectedVersion,
 * expiresAt, coalesce ('1'), replay of, not before (epoch ms, or '+' and ms from now), group and the
 * version of its choice, labels as ',a,b,' ('' where absent). An update that names a version or a
 * deadline goes alone, whatever its caller allows; one that must not begin yet waits outside of its
 * lane.
 * Answer: per row 'taken', 'known', 'no-identity' or 'moved': the group chose another member.
 */
export const ACCEPT: Script = {
  name: 'accept',
  keys: 1,
  lua: `${PRELUDE}${LONG_FIELDS}${LANE_ENTRY}${CHOICE_FUNCTIONS}${INDEX_FUNCTIONS}${INDEX_ACCEPTED}${
    /* lua */ `
local jobId, actor, retentionMs, batch = unpack(ARGV)
local rows = cjson.decode(ARGV[8])
local nowMs = timeMs()
local now = int(nowMs)
local answers, taken = {}, {}
local entered, scheduled = 0, 0
-- Rows that are routed anew are another portion, though their ids may stay.
local isNew = batch == '' or beginPortion(batch, rows[1][1] .. rows[1][14])
local position = reserve(#rows, nowMs)

local known = {}
local function mayExist(identity)
  if ARGV[7] == '0' then return true end
  if known[identity] == nil then
    known[identity] = redis.call('EXISTS', T .. ':identity:' .. identity) == 1
  end
  return known[identity]
end

local function take(row, position)
  local id, identity, lane, thing, shadow, desired, confirm, expectedVersion, expiresAt, coalesce,
    replayOf, notBefore, group, version, labels = unpack(row)
  local record = T .. ':update:' .. id
  if redis.call('EXISTS', record) == 1 then return 'known' end
  if not isNew or not mayExist(identity) then return 'no-identity' end
  if group ~= '' and isSealed(group, identity, thing, version) then return 'moved' end
  local fields = { 'state', 'QUEUED', 'identity', identity, 'thing', thing, 'confirm', confirm,
    'actor', actor, 'createdAt', now, 'pos', int(position) }
  local function add(name, value)
    if value ~= '' then fields[#fields + 1], fields[#fields + 2] = name, value end
  end
  addLong(fields, 'desired', desired)
  if jobId ~= jobOf(id) then add('job', jobId) end
  add('batch', batch)
  add('labels', labels)
  add('shadow', shadow)
  add('expectedVersion', expectedVersion)
  add('expiresAt', expiresAt)
  if coalesce ~= '' then
    add('coalesce', (expectedVersion ~= '' or expiresAt ~= '') and '0' or '1')
  end
  add('replayOf', replayOf)
  redis.call('HSET', record, unpack(fields))
  if expiresAt ~= '' then redis.call('ZADD', T .. ':expiring', expiresAt, id) end
  if replayOf ~= '' then
    local replays = T .. ':replays:' .. replayOf
    redis.call('RPUSH', replays, id)
    redis.call('LTRIM', replays, -${MOST_REPLAYS}, -1)
    redis.call('PEXPIRE', replays, retentionMs)
  end
  if group ~= '' then countChosen(record, group, identity, thing, 1) end
  if notBefore == '' then
    enter(lane, id, identity, now)
    entered = entered + 1
  else
    schedule(record, id, identity, dueAt(notBefore, now))
    scheduled = scheduled + 1
  end
  taken[#taken + 1] = { id, position, identity, thing, labels }
  return 'taken'
end

for i, row in ipairs(rows) do answers[i] = take(row, position + i - 1) end
if entered > 0 then redis.call('HINCRBY', T .. ':counts', 'QUEUED', entered) end
if scheduled > 0 then redis.call('HINCRBY', T .. ':counts', 'HELD', scheduled) end
indexAccepted(taken, actor, batch, nowMs, tonumber(ARGV[5]), tonumber(ARGV[6]))
if batch ~= '' and isNew then addToBatch(batch, #taken, nowMs) end
return answers
`
  }`,
};
