import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createWriteStream, type WriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { CliFailure, EXIT } from '../failure.ts';
import type { Leash } from './leash.ts';

export interface ChildOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly logFile: string;
  readonly leash: Leash;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Why it could not be started at all. */
  readonly error?: Error;
}

/** Finds something in a line of standard output; undefined where the line is another one. */
export type LineReader<T> = (line: string) => T | undefined;

const TAIL_LINES = 12;

/** A process of the local deployment: its own group, its output in a file, on our leash. */
export class Child {
  readonly name: string;
  readonly pid: number;
  readonly exited: Promise<Exit>;
  #exit: Exit | undefined;
  readonly #leash: Leash;
  readonly #log: WriteStream;
  readonly #tail: string[] = [];
  readonly #listeners = new Set<(line: string) => void>();

  constructor(options: ChildOptions) {
    this.name = options.name;
    this.#leash = options.leash;
    this.#log = createWriteStream(options.logFile, { flags: 'a' });
    const child: ChildProcessByStdio<null, Readable, Readable> = spawn(
      options.command,
      options.args,
      {
        cwd: options.cwd,
        env: options.env,
        // Ctrl-C reaches us alone, and we stop the processes in their order.
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    this.pid = child.pid ?? -1;
    if (child.pid !== undefined) this.#leash.hold(child.pid);
    createInterface({ input: child.stdout }).on('line', (line) => this.#read(line, true));
    createInterface({ input: child.stderr }).on('line', (line) => this.#read(line, false));
    this.exited = new Promise((resolve) => {
      const end = (exit: Exit) => {
        this.#exit ??= exit;
        if (child.pid !== undefined) this.#leash.letGo(child.pid);
        this.#log.end();
        resolve(this.#exit);
      };
      child.once('error', (error) => end({ code: null, signal: null, error }));
      child.once('close', (code, signal) => end({ code, signal }));
    });
  }

  get hasExited(): boolean {
    return this.#exit !== undefined;
  }

  /** The last lines that it wrote to either stream. */
  get tail(): string {
    return this.#tail.map((line) => `  ${line}`).join('\n');
  }

  /**
   * Waits until a line of its standard output says what is wanted.
   * @throws CliFailure where it ends or says nothing of the kind in time.
   */
  async line<T>(read: LineReader<T>, timeoutMs: number): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    let listener: ((line: string) => void) | undefined;
    try {
      return await new Promise<T>((resolve, reject) => {
        listener = (line) => {
          const found = read(line);
          if (found !== undefined) resolve(found);
        };
        this.#listeners.add(listener);
        timer = setTimeout(() => {
          reject(this.failure(`${this.name} was not ready within ${timeoutMs / 1000} s.`));
        }, timeoutMs);
        void this.exited.then((exit) => reject(this.failure(howItEnded(this.name, exit))));
      });
    } finally {
      clearTimeout(timer);
      if (listener !== undefined) this.#listeners.delete(listener);
    }
  }

  failure(message: string): CliFailure {
    return new CliFailure(message, 'Everything else was stopped. Mend that, and start again.', {
      exitCode: EXIT.software,
      ...(this.#tail.length === 0 ? {} : { detail: `Its last lines:\n${this.tail}` }),
    });
  }

  /** SIGTERM, and SIGKILL for its whole group after the deadline. True where it ended by itself. */
  async stop(deadline: AbortSignal, timeoutMs: number): Promise<boolean> {
    if (this.#exit !== undefined) return true;
    let killed = false;
    const kill = () => {
      killed = true;
      signal(-this.pid, 'SIGKILL');
    };
    const timer = setTimeout(kill, timeoutMs);
    deadline.addEventListener('abort', kill, { once: true });
    if (deadline.aborted) kill();
    else signal(this.pid, 'SIGTERM');
    await this.exited;
    clearTimeout(timer);
    deadline.removeEventListener('abort', kill);
    return !killed;
  }

  #read(line: string, isOutput: boolean): void {
    this.#log.write(`${line}\n`);
    this.#tail.push(line.length > 500 ? `${line.slice(0, 500)}…` : line);
    if (this.#tail.length > TAIL_LINES) this.#tail.shift();
    if (!isOutput) return;
    for (const listener of this.#listeners) listener(line);
  }
}

/** `target` below zero is a process group. */
function signal(target: number, name: NodeJS.Signals): void {
  try {
    process.kill(target, name);
  } catch {
    // Gone already.
  }
}

export function howItEnded(name: string, exit: Exit): string {
  if (exit.error !== undefined) return `${name} could not be started: ${exit.error.message}.`;
  const how = exit.signal === null ? `with exit code ${exit.code}` : `by ${exit.signal}`;
  return `${name} ended unexpectedly, ${how}.`;
}
