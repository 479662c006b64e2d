import { describeFailure, EXIT } from '../failure.ts';
import { whenOrphaned } from './whenOrphaned.ts';

export interface Stoppable {
  /** An abort of `deadline` kills what is still there. Answers who had to be killed. */
  stop(deadline: AbortSignal): Promise<readonly string[]>;
}

export interface Run {
  /** Aborted at the first SIGINT, SIGTERM or SIGHUP. */
  readonly signal: AbortSignal;
  /** Ends the run with this failure. */
  fail(error: unknown): void;
}

class Interrupted extends Error {}

/** A signal to our whole group also comes through npm and the bootstrap: that is one wish, not two. */
const SAME_SIGNAL_MS = 1000;

/**
 * Starts something and keeps it up until a signal or a failure, or until `work` on it is done.
 * Then it is stopped in order; a second signal kills. Answers the exit code: 0 where all went
 * well, a failure's own, 75 where something had to be killed.
 */
export async function untilStopped<T extends Stoppable>(
  start: (run: Run) => Promise<T>,
  options: {
    readonly say: (text: string) => void;
    readonly env: NodeJS.ProcessEnv;
    /** Where a signal cuts something short; 0 unless told. */
    readonly interruptedExitCode?: () => number;
    /** What is done once it is up; without it, it stays up. */
    readonly work?: (started: T, signal: AbortSignal) => Promise<void>;
  },
): Promise<number> {
  const stopRequested = new AbortController();
  const kill = new AbortController();
  let failWith: (error: unknown) => void = () => undefined;
  const failed = new Promise<never>((_, reject) => {
    failWith = reject;
  });
  // Whoever races with it sees it; a failure after the end has nobody left to tell.
  failed.catch(() => undefined);
  let firstAt = 0;
  const onSignal = () => {
    if (!stopRequested.signal.aborted) {
      firstAt = performance.now();
      stopRequested.abort(new Interrupted());
    } else if (performance.now() - firstAt > SAME_SIGNAL_MS) {
      kill.abort();
    }
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of signals) process.on(name, onSignal);
  const unwatch = whenOrphaned(options.env, onSignal);
  const interrupted = new Promise<never>((_, reject) => {
    stopRequested.signal.addEventListener('abort', () => reject(stopRequested.signal.reason));
  });
  interrupted.catch(() => undefined);

  // Work that is still under way learns that there is nothing left to work on.
  const ended = new AbortController();
  const workSignal = AbortSignal.any([stopRequested.signal, ended.signal]);
  let started: T | undefined;
  let exitCode = 0;
  try {
    started = await start({ signal: stopRequested.signal, fail: (error) => failWith(error) });
    const work = options.work?.(started, workSignal) ?? interrupted;
    await Promise.race([work, failed, interrupted]);
  } catch (error) {
    if (error instanceof Interrupted) {
      options.say('Stopping …');
      exitCode = options.interruptedExitCode?.() ?? 0;
    } else {
      const failure = describeFailure(error, options.env);
      options.say(failure.text);
      exitCode = failure.exitCode;
    }
  }
  ended.abort();
  const killed = (await started?.stop(kill.signal)) ?? [];
  for (const name of signals) process.off(name, onSignal);
  unwatch();
  if (killed.length > 0 && exitCode === 0) {
    options.say(`Did not stop in time and had to be killed: ${killed.join(', ')}.`);
    return EXIT.temporary;
  }
  return exitCode;
}
