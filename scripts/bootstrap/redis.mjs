import { installWithApt } from './redisFromApt.mjs';
import { installWithBrew } from './redisFromBrew.mjs';
import { prepareDocker } from './redisFromDocker.mjs';
import { findServers, isNewEnough, NEEDED_REDIS, serverVersion } from './redisServers.mjs';
import { SetupError, say } from './say.mjs';

/**
 * The server that the user names, which must then be right.
 * @param {string} path
 * @param {NodeJS.ProcessEnv} env
 * @returns {string}
 */
function checkNamedServer(path, env) {
  const version = serverVersion(path, env);
  if (version === undefined || !isNewEnough(version)) {
    const what = version === undefined ? 'is no redis-server that runs' : `is version ${version}`;
    throw new SetupError(
      `REDIS_SERVER_BIN names ${path}, which ${what}. ` +
        `Point it at a redis-server ${NEEDED_REDIS} or newer, or unset it.`,
    );
  }
  return path;
}

/**
 * Finds or installs a redis-server and answers the program to start. It starts none itself:
 * whoever needs one runs it on a port of its own.
 * @param {string} root
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<string>}
 */
export async function ensureRedis(root, env) {
  if (env.REDIS_SERVER_BIN) {
    return checkNamedServer(env.REDIS_SERVER_BIN, env);
  }
  const found = findServers(env);
  const usable = found.find((server) => isNewEnough(server.version));
  if (usable !== undefined) {
    return usable.path;
  }
  const tooOld = found[0];
  const lacking =
    tooOld === undefined
      ? 'there is no redis-server on PATH'
      : `${tooOld.path} is ${tooOld.version}, and ${NEEDED_REDIS} or newer is needed`;
  say(`${lacking}: looking for a way to get one.`);
  const reasons = [];
  for (const provide of [installWithApt, installWithBrew, prepareDocker]) {
    const provision = await provide(root, env, tooOld);
    if ('bin' in provision) {
      return provision.bin;
    }
    reasons.push(provision.whyNot);
  }
  throw new SetupError(
    `${lacking}, and I could not get one (${reasons.join('; ')}). ` +
      `Install redis-server or valkey-server ${NEEDED_REDIS} or newer, ` +
      'or set REDIS_SERVER_BIN to one, and run the same command again.',
  );
}
