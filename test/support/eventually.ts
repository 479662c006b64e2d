import { setTimeout as delay } from 'node:timers/promises';

export interface EventuallyOptions {
  /** 10 s unless told. */
  readonly deadlineMs?: number;
  /** Between two looks; 20 ms unless told. */
  readonly intervalMs?: number;
}

/**
 * Looks again until `look` neither throws nor rejects, and gives what it returned. At the
 * deadline it fails with the last failure, so that the message says what was still wrong.
 */
export async function eventually<T>(
  look: () => T | Promise<T>,
  { deadlineMs = 10_000, intervalMs = 20 }: EventuallyOptions = {},
): Promise<T> {
  const startedAt = performance.now();
  for (;;) {
    try {
      return await look();
    } catch (error) {
      if (performance.now() - startedAt >= deadlineMs) {
        const last = error instanceof Error ? error.message : String(error);
        throw new Error(`still not so after ${deadlineMs} ms: ${last}`, { cause: error });
      }
    }
    await delay(intervalMs);
  }
}
