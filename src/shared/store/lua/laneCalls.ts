import { laneScript } from './laneScript.ts';

/**
 * Runs calls on lanes, as many as came together, one after the other: each is judged and answered
 * by itself, and has the answers of those before it behind it.
 * ARGV: epoch, token, retention ms, the calls as JSON, each a list of its name and its words:
 *
 * - claim, lane: freezes the head as the one that is published now and counts a try.
 * - settle, lane, id, try, final state, superseded fields as JSON ('' for none), a group's members
 *   as lists of id, final state and superseded fields, fields and values, all texts, for all of their records,
 *   whether to claim the lane's next update in the same step.
 * - giveBack, lane, id, try, reason, detail, until ('' for open end), progress: the update stays the
 *   head and waits, keeping its token. 'sent': the try counts, its outcome is unknown; 'answered':
 *   it counts; 'unsent': it does not; 'apart': it counts, and a group's updates go on one by one.
 * - hold, lane, reason, detail, until: says why the head waits, without a claim. Heads that expired
 *   end here too, since nobody claims while there is no connection.
 * - states, ids.
 *
 * Answer: 'fenced', or the answers as JSON in the order of the calls. `ended` lists what ended on the
 * way: id, state, code, confirm, createdAt each ('' for none).
 *
 * - claim and settle: 'empty', ended | 'wait', ended, reason, until, detail, expiresAt | 'claimed',
 *   ended, id, tries, desired, confirm, expectedVersion, expiresAt, createdAt, unknown tries,
 *   members as pairs of id and desired ('' for none). Of settle also: 'stale' | 'settled'.
 * - giveBack: 'stale' | 'held'.
 * - hold: 'empty', ended | 'held', ended, expiresAt.
 * - states: the state of each, false for what was pruned.
 */
export const LANE_CALLS = laneScript(
  'laneCalls',
  /* lua */ `
local now = timeMs()
if not owns(ARGV[1], ARGV[2], now) then return 'fenced' end
local epoch, retentionMs = ARGV[1], ARGV[3]
local calls = {}

-- Whether a claim is still what its lane's head is frozen as.
local function isCurrent(u, head, id, try)
  return head == id and u[1] == 'IN_FLIGHT' and u[2] == epoch and tonumber(u[3]) == try
end

function calls.claim(lane)
  return claim(lane, epoch, now, retentionMs)
end

local function settleCarried(carrier, carried, tries, fields)
  local record = T .. ':update:' .. carrier
  local words = { 'carriedBy', carrier, 'tries', tries,
    'unknown', redis.call('HGET', record, 'unknown') or '0' }
  for _, word in ipairs(words) do fields[#fields + 1] = word end
  for _, member in ipairs(carried) do
    local id, state, superseded = unpack(member)
    if superseded ~= '' then redis.call('HSET', T .. ':update:' .. id, 'superseded', superseded) end
    close(id, 'IN_FLIGHT', state, now, retentionMs, fields)
  end
end

function calls.settle(lane, id, try, state, superseded, carried, fields, claimNext)
  local record = T .. ':update:' .. id
  local u = redis.call('HMGET', record, 'state', 'epoch', 'tries', 'through', 'identity', 'thing',
    'pos', 'batch')
  local ids = redis.call('LRANGE', T .. ':lane:' .. lane, 0, 1 + #carried)
  if not isCurrent(u, ids[1], id, try) then return { 'stale' } end
  if superseded ~= '' then redis.call('HSET', record, 'superseded', superseded) end
  close(id, 'IN_FLIGHT', state, now, retentionMs, fields, { unpack(u, 4, 8) })
  if #carried > 0 then settleCarried(id, carried, u[3], fields) end
  local isLast = #ids == 1 + #carried
  if isLast then pop(lane, 1 + #carried, false) else pop(lane, 1 + #carried) end
  if not claimNext then return { 'settled', '' } end
  if isLast then return { 'empty', '' } end
  return claim(lane, epoch, now, retentionMs)
end

function calls.giveBack(lane, id, try, reason, detail, untilMs, progress)
  local record = T .. ':update:' .. id
  local u = redis.call('HMGET', record, 'state', 'epoch', 'tries')
  local head = redis.call('LINDEX', T .. ':lane:' .. lane, 0)
  if not isCurrent(u, head, id, try) then return { 'stale' } end
  if progress == 'unsent' then redis.call('HINCRBY', record, 'tries', -1) end
  if progress == 'sent' then redis.call('HINCRBY', record, 'unknown', 1) end
  hold(lane, id, 'IN_FLIGHT', reason, detail, untilMs)
  if progress == 'apart' then
    redis.call('HSET', record, 'coalesce', '0')
    for _, member in ipairs(members(id)) do
      redis.call('HSET', T .. ':update:' .. member, 'coalesce', '0')
    end
    dissolve(id)
  elseif progress == 'unsent' and try == 1 then
    dissolve(id)
  end
  return { 'held' }
end

function calls.hold(lane, reason, detail, untilMs)
  local ended = {}
  local head = nextHead(lane, now, retentionMs, ended)
  local report = #ended > 0 and ended or ''
  if not head then return { 'empty', report } end
  hold(lane, head.id, head.state, reason, detail, untilMs)
  return { 'held', report, head.expiresAt or '' }
end

function calls.states(ids)
  local states = {}
  for i, id in ipairs(ids) do states[i] = redis.call('HGET', T .. ':update:' .. id, 'state') end
  return states
end

local answers = {}
for i, call in ipairs(cjson.decode(ARGV[4])) do
  answers[i] = calls[call[1]](unpack(call, 2))
end
return cjson.encode(answers)
`,
);
