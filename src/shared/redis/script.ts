import { createHash } from 'node:crypto';
import type { RedisClient } from './client.ts';

/**
 * A Lua script with a name. `runScript` runs it by itself; `bindScript` makes it a command of a
 * connection, for use inside MULTI.
 */
export interface Script {
  readonly name: string;
  readonly keys: number;
  readonly lua: string;
}

export type ScriptArgument = string | number;

const hashes = new WeakMap<Script, string>();

/**
 * Runs a script by its hash, sending the text only where Redis does not have it. Not as a defined
 * command: a pipeline that auto-pipelining began before the definition lacks it, and ioredis then
 * ends the process with its mismatched answers.
 */
export async function runScript(
  redis: RedisClient,
  script: Script,
  keys: readonly string[],
  args: readonly ScriptArgument[],
): Promise<unknown> {
  const hash = hashes.get(script) ?? createHash('sha1').update(script.lua).digest('hex');
  hashes.set(script, hash);
  try {
    return await redis.evalsha(hash, script.keys, ...keys, ...args);
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
    return redis.eval(script.lua, script.keys, ...keys, ...args);
  }
}

const bound = new WeakMap<RedisClient, Set<string>>();

/** Registers the script once per connection; returns the name of its command. */
export function bindScript(redis: RedisClient, script: Script): string {
  const name = `courier_${script.name}`;
  const names = bound.get(redis) ?? new Set();
  if (!names.has(name)) {
    redis.defineCommand(name, { numberOfKeys: script.keys, lua: script.lua });
    bound.set(redis, names.add(name));
  }
  return name;
}
