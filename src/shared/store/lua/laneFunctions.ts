import { CHOICE_FUNCTIONS } from './choiceFunctions.ts';
import { GROUP_FUNCTIONS } from './groupFunctions.ts';
import { INDEX_FUNCTIONS } from './indexFunctions.ts';
import { LANE_ENTRY } from './laneEntry.ts';
import { LANE_TALLIES } from './laneTallies.ts';
import { LONG_FIELDS } from './longFields.ts';

/**
 * Lua functions on lanes, shared by the scripts that claim, settle and hold. An update's record,
 * its place in the lane and the counters change together or not at all.
 */
export const LANE_FUNCTIONS = /* lua */ `
${LONG_FIELDS}${LANE_ENTRY}${CHOICE_FUNCTIONS}${INDEX_FUNCTIONS}
${LANE_TALLIES}
local function writeTallies()
  writeCounts()
  writeLanes()
  writeIndex()
end

-- Writes the end of an update. fields is a flat list of further record fields; u is what its record
-- has of through, identity, thing, pos and batch, read here where it was not before. What died is
-- listed for replay, the newest DEAD_KEPT of them.
local DEAD_KEPT = 10000
local function close(id, from, to, now, retentionMs, fields, u)
  local key = T .. ':update:' .. id
  redis.call('HDEL', key, 'waitReason', 'waitDetail', 'waitUntil', 'epoch', 'group', 'carrier', 'job')
  local written = { 'state', to, 'finishedAt', int(now) }
  for i = 1, #fields, 2 do addLong(written, fields[i], fields[i + 1]) end
  redis.call('HSET', key, unpack(written))
  redis.call('PEXPIRE', key, retentionMs)
  moveCount(from, to)
  u = u or redis.call('HMGET', key, 'through', 'identity', 'thing', 'pos', 'batch')
  if u[1] then countChosen(key, u[1], u[2], u[3], -1) end
  indexEnd(id, to, fields, u[4], u[5], now)
  local code = string.match(partitionOf(to, fields), ':(.+)') or ''
  event('E', 'u', string.sub(id, -ID_LENGTH), 's', to, 'c', code, 'b', u[5] or '', 'i', u[2] or '',
    't', u[3] or '')
  if to == 'FAILED' or to == 'EXPIRED' then
    local dead = T .. ':dead'
    redis.call('ZADD', dead, int(now), id)
    redis.call('ZREMRANGEBYSCORE', dead, '-inf', int(now - tonumber(retentionMs)))
    redis.call('ZREMRANGEBYRANK', dead, 0, -1 - DEAD_KEPT)
  end
end

-- Drops a head that was not published, and what its lane waited for with it.
local function dropHead(lane)
  redis.call('HDEL', T .. ':waiting', lane)
  pop(lane, 1)
end

-- Takes an update out of its lane wherever it stands, or out of the schedule; answers whether it
-- was the head.
local function remove(lane, id)
  if unschedule(id, string.match(lane, '^[^/]+')) then return false end
  local key = T .. ':lane:' .. lane
  local first = redis.call('LINDEX', key, 0) == id
  if first then dropHead(lane) else redis.call('LREM', key, 1, id) end
  return first
end

local function laneOf(identity, thing, shadow)
  return identity .. '/' .. thing .. (shadow and ('/' .. shadow) or '')
end

${GROUP_FUNCTIONS}
local function hold(lane, id, from, reason, detail, untilMs)
  local key = T .. ':update:' .. id
  if from == 'IN_FLIGHT' then setMembers(id, 'IN_FLIGHT', 'QUEUED') end
  local was = redis.call('HGET', key, 'waitReason')
  redis.call('HDEL', key, 'waitDetail', 'waitUntil', 'epoch')
  redis.call('HSET', key, 'state', 'HELD', 'waitReason', reason)
  if detail ~= '' then redis.call('HSET', key, 'waitDetail', detail) end
  if untilMs ~= '' then redis.call('HSET', key, 'waitUntil', untilMs) end
  redis.call('HSET', T .. ':waiting', lane, reason .. '|' .. untilMs)
  moveCount(from, 'HELD')
  if was ~= reason then
    local identity, thing = string.match(lane, '^([^/]+)/([^/]+)')
    event('H', 'u', string.sub(id, -ID_LENGTH), 'r', reason, 'd', untilMs, 'i', identity, 't', thing)
  end
end

-- What a lane waits for by itself. The other reasons are its identity's, or its connection's, and
-- end with them, whatever moment the record names.
local BINDING = { BACKOFF = true, RATE_LIMITED = true, PROBING = true }

local function isParked(status)
  return status == 'QUARANTINED' or status == 'NEEDS_OPERATOR'
end

-- A failure as JSON, with its code first: in a record it may stand in pieces.
local function failureText(code, message, remedy)
  local rest = cjson.encode({ message = message, remedy = remedy })
  return '{"code":"' .. code .. '",' .. string.sub(rest, 2)
end

-- The record forgets with its end what it waited for, so the failure tells.
local function deadlinePassed(unknown, reason, detail)
  local message = 'expiresAt passed before the update could be published'
  if unknown and unknown ~= '0' then
    message = 'expiresAt passed before an answer came; an earlier publish may have been applied'
  end
  if reason then message = message .. '; it waited as ' .. reason end
  if reason and detail then message = message .. ' (' .. detail .. ')' end
  return failureText('DEADLINE_PASSED', message .. '.',
    'Send it again with a later expiresAt, once nothing holds it any more.')
end

-- What claims ask of an identity's record, once a script; without a status it does not exist.
local identities = {}
local function identityOf(lane)
  local id = string.match(lane, '^[^/]+')
  if not identities[id] then
    local r = redis.call('HMGET', T .. ':identity:' .. id, 'status', 'waitReason', 'probeAt')
    identities[id] = { status = r[1], waitReason = r[2], probeAt = r[3] }
  end
  return identities[id]
end

local function readHead(id)
  local record = T .. ':update:' .. id
  local u = redis.call('HMGET', record, 'state', 'waitUntil', 'waitReason',
    'waitDetail', 'expiresAt', 'desired', 'confirm', 'expectedVersion', 'createdAt', 'unknown',
    'coalesce', 'group', 'releasedAt', 'tries')
  return { id = id, state = u[1], waitUntil = u[2], waitReason = u[3], waitDetail = u[4],
    expiresAt = u[5], desired = wholeOf(record, 'desired', u[6]), confirm = u[7], expectedVersion = u[8],
    createdAt = u[13] or u[9], unknown = u[10] or '0', coalesce = u[11], group = u[12],
    tries = tonumber(u[14] or '0') }
end

-- A claim that nobody settled (crash, lost lease) is a try whose outcome is unknown.
local function disown(head)
  local record = T .. ':update:' .. head.id
  head.unknown = int(redis.call('HINCRBY', record, 'unknown', 1))
  head.state = 'QUEUED'
  redis.call('HSET', record, 'state', 'QUEUED')
  redis.call('HDEL', record, 'epoch')
  setMembers(head.id, 'IN_FLIGHT', 'QUEUED')
  moveCount('IN_FLIGHT', 'QUEUED')
end

-- Ends the heads of a lane that may not be published any more; ended collects what became of them.
-- Answers the first head that may, or nothing where the lane is empty.
local function nextHead(lane, now, retentionMs, ended)
  while true do
    local id = redis.call('LINDEX', T .. ':lane:' .. lane, 0)
    if not id then
      headAges[lane] = false
      redis.call('HDEL', T .. ':waiting', lane)
      return nil
    end
    local head = readHead(id)
    if head.state == 'IN_FLIGHT' then disown(head) end
    if head.state ~= 'QUEUED' and head.state ~= 'HELD' then
      dropHead(lane)
    else
      local state, code, failure
      if head.expiresAt and tonumber(head.expiresAt) <= now then
        state, code = 'EXPIRED', 'DEADLINE_PASSED'
        failure = deadlinePassed(head.unknown, head.waitReason, head.waitDetail)
      elseif not identityOf(lane).status then
        state, code = 'FAILED', 'IDENTITY_REMOVED'
        failure = failureText(code, 'The identity was removed before the update was published.',
          'Register the identity again and send the update again.')
      else
        headAges[lane] = head.createdAt
        return head
      end
      if head.group then dissolve(id) end
      close(id, head.state, state, now, retentionMs, { 'failure', failure })
      dropHead(lane)
      ended[#ended + 1] = { id, state, code, head.confirm, head.createdAt }
    end
  end
end

-- Claims the first update of the lane that may run. Answers as LANE_CALLS says.
local function claim(lane, epoch, now, retentionMs)
  local ended = {}
  local head = nextHead(lane, now, retentionMs, ended)
  local report = #ended > 0 and ended or ''
  if not head then return { 'empty', report } end
  local expiresAt = head.expiresAt or ''
  local identity = identityOf(lane)
  if isParked(identity.status) then
    local reason = identity.waitReason or 'IDENTITY_QUARANTINED'
    local untilMs = identity.probeAt or ''
    hold(lane, head.id, head.state, reason, '', untilMs)
    return { 'wait', report, reason, untilMs, '', expiresAt }
  end
  local record = T .. ':update:' .. head.id
  if head.state == 'HELD' then
    if BINDING[head.waitReason] and head.waitUntil and tonumber(head.waitUntil) > now then
      return { 'wait', report, head.waitReason, head.waitUntil, head.waitDetail or '', expiresAt }
    end
    redis.call('HDEL', record, 'waitReason', 'waitDetail', 'waitUntil')
    redis.call('HDEL', T .. ':waiting', lane)
  end
  local tries = head.tries + 1
  redis.call('HSET', record, 'state', 'IN_FLIGHT', 'epoch', epoch, 'tries', tries)
  moveCount(head.state, 'IN_FLIGHT')
  local group = head.coalesce and claimGroup(lane, head, tries) or ''
  return { 'claimed', report, head.id, tries, head.desired, head.confirm,
    head.expectedVersion or '', expiresAt, head.createdAt, head.unknown, group }
end
`;
