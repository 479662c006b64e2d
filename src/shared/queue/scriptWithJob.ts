import type { Script } from '../redis/script.ts';

/** A script of BullMQ that adds a job, as it is defined on a connection, and what it is called with. */
export interface JobScript {
  readonly lua: string;
  readonly keys: number;
  /** Its keys, then its arguments. */
  readonly words: readonly (string | Buffer)[];
}

const made = new WeakMap<Script, Map<string, Script>>();

/**
 * One script that runs a script of ours and then BullMQ's, each with keys and arguments of its own,
 * and answers what ours does. It is as atomic as the two in a MULTI, and costs the caller one
 * command instead of four.
 *
 * KEYS: ours (one), then BullMQ's. ARGV: how many are BullMQ's, those, then ours.
 */
export function scriptWithJob(
  ours: Script,
  { lua, keys }: Pick<JobScript, 'lua' | 'keys'>,
): Script {
  const ofOurs = made.get(ours) ?? new Map<string, Script>();
  made.set(ours, ofOurs);
  const known = ofOurs.get(lua);
  if (known !== undefined) return known;
  const script: Script = {
    name: `${ours.name}_with_job`,
    keys: 1 + keys,
    lua: /* lua */ `
local function ours(KEYS, ARGV)
${withoutFlags(ours.lua)}
end
local function addJob(KEYS, ARGV)
${withoutFlags(lua)}
end
local count = tonumber(ARGV[1])
local jobKeys, jobArguments, arguments = {}, {}, {}
for i = 1, ${keys} do jobKeys[i] = KEYS[i + 1] end
for i = 1, count do jobArguments[i] = ARGV[i + 1] end
for i = count + 2, #ARGV do arguments[i - count - 1] = ARGV[i] end
local answer = ours({ KEYS[1] }, arguments)
addJob(jobKeys, jobArguments)
return answer
`,
  };
  ofOurs.set(lua, script);
  return script;
}

/** Adding a job takes memory: what may run in a full Redis by itself may not with one. */
function withoutFlags(lua: string): string {
  return lua.replace(/^#!.*\n/, '');
}
