import { spawn, spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { constants } from 'node:os';
import { SetupError } from './say.mjs';

/** @typedef {{ cwd: string, env: NodeJS.ProcessEnv, stdio?: import('node:child_process').StdioOptions }} RunOptions */

/**
 * On a terminal Ctrl-C reaches every process of the foreground group by itself. Passing it on
 * as well would count as the second one, which our programs take as "abort now".
 */
function hasTerminal() {
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return true;
  } catch {
    return false;
  }
}

/**
 * npm that is killed outright passes nothing on; then nobody is left who waits for us.
 * @param {() => void} stop
 * @returns {() => void} ends the watch
 */
function watchNpm(stop) {
  if (process.env.npm_lifecycle_event === undefined) {
    return () => undefined;
  }
  const npm = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid !== npm) {
      clearInterval(timer);
      stop();
    }
  }, 250);
  return () => clearInterval(timer);
}

/**
 * Runs a command to its end, passing signals on, and answers the exit code a shell would see.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {RunOptions} options
 * @returns {Promise<number>}
 */
export async function run(command, args, options) {
  const onTerminal = hasTerminal();
  /** @type {import('node:child_process').ChildProcess | undefined} */
  let child;
  /** @param {NodeJS.Signals} signal */
  const pass = (signal) => {
    if (signal === 'SIGTERM' || !onTerminal) {
      child?.kill(signal);
    }
  };
  const abandon = () => child?.kill('SIGTERM');
  /** @type {NodeJS.Signals[]} */
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) {
    process.on(signal, pass);
  }
  process.on('exit', abandon);
  const unwatch = watchNpm(abandon);
  try {
    return await new Promise((resolve, reject) => {
      child = spawn(command, args, {
        cwd: options.cwd,
        env: options.env,
        stdio: options.stdio ?? 'inherit',
      });
      child.once('error', (error) =>
        reject(new SetupError(`${command} cannot be started: ${error.message}`)),
      );
      child.once('exit', (code, signal) =>
        resolve(signal === null ? (code ?? 1) : 128 + constants.signals[signal]),
      );
    });
  } finally {
    process.off('exit', abandon);
    unwatch();
    for (const signal of signals) {
      process.off(signal, pass);
    }
  }
}

/**
 * As `run`, for the set-up's own tools: their output goes to stderr, they read nothing, and a
 * signal to us ends the set-up.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd: string, env: NodeJS.ProcessEnv }} options
 * @returns {Promise<number>}
 */
export async function runTool(command, args, options) {
  const code = await run(command, args, { ...options, stdio: ['ignore', 2, 2] });
  if (code > 128) {
    throw new SetupError(`${command} was stopped by a signal, and the set-up with it.`, code);
  }
  return code;
}

/**
 * A quick question to a program: what it wrote on stdout, or undefined where it is not there,
 * fails or takes longer than ten seconds.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} env
 * @returns {string | undefined}
 */
export function ask(command, args, env) {
  const { status, stdout } = spawnSync(command, args, {
    env: { ...env, LC_ALL: 'C' },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: 10_000,
    killSignal: 'SIGKILL',
  });
  return status === 0 ? stdout : undefined;
}
