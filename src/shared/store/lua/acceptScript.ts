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
 * ARGV: job id, actor, row count, retention ms, batch ('' for none), the index's age in ms, the most
 * pairs of its lists, whether identities must exist ('0' where that was decided before), then per
 * row: id, identity, lane, thing, shadow, desired, confirm, expectedVersion, expiresAt, coalesce
 * ('1'), replay of, not before (epoch ms, or '+' and ms from now), group and the version of its
 * choice, labels as ',a,b,' ('' where absent). An update that
 * names a version or a deadline goes alone, whatever its caller allows; one that must not begin yet
 * waits outside of its lane.
 * Answer: per row 'taken', 'known', 'no-identity' or 'moved': the group chose another member.
 */
export const ACCEPT: Script = {
  name: 'accept',
  keys: 1,
  lua: `${PRELUDE}${LONG_FIELDS}${LANE_ENTRY}${CHOICE_FUNCTIONS}${INDEX_FUNCTIONS}${INDEX_ACCEPTED}${
    /* lua */ `
local nowMs = timeMs()
local now = int(nowMs)
local batch = ARGV[5]
local answers, taken = {}, {}
local mustExist = ARGV[8] ~= '0'
-- Rows that are routed anew are another portion, though their ids may stay.
local isNew = batch == '' or beginPortion(batch, ARGV[9] .. ARGV[22])
local position = reserve(tonumber(ARGV[3]), nowMs)
local at = 9
for i = 1, tonumber(ARGV[3]) do
  local id, identity, lane = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local record = T .. ':update:' .. id
  if redis.call('EXISTS', record) == 1 then
    answers[i] = 'known'
  elseif not isNew or mustExist and redis.call('EXISTS', T .. ':identity:' .. identity) == 0 then
    answers[i] = 'no-identity'
  elseif ARGV[at + 12] ~= '' and isSealed(ARGV[at + 12], identity, ARGV[at + 3], ARGV[at + 13]) then
    answers[i] = 'moved'
  else
    local fields = { 'state', 'QUEUED', 'identity', identity, 'thing', ARGV[at + 3],
      'confirm', ARGV[at + 6], 'actor', ARGV[2], 'job', ARGV[1],
      'createdAt', now, 'pos', int(position + i - 1) }
    local function add(name, value)
      if value ~= '' then fields[#fields + 1], fields[#fields + 2] = name, value end
    end
    addLong(fields, 'desired', ARGV[at + 5])
    add('batch', batch)
    add('labels', ARGV[at + 14])
    add('shadow', ARGV[at + 4])
    add('expectedVersion', ARGV[at + 7])
    add('expiresAt', ARGV[at + 8])
    if ARGV[at + 9] ~= '' then
      add('coalesce', (ARGV[at + 7] ~= '' or ARGV[at + 8] ~= '') and '0' or '1')
    end
    add('replayOf', ARGV[at + 10])
    redis.call('HSET', record, unpack(fields))
    if ARGV[at + 8] ~= '' then redis.call('ZADD', T .. ':expiring', ARGV[at + 8], id) end
    if ARGV[at + 10] ~= '' then
      redis.call('RPUSH', T .. ':replays:' .. ARGV[at + 10], id)
      redis.call('PEXPIRE', T .. ':replays:' .. ARGV[at + 10], ARGV[4])
    end
    if ARGV[at + 12] ~= '' then countChosen(record, ARGV[at + 12], identity, ARGV[at + 3], 1) end
    if ARGV[at + 11] == '' then
      enter(lane, id, identity, now)
      redis.call('HINCRBY', T .. ':counts', 'QUEUED', 1)
    else
      schedule(record, id, identity, dueAt(ARGV[at + 11], now))
      redis.call('HINCRBY', T .. ':counts', 'HELD', 1)
    end
    taken[#taken + 1] = { id, position + i - 1, identity, ARGV[at + 3], ARGV[at + 14] }
    answers[i] = 'taken'
  end
  at = at + 15
end
indexAccepted(taken, ARGV[2], batch, nowMs, tonumber(ARGV[6]), tonumber(ARGV[7]))
if batch ~= '' and isNew then addToBatch(batch, #taken, nowMs) end
return answers
`
  }`,
};
