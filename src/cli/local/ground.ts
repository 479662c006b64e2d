import { mkdirSync, mkdtempSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Child, type Exit } from './childProcess.ts';
import { machineEnvironment } from './environment.ts';
import { Leash } from './leash.ts';
import { type ProgramName, programArguments } from './program.ts';

/** In the order in which they stop: nobody loses what it still needs to finish. */
const KINDS = ['worker', 'api', 'emulator', 'redis'] as const;
export type Kind = (typeof KINDS)[number];

export interface Spawned {
  readonly kind: Kind;
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** As long as a worker may drain by default, and a little more. */
const STOP_MS = 25_000;

/**
 * What a local deployment stands on: its processes, a directory that is ours alone and goes at the
 * end (Redis's data, logs, the children's temporary files), and the leash that ends what a
 * violent death of this process would leave behind.
 */
export class Ground {
  readonly directory: string;
  /** The environment of the user who called. */
  readonly env: NodeJS.ProcessEnv;
  /** Called with a watched process that ended although nobody stopped it. */
  onExit: (child: Child, exit: Exit) => void = () => undefined;
  readonly #children: { readonly kind: Kind; readonly child: Child }[] = [];
  readonly #leash: Leash;
  readonly #logs: string;
  readonly #tmp: string;
  #stopping = false;

  constructor(env: NodeJS.ProcessEnv) {
    this.env = env;
    this.directory = realpathSync(mkdtempSync(join(tmpdir(), 'courier-local-')));
    this.#logs = join(this.directory, 'logs');
    this.#tmp = join(this.directory, 'tmp');
    mkdirSync(this.#logs);
    mkdirSync(this.#tmp);
    this.#leash = new Leash(this.directory);
  }

  spawn(what: Spawned): Child {
    if (this.#stopping) throw new Error('the deployment is being stopped');
    const child = new Child({
      ...what,
      env: { ...machineEnvironment(this.env, this.#tmp), ...what.env },
      logFile: join(this.#logs, `${what.name}.log`),
      leash: this.#leash,
    });
    this.#children.push({ kind: what.kind, child });
    return child;
  }

  spawnProgram(
    kind: ProgramName,
    options: {
      readonly name: string;
      readonly args?: readonly string[];
      readonly env?: Readonly<Record<string, string>>;
    },
  ): Child {
    const args = [...programArguments(kind), ...(options.args ?? [])];
    return this.spawn({ ...options, kind, command: process.execPath, args });
  }

  /** From now on an end of this process that nobody asked for is told to `onExit`. */
  watch(child: Child): void {
    void child.exited.then((exit) => {
      if (!this.#stopping) this.onExit(child, exit);
    });
  }

  /**
   * Stops workers, API, emulator and Redis in this order and removes what they wrote. An abort of
   * `deadline` kills instead.
   * @returns the names of those that had to be killed.
   */
  async stop(deadline: AbortSignal): Promise<readonly string[]> {
    this.#stopping = true;
    const killed: string[] = [];
    for (const kind of KINDS) {
      const ofKind = this.#children.filter((entry) => entry.kind === kind);
      await Promise.all(
        ofKind.map(async ({ child }) => {
          if (!(await child.stop(deadline, STOP_MS))) killed.push(child.name);
        }),
      );
    }
    await this.#leash.close();
    return killed;
  }
}
