import type { Redis } from 'ioredis';

/**
 * A Lua script with a name. `bindScript` registers it on a connection, which sends EVALSHA and
 * loads the script where Redis does not have it, inside MULTI too.
 */
export interface Script {
  readonly name: string;
  readonly keys: number;
  readonly lua: string;
}

export type ScriptArgument = string | number;

/** One place that knows that defined commands are methods with dynamic names. */
export function runScript(
  redis: Redis,
  script: Script,
  keys: readonly string[],
  args: readonly ScriptArgument[],
): Promise<unknown> {
  const name = bindScript(redis, script);
  const commands = redis as unknown as Record<
    string,
    (...all: ScriptArgument[]) => Promise<unknown>
  >;
  const command = commands[name];
  if (command === undefined) throw new TypeError(`script ${script.name} is not bound`);
  return command.call(redis, ...keys, ...args);
}

const bound = new WeakMap<Redis, Set<string>>();

/** Registers the script once per connection; returns the name of its command. */
export function bindScript(redis: Redis, script: Script): string {
  const name = `courier_${script.name}`;
  const names = bound.get(redis) ?? new Set();
  if (!names.has(name)) {
    redis.defineCommand(name, { numberOfKeys: script.keys, lua: script.lua });
    bound.set(redis, names.add(name));
  }
  return name;
}
