import type { Script } from '../../redis/script.ts';
import { CLOCK } from './clock.ts';

/**
 * Takes points out of a caller's bucket, which fills up by a rate until it is full. An empty key
 * is a full bucket, so what nobody uses costs nothing.
 * KEYS: the bucket. ARGV: points a second, size, points needed, points to take along if they are
 * there. Answer: taken (0 or from what is needed), points that are left.
 */
export const TAKE_POINTS: Script = {
  name: 'takePoints',
  keys: 1,
  lua: /* lua */ `${CLOCK}
local rate, size = tonumber(ARGV[1]), tonumber(ARGV[2])
local need, want = tonumber(ARGV[3]), tonumber(ARGV[4])
local now = timeMs()
local bucket = redis.call('HMGET', KEYS[1], 'points', 'at')
local points = size
if bucket[1] then
  local since = math.max(0, now - tonumber(bucket[2]))
  points = math.min(size, tonumber(bucket[1]) + since * rate / 1000)
end
local taken = 0
if points >= need then taken = math.min(points, want) end
points = points - taken
if taken > 0 then
  redis.call('HSET', KEYS[1], 'points', tostring(points), 'at', string.format('%.0f', now))
  redis.call('PEXPIRE', KEYS[1], math.ceil((size - points) * 1000 / rate) + 1000)
end
return { tostring(taken), tostring(points) }
`,
};
