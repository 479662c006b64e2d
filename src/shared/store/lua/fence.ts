import { OF_FIRST } from '../../queue/deliverJob.ts';
import { CLOCK } from './clock.ts';
import { EVENT_FUNCTIONS } from './eventFunctions.ts';

/**
 * The first line of scripts that go on when Redis has reached its maxmemory: they keep leases, and
 * end updates, which is what gives memory back.
 */
export const WHEN_FULL = '#!lua flags=allow-oom\n';

/**
 * Lua that every script of a shard begins with. A script gets the shard's lease key as KEYS[1];
 * all other keys share its hash tag and are built from it, so that a script stays in one slot.
 */
export const PRELUDE = /* lua */ `
local T = string.match(KEYS[1], '^(.*):lease$')
${CLOCK}
local function int(n)
  return string.format('%.0f', n)
end
${EVENT_FUNCTIONS}
-- The job that promised to settle a pending update: the one that its record names, or its own.
local function jobOf(id, named)
  return named or '${OF_FIRST}' .. id
end
-- True while (epoch, token) is the unexpired lease of this shard.
local function owns(epoch, token, now)
  local l = redis.call('HMGET', KEYS[1], 'epoch', 'token', 'expiresAt')
  return l[1] == epoch and l[2] == token and tonumber(l[3]) > now
end
`;
