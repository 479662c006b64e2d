import { resolve } from 'node:path';
import { COMMANDS } from './commands.mjs';
import { ensureModules } from './modules.mjs';
import { ensureRedis } from './redis.mjs';
import { run } from './run.mjs';
import { SetupError, say } from './say.mjs';

const ROOT = resolve(import.meta.dirname, '../..');

/**
 * @param {readonly string[]} argv the command and its arguments
 */
export async function main(argv) {
  try {
    process.exitCode = await start(argv);
  } catch (error) {
    if (!(error instanceof SetupError)) {
      throw error;
    }
    say(error.message);
    process.exitCode = error.exitCode;
  }
}

/**
 * @param {readonly string[]} argv
 * @returns {Promise<number>}
 */
async function start([name = '', ...args]) {
  const command = COMMANDS[name];
  if (command === undefined) {
    throw new SetupError(
      `there is no command "${name}": say one of ${Object.keys(COMMANDS).join(', ')}.`,
      2,
    );
  }
  const env = { ...process.env };
  if (command.needs.includes('modules')) {
    await ensureModules(ROOT, env);
  }
  if (command.needs.includes('redis')) {
    env.REDIS_SERVER_BIN = await ensureRedis(ROOT, env);
  }
  return run(process.execPath, [...command.node, ...args], { cwd: ROOT, env });
}
