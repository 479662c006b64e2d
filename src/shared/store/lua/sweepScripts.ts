import type { Script } from '../../redis/script.ts';
import { PRELUDE } from './fence.ts';

/**
 * Looks at a stretch of the lanes that are not empty, oldest first, for ones that nothing will
 * ever run: no job, a finished one, or a job delayed beyond what its lane waits for.
 * ARGV: epoch, token, first rank, count, slack ms.
 * Answer: 'fenced' | 'swept', lanes looked at, then quadruples of action ('orphan' |
 * 'late'), lane, head's id, its job id.
 */
export const SWEEP: Script = {
  name: 'sweep',
  keys: 1,
  lua: `${PRELUDE}${
    /* lua */ `
local now = timeMs()
if not owns(ARGV[1], ARGV[2], now) then return { 'fenced' } end
local first = tonumber(ARGV[3])
local lanes = redis.call('ZRANGE', T .. ':lanes', first, first + tonumber(ARGV[4]) - 1)
local found = { 'swept', int(#lanes) }
for _, lane in ipairs(lanes) do
  local id = redis.call('LINDEX', T .. ':lane:' .. lane, 0)
  if id then
    local u = redis.call('HMGET', T .. ':update:' .. id, 'job', 'waitUntil')
    local job = u[1] or ''
    local jobKey = T .. ':deliver:' .. job
    local finishedOn = job ~= '' and redis.call('HGET', jobKey, 'finishedOn')
    if job == '' or redis.call('EXISTS', jobKey) == 0 or finishedOn then
      found[#found + 1] = 'orphan'; found[#found + 1] = lane; found[#found + 1] = id; found[#found + 1] = job
    else
      -- BullMQ scores a delayed job with its time in ms times 4096.
      local score = redis.call('ZSCORE', T .. ':deliver:delayed', job)
      if score then
        local dueAt = tonumber(score) / 4096
        local wanted = tonumber(u[2] or '0')
        if dueAt > math.max(wanted, now) + tonumber(ARGV[5]) then
          found[#found + 1] = 'late'; found[#found + 1] = lane; found[#found + 1] = id; found[#found + 1] = job
        end
      end
    end
  end
end
return found
`
  }`,
};

/**
 * Points the head of a lane to the job that is added in the same MULTI.
 * ARGV: update id, the job id it had, the new one. Answer: 1 | 0.
 */
export const REASSIGN_JOB: Script = {
  name: 'reassignJob',
  keys: 1,
  lua: `${PRELUDE}${
    /* lua */ `
local record = T .. ':update:' .. ARGV[1]
if (redis.call('HGET', record, 'job') or '') ~= ARGV[2] then return 0 end
redis.call('HSET', record, 'job', ARGV[3])
return 1
`
  }`,
};
