import type { Script } from '../../redis/script.ts';
import { PRELUDE } from './fence.ts';

/** Lua: whether a job is there and not finished. */
const IS_LIVE = /* lua */ `
local function isLive(job)
  if not job or job == '' then return false end
  local state = redis.call('HMGET', T .. ':deliver:' .. job, 'name', 'finishedOn')
  return state[1] and not state[2]
end
`;

/**
 * Looks at a stretch of the lanes that are not empty, oldest first, for ones that nothing will
 * ever run: no job, a finished one, or a job delayed beyond what its lane waits for.
 * ARGV: epoch, token, first rank, count, slack ms, most updates of a job.
 * Answer: 'fenced' | 'swept', lanes looked at, then quintuples of action ('orphan' | 'late'), lane,
 * head's id, its job id, and for orphans the lane's first updates, by commas.
 */
export const SWEEP: Script = {
  name: 'sweep',
  keys: 1,
  lua: `${PRELUDE}${IS_LIVE}${
    /* lua */ `
local now = timeMs()
if not owns(ARGV[1], ARGV[2], now) then return { 'fenced' } end
-- Whether the job of a head may be delayed until then. A lane of a parked identity is woken by its
-- release; one that is held for its identity alone has nothing to wait for once that is active.
local function mayWait(lane, u, dueAt)
  local latest = now
  if u[3] == 'HELD' then
    local status = redis.call('HGET', T .. ':identity:' .. string.match(lane, '^[^/]+'), 'status')
    if status == 'QUARANTINED' or status == 'NEEDS_OPERATOR' then return true end
    local reason = u[4]
    -- Woken where the pause ends, and by the next owner.
    if reason == 'PAUSED' then return true end
    if reason ~= 'IDENTITY_QUARANTINED' and reason ~= 'NEEDS_OPERATOR' and reason ~= 'PROPAGATING' then
      latest = math.max(now, tonumber(u[2] or '0'))
    end
  end
  return dueAt <= latest + tonumber(ARGV[5])
end
local first = tonumber(ARGV[3])
local lanes = redis.call('ZRANGE', T .. ':lanes', first, first + tonumber(ARGV[4]) - 1)
local found = { 'swept', int(#lanes) }
local function find(action, lane, id, job, updates)
  for _, word in ipairs({ action, lane, id, job, updates }) do found[#found + 1] = word end
end
for _, lane in ipairs(lanes) do
  local key = T .. ':lane:' .. lane
  local id = redis.call('LINDEX', key, 0)
  if id then
    local u = redis.call('HMGET', T .. ':update:' .. id, 'job', 'waitUntil', 'state', 'waitReason')
    local job = jobOf(id, u[1])
    if not isLive(job) then
      find('orphan', lane, id, job, table.concat(redis.call('LRANGE', key, 0, ARGV[6] - 1), ','))
    else
      -- BullMQ scores a delayed job with its time in ms times 4096.
      local score = redis.call('ZSCORE', T .. ':deliver:delayed', job)
      if score and not mayWait(lane, u, tonumber(score) / 4096) then find('late', lane, id, job, '') end
    end
  end
end
return found
`
  }`,
};

/**
 * Points a lane's head, and the updates behind it that have no live job either, to the job that is
 * added in the same script.
 * ARGV: the job id that the head had, the new one, then update ids, head first. Answer: 1 | 0.
 */
export const REASSIGN_JOB: Script = {
  name: 'reassignJob',
  keys: 1,
  lua: `${PRELUDE}${IS_LIVE}${
    /* lua */ `
local function ofRecord(id)
  return jobOf(id, redis.call('HGET', T .. ':update:' .. id, 'job'))
end
if ofRecord(ARGV[3]) ~= ARGV[1] then return 0 end
for i = 3, #ARGV do
  local record = T .. ':update:' .. ARGV[i]
  if redis.call('EXISTS', record) == 1 and not isLive(ofRecord(ARGV[i])) then
    redis.call('HSET', record, 'job', ARGV[2])
  end
end
return 1
`
  }`,
};
