import type { Script } from '../../redis/script.ts';
import { CLOCK } from './clock.ts';
import { WHEN_FULL } from './fence.ts';

/**
 * `nextEntry(last)`: ids in one order for the streams of all kinds, within a millisecond too, which
 * `*` would give each stream for itself. It goes on from the key's id where the clock went back, as
 * a stream's own ids do; `writeLast(key)` keeps it for the next script.
 */
const ENTRY_IDS = /* lua */ `
local lastMs, lastSeq
local function nextEntry(key)
  if not lastMs then
    local ms, seq = string.match(redis.call('GET', key) or '0-0', '^(%d+)-(%d+)$')
    lastMs, lastSeq = tonumber(ms), tonumber(seq)
  end
  local now = timeMs()
  if now > lastMs then
    lastMs, lastSeq = now, 0
  else
    lastSeq = lastSeq + 1
  end
  return string.format('%.0f-%.0f', lastMs, lastSeq)
end
local function writeLast(key)
  if lastMs then redis.call('SET', key, string.format('%.0f-%.0f', lastMs, lastSeq)) end
end
`;

/**
 * Writes down that an action begins. Also when Redis is full: what operators do then is what gives
 * memory back.
 * KEYS: open, opened. ARGV: token, the entry's fields and values as a JSON list.
 * Answer: Redis's time in ms.
 */
export const BEGIN_AUDIT: Script = {
  name: 'beginAudit',
  keys: 2,
  lua: `${WHEN_FULL}${CLOCK}${
    /* lua */ `
local now = string.format('%.0f', timeMs())
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[2], now, ARGV[1])
return now
`
  }`,
};

/**
 * Turns what was begun into an entry; does nothing where that happened already, be it by a call
 * that a reconnect sent again or by the sweep.
 * KEYS: open, opened, last, stream. ARGV: token, most entries, then fields and values.
 * Answer: the entry's id, or false.
 */
export const END_AUDIT: Script = {
  name: 'endAudit',
  keys: 4,
  lua: `${WHEN_FULL}${CLOCK}${ENTRY_IDS}${
    /* lua */ `
if redis.call('HDEL', KEYS[1], ARGV[1]) == 0 then return false end
local beganAt = redis.call('ZSCORE', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
local id = nextEntry(KEYS[3])
writeLast(KEYS[3])
return redis.call('XADD', KEYS[4], 'MAXLEN', '~', ARGV[2], id, 't', beganAt, unpack(ARGV, 3))
`
  }`,
};

/**
 * Makes entries of what has ended already, many at once.
 * KEYS: last, then the streams. ARGV: most entries; then of each entry which stream (from 1), how
 * many fields and values, and those.
 */
export const APPEND_AUDIT: Script = {
  name: 'appendAudit',
  keys: 4,
  lua: `${WHEN_FULL}${CLOCK}${ENTRY_IDS}${
    /* lua */ `
local at, last = 2, #ARGV
while at < last do
  local behind = at + 1 + tonumber(ARGV[at + 1])
  redis.call('XADD', KEYS[1 + tonumber(ARGV[at])], 'MAXLEN', '~', ARGV[1], nextEntry(KEYS[1]),
    unpack(ARGV, at + 2, behind))
  at = behind + 1
end
writeLast(KEYS[1])
`
  }`,
};

/**
 * Gives an entry with the outcome UNKNOWN to what was begun long ago and never ended (its process
 * died), and drops entries that are too old, a bounded number at a time.
 * KEYS: open, opened, last, then the streams, first the one for what never ended. ARGV: age in ms of what
 * counts as never ended, retention ms, most entries.
 * Answer: how many entries were made.
 */
export const SWEEP_AUDIT: Script = {
  name: 'sweepAudit',
  keys: 6,
  lua: `${WHEN_FULL}${CLOCK}${ENTRY_IDS}${
    /* lua */ `
local now = timeMs()
local left = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now - tonumber(ARGV[1]), 'WITHSCORES', 'LIMIT', 0, 100)
for i = 1, #left, 2 do
  local entry = redis.call('HGET', KEYS[1], left[i])
  redis.call('HDEL', KEYS[1], left[i])
  redis.call('ZREM', KEYS[2], left[i])
  if entry then
    redis.call('XADD', KEYS[4], 'MAXLEN', '~', ARGV[3], nextEntry(KEYS[3]), 't', left[i + 1], 'x', 'UNKNOWN',
      unpack(cjson.decode(entry)))
  end
end
local oldest = string.format('%.0f', math.max(0, now - tonumber(ARGV[2])))
writeLast(KEYS[3])
for i = 4, #KEYS do redis.call('XTRIM', KEYS[i], 'MINID', '~', oldest, 'LIMIT', 10000) end
return #left / 2
`
  }`,
};
