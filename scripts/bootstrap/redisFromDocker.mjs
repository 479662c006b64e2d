import { join } from 'node:path';
import { ask, runTool } from './run.mjs';
import { say } from './say.mjs';

export const REDIS_IMAGE = 'redis:7-alpine';

/**
 * Redis as a container behind a program that takes redis-server's arguments.
 * @param {string} root
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<import('./redisServers.mjs').Provision>}
 */
export async function prepareDocker(root, env) {
  if (ask('docker', ['--version'], env) === undefined) {
    return { whyNot: 'there is no Docker' };
  }
  if (ask('docker', ['info'], env) === undefined) {
    return { whyNot: 'Docker does not answer' };
  }
  if (ask('docker', ['image', 'inspect', REDIS_IMAGE], env) === undefined) {
    say(`pulling ${REDIS_IMAGE} with Docker.`);
    const code = await runTool('docker', ['pull', REDIS_IMAGE], { cwd: root, env });
    if (code !== 0) {
      return { whyNot: `Docker could not pull ${REDIS_IMAGE}` };
    }
  }
  say(
    `using ${REDIS_IMAGE} in Docker: each Redis is a container of its own, reachable on ` +
      '127.0.0.1 only and gone when its command ends. Numbers are those of Docker, not of Redis.',
  );
  return { bin: join(root, 'scripts/bootstrap/redis-server-in-docker.mjs') };
}
