/**
 * Lua functions on the choices of groups: which member sends the updates of a thing. A group has
 * its own slot, and its choice is read there; here, where the lanes are, stands what keeps a
 * choice that was read too early from being used: how many updates that came through a group are
 * open, and the seals, each of which says up to which version a choice is void.
 */
export const CHOICE_FUNCTIONS = /* lua */ `
local function isSealed(group, identity, thing, version)
  local sealed = redis.call('GET', T .. ':sealed:' .. group .. '/' .. identity .. '/' .. thing)
  return sealed and tonumber(version) <= tonumber(sealed)
end

local function countChosen(record, group, identity, thing, by)
  local key = T .. ':through:' .. group
  local field = identity .. '/' .. thing
  if by > 0 then redis.call('HSET', record, 'through', group) end
  if redis.call('HINCRBY', key, field, by) <= 0 then redis.call('HDEL', key, field) end
end
`;
