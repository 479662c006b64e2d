import type { Script } from '../../redis/script.ts';
import { PRELUDE } from './fence.ts';
import { LANE_FUNCTIONS } from './laneFunctions.ts';
import { laneScript } from './laneScript.ts';

/**
 * The updates whose time has come, in the order in which they get their places.
 * ARGV: epoch, token, most updates.
 * Answer: 'fenced' | 'due', Redis's clock in ms, then pairs of id and lane.
 */
export const DUE: Script = {
  name: 'due',
  keys: 1,
  lua: `${PRELUDE}${LANE_FUNCTIONS}${
    /* lua */ `
local now = timeMs()
if not owns(ARGV[1], ARGV[2], now) then return { 'fenced' } end
local answer = { 'due', int(now) }
local due = redis.call('ZRANGEBYSCORE', T .. ':scheduled', '-inf', int(now), 'LIMIT', 0, ARGV[3])
for _, id in ipairs(due) do
  local u = redis.call('HMGET', T .. ':update:' .. id, 'identity', 'thing', 'shadow')
  if u[1] then
    answer[#answer + 1] = id
    answer[#answer + 1] = laneOf(u[1], u[2], u[3] or nil)
  else
    redis.call('ZREM', T .. ':scheduled', id)
  end
end
return answer
`
  }`,
};

/**
 * Gives updates whose time has come their places at the end of their lanes. One that is not in the
 * schedule any more (canceled, expired, or this ran before) is left alone; the job that is added in
 * the same script finds it settled. ARGV: epoch, token, job id, then pairs of id and lane.
 * Answer: 'fenced' | how many got a place.
 */
export const ENTER_LANES = laneScript(
  'enterLanes',
  /* lua */ `
local now = timeMs()
if not owns(ARGV[1], ARGV[2], now) then return 'fenced' end
local entered = 0
for i = 4, #ARGV, 2 do
  local id, lane = ARGV[i], ARGV[i + 1]
  local record = T .. ':update:' .. id
  local identity = string.match(lane, '^[^/]+')
  if unschedule(id, identity) then
    redis.call('HDEL', record, 'waitReason', 'waitUntil')
    redis.call('HSET', record, 'state', 'QUEUED', 'releasedAt', int(now), 'job', ARGV[3])
    moveCount('HELD', 'QUEUED')
    enter(lane, id, identity, int(now))
    entered = entered + 1
  end
end
return entered
`,
);
