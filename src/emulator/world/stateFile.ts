import { readFile, rename, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { type StoredState, stateSchema } from './stateSchema.ts';

/** Why a state file cannot be used, in one sentence. */
export class StateError extends Error {
  override readonly name = 'StateError';
}

/** Undefined where the file does not exist yet. Throws StateError for one that is not ours. */
export async function readState(path: string): Promise<StoredState | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new StateError(`The state file ${path} cannot be read: ${String(error)}`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new StateError(`The state file ${path} is not JSON; move it away to start anew`);
  }
  const parsed = stateSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new StateError(
    `The state file ${path} does not fit this version; move it away to start anew. ${z.prettifyError(parsed.error)}`,
  );
}

/** Whole or not at all: a crash while writing leaves the file as it was. */
export async function writeState(path: string, state: StoredState): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  // It holds passwords and keys.
  await writeFile(temporary, JSON.stringify(state), { mode: 0o600 });
  await rename(temporary, path);
}

const SAVE_EVERY_MS = 5000;

/** Saves every few seconds and once more at the end. */
export class StateSaver {
  readonly #path: string;
  readonly #collect: () => StoredState;
  readonly #onError: (error: unknown) => void;
  readonly #timer: NodeJS.Timeout;
  #saving: Promise<void> = Promise.resolve();

  constructor(path: string, collect: () => StoredState, onError: (error: unknown) => void) {
    this.#path = path;
    this.#collect = collect;
    this.#onError = onError;
    this.#timer = setInterval(() => void this.#save(), SAVE_EVERY_MS).unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#save();
  }

  /** One after the other, since they share the temporary file. */
  #save(): Promise<void> {
    this.#saving = this.#saving
      .then(() => writeState(this.#path, this.#collect()))
      .catch(this.#onError);
    return this.#saving;
  }
}
