import { createHash } from 'node:crypto';
import { Cluster } from 'ioredis';
import type { RedisClient } from './client.ts';
import { absentKey } from './keys.ts';

/** A Lua script with a name. */
export interface Script {
  readonly name: string;
  readonly keys: number;
  readonly lua: string;
}

/** A Buffer is sent as it is. */
export type ScriptArgument = string | number | Buffer;

const hashes = new WeakMap<Script, string>();

/** Runs a script by its hash, sending the text only where Redis does not have it. */
export async function runScript(
  redis: RedisClient,
  script: Script,
  keys: readonly string[],
  args: readonly ScriptArgument[],
  /** Called before the text is sent. */
  whenMissing?: () => Promise<void>,
): Promise<unknown> {
  const hash = hashes.get(script) ?? createHash('sha1').update(script.lua).digest('hex');
  hashes.set(script, hash);
  const [count, ...words] = scriptWords(redis, keys, args);
  try {
    return await redis.evalsha(hash, count, ...words);
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
    await whenMissing?.();
    return redis.eval(script.lua, count, ...words);
  }
}

/**
 * What a script is called with: the number of its keys, its keys, its arguments.
 *
 * In a cluster there is a key more, which never exists. A script builds most of its keys itself, so
 * while its slot moves from one node to another, it would find some of them and miss others, and
 * stop half-way. A declared key that is missing makes Redis refuse it as a whole (TRYAGAIN) until
 * the slot has moved.
 */
function scriptWords(
  redis: RedisClient,
  keys: readonly string[],
  args: readonly ScriptArgument[],
): [count: number, ...ScriptArgument[]] {
  const declared =
    redis instanceof Cluster && keys[0] !== undefined ? [...keys, absentKey(keys[0])] : keys;
  return [declared.length, ...declared, ...args];
}
