import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import type { Readable, Writable } from 'node:stream';
import { childEnvironment } from './environment.ts';
import { Lines } from './lines.ts';
import { MARK_VARIABLE, markedProcesses } from './marks.ts';
import { forgetGroup, watchGroup } from './watchdog.ts';

export interface StartOptions {
  /** On top of a small inherited set (see `childEnvironment`); undefined removes a name. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** A line of stdout or stderr to wait for before the start counts as done. */
  readonly readyLine?: RegExp;
  /** How long the ready line may take; 30 s unless told. */
  readonly readyMs?: number;
  /** Written to stdin, which is then closed; without it stdin is empty and closed. */
  readonly input?: string;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface RunningProcess {
  readonly pid: number;
  /** Everything written so far. */
  readonly stdout: string;
  readonly stderr: string;
  /** Settles when the process has ended and its streams are read to the end. */
  readonly exited: Promise<Exit>;
  readonly hasExited: boolean;
  /** Waits for a line of either stream; rejects on exit or deadline with what was said. */
  line(pattern: RegExp, options?: LineOptions): Promise<RegExpExecArray>;
  /** Signals the process itself, as an operator would, not its descendants. */
  signal(signal: NodeJS.Signals): void;
  /** SIGTERM, then after the deadline SIGKILL for it and its descendants. */
  stop(options?: { readonly deadlineMs?: number }): Promise<Exit>;
  /** SIGKILL for it and all descendants. */
  kill(): Promise<Exit>;
  /** Living processes that descend from this one, itself included, wherever they moved to. */
  descendants(): number[];
}

export interface LineOptions {
  readonly deadlineMs?: number;
  /** Only lines that come after this call; otherwise past lines count too. */
  readonly fromNow?: boolean;
}

const leftovers = new Set<Child>();

class Child implements RunningProcess {
  readonly pid: number;
  readonly exited: Promise<Exit>;
  hasExited = false;
  readonly #name: string;
  readonly #mark = randomUUID();
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #stdout = new Lines();
  readonly #stderr = new Lines();

  constructor(command: string, args: readonly string[], options: StartOptions) {
    this.#name = [command, ...args].join(' ');
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...childEnvironment(options.env), [MARK_VARIABLE]: this.#mark },
      // A group of its own, which can be killed as a whole.
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#child = child;
    this.exited = new Promise((resolve, reject) => {
      child.once('error', (error) =>
        reject(new Error(`cannot start ${this.#name}`, { cause: error })),
      );
      child.once('close', (code, signal) => resolve({ code, signal }));
    });
    // Whoever waits sees the rejection; nobody waiting is no reason to crash the test run.
    this.exited.catch(() => {});
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => this.#stdout.push(chunk));
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => this.#stderr.push(chunk));
    // A process may end before it has read its input.
    child.stdin.on('error', () => {});
    child.stdin.end(options.input ?? '');
    this.pid = child.pid ?? -1;
    if (child.pid !== undefined) {
      leftovers.add(this);
      watchGroup(child.pid);
    }
    child.once('exit', () => {
      this.hasExited = true;
    });
  }

  get stdout(): string {
    return this.#stdout.text;
  }

  get stderr(): string {
    return this.#stderr.text;
  }

  async line(pattern: RegExp, options: LineOptions = {}): Promise<RegExpExecArray> {
    const deadlineMs = options.deadlineMs ?? 30_000;
    const undo: (() => void)[] = [];
    try {
      return await new Promise((resolve, reject) => {
        for (const lines of [this.#stdout, this.#stderr]) {
          undo.push(lines.wait(pattern, options.fromNow === true ? lines.count : 0, resolve));
        }
        const timer = setTimeout(() => {
          reject(this.#failure(`said nothing like ${pattern} within ${deadlineMs} ms`));
        }, deadlineMs);
        undo.push(() => clearTimeout(timer));
        this.exited.then(
          (exit) => {
            const how = exit.signal ?? `code ${exit.code}`;
            reject(this.#failure(`ended (${how}) without a line like ${pattern}`));
          },
          (error: unknown) => reject(error instanceof Error ? error : new Error(String(error))),
        );
      });
    } finally {
      for (const giveUp of undo) {
        giveUp();
      }
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async stop(options: { readonly deadlineMs?: number } = {}): Promise<Exit> {
    if (!this.hasExited) {
      this.signal('SIGTERM');
      const timer = setTimeout(() => this.#killGroup(), options.deadlineMs ?? 15_000);
      await this.exited.finally(() => clearTimeout(timer));
    }
    return this.kill();
  }

  async kill(): Promise<Exit> {
    this.#killGroup();
    const exit = await this.exited;
    leftovers.delete(this);
    forgetGroup(this.pid);
    return exit;
  }

  descendants(): number[] {
    return markedProcesses(this.#mark);
  }

  #killGroup(): void {
    for (const pid of [-this.pid, ...this.descendants()]) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // Gone already.
      }
    }
  }

  #failure(what: string): Error {
    return new Error(
      `${this.#name} ${what}\n--- stdout\n${tail(this.stdout)}\n--- stderr\n${tail(this.stderr)}`,
    );
  }
}

function tail(text: string): string {
  return text.length > 4_000 ? `…${text.slice(-4_000)}` : text;
}

/**
 * Starts a program as a process and, where `readyLine` is given, waits until it has said it.
 * Whatever is still running when the test file ends is killed, descendants included, even
 * when the test process itself is killed.
 */
export async function startProcess(
  command: string,
  args: readonly string[],
  options: StartOptions = {},
): Promise<RunningProcess> {
  const child = new Child(command, args, options);
  if (options.readyLine !== undefined) {
    try {
      await child.line(options.readyLine, { deadlineMs: options.readyMs ?? 30_000 });
    } catch (error) {
      if (child.pid > 0) {
        await child.kill();
      }
      throw error;
    }
  }
  return child;
}

/** Starts one of the project's TypeScript programs, from its source. */
export async function startProgram(
  file: string,
  args: readonly string[] = [],
  options: StartOptions = {},
): Promise<RunningProcess> {
  return startProcess(process.execPath, ['--import', 'tsx', file, ...args], options);
}

/** Kills what was started and not stopped; answers how many there were. */
export async function killLeftovers(): Promise<number> {
  const children = [...leftovers];
  await Promise.all(children.map((child) => child.kill()));
  return children.length;
}
