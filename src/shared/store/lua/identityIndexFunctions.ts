/**
 * Lua functions on the index of a shard's identities: sets by status and by tag, in the order of
 * registration, and usernames and labels in the order of their letters. An identity's record and
 * its entries change in the same script.
 */
export const IDENTITY_INDEX_FUNCTIONS = /* lua */ `
-- An entry of a set that is ordered by text: what precedes the zero byte is searched.
local function textEntry(text, id)
  return text .. '\\0' .. id
end

local function statusKey(status)
  return T .. ':identities:' .. status
end

local function setStatus(id, to)
  local record = T .. ':identity:' .. id
  local r = redis.call('HMGET', record, 'status', 'createdAt')
  if r[1] and r[1] ~= to then redis.call('ZREM', statusKey(r[1]), id) end
  redis.call('HSET', record, 'status', to)
  redis.call('ZADD', statusKey(to), r[2], id)
end

local function setLabel(id, label, folded)
  local record = T .. ':identity:' .. id
  local key = T .. ':identity-labels'
  local before = redis.call('HGET', record, 'labelKey')
  if before then redis.call('ZREM', key, textEntry(before, id)) end
  if label == '' then
    redis.call('HDEL', record, 'label', 'labelKey')
  else
    redis.call('HSET', record, 'label', label, 'labelKey', folded)
    redis.call('ZADD', key, 0, textEntry(folded, id))
  end
end

-- Tags, and groups, stand in the record between commas, as in ',a,b,'.
local function wordsOf(id, field)
  local words = {}
  for word in string.gmatch(redis.call('HGET', T .. ':identity:' .. id, field) or '', '[^,]+') do
    words[#words + 1] = word
  end
  return words
end

local function writeWords(id, field, words)
  local record = T .. ':identity:' .. id
  if #words == 0 then
    redis.call('HDEL', record, field)
  else
    redis.call('HSET', record, field, ',' .. table.concat(words, ',') .. ',')
  end
end

-- The words without those named, and with them at the end where they are to be added.
local function edited(id, field, named, add)
  local isNamed = {}
  for _, word in ipairs(named) do isNamed[word] = true end
  local words = {}
  for _, word in ipairs(wordsOf(id, field)) do
    if not isNamed[word] then words[#words + 1] = word end
  end
  if add then for _, word in ipairs(named) do words[#words + 1] = word end end
  return words
end

local function countTag(tag, by)
  if redis.call('HINCRBY', T .. ':identity-tags', tag, by) <= 0 then
    redis.call('HDEL', T .. ':identity-tags', tag)
  end
end

local function indexGroup(id, group)
  local createdAt = redis.call('HGET', T .. ':identity:' .. id, 'createdAt')
  redis.call('ZADD', T .. ':grouped:' .. group, createdAt, id)
end

local function unindexGroup(id, group)
  redis.call('ZREM', T .. ':grouped:' .. group, id)
end

local function indexTag(id, tag)
  local createdAt = redis.call('HGET', T .. ':identity:' .. id, 'createdAt')
  if redis.call('ZADD', T .. ':tagged:' .. tag, createdAt, id) == 1 then countTag(tag, 1) end
end

local function unindexTag(id, tag)
  if redis.call('ZREM', T .. ':tagged:' .. tag, id) == 1 then countTag(tag, -1) end
end
`;
