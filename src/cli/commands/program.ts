import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { CliFailure, EXIT } from '../failure.ts';
import { Leash } from '../local/leash.ts';
import { type ProgramName, programArguments } from '../local/program.ts';

/**
 * Runs one of the other programs in the foreground, as a process of its own, and passes signals
 * on. Answers its exit code as a shell would see it.
 */
export async function runProgram(name: ProgramName, args: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, [...programArguments(name), ...args], {
    stdio: 'inherit',
    // A group of its own: Ctrl-C would otherwise reach it twice, and the second one means abort.
    detached: true,
  });
  const leash = new Leash();
  if (child.pid !== undefined) leash.hold(child.pid);
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const pass = (signal: NodeJS.Signals) => child.kill(signal);
  for (const signal of signals) process.on(signal, pass);
  try {
    return await new Promise((resolve, reject) => {
      child.once('error', (error) => {
        const message = `The ${name} could not be started: ${error.message}.`;
        reject(new CliFailure(message, 'Run npm install again.', { exitCode: EXIT.unavailable }));
      });
      child.once('exit', (code, signal) =>
        resolve(signal === null ? (code ?? 1) : 128 + constants.signals[signal]),
      );
    });
  } finally {
    if (child.pid !== undefined) leash.letGo(child.pid);
    await leash.close();
    for (const signal of signals) process.off(signal, pass);
  }
}
