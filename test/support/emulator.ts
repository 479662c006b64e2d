import { z } from 'zod';
import { type RunningProcess, type StartOptions, startProgram } from './processes.ts';

export interface EmulatorProcess<T> {
  /** The JSON line that the emulator prints on stdout once it serves. */
  readonly ready: T;
  readonly process: RunningProcess;
}

/** Starts the emulator as a process of its own, on ports that it chooses itself. */
export async function startEmulatorProcess<T = Record<string, unknown>>(
  args: readonly string[] = [],
  options: StartOptions & { readonly schema?: z.ZodType<T> } = {},
): Promise<EmulatorProcess<T>> {
  const emulator = await startProgram('src/emulator/main.ts', args, options);
  try {
    const [line] = await emulator.line(/^\{.*\}$/);
    const json: unknown = JSON.parse(line);
    const ready = (options.schema ?? z.record(z.string(), z.unknown())).parse(json) as T;
    return { ready, process: emulator };
  } catch (error) {
    await emulator.kill();
    throw error;
  }
}
