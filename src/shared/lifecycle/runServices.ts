import { CourierError, messageOf } from '../errors/courierError.ts';
import type { Logger } from '../observability/logger.ts';
import type { Service } from './service.ts';

export interface RunOptions {
  readonly log: Logger;
  /** How long services may take to drain after the first signal. */
  readonly drainTimeoutMs: number;
  /** Called once everything has started. */
  readonly onReady?: () => void;
  /** Called at the first signal, before anything stops: readiness turns off here. */
  readonly onQuiet?: () => void;
}

/** A kill of the process group comes directly, and once more through npm: that is one wish. */
const SAME_SIGNAL_MS = 500;
const SOFTWARE_ERROR = 70;
const DRAIN_INCOMPLETE = 75;

/**
 * Runs the services of a process until SIGTERM or SIGINT: starts them in order, stops them in
 * reverse. Quiet, drain, deadline, abort; a second signal skips to abort, unless it is the same one
 * within half a second. Ends the process with 0
 * when drained, 75 when the deadline cut it short, and an error's own exit code when a start
 * failed. The exit is explicit because aws-crt's native handles keep a process alive.
 */
export async function runServices(
  services: readonly Service[],
  options: RunOptions,
): Promise<void> {
  const deadline = new AbortController();
  let first: { readonly signal: NodeJS.Signals; readonly at: number } | undefined;
  const stopSignal = new Promise<void>((resolve) => {
    const onSignal = (signal: NodeJS.Signals) => {
      if (deadline.signal.aborted) return;
      const now = performance.now();
      if (first !== undefined) {
        if (signal === first.signal && now - first.at < SAME_SIGNAL_MS) return;
        options.log.warn({ signal }, 'second signal: aborting');
        deadline.abort();
        return;
      }
      first = { signal, at: now };
      options.log.info({ signal, drainTimeoutMs: options.drainTimeoutMs }, 'stopping');
      resolve();
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  });

  const stopRequested = () => first !== undefined;
  const started: Service[] = [];
  let exitCode = 0;
  try {
    for (const service of services) {
      if (stopRequested()) break;
      started.push(service);
      await Promise.race([service.start(), stopSignal]);
    }
    if (!stopRequested()) options.onReady?.();
    await stopSignal;
  } catch (error) {
    exitCode = error instanceof CourierError ? error.exitCode : SOFTWARE_ERROR;
    reportStartFailure(options.log, error);
  }
  options.onQuiet?.();
  const drained = await stopAll(started, deadline, options);
  if (exitCode === 0 && !drained) exitCode = DRAIN_INCOMPLETE;
  options.log.info({ exitCode }, 'stopped');
  options.log.flush?.();
  process.exit(exitCode);
}

async function stopAll(
  services: readonly Service[],
  deadline: AbortController,
  options: RunOptions,
): Promise<boolean> {
  const timer = setTimeout(() => deadline.abort(), options.drainTimeoutMs);
  const aborted = new Promise<'aborted'>((resolve) => {
    deadline.signal.addEventListener('abort', () => resolve('aborted'), { once: true });
  });
  let drained = true;
  for (const service of services.toReversed()) {
    // After an abort each service still gets a moment to let go of what it holds.
    const stop = service.stop(deadline.signal).then(
      () => 'stopped' as const,
      (error: unknown) => {
        options.log.error({ service: service.name, error: messageOf(error) }, 'failed to stop');
        return 'failed' as const;
      },
    );
    const outcome = await Promise.race([stop, aborted.then(() => graceOver(stop))]);
    if (outcome !== 'stopped' || deadline.signal.aborted) drained = false;
    if (outcome === 'aborted') {
      options.log.warn({ service: service.name }, 'did not stop in time; abandoned');
    }
  }
  clearTimeout(timer);
  return drained;
}

const GRACE_MS = 1000;

async function graceOver<T>(stop: Promise<T>): Promise<T | 'aborted'> {
  let timer: NodeJS.Timeout | undefined;
  const grace = new Promise<'aborted'>((resolve) => {
    timer = setTimeout(() => resolve('aborted'), GRACE_MS);
  });
  const outcome = await Promise.race([stop, grace]);
  clearTimeout(timer);
  return outcome;
}

/** A person reads this: the sentence and what to do, and a stack trace only for our own bugs. */
export function reportStartFailure(log: Logger, error: unknown): void {
  if (error instanceof CourierError) {
    log.fatal({ code: error.code, remedy: error.remedy }, error.message);
  } else {
    log.fatal({ err: error }, 'failed to start');
  }
}
