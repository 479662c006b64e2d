import type { RedisClient } from './client.ts';

/** Whether Redis does not have a script that was called by its hash. */
export function isScriptMissing(error: Error | null | undefined): boolean {
  return error?.message.startsWith('NOSCRIPT ') === true;
}

/**
 * Loads every script of a connection. ioredis takes a script for loaded once it has sent it, also
 * where Redis refused it (no memory) or forgot it (SCRIPT FLUSH); it puts that right for single
 * commands, but not inside MULTI, where such a connection would fail for ever.
 */
export async function reloadScripts(redis: RedisClient): Promise<void> {
  const scripts: readonly { readonly lua: string }[] = Object.values(redis.scriptsSet);
  await Promise.all(scripts.map(({ lua }) => redis.script('LOAD', lua)));
}
