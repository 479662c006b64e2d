import type { Script } from '../../redis/script.ts';
import { PRELUDE } from './fence.ts';

/**
 * Begins to accept a batch, unless that was begun, or ended, before.
 * KEYS: record. ARGV: journal, then further fields and values. Answer: 1 | 0.
 */
export const BEGIN_BATCH: Script = {
  name: 'beginBatch',
  keys: 1,
  lua: /* lua */ `
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], 'journal', ARGV[1], unpack(ARGV, 2))
return 1
`,
};

/**
 * Replaces the journal of a batch, unless somebody else did. KEYS: record. ARGV: as it was, as it
 * shall be. Answer: what stands; nothing where all of it was taken.
 */
export const AGREE_ON_BATCH: Script = {
  name: 'agreeOnBatch',
  keys: 1,
  lua: /* lua */ `
local stands = redis.call('HGET', KEYS[1], 'journal')
if stands ~= ARGV[1] then return stands end
redis.call('HSET', KEYS[1], 'journal', ARGV[2])
return ARGV[2]
`,
};

/**
 * Ends the accept of a batch: what was refused is kept in the place of its journal.
 * KEYS: record. ARGV: refusals as JSON, shards by commas, ms that it is kept ('' for as long as it
 * runs). Answer: 1 | 0.
 */
export const END_ACCEPT: Script = {
  name: 'endAccept',
  keys: 1,
  lua: /* lua */ `
if redis.call('HDEL', KEYS[1], 'journal') == 0 then return 0 end
redis.call('HSET', KEYS[1], 'refusals', ARGV[1], 'shards', ARGV[2])
if ARGV[3] ~= '' then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
return 1
`,
};

/**
 * Notes that all updates of a batch have ended, once.
 * KEYS: record. ARGV: when, ms that it is kept. Answer: 1 where nobody noted it before.
 */
export const FINISH_BATCH: Script = {
  name: 'finishBatch',
  keys: 1,
  lua: /* lua */ `
if redis.call('HEXISTS', KEYS[1], 'refusals') == 0 then return 0 end
local first = redis.call('HSETNX', KEYS[1], 'finishedAt', ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return first
`,
};

/** Whether identities exist. ARGV: their ids. Answer: 1 or 0 for each. */
export const KNOWN_IDENTITIES: Script = {
  name: 'knownIdentities',
  keys: 1,
  lua: `${PRELUDE}${
    /* lua */ `
local answers = {}
for i, id in ipairs(ARGV) do answers[i] = redis.call('EXISTS', T .. ':identity:' .. id) end
return answers
`
  }`,
};
