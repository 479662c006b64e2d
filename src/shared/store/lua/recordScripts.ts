import type { Script } from '../../redis/script.ts';

/**
 * Puts a record in the place of another one, unless that changed meanwhile; how long it is kept
 * stays. KEYS: record. ARGV: as it was, as it shall be. Answer: as it is now; null where it is gone.
 */
export const REPLACE_RECORD: Script = {
  name: 'replaceRecord',
  keys: 1,
  lua: /* lua */ `
local present = redis.call('GET', KEYS[1])
if present ~= ARGV[1] then return present end
redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL')
return ARGV[2]
`,
};

/** Deletes a record that is as expected. KEYS: record. ARGV: as it is expected. Answer: 1 | 0. */
export const DELETE_RECORD: Script = {
  name: 'deleteRecord',
  keys: 1,
  lua: /* lua */ `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
`,
};
