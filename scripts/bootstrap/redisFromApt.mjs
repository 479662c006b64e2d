import { existsSync } from 'node:fs';
import { findServers, isNewEnough, NEEDED_REDIS } from './redisServers.mjs';
import { ask, runTool } from './run.mjs';
import { say } from './say.mjs';

/**
 * Debian starts a freshly installed server at once, on the well-known port, and at every boot.
 * We want the program only: a policy of ours forbids the start while apt runs (where the
 * machine has a policy, that one decides), and the service is left stopped and disabled.
 */
const INSTALL = `
set -u
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  trap 'exit 130' HUP INT TERM
  printf '#!/bin/sh\\nexit 101\\n' > "$policy" && chmod 755 "$policy"
fi
DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \\
  -o DPkg::Lock::Timeout=120 "$1" || exit 1
update-rc.d "$1" disable
invoke-rc.d --disclose-deny "$1" stop || true
`;

/**
 * The version that apt would install, without its epoch.
 * @param {string} name
 * @param {NodeJS.ProcessEnv} env
 * @returns {string | undefined}
 */
function candidate(name, env) {
  const policy = ask('apt-cache', ['policy', name], env) ?? '';
  return /^\s*Candidate: (?:\d+:)?(\d[^\s]*)/m.exec(policy)?.[1];
}

/**
 * @param {NodeJS.ProcessEnv} env
 * @returns {string | undefined}
 */
function choosePackage(env) {
  return ['redis-server', 'valkey-server'].find((name) => isNewEnough(candidate(name, env) ?? '0'));
}

/**
 * @param {string} root
 * @param {NodeJS.ProcessEnv} env
 * @param {import('./redisServers.mjs').Server | undefined} tooOld
 * @returns {Promise<import('./redisServers.mjs').Provision>}
 */
export async function installWithApt(root, env, tooOld) {
  if (ask('apt-get', ['--version'], env) === undefined) {
    return { whyNot: 'there is no apt-get' };
  }
  if (tooOld !== undefined) {
    return { whyNot: 'apt would upgrade the Redis that you have, which is yours to decide' };
  }
  const isRoot = process.getuid?.() === 0;
  if (!isRoot && ask('sudo', ['-n', 'true'], env) === undefined) {
    return { whyNot: 'apt-get needs root, and sudo asks for a password' };
  }
  /** @param {readonly string[]} command */
  const asRoot = async ([command = '', ...args]) => {
    // A root shell entered with `su` may lack the folders of the service tools.
    const path = `${env.PATH ?? ''}:/usr/sbin:/sbin`;
    const options = { cwd: root, env: { ...env, PATH: path } };
    return isRoot
      ? runTool(command, args, options)
      : runTool('sudo', ['-n', command, ...args], options);
  };
  /** @param {string} name */
  const install = (name) => {
    say(`installing ${name} with apt-get; its service stays stopped and disabled.`);
    return asRoot(['sh', '-c', INSTALL, 'sh', name]);
  };

  let chosen = choosePackage(env);
  let code = chosen === undefined ? 1 : await install(chosen);
  if (code !== 0) {
    // No package lists yet, or lists that name files which are gone.
    say('refreshing the package lists with apt-get update.');
    await asRoot(['apt-get', 'update', '-o', 'DPkg::Lock::Timeout=120']);
    chosen = choosePackage(env);
    code = chosen === undefined ? 1 : await install(chosen);
  }
  if (chosen === undefined) {
    return { whyNot: `apt offers no Redis ${NEEDED_REDIS} or newer` };
  }
  if (code !== 0) {
    return { whyNot: `apt-get could not install ${chosen}` };
  }
  const bin = existsSync(`/usr/bin/${chosen}`) ? `/usr/bin/${chosen}` : findServers(env)[0]?.path;
  return bin === undefined ? { whyNot: `${chosen} from apt holds no server` } : { bin };
}
