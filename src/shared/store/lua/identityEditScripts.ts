import type { Script } from '../../redis/script.ts';
import { PRELUDE } from './fence.ts';
import { IDENTITY_INDEX_FUNCTIONS } from './identityIndexFunctions.ts';

/** Calls an identity something else. ARGV: id, label ('' for none), label as searched. Answer: 1 | 0. */
export const RENAME_IDENTITY: Script = {
  name: 'renameIdentity',
  keys: 1,
  lua: `${PRELUDE}${IDENTITY_INDEX_FUNCTIONS}${
    /* lua */ `
if redis.call('EXISTS', T .. ':identity:' .. ARGV[1]) == 0 then return 0 end
setLabel(ARGV[1], ARGV[2], ARGV[3])
return 1
`
  }`,
};

/**
 * Gives an identity tags, or takes them. What it has, or lacks, already is passed over.
 * ARGV: id, 'add' | 'remove', most tags, then tags. Answer: 'missing' | 'too-many' | 'done'.
 */
export const TAG_IDENTITY: Script = {
  name: 'tagIdentity',
  keys: 1,
  lua: `${PRELUDE}${IDENTITY_INDEX_FUNCTIONS}${
    /* lua */ `
local id, add = ARGV[1], ARGV[2] == 'add'
if redis.call('EXISTS', T .. ':identity:' .. id) == 0 then return 'missing' end
local named = { unpack(ARGV, 4) }
local tags = edited(id, 'tags', named, add)
if add and #tags > tonumber(ARGV[3]) then return 'too-many' end
for _, tag in ipairs(named) do
  if add then indexTag(id, tag) else unindexTag(id, tag) end
end
table.sort(tags)
writeWords(id, 'tags', tags)
return 'done'
`
  }`,
};

/**
 * Notes at an identity that it is a member of a group, or is not any more.
 * ARGV: id, 'add' | 'remove', most groups, group. Answer: 'missing' | 'too-many' | 'done'.
 */
export const GROUP_IDENTITY: Script = {
  name: 'groupIdentity',
  keys: 1,
  lua: `${PRELUDE}${IDENTITY_INDEX_FUNCTIONS}${
    /* lua */ `
local id, add, group = ARGV[1], ARGV[2] == 'add', ARGV[4]
if redis.call('EXISTS', T .. ':identity:' .. id) == 0 then return 'missing' end
local groups = edited(id, 'groups', { group }, add)
if add and #groups > tonumber(ARGV[3]) then return 'too-many' end
if add then indexGroup(id, group) else unindexGroup(id, group) end
writeWords(id, 'groups', groups)
return 'done'
`
  }`,
};
