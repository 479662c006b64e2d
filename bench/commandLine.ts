import { type ParseArgsConfig, parseArgs } from 'node:util';

/** The options of a bench. `--help` tells its usage and ends with 0, what it does not know with 2. */
export function commandLine<T extends NonNullable<ParseArgsConfig['options']>>(
  usage: string,
  options: T,
) {
  if (process.argv.includes('--help')) end(0, usage);
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    return end(2, `${error instanceof Error ? error.message : String(error)}\n${usage}`);
  }
}

function end(exitCode: number, text: string): never {
  (exitCode === 0 ? process.stdout : process.stderr).write(`${text}\n`);
  process.exit(exitCode);
}
