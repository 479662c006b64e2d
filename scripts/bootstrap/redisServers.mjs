import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { ask } from './run.mjs';

export const NEEDED_REDIS = 7;
const SERVERS = ['redis-server', 'valkey-server'];

/**
 * @typedef {{ path: string, version: string }} Server
 * @typedef {{ bin: string } | { whyNot: string }} Provision
 */

/**
 * @param {string} file
 * @returns {boolean}
 */
function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/**
 * The version in `Redis server v=7.0.15 sha=…` or `Valkey server v=8.1.1 sha=…`.
 * @param {string} path
 * @param {NodeJS.ProcessEnv} env
 * @returns {string | undefined}
 */
export function serverVersion(path, env) {
  return /\bv=(\d+\.\d+\.\d+)/.exec(ask(path, ['--version'], env) ?? '')?.[1];
}

/**
 * @param {string} version
 * @returns {boolean}
 */
export function isNewEnough(version) {
  return Number.parseInt(version, 10) >= NEEDED_REDIS;
}

/**
 * Every server on PATH that tells its version, in the order in which we would take them.
 * @param {NodeJS.ProcessEnv} env
 * @returns {Server[]}
 */
export function findServers(env) {
  const folders = (env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  return SERVERS.flatMap((name) => folders.map((folder) => join(folder, name)))
    .filter(isExecutable)
    .flatMap((path) => {
      const version = serverVersion(path, env);
      return version === undefined ? [] : [{ path, version }];
    });
}
