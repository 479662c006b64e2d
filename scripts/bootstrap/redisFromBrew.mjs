import { join } from 'node:path';
import { isNewEnough, serverVersion } from './redisServers.mjs';
import { ask, runTool } from './run.mjs';
import { say } from './say.mjs';

/**
 * @param {string} root
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<import('./redisServers.mjs').Provision>}
 */
export async function installWithBrew(root, env) {
  const prefix = ask('brew', ['--prefix'], env)?.trim();
  if (prefix === undefined || prefix === '') {
    return { whyNot: 'there is no brew' };
  }
  // Where brew keeps it, PATH or no PATH.
  const bin = join(prefix, 'opt/redis/bin/redis-server');
  if (isNewEnough(serverVersion(bin, env) ?? '0')) {
    return { bin };
  }
  say('installing redis with brew; no service is started.');
  const code = await runTool('brew', ['install', 'redis'], { cwd: root, env });
  if (code !== 0) {
    return { whyNot: 'brew could not install redis' };
  }
  return isNewEnough(serverVersion(bin, env) ?? '0')
    ? { bin }
    : { whyNot: 'brew installed no redis-server that is new enough' };
}
