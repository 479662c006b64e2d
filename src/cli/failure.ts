/**
 * What ends a command: a sentence that says what is wrong, one that says what to do, and the
 * exit code after sysexits(3). Never a stack trace, never a secret.
 */
export class CliFailure extends Error {
  override readonly name = 'CliFailure';
  readonly exitCode: number;
  readonly remedy: string;
  /** More to read, for example the last log lines of a process. */
  readonly detail: string | undefined;

  constructor(message: string, remedy: string, options: { exitCode: number; detail?: string }) {
    super(message);
    this.remedy = remedy;
    this.exitCode = options.exitCode;
    this.detail = options.detail;
  }
}

export const EXIT = { unavailable: 69, software: 70, temporary: 75 } as const;

/** What a user reads of anything thrown: sentences, and a stack trace only on demand. */
export function describeFailure(
  error: unknown,
  env: NodeJS.ProcessEnv,
): { text: string; exitCode: number } {
  if (error instanceof CliFailure) {
    const parts = [error.message, error.detail, error.remedy];
    return { text: parts.filter(Boolean).join('\n'), exitCode: error.exitCode };
  }
  const message = error instanceof Error ? error.message : String(error);
  const hint = 'This was not foreseen. COURIER_STACK=1 shows where it happened; please report it.';
  const stack = env.COURIER_STACK === '1' && error instanceof Error ? error.stack : undefined;
  return { text: stack ?? `${message}\n${hint}`, exitCode: EXIT.software };
}
