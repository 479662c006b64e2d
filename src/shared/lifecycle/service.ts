/**
 * The contract of everything that runs. Both calls are idempotent and safe to make at once: a
 * second `start` waits for the first, `stop` during `start` waits for it and then stops. A stopped
 * service may not be started again.
 */
export interface Service {
  readonly name: string;
  start(): Promise<void>;
  /** Takes no new work, finishes what it has until `deadline` aborts, then lets go of it. */
  stop(deadline: AbortSignal): Promise<void>;
}

export interface ServiceParts {
  readonly name: string;
  start?(): Promise<void> | void;
  stop?(deadline: AbortSignal): Promise<void> | void;
}

/** Makes a Service of two functions, adding what the contract promises of calls. */
export function service(parts: ServiceParts): Service {
  let starting: Promise<void> | undefined;
  let stopping: Promise<void> | undefined;
  return {
    name: parts.name,
    start() {
      if (stopping !== undefined) {
        return Promise.reject(new Error(`${parts.name} was stopped and cannot start again`));
      }
      starting ??= Promise.resolve().then(() => parts.start?.());
      return starting;
    },
    stop(deadline) {
      stopping ??= (async () => {
        if (starting === undefined) return;
        // What failed to start may still hold something.
        await starting.catch(() => undefined);
        await parts.stop?.(deadline);
      })();
      return stopping;
    },
  };
}
