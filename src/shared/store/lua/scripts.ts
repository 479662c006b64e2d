import type { Script } from '../../redis/script.ts';
import { PRELUDE, WHEN_FULL } from './fence.ts';
import { CHOICE_FUNCTIONS } from './choiceFunctions.ts';
import { INDEX_ACCEPTED, INDEX_FUNCTIONS } from './indexFunctions.ts';
import { LANE_ENTRY } from './laneEntry.ts';
import { LANE_FUNCTIONS } from './laneFunctions.ts';
import { LONG_FIELDS } from './longFields.ts';

/**
 * Takes rows into their lanes. A row whose record exists is left alone, so that a replay of a
 * half-done accept completes it. Rows of a batch come in portions, and what one of them was refused
 * stays refused: its replay answers the same.
 * ARGV: job id, actor, row count, retention ms, batch ('' for none), the index's age in ms, the most
 * pairs of its lists, then per row: id, identity, lane, thing, shadow, desired, confirm,
 * expectedVersion, expiresAt, coalesce ('1'), replay of, not before (epoch ms, or '+' and ms from
 * now), group and the version of its choice, labels as ',a,b,' ('' where absent). An update that
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
local isNew = batch == '' or beginPortion(batch, ARGV[8])
local position = reserve(tonumber(ARGV[3]), nowMs)
local at = 8
for i = 1, tonumber(ARGV[3]) do
  local id, identity, lane = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local record = T .. ':update:' .. id
  if redis.call('EXISTS', record) == 1 then
    answers[i] = 'known'
  elseif not isNew or redis.call('EXISTS', T .. ':identity:' .. identity) == 0 then
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
if batch ~= '' and isNew then addToBatch(batch, #taken, nowMs, ARGV[4]) end
return answers
`
  }`,
};

/**
 * Claims the head of a lane: freezes it as the one that is published now and counts a try.
 * ARGV: epoch, token, lane, retention ms.
 * Answer: 'fenced', or one of the following with, as second, the updates that ended on the way
 * (JSON: id, state, code, confirm, createdAt each): 'empty' | 'wait', reason, until, detail,
 * expiresAt | 'claimed', id, tries, desired, confirm, expectedVersion, expiresAt, createdAt,
 * unknown tries, and of a group the members as JSON: pairs of id and desired ('' for none).
 */
export const CLAIM: Script = {
  name: 'claim',
  keys: 1,
  lua: `${WHEN_FULL}${PRELUDE}${LANE_FUNCTIONS}${
    /* lua */ `
local now = timeMs()
if not owns(ARGV[1], ARGV[2], now) then return { 'fenced' } end
return claim(ARGV[3], ARGV[1], now, ARGV[4])
`
  }`,
};

const SETTLE_GUARD = /* lua */ `
local now = timeMs()
if not owns(ARGV[1], ARGV[2], now) then return { 'fenced' } end
local lane, id, try, retentionMs = ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local record = T .. ':update:' .. id
local u = redis.call('HMGET', record, 'state', 'epoch', 'tries')
if redis.call('LINDEX', T .. ':lane:' .. lane, 0) ~= id
  or u[1] ~= 'IN_FLIGHT' or u[2] ~= ARGV[1] or u[3] ~= try then
  return { 'stale' }
end
`;

/**
 * Ends a claimed update and, if asked to, claims the lane's next one in the same step.
 * ARGV: epoch, token, lane, id, try, retention ms, final state, claim next ('1' | '0'), superseded
 * fields as JSON ('' for none), how many of a group's members follow, then of each its id, final
 * state and superseded fields, then record fields and values, which the members get as well.
 * Answer: 'fenced' | 'stale' | 'settled' | an answer of CLAIM.
 */
export const SETTLE: Script = {
  name: 'settle',
  keys: 1,
  lua: `${WHEN_FULL}${PRELUDE}${LANE_FUNCTIONS}${SETTLE_GUARD}${
    /* lua */ `
local fields = {}
local count = tonumber(ARGV[10])
for i = 11 + 3 * count, #ARGV do fields[#fields + 1] = ARGV[i] end
if ARGV[9] ~= '' then redis.call('HSET', record, 'superseded', ARGV[9]) end
finish(lane, id, 'IN_FLIGHT', ARGV[7], now, retentionMs, fields)
if count > 0 then
  local c = redis.call('HMGET', record, 'tries', 'unknown')
  for _, word in ipairs({ 'carriedBy', id, 'tries', c[1], 'unknown', c[2] or '0' }) do
    table.insert(fields, word)
  end
  for i = 11, 10 + 3 * count, 3 do
    local superseded = ARGV[i + 2]
    if superseded ~= '' then redis.call('HSET', T .. ':update:' .. ARGV[i], 'superseded', superseded) end
    finish(lane, ARGV[i], 'IN_FLIGHT', ARGV[i + 1], now, retentionMs, fields)
  end
end
if ARGV[8] == '0' then return { 'settled', '[]' } end
return claim(lane, ARGV[1], now, retentionMs)
`
  }`,
};

/**
 * Gives a claim back: the update stays the head and waits, keeping its token.
 * ARGV: epoch, token, lane, id, try, retention ms, reason, detail, until ('' for open end),
 * publish ('sent': the try counts, its outcome is unknown; 'answered': it counts; 'unsent': it
 * does not count; 'apart': it counts, and a group's updates go on one by one).
 * Answer: 'fenced' | 'stale' | 'held'.
 */
export const GIVE_BACK: Script = {
  name: 'giveBack',
  keys: 1,
  lua: `${WHEN_FULL}${PRELUDE}${LANE_FUNCTIONS}${SETTLE_GUARD}${
    /* lua */ `
if ARGV[10] == 'unsent' then redis.call('HINCRBY', record, 'tries', -1) end
if ARGV[10] == 'sent' then redis.call('HINCRBY', record, 'unknown', 1) end
hold(lane, id, 'IN_FLIGHT', ARGV[7], ARGV[8], ARGV[9])
if ARGV[10] == 'apart' then
  redis.call('HSET', record, 'coalesce', '0')
  for _, member in ipairs(members(id)) do redis.call('HSET', T .. ':update:' .. member, 'coalesce', '0') end
  dissolve(id)
elseif ARGV[10] == 'unsent' and redis.call('HGET', record, 'tries') == '0' then
  dissolve(id)
end
return { 'held' }
`
  }`,
};

/**
 * States why the head of a lane waits, without claiming it. Heads that expired end here too, since
 * nobody claims while there is no connection.
 * ARGV: epoch, token, lane, retention ms, reason, detail, until.
 * Answer: 'fenced', or with, as second, what ended (as CLAIM): 'empty' | 'held', expiresAt.
 */
export const HOLD: Script = {
  name: 'hold',
  keys: 1,
  lua: `${WHEN_FULL}${PRELUDE}${LANE_FUNCTIONS}${
    /* lua */ `
local now = timeMs()
if not owns(ARGV[1], ARGV[2], now) then return { 'fenced' } end
local ended = {}
local head = nextHead(ARGV[3], now, ARGV[4], ended)
local report = reportOf(ended)
if not head then return { 'empty', report } end
hold(ARGV[3], head.id, head.state, ARGV[5], ARGV[6], ARGV[7])
return { 'held', report, head.expiresAt or '' }
`
  }`,
};
