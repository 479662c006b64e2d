import { Cluster } from 'ioredis';
import type { RedisClient } from './client.ts';
import { replyCode } from './redirection.ts';

/** Whether Redis does not have a script that was called by its hash. */
export function isScriptMissing(error: unknown): boolean {
  return replyCode(error) === 'NOSCRIPT';
}

/**
 * Loads every script of a connection, in a cluster on each master. ioredis takes a script for
 * loaded once it has sent it, also where Redis refused it (no memory) or forgot it (SCRIPT FLUSH);
 * it puts that right for single commands, but not inside MULTI, where such a connection would fail
 * for ever.
 */
export async function reloadScripts(redis: RedisClient): Promise<void> {
  const scripts: readonly { readonly lua: string }[] = Object.values(redis.scriptsSet);
  const servers = redis instanceof Cluster ? redis.nodes('master') : [redis];
  await Promise.all(
    servers.flatMap((server) => scripts.map(({ lua }) => server.script('LOAD', lua))),
  );
}
