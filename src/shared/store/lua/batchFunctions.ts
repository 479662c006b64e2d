/**
 * Lua functions on the part of a batch that lies in one shard: a hash of counters, moved by the
 * scripts that move its updates, so that they agree after any crash.
 *
 * `total` are the rows that were taken, `left` those that have not ended. Ends other than SUCCEEDED
 * have a counter each, by state and failure code; what remains of the total succeeded.
 * `portion:<first row>` says that a portion of rows came.
 */
export const BATCH_FUNCTIONS = /* lua */ `
local function batchKey(batch)
  return T .. ':batch:' .. batch
end

-- Nothing of this part is left for now. It is noted for the owner's sweep, which looks whether the
-- whole batch has ended; the counters are kept until then, and for the retention time after it.
local function endPart(batch, now)
  redis.call('HSET', batchKey(batch), 'finishedAt', int(now))
  redis.call('SADD', T .. ':batch-ends', batch)
end

-- Whether a portion comes for the first time.
local function beginPortion(batch, portion)
  return redis.call('HSETNX', batchKey(batch), 'portion:' .. portion, '1') == 1
end

local function addToBatch(batch, taken, now)
  local key = batchKey(batch)
  redis.call('HINCRBY', key, 'total', taken)
  if redis.call('HINCRBY', key, 'left', taken) == 0 then
    endPart(batch, now)
  else
    redis.call('HDEL', key, 'finishedAt')
  end
end

-- What ended in this script, by batch and counter, and when.
local parts = {}
local function countEnd(batch, partition, now)
  local part = parts[batch] or { counts = {}, ended = 0 }
  parts[batch] = part
  part.now, part.ended = now, part.ended + 1
  if partition ~= 'SUCCEEDED' then part.counts[partition] = (part.counts[partition] or 0) + 1 end
end

local function writeParts()
  for batch, part in pairs(parts) do
    local key = batchKey(batch)
    for partition, count in pairs(part.counts) do redis.call('HINCRBY', key, partition, count) end
    if redis.call('HINCRBY', key, 'left', -part.ended) == 0 then endPart(batch, part.now) end
  end
end
`;
