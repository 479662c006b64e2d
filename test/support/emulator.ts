import type { z } from 'zod';
import type { ReadyLine } from '../../src/emulator/emulator.ts';
import { type RunningProcess, type StartOptions, startProgram } from './processes.ts';

export interface EmulatorProcess<T = ReadyLine> {
  /** The JSON line that the emulator prints on stdout once it serves. */
  readonly ready: T;
  readonly process: RunningProcess;
}

/**
 * Starts the emulator as a process of its own, on ports that it chooses itself. A `schema` holds
 * its ready line to what the test relies on.
 */
export async function startEmulatorProcess<T = ReadyLine>(
  args: readonly string[] = [],
  options: StartOptions & { readonly schema?: z.ZodType<T> } = {},
): Promise<EmulatorProcess<T>> {
  const emulator = await startProgram('src/emulator/main.ts', args, options);
  try {
    const [line] = await emulator.line(/^\{.*\}$/);
    const json: unknown = JSON.parse(line);
    return { ready: options.schema?.parse(json) ?? (json as T), process: emulator };
  } catch (error) {
    await emulator.kill();
    throw error;
  }
}
