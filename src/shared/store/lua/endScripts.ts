import { laneScript } from './laneScript.ts';

/** What follows the end of an update that its lane did not bring about. */
export const GO_ON = /* lua */ `
-- The job of what stands first in a lane now, whose wait may have been that of the one before it.
local function headJob(lane)
  local head = redis.call('LINDEX', T .. ':lane:' .. lane, 0)
  return head and jobOf(head, redis.call('HGET', T .. ':update:' .. head, 'job')) or ''
end

-- Whether a publish of it is under way, or its answer is: of its own, or of its group's.
local function isPublished(state, group, carrier)
  return state == 'IN_FLIGHT' or group or carrier
end
`;

/**
 * Ends an update that waits because its caller does not want it any more. Without a lease: what is
 * being published is left alone, and a claim that comes later does not find it.
 * ARGV: id, actor, reason ('' for none), retention ms.
 * Answer: 'missing' | 'published' | 'final', state | 'canceled', job of the lane's new head ('').
 */
export const CANCEL = laneScript(
  'cancel',
  `${GO_ON}${
    /* lua */ `
local id = ARGV[1]
local u = redis.call('HMGET', T .. ':update:' .. id, 'state', 'identity', 'thing', 'shadow',
  'group', 'carrier')
if not u[1] then return { 'missing' } end
if isPublished(u[1], u[5], u[6]) then return { 'published' } end
if u[1] ~= 'QUEUED' and u[1] ~= 'HELD' then return { 'final', u[1] } end
local lane = laneOf(u[2], u[3], u[4] or nil)
local fields = { 'canceledBy', ARGV[2] }
if ARGV[3] ~= '' then
  fields[3], fields[4] = 'cancelReason', ARGV[3]
end
close(id, u[1], 'CANCELED', timeMs(), ARGV[4], fields)
return { 'canceled', remove(lane, id) and headJob(lane) or '' }
`
  }`,
);

/**
 * Ends updates whose deadline has passed wherever they stand in their lanes, whatever they wait
 * for. One that is being published is looked at again a little later.
 * ARGV: epoch, token, retention ms, most updates, ms until the next look at what is published.
 * Answer: 'fenced' | 'expired', how many were looked at, what ended (JSON: id, state, code, confirm,
 * createdAt each), then the jobs of lanes that have another head now.
 */
export const EXPIRE_DUE = laneScript(
  'expireDue',
  `${GO_ON}${
    /* lua */ `
local now = timeMs()
if not owns(ARGV[1], ARGV[2], now) then return { 'fenced' } end
local expiring = T .. ':expiring'
local ended, jobs = {}, {}
local due = redis.call('ZRANGEBYSCORE', expiring, '-inf', int(now), 'LIMIT', 0, ARGV[4])
for _, id in ipairs(due) do
  local u = redis.call('HMGET', T .. ':update:' .. id, 'state', 'identity', 'thing', 'shadow',
    'confirm', 'createdAt', 'unknown', 'group', 'carrier', 'waitReason', 'waitDetail')
  if u[1] and isPublished(u[1], u[8], u[9]) then
    redis.call('ZADD', expiring, int(now + tonumber(ARGV[5])), id)
  else
    redis.call('ZREM', expiring, id)
    if u[1] == 'QUEUED' or u[1] == 'HELD' then
      local lane = laneOf(u[2], u[3], u[4] or nil)
      local failure = deadlinePassed(u[7], u[10], u[11])
      close(id, u[1], 'EXPIRED', now, ARGV[3], { 'failure', failure })
      ended[#ended + 1] = { id, 'EXPIRED', 'DEADLINE_PASSED', u[5], u[6] }
      if remove(lane, id) then jobs[#jobs + 1] = headJob(lane) end
    end
  end
end
local answer = { 'expired', int(#due), #ended == 0 and '[]' or cjson.encode(ended) }
for _, job in ipairs(jobs) do if job ~= '' then answer[#answer + 1] = job end end
return answer
`
  }`,
);
