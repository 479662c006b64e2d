/** Starts the emulator, prints one JSON line when it is ready, runs until it is told to stop. */
import { ConfigError, parseConfig, USAGE } from './config.ts';
import { startEmulator } from './emulator.ts';
import { TemplateError } from './provision/template.ts';
import { StateError } from './world/stateFile.ts';

const say = (message: string): void => {
  process.stderr.write(`emulator: ${message}\n`);
};

async function main(): Promise<void> {
  const config = parseConfig(process.argv.slice(2));
  if (config === undefined) {
    process.stdout.write(USAGE);
    return;
  }
  const starting = startEmulator(config, say);
  let stopping = false;
  // Told to stop while starting, it still lets go of what it has made by then. Told again, it goes
  // on: a kill of the process group comes directly, and once more through npm.
  const stop = async (reason: string): Promise<void> => {
    if (stopping) return;
    stopping = true;
    say(`${reason}: stopping`);
    const started = await starting.catch(() => undefined);
    await started?.stop();
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(signal, () => void stop(signal));
  }
  if (config.exitWithStdin) {
    process.stdin.once('end', () => void stop('standard input ended'));
    process.stdin.resume();
  }
  const { ready } = await starting;
  process.stdout.write(`${JSON.stringify(ready)}\n`);
}

main().catch((error: unknown) => {
  if (error instanceof ConfigError) {
    for (const problem of error.problems) say(problem);
    process.stderr.write(`\n${USAGE}`);
    process.exitCode = 2;
  } else if (error instanceof TemplateError || error instanceof StateError) {
    say(error.message);
    process.exitCode = 2;
  } else {
    say(`could not start: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
});
