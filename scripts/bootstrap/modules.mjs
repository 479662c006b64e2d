import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { runTool } from './run.mjs';
import { SetupError, say } from './say.mjs';

/**
 * @typedef {{ version?: string, integrity?: string, resolved?: string, optional?: boolean, link?: boolean }} LockedPackage
 * @typedef {{ packages?: Record<string, LockedPackage> }} Lockfile
 */

/**
 * @param {string} file
 * @returns {Lockfile}
 */
function readLock(file) {
  return JSON.parse(readFileSync(file, 'utf8'));
}

/**
 * Why node_modules is not what package-lock.json asks for; undefined where it is. npm writes
 * `node_modules/.package-lock.json` last, so an install that was cut short has none.
 * @param {string} root
 * @returns {string | undefined}
 */
export function whyInstall(root) {
  if (!existsSync(join(root, 'node_modules'))) {
    return 'node_modules is not there yet';
  }
  const installedFile = join(root, 'node_modules/.package-lock.json');
  if (!existsSync(installedFile)) {
    return 'the last install did not finish';
  }
  const wanted = readLock(join(root, 'package-lock.json')).packages ?? {};
  const installed = readLock(installedFile).packages ?? {};
  for (const [path, want] of Object.entries(wanted)) {
    if (path === '') {
      continue;
    }
    const have = installed[path];
    // An optional package that is absent is one for another platform.
    if (have === undefined && want.optional === true) {
      continue;
    }
    if (have === undefined || !existsSync(join(root, path))) {
      return `${path} is missing`;
    }
    if (have.version !== want.version || have.integrity !== want.integrity) {
      return `${path} is ${have.version}, and ${want.version} is asked for`;
    }
  }
  return undefined;
}

/**
 * The npm that started us, else the one on PATH.
 * @param {NodeJS.ProcessEnv} env
 * @returns {[string, ...string[]]}
 */
function npmCommand(env) {
  const npm = env.npm_execpath;
  return npm !== undefined && basename(npm) === 'npm-cli.js' ? [process.execPath, npm] : ['npm'];
}

/**
 * @param {string} root
 * @param {NodeJS.ProcessEnv} env
 */
export async function ensureModules(root, env) {
  const why = whyInstall(root);
  if (why === undefined) {
    return;
  }
  say(`${why}: running npm ci.`);
  const [command, ...args] = npmCommand(env);
  // Said outright, because `npm run --silent` and NODE_ENV=production reach us as settings.
  const settings = ['--include=dev', '--include=optional', '--loglevel=notice'];
  const code = await runTool(command, [...args, 'ci', ...settings], { cwd: root, env });
  if (code !== 0) {
    throw new SetupError(
      `npm ci failed with code ${code}, for the reason that it gives above. ` +
        'Put that right (most often the package registry is out of reach) ' +
        'and run the same command again.',
    );
  }
}
