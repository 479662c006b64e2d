import type { Script } from '../../redis/script.ts';
import { PRELUDE, WHEN_FULL } from './fence.ts';
import { LANE_FUNCTIONS } from './laneFunctions.ts';

/**
 * A script that moves updates. Its body may return anywhere: what was moved is written after it.
 * `whenFull` lets it go on when Redis has reached its maxmemory.
 */
export function laneScript(name: string, body: string, whenFull = true): Script {
  return {
    name,
    keys: 1,
    lua: `${whenFull ? WHEN_FULL : ''}${PRELUDE}${LANE_FUNCTIONS}
local function body()
${body}
end
local answer = body()
writeTallies()
return answer
`,
  };
}
