import type { Script } from '../../redis/script.ts';
import { PRELUDE } from './fence.ts';
import { IDENTITY_INDEX_FUNCTIONS } from './identityIndexFunctions.ts';
import { laneScript } from './laneScript.ts';

/**
 * Creates an identity with its secret, unless it exists or was removed. A call that a reconnect sent
 * again is answered as the first was: the sealed secret, which is no two calls', tells.
 * ARGV: id, sealed secret, then record fields and values: username and nameKey, label and labelKey
 * (the texts as they are searched), tags as ',a,b,'.
 * Answer: 'created' | 'exists' | 'removed'.
 */
export const CREATE_IDENTITY: Script = {
  name: 'createIdentity',
  keys: 1,
  lua: `${PRELUDE}${IDENTITY_INDEX_FUNCTIONS}${
    /* lua */ `
local id = ARGV[1]
local record = T .. ':identity:' .. id
if redis.call('EXISTS', record) == 1 then
  return redis.call('GET', T .. ':secret:' .. id) == ARGV[2] and 'created' or 'exists'
end
if redis.call('EXISTS', T .. ':removed:' .. id) == 1 then return 'removed' end
local now = int(timeMs())
redis.call('HSET', record, 'id', id, 'createdAt', now)
for i = 3, #ARGV, 2 do redis.call('HSET', record, ARGV[i], ARGV[i + 1]) end
redis.call('SET', T .. ':secret:' .. id, ARGV[2])
redis.call('ZADD', T .. ':identities', now, id)
setStatus(id, 'PENDING')
local r = redis.call('HMGET', record, 'nameKey', 'labelKey')
if r[1] then redis.call('ZADD', T .. ':identity-names', 0, textEntry(r[1], id)) end
if r[2] then redis.call('ZADD', T .. ':identity-labels', 0, textEntry(r[2], id)) end
for _, tag in ipairs(wordsOf(id, 'tags')) do indexTag(id, tag) end
return 'created'
`
  }`,
};

const LIFT = /* lua */ `
${IDENTITY_INDEX_FUNCTIONS}
-- Makes an identity active and its lanes' heads ready. Answers the jobs of what stands first in
-- each lane, since every update may have one of its own that was put off.
local function lift(id)
  local record = T .. ':identity:' .. id
  if redis.call('HGET', record, 'status') ~= 'ACTIVE' then
    event('I', 'i', id, 's', 'ACTIVE', 'r', '', 'd', '')
  end
  setStatus(id, 'ACTIVE')
  redis.call('HDEL', record, 'waitReason', 'probeAt', 'quarantinedAt', 'denial', 'probes')
  redis.call('ZREM', T .. ':quarantined', id)
  local jobs, seen = {}, {}
  for _, lane in ipairs(redis.call('SMEMBERS', T .. ':lanes-of:' .. id)) do
    for _, pending in ipairs(redis.call('LRANGE', T .. ':lane:' .. lane, 0, 99)) do
      local update = T .. ':update:' .. pending
      local u = redis.call('HMGET', update, 'state', 'job')
      if u[1] == 'HELD' then
        redis.call('HSET', update, 'state', 'QUEUED')
        redis.call('HDEL', update, 'waitReason', 'waitDetail', 'waitUntil')
        redis.call('HDEL', T .. ':waiting', lane)
        redis.call('HINCRBY', T .. ':counts', 'HELD', -1)
        redis.call('HINCRBY', T .. ':counts', 'QUEUED', 1)
      end
      local job = jobOf(pending, u[2])
      if not seen[job] then
        seen[job] = true
        jobs[#jobs + 1] = job
      end
    end
  end
  return jobs
end
`;

/**
 * Writes facts that the owner learned of an identity (Cognito id, attachment, last connect).
 * ARGV: epoch, token, id, then fields and values. Answer: 'fenced' | 'missing' | 'written'.
 */
export const WRITE_IDENTITY: Script = {
  name: 'writeIdentity',
  keys: 1,
  lua: `${PRELUDE}${
    /* lua */ `
if not owns(ARGV[1], ARGV[2], timeMs()) then return 'fenced' end
local record = T .. ':identity:' .. ARGV[3]
if redis.call('EXISTS', record) == 0 then return 'missing' end
for i = 4, #ARGV, 2 do redis.call('HSET', record, ARGV[i], ARGV[i + 1]) end
return 'written'
`
  }`,
};

/**
 * Stores sealed credentials. ARGV: epoch, token, id, sealed, ttl ms.
 * Answer: 'fenced' | 'missing' | 'written'.
 */
export const WRITE_CREDENTIALS: Script = {
  name: 'writeCredentials',
  keys: 1,
  lua: `${PRELUDE}${
    /* lua */ `
if not owns(ARGV[1], ARGV[2], timeMs()) then return 'fenced' end
if redis.call('EXISTS', T .. ':identity:' .. ARGV[3]) == 0 then return 'missing' end
redis.call('SET', T .. ':credentials:' .. ARGV[3], ARGV[4], 'PX', ARGV[5])
return 'written'
`
  }`,
};

/**
 * Replaces a secret, unless it is another one by now. ARGV: epoch, token, id, sealed as it was,
 * sealed as it shall be. Answer: 'fenced' | 'missing' | 'kept' | 'written'.
 */
export const REPLACE_SECRET: Script = {
  name: 'replaceSecret',
  keys: 1,
  lua: `${PRELUDE}${
    /* lua */ `
if not owns(ARGV[1], ARGV[2], timeMs()) then return 'fenced' end
local key = T .. ':secret:' .. ARGV[3]
local present = redis.call('GET', key)
if not present then return 'missing' end
if present ~= ARGV[4] then return 'kept' end
redis.call('SET', key, ARGV[5])
return 'written'
`
  }`,
};

/**
 * Seals what a key holds with another key of the vault, unless it changed meanwhile; how long it
 * lives stays. Without a lease, since it means the same.
 * ARGV: 'secret' | 'credentials', id, sealed as it was, sealed as it shall be. Answer: 1 | 0.
 */
export const RESEAL: Script = {
  name: 'reseal',
  keys: 1,
  lua: `${PRELUDE}${
    /* lua */ `
local key = T .. ':' .. ARGV[1] .. ':' .. ARGV[2]
if redis.call('GET', key) ~= ARGV[3] then return 0 end
redis.call('SET', key, ARGV[4], 'KEEPTTL')
return 1
`
  }`,
};

/**
 * Parks an identity and holds its lanes, saying why. A head in flight is left to its try's end.
 * ARGV: epoch, token, id, status, wait reason, denial as JSON, ms until the next probe ('' for
 * none). Answer: 'fenced' | 'missing' | 'parked', since, probeAt ('' for none), probes.
 */
export const QUARANTINE = laneScript(
  'quarantine',
  `${IDENTITY_INDEX_FUNCTIONS}${
    /* lua */ `
local now = timeMs()
if not owns(ARGV[1], ARGV[2], now) then return { 'fenced' } end
local id = ARGV[3]
local record = T .. ':identity:' .. id
if redis.call('EXISTS', record) == 0 then return { 'missing' } end
local was = redis.call('HMGET', record, 'status', 'waitReason')
redis.call('HSETNX', record, 'quarantinedAt', int(now))
setStatus(id, ARGV[4])
redis.call('HSET', record, 'waitReason', ARGV[5], 'denial', ARGV[6])
local probes = redis.call('HINCRBY', record, 'probes', 1) - 1
local probeAt = ''
if ARGV[7] == '' then
  redis.call('HDEL', record, 'probeAt')
  redis.call('ZREM', T .. ':quarantined', id)
else
  probeAt = int(now + tonumber(ARGV[7]))
  redis.call('HSET', record, 'probeAt', probeAt)
  redis.call('ZADD', T .. ':quarantined', probeAt, id)
end
-- A probe that failed again is no news.
if was[1] ~= ARGV[4] or was[2] ~= ARGV[5] then
  event('I', 'i', id, 's', ARGV[4], 'r', ARGV[5], 'd', probeAt)
end
for _, lane in ipairs(redis.call('SMEMBERS', T .. ':lanes-of:' .. id)) do
  local head = redis.call('LINDEX', T .. ':lane:' .. lane, 0)
  local state = head and redis.call('HGET', T .. ':update:' .. head, 'state')
  if state == 'QUEUED' or state == 'HELD' then
    hold(lane, head, state, ARGV[5], '', probeAt)
  end
end
return { 'parked', redis.call('HGET', record, 'quarantinedAt'), probeAt, int(probes) }
`
  }`,
  false,
);

/**
 * Releases an identity after a probe that passed. ARGV: epoch, token, id.
 * Answer: 'fenced' | 'missing' | 'released', jobs of its lanes.
 */
export const RELEASE: Script = {
  name: 'release',
  keys: 1,
  lua: `${PRELUDE}${LIFT}${
    /* lua */ `
if not owns(ARGV[1], ARGV[2], timeMs()) then return { 'fenced' } end
if redis.call('EXISTS', T .. ':identity:' .. ARGV[3]) == 0 then return { 'missing' } end
local jobs = lift(ARGV[3])
table.insert(jobs, 1, 'released')
return jobs
`
  }`,
};

/**
 * Releases an identity because an operator says so, without a lease; a secret that comes with it
 * replaces the old one and voids the cached credentials.
 * ARGV: id, sealed secret ('' to keep), only when parked ('1' | '0').
 * Answer: 'missing' | 'not-parked' | 'released', jobs of its lanes.
 */
export const OPERATOR_RELEASE: Script = {
  name: 'operatorRelease',
  keys: 1,
  lua: `${PRELUDE}${LIFT}${
    /* lua */ `
local id = ARGV[1]
local status = redis.call('HGET', T .. ':identity:' .. id, 'status')
if not status then return { 'missing' } end
local parked = status == 'QUARANTINED' or status == 'NEEDS_OPERATOR'
if ARGV[3] == '1' and not parked then return { 'not-parked' } end
if ARGV[2] ~= '' then
  redis.call('SET', T .. ':secret:' .. id, ARGV[2])
  redis.call('DEL', T .. ':credentials:' .. id)
end
local jobs = {}
if parked then jobs = lift(id) end
table.insert(jobs, 1, 'released')
return jobs
`
  }`,
};

/**
 * What the fleet shows of a connection. Not fenced: an owner that has lost its lease may still say
 * how its connection ended, as long as no later one has said anything.
 * ARGV: id, epoch, then fields and values, of which the first ones are its state and its worker.
 */
export const WRITE_CONNECTION: Script = {
  name: 'writeConnection',
  keys: 1,
  lua: `${PRELUDE}${
    /* lua */ `
-- What its owner says after its removal would stay for good.
if redis.call('EXISTS', T .. ':identity:' .. ARGV[1]) == 0 then return 0 end
local key = T .. ':connection:' .. ARGV[1]
local was = redis.call('HMGET', key, 'state', 'worker', 'epoch')
if was[3] and tonumber(was[3]) > tonumber(ARGV[2]) then return 0 end
redis.call('HSET', key, 'epoch', ARGV[2], unpack(ARGV, 3))
if was[1] ~= ARGV[4] or was[2] ~= ARGV[6] then
  event('C', 'i', ARGV[1], 's', ARGV[4], 'w', ARGV[6])
end
return 1
`
  }`,
};

/**
 * Grants the next CONNECT of a client id, at least the spacing after the last one, whoever owned
 * it then. ARGV: epoch, token, id, spacing ms. Answer: 'fenced' | 'missing' | 'granted' |
 * 'wait', ms.
 */
export const GRANT_CONNECT: Script = {
  name: 'grantConnect',
  keys: 1,
  lua: `${PRELUDE}${
    /* lua */ `
local now = timeMs()
if not owns(ARGV[1], ARGV[2], now) then return { 'fenced' } end
local record = T .. ':identity:' .. ARGV[3]
local r = redis.call('HMGET', record, 'id', 'lastConnectAt')
if not r[1] then return { 'missing' } end
local dueAt = tonumber(r[2] or '0') + tonumber(ARGV[4])
if dueAt > now then return { 'wait', int(dueAt - now) } end
redis.call('HSET', record, 'lastConnectAt', int(now))
return { 'granted' }
`
  }`,
};
